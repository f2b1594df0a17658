"""What forms count, by the place that is named: a run, a state of nights or a night.toml."""

from __future__ import annotations

import datetime
from pathlib import Path

from linkage.errors import UsageError
from linkage.reports.counted import Counted
from linkage.reports.of_run import CountedRun
from linkage.state.folder import is_state


def counted_of(place: Path, as_of: datetime.date | None = None) -> Counted:
    """The run in a folder, the state in one, or that of a night.toml.

    as_of : of a state, the day up to whose nights is counted

    Raises
    ------
    UsageError : the place is none of these, or no night was so early
    """
    if place.is_file() or is_state(place):
        from linkage.reports.of_state import CountedState  # which loads DuckDB and the index

        return CountedState(place, as_of)
    if as_of is not None:
        raise UsageError(f"--as-of {as_of}: a run counts as of its list date; leave it out, or name a state of nights")
    return CountedRun(place)
