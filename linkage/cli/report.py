"""``report`` and ``rejects``: what a run gives to offices and stations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from linkage.cli.options import Json, new_file
from linkage.cli.printing import print_json, print_result, print_table


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a published run.")],
    form: Annotated[str, typer.Option(help="appendix, daily or statistics.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    format: Annotated[
        str | None,
        typer.Option(help="xlsx, csv, json or html; that of --out's name when not given. statistics: html only."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="statistics: dose_id and person_id; adds accuracy and calibration.")
    ] = None,
    unmask: Annotated[
        bool, typer.Option("--unmask", help="statistics: show names and numbers of the example pairs in full.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the appendix, the daily report or the statistics.

    \b
    Example: linkage report runs/RUN --form appendix --out appendix.xlsx
    Example: linkage report runs/RUN --form daily --out daily.csv
    """
    from linkage.reports import write_form

    written = write_form(run, form, format, new_file(out, truth), truth=truth, unmask=unmask)
    print_result({"report": str(out), "form": form, "format": written}, as_json)


def rejects(
    run: Annotated[Path, typer.Argument(help="Folder of a published run, or of an index.")],
    export: Annotated[
        Path | None, typer.Option(help="CSV or xlsx file to write: rows as text, with file, position and reasons.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="CSV file to write: the rows as an input, to be mended and given to run.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count or write the rejected rows of a run or an index.

    They are counted by file and reason, and written to be looked at, or to be mended and read again.

    \b
    Example: linkage rejects runs/RUN
    Example: linkage rejects runs/RUN --replay mend.csv
    """
    from linkage.ingest.rejects import export_rejects, list_rejects, replayable

    path = _rejected(run)
    if export is not None or replay is not None:
        written = {}
        if export is not None:
            export_rejects(path, new_file(export))
            written["export"] = str(export)
        if replay is not None:
            replayable(path, new_file(replay))
            written["replay"] = str(replay)
        print_result(written, as_json)
        return
    rows = list_rejects(path).to_pylist()
    if as_json:
        print_json(rows)
        return
    table = Table("file", "reason", "rows")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    print_table(table)


def _rejected(run: Path) -> Path:
    from linkage.publish import read_manifest

    rejected = run / "queues" / "rejected.parquet"
    if not (run / "current").is_file() or not rejected.is_file():  # of an index, whose manifests are its versions'
        read_manifest(run)
    return rejected
