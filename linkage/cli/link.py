"""``link``: any two files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linkage.cli.options import N_CORES, Json, Threads
from linkage.cli.printing import print_result
from linkage.cli.progress import progress
from linkage.cli.talk import print_notes
from linkage.errors import QualityGateError, UsageError


def link(
    left: Annotated[Path, typer.Argument(help="The file whose records are linked.")],
    right: Annotated[Path, typer.Argument(help="The file they are linked with.")],
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.")],
    plan: Annotated[Path | None, typer.Option(help="Linkage plan in TOML; the model's when not given.")] = None,
    model: Annotated[Path | None, typer.Option(help="Model file; trains on the files when not given.")] = None,
    accept: Annotated[
        str | None, typer.Option(help="Why to link though the training is doubtful, in writing; the manifest keeps it.")
    ] = None,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Link any two files, by a plan or a model.

    \b
    Example: linkage link shop.csv register.csv --plan plan.toml --out linked
    """
    from linkage.plan.reading import load_plan
    from linkage.training.model_file import Model
    from linkage.two_files.link import link_files

    given = None if model is None else Model.load(model)
    if plan is None and given is None:
        raise UsageError("nothing says how to link the files; give --plan, --model or both")
    used = given.plan if plan is None and given is not None else load_plan(plan)
    with progress() as on_progress:
        summary = link_files(
            [left], [right], used, out, model=given, accept=accept, n_threads=threads, on_progress=on_progress
        )
    print_notes(summary.notes)
    keys = ("folder", "left", "right", "links", "match_threshold", "expected_false_match_rate")
    found = {key: getattr(summary, key) for key in keys}
    if summary.refusal is None or not as_json:
        print_result(found, as_json)
    if summary.refusal is not None:
        error = QualityGateError(
            f"{summary.folder}: no link was made, for {summary.refusal}; look at candidates.parquet and mend the plan "
            "(shared_number = true for what relatives share, m where matches do differ so), or link with "
            f'--model {summary.folder / "model.json"} --accept "why the links hold" into another folder'
        )
        error.result = found
        raise error
