"""Reports on a published run: the appendix of the clean-up and the daily counts, in the forms the offices use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from linkage.errors import UsageError
from linkage.reports.appendix import appendix_of_run
from linkage.reports.daily import daily_of_run
from linkage.reports.form import Report
from linkage.reports.writers import WRITERS, write_whole

FORMS: dict[str, Callable[[Path], Report]] = {"appendix": appendix_of_run, "daily": daily_of_run}
FORMATS = tuple(WRITERS)


def write_report(run_dir: Path, form: str, fmt: str, out: Path) -> Report:
    """Write the report of a run to ``out``, whole or not at all, and return it.

    Parameters
    ----------
    run_dir : folder of a published run
    form : one of FORMS
    fmt : one of FORMATS
    out : the file; replaced when it exists

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
        raise UsageError(f"--form {form}: unknown; use {' or '.join(FORMS)}")
    if fmt not in WRITERS:
        raise UsageError(f"--format {fmt}: unknown; use one of {', '.join(FORMATS)}")
    report = FORMS[form](run_dir)
    write_whole(report, fmt, out)
    return report
