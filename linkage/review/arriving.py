"""What a night says of the items that people review: the rows of its published tables, claim by claim.

Of the queues those count whose claims a person has to look at or to look for: ``queues/review`` and
``queues/unmatched``. Foreigners stand in neither. A claim is sent to where its people live: the commune stated, or
where none is known that of the best candidate, whatever facility keyed the doses in.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from linkage.errors import UsageError
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import read_manifest, read_table
from linkage.schema import REVIEW_QUEUE, UNMATCHED_QUEUE
from linkage.schema.queues import REGISTERED, STATED

Row = dict[str, Any]
REVIEW, UNMATCHED = "review", "unmatched"
OPENED, CHANGED, CLOSED = "opened", "changed", "closed"
MOST_CANDIDATES = 5
BITS = ("rarity_bits", "near_number_bits", "household_bits", "subject_bits", "schedule_bits")
_ORDER = {CLOSED: 0, CHANGED: 1, OPENED: 2}
_ISSUES = ("no_id", "bad_id_format", "wrong_info")  # the gravest first


class Evidence(msgspec.Struct, frozen=True):
    """A comparison: the level reached, in the words of the model, and its weight in bits."""

    comparison: str
    level: str
    bits: float


class Candidate(msgspec.Struct, frozen=True):
    """A person considered. registered: fields of the registry that are there; bits: corrections by name, see BITS.

    probability : None of a person who was only named
    """

    person_id: str
    probability: float | None = None
    weight: float | None = None
    registered: dict[str, str] = {}
    evidence: list[Evidence] = []
    bits: dict[str, float] = {}


class Content(msgspec.Struct, frozen=True):
    """What the store keeps of a claim beside its candidates; texts as typed, only those that are there."""

    dose_ids: list[str]
    stated: dict[str, str]
    facility_code: str | None
    facility_level: str | None
    issue: str | None
    conflicts: list[str]
    verdicts: list[str]
    list_date: str
    deadline: str
    commune_code: str
    commune_code_now: str
    is_place_stated: bool  # else it is where the best candidate lives
    priority: int  # 0 of the police list, 1 of other reviews, 2 where nobody is considered likely
    settle_probability: float


@dataclass(frozen=True)
class Claim:
    """A claim of a queue as a night tells it. change: OPENED, CHANGED or CLOSED, and then it stands as it was."""

    change: str
    queue: str
    claim_id: str
    subject_id: str | None
    content: Content
    candidates: list[Candidate] = field(default_factory=list)


@dataclass(frozen=True)
class Night:
    """What is published of a night. became: of each verdict, what became of it, with whose it is."""

    night_id: str
    date: str
    state_before: str | None
    state_after: str
    claims: list[Claim]
    became: list[Row]


class _Manifest(PublishedManifest, total=False):
    night_id: str
    date: str
    state_before: str | None
    state_after: str


def read_night(folder: Path) -> Night:
    """What a folder of nights says, closed claims first.

    Raises
    ------
    UsageError : the folder is no night
    VerificationError : a table is damaged
    """
    said = read_manifest(folder, like=_Manifest)
    if not said.get("night_id") or not said.get("state_after"):
        raise UsageError(f"{folder}: is no night; name a folder NIGHTS/<night_id>, or night.toml with --config")
    issues = _issues(read_table(folder, "decisions", ["dose_id", "issue"]))
    review, unmatched = (read_table(folder, queue.name) for queue in (REVIEW_QUEUE, UNMATCHED_QUEUE))
    became = read_table(folder, "verdicts").to_pylist()
    state_before, claims = said.get("state_before"), claims_of(review, unmatched, issues)
    return Night(said["night_id"], said["date"], state_before, said["state_after"], claims, became)


def claims_of(review: pa.Table, unmatched: pa.Table, issues: Mapping[str, str | None]) -> list[Claim]:
    """The claims of two queues with a column ``change``, closed ones first: a claim that goes from one queue to the
    other is closed in the one and opened in the other. issues: by dose, of as many as are known."""
    claims = [*_reviewed(review), *_unmatched(unmatched, issues)]
    return sorted(claims, key=lambda claim: _ORDER[claim.change])


def _issues(decisions: pa.Table) -> dict[str, str | None]:
    return dict(zip(decisions["dose_id"].to_pylist(), decisions["issue"].to_pylist(), strict=True))


def gravest(issues: Iterable[str | None]) -> str | None:
    """The one reason of several that exclude each other: that which stands first in the ministry's letter."""
    found = [issue for issue in issues if issue in _ISSUES]
    return min(found, key=_ISSUES.index) if found else None


def _reviewed(table: pa.Table) -> Iterator[Claim]:
    comparisons = [name.removeprefix("level_") for name in table.column_names if name.startswith("level_")]
    rows = table.to_pylist()
    for _, group in groupby(rows, key=lambda row: (row["change"], row["claim_id"], tuple(row["dose_ids"]))):
        of_claim = sorted(group, key=lambda row: row["rank"])
        first = of_claim[0]
        candidates = [_candidate(row, comparisons) for row in of_claim[:MOST_CANDIDATES]]
        yield _claim(first, REVIEW, first["issue"], candidates)


def _unmatched(table: pa.Table, issues: Mapping[str, str | None]) -> Iterator[Claim]:
    for row in table.to_pylist():
        named = zip(row["candidate_ids"], row["candidate_probabilities"], strict=True)
        candidates = [Candidate(person, probability) for person, probability in named][:MOST_CANDIDATES]
        issue = gravest(issues.get(dose) for dose in row["dose_ids"])
        yield _claim(row, UNMATCHED, issue, candidates)


def _candidate(row: Row, comparisons: list[str]) -> Candidate:
    registered = {name: str(row[f"registered_{name}"]) for name in REGISTERED if row[f"registered_{name}"]}
    evidence = [Evidence(name, row[f"level_{name}"], row[f"weight_{name}"]) for name in comparisons]
    bits = {name: row[name] for name in BITS}
    return Candidate(row["person_id"], row["match_probability"], row["match_weight"], registered, evidence, bits)


def _claim(row: Row, queue: str, issue: str | None, candidates: list[Candidate]) -> Claim:
    lives = candidates[0].registered if candidates else {}
    home = lives.get("residence_commune_code") or lives.get("commune_code") or ""
    then, now = row["commune_code"] or "", row["commune_code_now"] or ""
    content = Content(
        dose_ids=row["dose_ids"],
        stated={name: row[f"stated_{name}"] for name in STATED if row[f"stated_{name}"]},
        facility_code=row["facility_code"],
        facility_level=row["facility_level"],
        issue=issue,
        conflicts=row.get("conflicts") or [],
        verdicts=row["verdicts"] or [],
        list_date=_day(row["list_date"]),
        deadline=_day(row["deadline"]),
        commune_code=then or (home if not now else ""),
        commune_code_now=now or (home if not then else ""),
        is_place_stated=bool(then or now),
        priority=2 if queue == UNMATCHED else 1 - int(row["in_police_list"]),
        settle_probability=row.get("settle_probability") or sum(c.probability or 0.0 for c in candidates),
    )
    return Claim(row["change"], queue, row["claim_id"], row["subject_id"], content, candidates)


def _day(date: datetime.date) -> str:
    return date.isoformat()
