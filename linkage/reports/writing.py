"""Writes any form of a run or of a state, in any format that it is written in."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

from linkage.errors import UsageError
from linkage.exports.formats import format_of
from linkage.exports.forms import STATISTICS
from linkage.reports.appendix import appendix_of
from linkage.reports.counted import Counted
from linkage.reports.counting import counted_of
from linkage.reports.daily import daily_of
from linkage.reports.form import Report
from linkage.reports.progress import progress_of
from linkage.reports.writers import WRITERS, write_whole
from linkage.state.folder import is_state

# By the names that the command line tells, linkage.exports.forms.FORM_NAMES.
FORMS: dict[str, Callable[[Counted, str | None], Report]] = {
    "appendix": appendix_of,
    "daily": daily_of,
    "progress": progress_of,
}
FORMATS = tuple(WRITERS)
STATISTICS_FORMAT = "html"


def write_report(
    place: Path, form: str, fmt: str, out: Path, *, unit: str | None = None, as_of: datetime.date | None = None
) -> Report:
    """Write the report of a run or of a state to ``out``, whole or not at all, and return it.

    Parameters
    ----------
    place : folder of a published run or of a state of nights, or a night.toml
    form : one of FORMS
    fmt : one of FORMATS
    out : the file; replaced when it exists
    unit : code of a commune, a district or a province; None counts all
    as_of : of a state, the day up to whose nights is counted; None for all nights

    Raises
    ------
    UsageError
        Form or format is unknown, or ``place`` is neither a run nor a state with a night so early.
    InputError
        The run's manifest lacks what the form needs.
    LinkageError
        The file cannot be written.
    """
    if form not in FORMS:
        raise UsageError(f"--form {form}: unknown; use {', '.join(FORMS)}, or {STATISTICS} for charts")
    if fmt not in WRITERS:
        raise UsageError(f"--format {fmt}: unknown; use one of {', '.join(FORMATS)}")
    report = FORMS[form](counted_of(place, as_of), unit)
    write_whole(report, fmt, out)
    return report


def write_form(
    place: Path,
    form: str,
    fmt: str | None,
    out: Path,
    *,
    unit: str | None = None,
    as_of: datetime.date | None = None,
    truth: Path | None = None,
    unmask: bool = False,
) -> str:
    """Write any form of a run or of a state to ``out``, and return the format: ``fmt``, or when None that of its name.

    Parameters
    ----------
    form : one of FORMS, or STATISTICS, which is html only
    unit, as_of : of the other forms, see write_report; truth, unmask : of the statistics alone, see
        linkage.reports.statistics_page

    Raises
    ------
    UsageError
        Form or format is unknown, an option does not belong to the form, or ``place`` is none that has it.
    InputError, LinkageError
        As write_report and linkage.reports.statistics_page.write_statistics raise them.
    """
    if form != STATISTICS:
        if truth is not None or unmask:
            option = "--unmask" if truth is None else "--truth"
            raise UsageError(f"{option}: belongs to --form {STATISTICS}; leave it out of --form {form}")
        fmt = format_of(out, fmt, FORMATS)
        write_report(place, form, fmt, out, unit=unit, as_of=as_of)
        return fmt
    for option, value in (("--unit", unit), ("--as-of", as_of)):
        if value is not None:
            raise UsageError(f"{option} {value}: --form {STATISTICS} is about the whole run; leave it out")
    if place.is_file() or is_state(place):
        raise UsageError(f"{place}: --form {STATISTICS} is of a run alone, whose pairs it shows; name one")
    if fmt not in (None, STATISTICS_FORMAT):
        raise UsageError(f"--format {fmt}: --form {STATISTICS} is written as {STATISTICS_FORMAT} only")
    fmt = format_of(out, fmt, (STATISTICS_FORMAT,))
    # Loads the chart libraries, which the other forms do without.
    from linkage.reports.statistics_page import write_statistics

    write_statistics(place, out, truth=truth, unmask=unmask)
    return fmt
