"""The one place that knows the time zone and asks the machine what day it is; only what is said depends on it."""

from __future__ import annotations

import datetime

# Viet Nam has one zone and has no summer time, so no table of zones is needed, which not every machine has.
ZONE = datetime.timezone(datetime.timedelta(hours=7), "Asia/Ho_Chi_Minh")


def now() -> datetime.datetime:
    """The moment by this machine's clock, as Viet Nam tells it."""
    return datetime.datetime.now(ZONE)


def moment(seconds: float) -> datetime.datetime:
    """A moment that the system tells in seconds since 1970, such as the time of a file, as Viet Nam tells it."""
    return datetime.datetime.fromtimestamp(seconds, ZONE)


def today() -> datetime.date:
    """The day that it is in Viet Nam by this machine's clock."""
    return now().date()


def clock_notes(newest: datetime.date, whose: str) -> list[str]:
    """That the machine's clock is before the newest date of what it reads, for the operator."""
    says = today()
    if says >= newest:
        return []
    return [f"this machine's clock says {says}, before the newest date of {whose}, {newest}: set it"]
