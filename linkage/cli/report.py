"""``report``, ``export`` and ``rejects``: what a run gives to offices, to stations and to other programs."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from linkage.cli.options import Json, day, language, new_file
from linkage.cli.printing import print_json, print_lines, print_result, print_table
from linkage.cli.talk import print_notes
from linkage.errors import UsageError
from linkage.exports.forms import FORM_NAMES, STATISTICS

_FORMS = ", ".join(FORM_NAMES)


def report(
    place: Annotated[Path, typer.Argument(help="Folder of a published run or of a state of nights; or night.toml.")],
    form: Annotated[str, typer.Option(help=f"{_FORMS} or {STATISTICS}.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    format: Annotated[
        str | None,
        typer.Option(help=f"xlsx, csv, json or html; that of --out's name when not given. {STATISTICS}: html only."),
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help=f"{_FORMS}: code of a commune, a district or a province, counted alone.")
    ] = None,
    as_of: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Of a state: as it was after the nights up to this day."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help=f"{STATISTICS}: dose_id and person_id; adds accuracy and calibration.")
    ] = None,
    unmask: Annotated[
        bool, typer.Option("--unmask", help=f"{STATISTICS}: show names and numbers of the example pairs in full.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a form of the offices, or the statistics of a run.

    \b
    Example: linkage report runs/RUN --form appendix --out appendix.xlsx
    Example: linkage report night.toml --form progress --as-of 2022-08-29 --out progress.xlsx
    """
    from linkage.reports import write_form

    options: dict[str, Any] = {"unit": unit, "as_of": day(as_of), "truth": truth, "unmask": unmask}
    written = write_form(place, form, format, new_file(out, truth), **options)
    print_result({"report": str(out), "form": form, "format": written}, as_json)


def export(
    source: Annotated[Path, typer.Argument(help="Folder of a run or of link, or a table of one, such as a queue.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    table: Annotated[
        str | None, typer.Option(help="Table of the folder: decisions, queues/review, queues/match, links and so on.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="xlsx, csv, json or parquet; that of the file's name when not given, or xlsx.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="Code of a commune, a district or a province: its rows alone.")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="Language of titles and words in xlsx and csv: vi, or en for the table as it is.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a table of a run for Excel or another program.

    Text stays text, and a queue is in the order of work.

    \b
    Example: linkage export runs/RUN --table queues/review --out review.xlsx
    Example: linkage export runs/RUN --table queues/match --unit 24904 --out match.csv
    """
    from linkage.exports.tables import export_table

    language_asked = None if lang is None else language(lang)
    done = export_table(source, new_file(out, source), table=table, fmt=format, unit=unit, language=language_asked)
    print_notes(done.notes)
    print_result({"export": str(out), "table": done.table, "format": done.format, "rows": done.rows}, as_json)


def rejects(
    run: Annotated[Path, typer.Argument(help="Folder of a published run, or of an index.")],
    export: Annotated[
        Path | None,
        typer.Option(help="CSV or xlsx file for those who mend: file, row, column, value, reason, what to do."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="facility or file: with --export, one file for each.")] = None,
    lang: Annotated[str, typer.Option(help="With --export, the language of titles and words: vi or en.")] = "vi",
    replay: Annotated[
        Path | None,
        typer.Option(help="CSV or workbook to write, of several files a folder: the rows as inputs, to be mended."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count or write the rejected rows of a run or an index.

    They are counted by file and reason, and written to be looked at, or to be mended and read again.

    \b
    Example: linkage rejects runs/RUN
    Example: linkage rejects runs/RUN --export rejects --by facility
    Example: linkage rejects runs/RUN --replay mend.csv
    """
    from linkage.exports.rejects import export_rejects, list_rejects

    path = _rejected(run)
    if by is not None and export is None:
        raise UsageError(f"--by {by}: belongs to --export; give both")
    if export is not None or replay is not None:
        written: dict[str, object] = {}
        if export is not None:
            files = export_rejects(path, export, by=by, language=language(lang), columns=_columns(run))
            written |= _written("export", export, files)
        if replay is not None:
            from linkage.exports.replay import replay as write_back

            replayed = write_back(path, replay, _inputs(run))
            print_notes(replayed.notes)
            written |= _written("replay", replay, replayed.files)
        print_result(written, as_json)
        return
    rows = list_rejects(path).to_pylist()
    if as_json:
        print_json(rows)
        return
    if not rows:
        print_lines(["no row was rejected"])
        return
    table = Table("file", "reason", "rows")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    print_table(table)


def _written(name: str, out: Path, files: list[Path]) -> dict[str, object]:
    """The file that was named, and the files where it became several."""
    return {name: str(out)} | ({} if files == [out] else {f"{name}_files": [str(file) for file in files]})


def _columns(run: Path) -> dict[str, str]:
    """The mapping that a run read its files with."""
    return dict(_manifest(run).get("columns", {}))


def _inputs(run: Path) -> list[Path]:
    """The files that a run read."""
    return [Path(file["path"]) for file in _manifest(run).get("inputs", [])]


def _manifest(run: Path) -> dict[str, Any]:
    """The manifest of a run; that of an index tells nothing of how its files were read."""
    from linkage.published.reader import read_manifest

    return {} if (run / "current").is_file() else read_manifest(run)


def _rejected(run: Path) -> Path:
    from linkage.published.reader import check_file
    from linkage.schema import REJECTED

    if (run / "current").is_file():  # of an index, where they have a manifest of their own
        return check_file(run / "queues", "rejected.parquet")
    return check_file(run, f"{REJECTED.name}.parquet")
