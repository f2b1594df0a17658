"""When something was last changed, as typed: a day, or a day and a time of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.machine.clock import ZONE
from linkage.standardise.dates import days, standardise_dates
from linkage.standardise.digits import Strings, distinct

UNKNOWN = -1
_SECOND = 10**6  # microseconds
_NO_TIME = -(10**13)
_TIME = (
    r"(?:^|[T\s])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?P<part>\.\d{1,6})?)?\d*\s*"
    r"(?P<half>(?i:AM|PM|SA|CH))?\s*(?P<zone>Z|UTC|[+-]\d{2}:?(?:\d{2})?)?\s*$"
)


def standardise_moments(raw: Strings) -> NDArray[np.int64]:
    """Microseconds from the year 1 on in the time of Viet Nam, int64[n]; -1 where no whole day can be read.

    A day without a time is its beginning; a time without a zone is that of Viet Nam.
    """
    column = distinct(raw)
    texts = pc.fill_null(column.values, "")
    time = pc.extract_regex(texts, _TIME)
    is_timed = pc.is_valid(time).to_numpy(zero_copy_only=False)
    bare = pc.if_else(pa.array(is_timed), pc.replace_substring_regex(texts, _TIME, ""), texts)
    day = days(standardise_dates(bare)).astype(np.int64)
    seconds = _seconds(time, is_timed)
    moment = (day * 86_400 + seconds // _SECOND) * _SECOND + seconds % _SECOND
    return np.asarray(column.spread(np.where((day > 0) & (seconds > _NO_TIME), moment, UNKNOWN), UNKNOWN))


def _seconds(time: pa.StructArray, is_timed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Microseconds of the day in the time of Viet Nam, 0 where no time is stated; of impossible ones below any."""
    found = np.zeros(len(is_timed), np.int64)
    for row in np.flatnonzero(is_timed).tolist():
        parts = time[row].as_py()
        hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
        half = parts["half"].upper()
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half in ("PM", "CH") else 0)
        is_time = hour <= 24 and minute < 60 and second <= 60
        micro = round(float(f"0{parts['part']}") * _SECOND) if parts["part"] else 0
        seconds = hour * 3600 + minute * 60 + second - _ahead(parts["zone"])
        found[row] = seconds * _SECOND + micro if is_time else _NO_TIME
    return found


def _ahead(zone: str) -> int:
    """How many seconds a stated zone is ahead of Viet Nam's."""
    offset = ZONE.utcoffset(None)
    here = 0 if offset is None else int(offset.total_seconds())
    if not zone:
        return 0
    digits = "" if zone in ("Z", "UTC") else zone[1:].replace(":", "")
    ahead = int(digits[:2] or 0) * 3600 + int(digits[2:] or 0) * 60
    return (-ahead if zone.startswith("-") else ahead) - here
