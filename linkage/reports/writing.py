"""Writes any form of a run, in any format that it is written in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from linkage.errors import UsageError
from linkage.exports.formats import format_of
from linkage.exports.forms import STATISTICS
from linkage.reports.appendix import appendix_of_run
from linkage.reports.daily import daily_of_run
from linkage.reports.form import Report
from linkage.reports.writers import WRITERS, write_whole

# By the names that the command line tells, linkage.exports.forms.FORM_NAMES.
FORMS: dict[str, Callable[[Path, str | None], Report]] = {"appendix": appendix_of_run, "daily": daily_of_run}
FORMATS = tuple(WRITERS)
STATISTICS_FORMAT = "html"


def write_report(run_dir: Path, form: str, fmt: str, out: Path, *, unit: str | None = None) -> Report:
    """Write the report of a run to ``out``, whole or not at all, and return it.

    Parameters
    ----------
    run_dir : folder of a published run
    form : one of FORMS
    fmt : one of FORMATS
    out : the file; replaced when it exists
    unit : code of a commune, a district or a province; None counts all

    Raises
    ------
    UsageError
        Form or format is unknown, or ``run_dir`` is no published run.
    InputError
        The run's manifest lacks what the form needs.
    LinkageError
        The file cannot be written.
    """
    if form not in FORMS:
        raise UsageError(f"--form {form}: unknown; use {' or '.join(FORMS)}, or {STATISTICS} for charts")
    if fmt not in WRITERS:
        raise UsageError(f"--format {fmt}: unknown; use one of {', '.join(FORMATS)}")
    report = FORMS[form](run_dir, unit)
    write_whole(report, fmt, out)
    return report


def write_form(
    run_dir: Path,
    form: str,
    fmt: str | None,
    out: Path,
    *,
    unit: str | None = None,
    truth: Path | None = None,
    unmask: bool = False,
) -> str:
    """Write any form of a run to ``out``, and return the format: ``fmt``, or when None that of its name.

    Parameters
    ----------
    form : one of FORMS, or STATISTICS, which is html only
    unit : of the other forms, see write_report; truth, unmask : of the statistics alone, see
        linkage.reports.statistics_page

    Raises
    ------
    UsageError
        Form or format is unknown, an option does not belong to the form, or ``run_dir`` is no published run.
    InputError, LinkageError
        As write_report and linkage.reports.statistics_page.write_statistics raise them.
    """
    if form != STATISTICS:
        if truth is not None or unmask:
            option = "--unmask" if truth is None else "--truth"
            raise UsageError(f"{option}: belongs to --form {STATISTICS}; leave it out of --form {form}")
        fmt = format_of(out, fmt, FORMATS)
        write_report(run_dir, form, fmt, out, unit=unit)
        return fmt
    if unit is not None:
        raise UsageError(f"--unit {unit}: --form {STATISTICS} is about the whole run; leave it out")
    if fmt not in (None, STATISTICS_FORMAT):
        raise UsageError(f"--format {fmt}: --form {STATISTICS} is written as {STATISTICS_FORMAT} only")
    fmt = format_of(out, fmt, (STATISTICS_FORMAT,))
    # Loads the chart libraries, which the other forms do without.
    from linkage.reports.statistics_page import write_statistics

    write_statistics(run_dir, out, truth=truth, unmask=unmask)
    return fmt
