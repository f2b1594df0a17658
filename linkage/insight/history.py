"""All that a dose ever was, night by night: its versions, its decisions and why they changed, and verdicts on it.

The state keeps all of it, so that nights whose folders are gone are told too. A few rows are read, however many there
are: its parts are sorted by what is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from linkage.errors import UsageError
from linkage.nights.configuration import Configuration
from linkage.schema import DOSES
from linkage.state.folder import State, open_state
from linkage.state.rows import versions_of
from linkage.state.tables import DOSE_VERSIONS, KEPT_VERDICTS, PUBLISHED_DECISIONS, WITHDRAWN, StateTable
from linkage.state.verdicts import MOVED

Row = dict[str, Any]
_DECIDED = ("status", "decided_by", "person_id", "match_probability", "conflicts", "claim_id", "why", "changed_persons")
_SAID = ("verdict", "person_id", "unit", "decided_by", "decided_at", "note", "became")


@dataclass(frozen=True)
class Version:
    """A version of a dose. what: new, corrected, withdrawn or read_otherwise; reason: of a withdrawal, as stated; where
    it stood; changed: what it states otherwise than the one before, by column: before and after."""

    what: str
    version: int
    reason: str | None
    file: str
    position: int
    changed: dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class NightOfDose:
    """What a night did to a dose.

    kind : night, or adoption of a model
    decision : as it is since, with why and changed_persons (see linkage.state.why); None where it did not change; of a
        dose that is withdrawn it has no status
    status_before : None where there was no decision
    verdicts : that came on a claim of the dose, or of which something else became
    """

    night: int
    kind: str
    night_id: str
    date: str
    versions: list[Version]
    decision: Row | None
    status_before: str | None
    verdicts: list[Row]


@dataclass(frozen=True)
class History:
    """A dose by nights, the first one first. status: now, None where it is withdrawn."""

    dose_id: str
    status: str | None
    nights: list[NightOfDose]


def history(configuration: Configuration, dose_id: str) -> History:
    """The history of a dose.

    Raises
    ------
    UsageError : no night brought such a dose
    VerificationError : the state is damaged
    """
    state = open_state(configuration.state)
    versions = _rows(state, DOSE_VERSIONS, "dose_id", [dose_id])
    if not versions:
        raise UsageError(
            f"{configuration.state}: no night brought dose {dose_id!r}; 'linkage find' looks for doses, and "
            "queues/rejected.parquet of a night has what could not be read"
        )
    decisions = _rows(state, PUBLISHED_DECISIONS, "dose_id", [dose_id])
    verdicts = _rows(state, KEPT_VERDICTS, "claim", sorted({row["claim"] for row in versions}))
    by_night = dict(enumerate(state.nights, 1))
    found, status = [], None
    for number in sorted({row["night"] for row in (*versions, *decisions, *verdicts)}):
        decided = next((row for row in decisions if row["night"] == number), None)
        said = [{name: row[name] for name in _SAID} for row in verdicts if row["night"] == number]
        said = [row for row in said if row["became"] != MOVED]  # which stand under another claim
        told = by_night[number]
        of_night = [_version(versions, place) for place, row in enumerate(versions) if row["night"] == number]
        decision = None if decided is None else {name: decided[name] for name in _DECIDED}
        found.append(
            NightOfDose(number, told["kind"], told["night_id"], told["date"], of_night, decision, status, said)
        )
        status = status if decided is None else decided["status"]
    return History(dose_id, status, found)


def _rows(state: State, table: StateTable, by: str, keys: Sequence[Any]) -> list[Row]:
    """All rows of some keys, in the order of the nights."""
    found = versions_of(state, table, pa.array(keys, table.schema.field(by).type), by=by)
    names = [name for name in ("night", "version", "number") if name in table.schema.names]
    rows: list[Row] = found.sort_by([(name, "ascending") for name in names]).to_pylist()
    return rows


def _version(versions: list[Row], place: int) -> Version:
    row, before = versions[place], versions[place - 1] if place else None
    changed = {}
    if before is not None and row["what"] != WITHDRAWN:
        changed = {n: (before[n], row[n]) for n in DOSES.names if before[n] != row[n]}
    return Version(row["what"], row["version"], row["reason"], row["file"], row["position"], changed)
