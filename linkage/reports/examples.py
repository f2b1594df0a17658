"""Pairs of a run that show how it decides: chosen by a fixed rule, explained, and masked."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import duckdb

from linkage.errors import LinkageError, VerificationError
from linkage.insight.explain import explain
from linkage.insight.explanation import Explanation
from linkage.plan.sections import Plan
from linkage.published.reader import published_dataset
from linkage.schema import DECISIONS

# The values of these comparisons tell nobody apart.
SHOWN_KINDS = ("sex",)
# A word goes on to the next blank or digit, so that a sign keyed in by mistake does not show the letters behind it.
_WORDS = re.compile(r"[^\W\d_][^\s\d]*")
_IDENTIFIER = "list_has_any(found_by, ?)"
_OTHER_PERSON = "list_contains(wrong_fields, 'full_name') AND list_contains(wrong_fields, 'date_of_birth')"

# What each pair shows, the doses it is taken from, and which of them comes first; equal ones in the order of their ids.
CHOICES = (
    ("Matched, nearest to the threshold", "status = 'matched'", "match_probability"),
    (
        "In review, nearest to the threshold",
        "status = 'review' AND match_probability < ? AND len(conflicts) = 0",
        "match_probability DESC",
    ),
    ("Matched, the strongest evidence", "status = 'matched'", "match_weight DESC"),
    (
        "A shared number: name and date of birth do not agree",
        f"status IN ('review', 'matched') AND {_IDENTIFIER} AND {_OTHER_PERSON}",
        "status = 'matched', match_probability",
    ),
)


@dataclass(frozen=True)
class Step:
    """One bar of a waterfall, in bits; stated and registered are masked, and empty for a correction."""

    name: str
    level: str
    bits: float
    stated: str
    registered: str


@dataclass(frozen=True)
class Example:
    """A dose and its best candidate. The bits of the steps sum to the match weight."""

    title: str
    dose_id: str
    status: str
    probability: float
    none_probability: float
    match_weight: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Examples:
    """The pairs that could be explained, and why there are not more of them (empty when nothing hindered)."""

    pairs: tuple[Example, ...]
    hindrance: str


def examples_of_run(run_dir: Path, plan: Plan, threshold: float, *, unmask: bool = False) -> Examples:
    """Choose and explain pairs of a published run.

    The evidence is worked out again from the run's doses and its index: where that is gone there are no pairs, and the
    hindrance says so.
    """
    pairs: list[Example] = []
    for title, dose_id in chosen_doses(run_dir, plan, threshold).items():
        try:
            explanation = explain(run_dir, dose_id)
        except VerificationError:  # damage is no matter of a page
            raise
        except LinkageError as error:
            return Examples(tuple(pairs), str(error))
        if explanation.candidates:
            pairs.append(_example(title, explanation, plan, unmask))
    return Examples(tuple(pairs), "")


def chosen_doses(run_dir: Path, plan: Plan, threshold: float) -> dict[str, str]:
    """The dose of each of CHOICES that has one, by title; a dose stands once."""
    identifiers = [rule.name for rule in plan.passes if rule.evidence == "identifier"]
    chosen: dict[str, str] = {}
    with duckdb.connect() as connection:
        connection.register("decisions", published_dataset(run_dir, DECISIONS.name))
        for title, among, order in CHOICES:
            parameters = [identifiers] if _IDENTIFIER in among else [threshold] if "?" in among else []
            row = connection.execute(
                f"SELECT dose_id FROM decisions WHERE {among} AND NOT list_contains(?, dose_id) "
                f"ORDER BY {order}, dose_id LIMIT 1",
                [*parameters, list(chosen.values()) or [""]],
            ).fetchone()
            if row:
                chosen[title] = str(row[0])
    return chosen


def mask(text: str) -> str:
    """First letter of every word, last two digits of every number: "Trần Thị Lê" is "T. T. L.", "0912345678"
    "••••••••78".

    Digits with signs between them, as in a date, are one number; " / " parts two values.
    """
    return " / ".join(_mask_value(part) for part in text.split(" / "))


def _mask_value(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    initials = _WORDS.sub(lambda word: word.group()[0] + "." * (len(word.group()) > 1), composed)
    hidden = sum(character.isdigit() for character in initials) - 2
    masked = []
    for character in initials:
        if character.isdigit():
            masked.append("•" if hidden > 0 else character)
            hidden -= 1
        else:
            masked.append(character)
    return "".join(masked)


def _example(title: str, explanation: Explanation, plan: Plan, unmask: bool) -> Example:
    best = explanation.candidates[0]
    fields = {field.name: field.kind for field in plan.fields}
    open_ones = {c.name for c in plan.comparisons if unmask or fields[c.left[0]] in SHOWN_KINDS}
    steps = []
    for e in best.evidence:
        texts = [text if e.comparison in open_ones else mask(text) for text in (e.stated, e.registered)]
        steps.append(Step(e.comparison, e.level, e.weight_bits, *texts))
    steps.append(Step("rarity", "of the values that agree", best.term_frequency_bits, "", ""))
    steps.append(Step("look-alikes", "strangers with such a number or name agree in more", best.neighbour_bits, "", ""))
    steps.append(Step("household", "relatives agree like this", best.household_bits, "", ""))
    if best.subject_bits:
        says = "other claims of the subject are decided so, or state another number"
        steps.append(Step("subject", says, best.subject_bits, "", ""))
    if best.schedule_bits:
        steps.append(Step("schedule", "conflicts with doses decided so", best.schedule_bits, "", ""))
    return Example(
        title,
        explanation.dose_id,
        str(explanation.decision["status"]),
        best.probability,
        float(explanation.decision["none_probability"]),
        best.match_weight,
        tuple(steps),
    )
