"""What forms count: subjects by commune, of a published run or of what is in force in a state of nights."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from linkage.errors import VerificationError
from linkage.exports.units import of_communes
from linkage.published.reader import REMEDY

OF_DAYS = ("date", "commune_code", "commune_code_now", "status", "n_subjects", "n_came", "n_left")


class Counted(Protocol):
    """place: of what is counted; as_of: the day up to which is counted, None where that is not known. What reads raises
    VerificationError where it is damaged."""

    place: Path
    as_of: datetime.date | None

    @property
    def names(self) -> Mapping[str, str]:
        """Of communes, by their codes."""

    def communes(self, unit: str | None = None) -> pa.Table | None:
        """The communes, rows of schema.COMMUNES, of a unit alone where its code is given; None where all are asked for
        and it is not known where they lie. UsageError for a code that none of them has."""

    def issues(self) -> pa.Table:
        """Open subjects that have an issue, by commune_code, commune_code_now and issue: n_subjects."""

    def statuses(self) -> pa.Table:
        """All subjects, rows of schema.SUBJECT_COUNTS."""

    def by_day(self) -> pa.Table:
        """Subjects by OF_DAYS: on each day how many there were of a status in a commune, and how many came to be so
        that day, or no longer were; of each day all communes and statuses that ever were."""


def of_unit(rows: pa.Table, counted: Counted, unit: str | None) -> pa.Table:
    """The rows whose communes are of a unit, all where None is given."""
    communes = None if unit is None else counted.communes(unit)
    return rows if communes is None else of_communes(rows, communes)


def day_of(counted: Counted) -> datetime.date:
    """The day up to which is counted; VerificationError for a run that does not say it, as all do that have one."""
    if counted.as_of is None:
        raise VerificationError(f"{counted.place}: list_date is missing; {REMEDY}")
    return counted.as_of
