"""``train`` and ``run``: a model from a batch, and a batch linked by a model."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from linkage.cli.options import N_CORES, Columns, Json, Threads, column_names, day, new_file
from linkage.cli.printing import print_result
from linkage.cli.progress import progress
from linkage.cli.talk import print_notes, say


def train(
    doses: Annotated[list[Path], typer.Option(help="Dose files to train on.")],
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    out: Annotated[Path, typer.Option(help="Model file to write.")],
    verdicts: Annotated[
        Path | None, typer.Option(help="Reviewers' verdicts: claim_id or dose_id, verdict, person_id.")
    ] = None,
    columns: Columns = None,
    accept: Annotated[
        str | None,
        typer.Option(help="Why to use it though its training is doubtful; the model keeps the reason."),
    ] = None,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Train a model on dose files.

    \b
    Example: linkage train --doses doses.csv --index index --out model.json
    """
    from linkage.deciding.gates import gate_notes
    from linkage.night.train import train_model

    new_file(out, *doses, verdicts, columns)
    with progress() as on_progress:
        model = train_model(
            doses,
            index,
            verdicts=verdicts,
            columns=column_names(columns),
            accept=accept,
            n_threads=threads,
            on_progress=on_progress,
        )
    print_notes(gate_notes(model, ()))
    model.save(out)
    found = {name: value for name, value in model.training.items() if as_json or not isinstance(value, dict | list)}
    print_result({"model": str(out), **found}, as_json)


def run(
    doses: Annotated[list[Path], typer.Option(help="Dose files; several may follow.")],
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    out: Annotated[Path, typer.Option(help="Folder of runs to publish into.")],
    model: Annotated[Path | None, typer.Option(help="Model file; trains on the batch when not given.")] = None,
    list_date: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Date of the review list; the newest dose's unless told."),
    ] = None,
    columns: Columns = None,
    accept: Annotated[
        str | None,
        typer.Option(help="Why to decide though training or batch are doubtful; the manifest keeps it."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at a file that cannot be used.")] = False,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Link dose files with the registry.

    Decisions and queues appear in a new folder under --out, whole or not at all.

    \b
    Example: linkage run --doses may.csv june.csv --index index \\
                 --model model.json --out runs
    """
    from linkage.night.run import run as run_night

    with progress() as on_progress:
        summary = run_night(
            doses,
            index,
            out,
            model_file=model,
            columns=column_names(columns),
            list_date=day(list_date),
            accept=accept,
            strict=strict,
            n_threads=threads,
            on_progress=on_progress,
        )
    if summary.already_done:
        say(f"already published: {summary.run_dir}; nothing was done, and this is what was said then")
    print_notes(summary.notes)
    keys = ("run_id", "run_dir", "counts", "seconds", "peak_rss_bytes")
    print_result({key: getattr(summary, key) for key in keys}, as_json)
