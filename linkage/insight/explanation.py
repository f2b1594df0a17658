"""What an explanation tells: a dose, its candidates, and the evidence for and against each.

Neither this nor linkage.insight.explain loads the plan or a kernel: what a run published is read in a fraction of the
time that these take to load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from linkage.schema.decisions import IN_COLUMN


@dataclass(frozen=True)
class Evidence:
    """One comparison of a candidate: what each side holds, the level reached and its weight in bits."""

    comparison: str
    stated: str
    registered: str
    level: str
    weight_bits: float


@dataclass(frozen=True)
class Candidate:
    """A person considered. term_frequency_bits, neighbour_bits and household_bits are the corrections that make the sum
    the weight of the pair; with subject_bits and schedule_bits, of what other doses say, it is the match weight.

    probability: posterior; of a person whom no pass found, what it would be had one. found_by: passes.
    """

    person_id: str
    probability: float
    match_weight: float
    found_by: list[str]
    registered: dict[str, str]
    evidence: list[Evidence]
    term_frequency_bits: float
    neighbour_bits: float
    household_bits: float
    subject_bits: float
    schedule_bits: float


@dataclass(frozen=True)
class Explanation:
    """A dose, its decision as published, and its candidates, best first; a person asked for stands last. readings: the
    columns that the run read otherwise than typed, for its station's sake, and how.

    none_probability, unsearched_probability : None of a dose that is excluded
    match_threshold : the probability from which on the run matched without a person
    n_candidates : how many the run published; of a verified dose the one person that it agrees with
    excluded_reason : why the claim is not sought in the registry; None when it is
    """

    dose_id: str
    decision: dict[str, Any]
    stated: dict[str, str]
    readings: dict[str, str]
    none_probability: float | None
    unsearched_probability: float | None
    match_threshold: float
    n_candidates: int
    candidates: list[Candidate]
    asked_for: str | None
    excluded_reason: str | None


class _Field(msgspec.Struct):
    name: str
    kind: str
    left: list[str]
    right: list[str]


class _Comparison(msgspec.Struct):
    name: str
    left: list[str]
    right: list[str]


class Compared(msgspec.Struct):
    """What of a plan tells which columns a comparison is made of."""

    right_id: str
    field: list[_Field]
    comparison: list[_Comparison]

    @classmethod
    def of(cls, plan: object) -> Compared:
        """Of a plan, or of the entry ``plan`` of a manifest."""
        return msgspec.convert(msgspec.to_builtins(plan), cls)

    def texts(self, stated: Mapping[str, str], registered: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """What both sides hold, by comparison."""
        fields = {field.name: field for field in self.field}
        return {
            spec.name: (
                _stated_text(fields[spec.left[0]], stated),
                " / ".join(text for name in spec.right if (text := _joined(fields[name].right, registered))),
            )
            for spec in self.comparison
        }


def texts_of(row: pa.Table) -> dict[str, str]:
    """The values of a one-row table that are there."""
    return {name: value for name, value in row.to_pylist()[0].items() if value is not None}


def texts_as_read(stated: Mapping[str, str], readings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What a dose states by column, with the readings of it: "Nam (the other sex)"; what stands in another column is
    shown where it belongs."""
    texts = dict(stated)
    for field, how in readings:
        text = stated.get(how.removeprefix(IN_COLUMN) if how.startswith(IN_COLUMN) else field, "")
        texts[field] = f"{text} ({how})" if text else ""
    return texts


def _stated_text(field: _Field, stated: Mapping[str, str]) -> str:
    """What the dose says in a field: its columns joined; of a commune its code, or the names typed instead."""
    if field.kind != "commune":
        return _joined(field.left, stated)
    code, province, district, commune, _ = field.left
    return stated.get(code) or ", ".join(stated[name] for name in (commune, district, province) if name in stated)


def _joined(columns: list[str], texts: Mapping[str, str]) -> str:
    return " ".join(texts[column] for column in columns if column in texts)
