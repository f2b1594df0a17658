"""The files of a night: found by the patterns of the configuration, hashed, and told of."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from linkage.errors import UsageError
from linkage.ingest import file_notes
from linkage.ingest.hive_folders import folder_values
from linkage.ingest.paths import sha256_of
from linkage.nights.arriving import Arrived
from linkage.nights.configuration import DATE, Configuration, Sources, files_of
from linkage.nights.quarantine import Chosen, chosen_files
from linkage.state.folder import State

_SHOWN = 10
_DATES_LOOKED_AT = 60


@dataclass(frozen=True)
class NightInputs:
    """The files that a night reads.

    chosen : what of them is in quarantine, and what in quarantine is not read
    digest : of its date and of what the files hold that its patterns name, which says whether it was done
    notes : of patterns that name none
    """

    date: datetime.date
    doses: tuple[Path, ...]
    withdrawals: tuple[Path, ...]
    registry_changes: tuple[Path, ...]
    verdicts: tuple[Path, ...]
    chosen: Chosen
    digest: str
    notes: tuple[str, ...]

    @property
    def n_bytes(self) -> int:
        """Of all files."""
        every = (*self.doses, *self.withdrawals, *self.registry_changes, *self.verdicts)
        return sum(path.stat().st_size for path in every)

    def done_in(self, state: State) -> dict[str, Any] | None:
        """What a state says of the last night that was done with these files on this date; None where there was none,
        or where a file in quarantine is to be read now."""
        if self.chosen.again:
            return None
        return next((night for night in reversed(state.nights) if night["inputs"] == self.digest), None)


def no_inputs(date: datetime.date, digest: str) -> NightInputs:
    """Those of a night without files, which the digest tells from others; what is in quarantine stays there."""
    chosen = Chosen({}, (), frozenset(), (), (), ())
    return NightInputs(date, (), (), (), (), chosen, digest, ())


def _last_after(date: datetime.date, state: State) -> str | None:
    """The date of the last night that was, where that is after another date."""
    last: str = max((night["date"] for night in state.nights), default="")
    return last if date.isoformat() < last else None


def date_notes(date: datetime.date, state: State) -> list[str]:
    """That the night is dated before one that was: a slip, or a clock that is behind."""
    last = _last_after(date, state)
    return [f"the night is of {date}, before one of {last} that was: its lists have that day"] if last else []


def missed_dates(configuration: Configuration, date: datetime.date, state: State) -> list[str]:
    """Of the 60 dates before another one those since the first night that had none, though patterns with {date} name
    files for them: it was never started, or it stopped and was not started again."""
    done = {night["date"] for night in state.nights if night["kind"] == "night"}
    every = (pattern for kind in Sources.__struct_fields__ for pattern in getattr(configuration.sources, kind))
    dated = tuple(pattern for pattern in every if DATE in pattern)
    days = (date - datetime.timedelta(days=n) for n in range(_DATES_LOOKED_AT, 0, -1))
    asked = [day for day in days if done and min(done) < day.isoformat() and day.isoformat() not in done]
    return [day.isoformat() for day in asked if files_of(configuration, dated, day)[0]]


def missed_notes(configuration: Configuration, date: datetime.date, state: State) -> list[str]:
    """That there are such dates, for the operator."""
    missed = missed_dates(configuration, date, state)
    if not missed:
        return []
    names = ", ".join(missed[:_SHOWN]) + (", …" if len(missed) > _SHOWN else "")
    return [
        f"dates that have files and had no night: {len(missed)} ({names}); start each by --date, the first one first"
    ]


def check_clock(date: datetime.date, state: State) -> None:
    """UsageError where this machine's clock says a date before that of a night that was: it was set back."""
    if last := _last_after(date, state):
        raise UsageError(
            f"this machine's clock says {date}, before the last night, {last}: set it, or name the date (--date)"
        )


def inputs_of(configuration: Configuration, date: datetime.date, state: State) -> NightInputs:
    """Find and hash the files, and leave out what is in quarantine."""
    sources = configuration.sources
    withdrawals, no_withdrawals = files_of(configuration, sources.withdrawals, date)
    changes, no_changes = files_of(configuration, sources.registry_changes, date, but=withdrawals)
    verdicts, no_verdicts = files_of(configuration, sources.verdicts, date)
    # A pattern for all text files names those of withdrawals too, which are no doses.
    doses, no_doses = files_of(configuration, sources.doses, date, but=(*withdrawals, *changes, *verdicts))
    sums = {path: sha256_of(path) for path in (*doses, *withdrawals, *changes, *verdicts)}
    # In the order in which a later file's doses take the place of an earlier one's.
    content = {
        "date": date,
        "doses": [sums[path] for path in doses],
        "withdrawals": sorted(sums[path] or "" for path in withdrawals),
        "registry_changes": [sums[path] for path in changes],
        "verdicts": sorted(sums[path] or "" for path in verdicts),
        "columns": sorted(configuration.columns.items()),
    }
    # What the folders of a file state is a part of what it holds.
    if any(folders := [sorted(folder_values(path, ()).items()) for path in sums]):
        content["folders"] = folders
    digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()
    missing = (*no_doses, *no_withdrawals, *no_changes, *no_verdicts)
    named = {"doses": doses, "withdrawals": withdrawals, "verdicts": verdicts}
    chosen = chosen_files(configuration, state, named, sums)
    files = chosen.files["doses"], chosen.files["withdrawals"], tuple(changes), chosen.files["verdicts"]
    return NightInputs(date, *files, chosen, digest, tuple(f"no file for {pattern!r}" for pattern in missing))


def arrival_notes(arrived: Arrived) -> tuple[str, ...]:
    """What the operator should know of what was read."""
    notes = [*file_notes(arrived.every_file), *arrived.notes]
    if arrived.set_aside:
        n_files = len(arrived.every_file) + len(arrived.set_aside)
        notes.append(f"files set aside: {len(arrived.set_aside):,} of {n_files:,}, which cannot be used")
        notes += [f"set aside: {found.reason}" for found in arrived.set_aside[:_SHOWN]]
    if arrived.unmatched:
        notes.append(f"no file has the columns {', '.join(arrived.unmatched)} of [columns]; correct it")
    if arrived.rejected.num_rows:
        notes.append(f"records rejected: {arrived.rejected.num_rows:,}; see queues/rejected.parquet")
    return tuple(notes)
