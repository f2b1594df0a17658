"""The command line: a thin layer that reads options, calls the package, and prints what it returns.

With --json a command prints one JSON document on standard output and nothing else there; talk goes to standard error.
"""

from __future__ import annotations

import datetime
import gc
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from linkage.errors import LinkageError, QualityGateError, UsageError

talk = Console(stderr=True)
app = typer.Typer(
    help="Links vaccination doses with the national population registry.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
index_app = typer.Typer(help="Build, change and inspect a registry index.", no_args_is_help=True)
model_app = typer.Typer(help="Show, compare, export and import model files.", no_args_is_help=True)
app.add_typer(index_app, name="index")
app.add_typer(model_app, name="model")
plan_app = typer.Typer(help="Propose and check linkage plans.", no_args_is_help=True)
app.add_typer(plan_app, name="plan")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Worker threads; the result does not depend on it.")]
Columns = Annotated[
    Path | None, typer.Option("--columns", help="TOML table from the files' column names to the names of this program.")
]
_INTERRUPTED = 130
_WIDE = 200  # characters
N_CORES = len(os.sched_getaffinity(0))
# Objects made before Python looks for cycles among them. Packages and the tables of communes make some hundred thousand
# that all stay, and to look through them every 700 takes an eighth of a run of a thousand doses.
_GARBAGE_THRESHOLD = 50_000


@app.callback()
def _rights(
    mode: Annotated[
        str, typer.Option(help="Rights of what is written, such as 0640; folders can be entered too.")
    ] = "0600",
) -> None:
    """Links vaccination doses with the national population registry."""
    if not re.fullmatch(r"0?[0-7]{3}", mode) or int(mode, 8) & 0o600 != 0o600:
        raise UsageError(f"--mode {mode}: no rights for files; write 0600, 0640 or 0644")
    readable = int(mode, 8)
    # Personal data lies in nearly every file: the umask of the caller is no decision about it.
    os.umask(0o777 & ~(readable | (readable & 0o444) >> 2))


def _spread(arguments: list[str]) -> list[str]:
    """``--doses A B C`` as ``--doses A --doses B --doses C``: a shell gives many files after one option."""
    spread: list[str] = []
    is_after_doses = False
    for argument in arguments:
        if is_after_doses and not argument.startswith("-") and spread[-1] != "--doses":
            spread.append("--doses")
        elif argument.startswith("-"):
            is_after_doses = argument == "--doses"
        spread.append(argument)
    return spread


def main() -> None:
    """Entry point: what the program understands is one line on standard error and its exit code."""
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        app(args=_spread(sys.argv[1:]))
    except (SystemExit, KeyboardInterrupt) as ended:
        # Typer makes an exit of an interruption, and says nothing.
        if isinstance(ended, SystemExit) and ended.code != _INTERRUPTED:
            raise
        talk.print("linkage: interrupted; nothing was published")
        sys.exit(_INTERRUPTED)
    except LinkageError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        # The disk or the rights, wherever no better message was found.
        _complain(
            f"{error.filename or 'system'}: {error.strerror or error}; check the path, the rights and the free space"
        )
        sys.exit(1)


def program() -> None:
    """The program as a process of its own: ``main``, and when all went well the process ends at once. To take its
    packages apart first costs Python a quarter of a second, a tenth of a run of a thousand doses."""
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as where the process was started with it closed
            stream.flush()
    os._exit(0)


def _complain(message: str) -> None:
    talk.print(f"linkage: {message}", style="red", markup=False, highlight=False, soft_wrap=True)


def _print_notes(notes: Iterable[str]) -> None:
    for note in notes:
        talk.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)


def _print_json(content: object) -> None:
    typer.echo(json.dumps(_plain(content), ensure_ascii=False, allow_nan=False))


def _plain(content: Any) -> Any:
    """Dataclasses, paths and dates as JSON knows them."""
    if is_dataclass(content) and not isinstance(content, type):
        return _plain(asdict(content))
    if isinstance(content, dict):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    return str(content) if isinstance(content, Path | datetime.date) else content


def _print_result(content: dict[str, Any], as_json: bool) -> None:
    """A small result as JSON or in two columns, long values unbroken so that paths can be copied."""
    if as_json:
        _print_json(content)
        return
    width = max(map(len, content))
    for name, value in content.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {part}" for key, part in value.items())
        typer.echo(f"{name:<{width}}  {json.dumps(_plain(value)) if isinstance(value, list) else value}")


def _print_table(table: RenderableType) -> None:
    """A table on standard output; in a file or a pipe nothing is cut off for want of room."""
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


class _Bar:
    """Progress of the stages of a run on standard error; silent when that is no terminal."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=talk, disable=not talk.is_terminal, transient=True)
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self.progress.add_task(stage, total=total or None)
        self.progress.update(self._tasks[stage], completed=done, total=total or None)


def _mapping(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not a readable TOML file ({error})") from error
    if not all(isinstance(value, str) for value in content.values()):
        raise UsageError(f'{path}: every entry must read: file_column = "our_column"')
    return content


def _new_file(path: Path) -> Path:
    """A file that can be written, asked before the work is done; UsageError when its place is wrong."""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it or name another one")
    return path


@app.command()
def simulate(
    persons: Annotated[int, typer.Option(min=100, help="People in the registry.")],
    doses: Annotated[int, typer.Option(min=1, help="Doses keyed in.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    units: Annotated[Path | None, typer.Option(help="Folder of administrative units; made up when not given.")] = None,
    registry_date: Annotated[str, typer.Option(help="Date of the registry's commune codes: 2021 or 2025.")] = "2021",
    area: Annotated[str, typer.Option(help="country, or bao-lam: the 14 communes of Bảo Lâm district.")] = "country",
    split: Annotated[
        str, typer.Option(help="How errors are shared among the fields: default, id_heavy, ...")
    ] = "default",
    error_shares: Annotated[
        Path | None, typer.Option(help="File of error kinds and shares that replace the table's.")
    ] = None,
    shock: Annotated[
        list[str] | None,
        typer.Option(
            help="A world unlike the usual one, to be repeated for several: unregistered, consecutive_twins, "
            "no_ids_village_phone, minorities, stale_registry, stations, fill_down_and_household_swaps."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make up a registry, doses with errors, and the truth."""
    from linkage.simulate import simulate as simulate_files

    summary = simulate_files(
        persons,
        doses,
        seed,
        out,
        units=units,
        registry_date=registry_date,
        area=area,
        split=split,
        error_shares=error_shares,
        shocks=shock or (),
    )
    _print_result(_plain(summary), as_json)


@index_app.command("build")
def index_build(
    registry: Annotated[list[Path], typer.Argument(help="Registry files.")],
    out: Annotated[Path, typer.Option(help="Folder of the index.")],
    units: Annotated[Path | None, typer.Option(help="Folder of administrative units by date.")] = None,
    commune_date: Annotated[str | None, typer.Option(help="2021 or 2025; told from the codes when not given.")] = None,
    plan: Annotated[Path | None, typer.Option(help="Linkage plan; the vaccination plan when not given.")] = None,
    columns: Columns = None,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Build the index of a registry."""
    from linkage.registry_files import build_from_files

    bar, notes = _Bar(), list[str]()
    with bar.progress:
        index = build_from_files(
            registry,
            out,
            units=units,
            commune_date=commune_date,
            plan_file=plan,
            columns=_mapping(columns),
            n_threads=threads,
            on_progress=bar,
            on_note=notes.append,
        )
    _print_notes(notes)
    _print_result(_index_summary(index), as_json)


@index_app.command("apply")
def index_apply(
    changes: Annotated[Path, typer.Argument(help="File of changed, new and removed registry rows.")],
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    partial: Annotated[bool, typer.Option("--partial", help="Only what a row states changes.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="What a row does not state is empty from then on.")] = False,
    columns: Columns = None,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Apply changes to an index: rows by person_id; status 'removed' takes a person out.

    Example: linkage index apply changes.csv --index index --partial
    """
    from linkage.registry_files import apply_changes

    bar = _Bar()
    with bar.progress:
        applied = apply_changes(
            changes,
            index,
            partial=partial,
            whole=whole,
            columns=_mapping(columns),
            n_threads=threads,
            on_progress=bar,
        )
    counts = {name: getattr(applied, name) for name in ("new", "changed", "removed", "removed_unknown")}
    if not (applied.new or applied.changed or applied.removed):
        talk.print(f"nothing to do: {changes} changes nobody in the index")
    _print_result(_index_summary(applied.index) | counts, as_json)


@index_app.command("compact")
def index_compact(
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Build an index with changes afresh from its persons; it answers the same, and faster."""
    from linkage.registry_files import compact_index

    bar = _Bar()
    with bar.progress:
        compacted = compact_index(index, n_threads=threads, on_progress=bar)
    _print_result(_index_summary(compacted), as_json)


@index_app.command("info")
def index_info(index: Annotated[Path, typer.Argument(help="Folder of the index.")], as_json: Json = False) -> None:
    """Show what an index was built from, and verify its checksum."""
    from linkage.registry import open_index, verify_index

    opened = open_index(index)
    verify_index(opened)
    _print_result(_index_summary(opened), as_json)


def _index_summary(index: Any) -> dict[str, Any]:
    manifest = index.manifest
    keys = ("persons", "commune_date", "latest_date", "inputs", "content")
    return {"index": str(index.folder), **{key: manifest[key] for key in keys}}


@app.command()
def train(
    doses: Annotated[list[Path], typer.Option(help="Dose files to train on.")],
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    out: Annotated[Path, typer.Option(help="Model file to write.")],
    verdicts: Annotated[
        Path | None, typer.Option(help="Reviewers' verdicts: dose_id, person_id (empty: nobody in the registry).")
    ] = None,
    columns: Columns = None,
    accept: Annotated[
        str | None,
        typer.Option(help="Why to use it though its training is doubtful; the model keeps the reason."),
    ] = None,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Train a model on dose files and write it."""
    from linkage.gates import gate_notes
    from linkage.nightly import train_model

    _new_file(out)
    model = train_model(doses, index, verdicts=verdicts, columns=_mapping(columns), accept=accept, n_threads=threads)
    _print_notes(gate_notes(model, ()))
    model.save(out)
    found = {name: value for name, value in model.training.items() if as_json or not isinstance(value, dict | list)}
    _print_result({"model": str(out), **found}, as_json)


@app.command()
def run(
    doses: Annotated[list[Path], typer.Option(help="Dose files; repeat the option for several.")],
    index: Annotated[Path, typer.Option(help="Folder of the index.")],
    out: Annotated[Path, typer.Option(help="Folder of runs to publish into.")],
    model: Annotated[Path | None, typer.Option(help="Model file; trains on the batch when not given.")] = None,
    list_date: Annotated[
        datetime.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the review list.")
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
    """Link dose files with the registry and publish decisions and queues."""
    from linkage.nightly import run as run_night

    bar = _Bar()
    with bar.progress:
        summary = run_night(
            doses,
            index,
            out,
            model_file=model,
            columns=_mapping(columns),
            list_date=None if list_date is None else list_date.date(),
            accept=accept,
            strict=strict,
            n_threads=threads,
            on_progress=bar,
        )
    if summary.already_done:
        talk.print(f"already published: {summary.run_dir}")
    _print_notes(summary.notes)
    keys = ("run_id", "run_dir", "counts", "seconds", "peak_rss_bytes")
    _print_result({key: getattr(summary, key) for key in keys}, as_json)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a published run, or of link.")],
    truth: Annotated[
        Path | None, typer.Option(help="dose_id and person_id, of link left_id and right_id; Parquet or CSV.")
    ] = None,
    entity: Annotated[
        str | None, typer.Option(help="Of link instead: the column of both files that names the entity, or LEFT,RIGHT.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare a run with the truth: precision, recall, calibration, queue sizes, by group; or the links of two files.

    Example: linkage evaluate linked --entity customer_no
    """
    from linkage.evaluate import evaluate as evaluate_run
    from linkage.link_folder import is_link_folder
    from linkage.reports.evaluation import render

    if is_link_folder(run):
        _evaluate_link(run, truth, entity, as_json)
        return
    if truth is None or entity is not None:
        raise UsageError(f"{run}: a run is compared with --truth, a table of dose_id and person_id")
    evaluation = evaluate_run(run, truth)
    if as_json:
        _print_json(evaluation.to_json())
    else:
        _print_table(render(evaluation))


def _evaluate_link(folder: Path, truth: Path | None, entity: str | None, as_json: bool) -> None:
    from linkage.evaluate_link import evaluate_link
    from linkage.reports.link_evaluation import render_link

    if (truth is None) == (entity is None):
        raise UsageError(f"{folder}: links are compared with --truth or with --entity, one of both")
    left, _, right = (entity or "").partition(",")
    evaluation = evaluate_link(folder, truth, None if entity is None else (left, right or left))
    if as_json:
        _print_json(evaluation.to_json())
    else:
        _print_table(render_link(evaluation))


@app.command()
def explain(
    run: Annotated[Path, typer.Argument(help="Folder of a published run, or of link.")],
    dose_id: Annotated[str, typer.Argument(help="The dose; of link the id of a left record.")],
    person: Annotated[
        str | None, typer.Option("--person", help="Why, or why not, this person; of link the id of a right record.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show why a dose was decided so: both records side by side, weights in bits, and the rivals; or a linked record.

    Example: linkage explain linked A-17 --person B-3
    """
    from linkage.explain import explain as explain_dose
    from linkage.explain_link import explain_link
    from linkage.link_folder import is_link_folder
    from linkage.reports.explanation import render
    from linkage.reports.link_explanation import render_link

    if is_link_folder(run):
        found = explain_link(run, dose_id, person)
        if as_json:
            _print_json(found)
        else:
            _print_table(render_link(found))
        return
    explanation = explain_dose(run, dose_id, person)
    if as_json:
        _print_json(explanation)
    else:
        _print_table(render(explanation))


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a published run.")],
    form: Annotated[str, typer.Option(help="appendix, daily or statistics.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    format: Annotated[
        str | None, typer.Option(help="xlsx, csv, json or html; xlsx when not given. statistics: html only.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="statistics: dose_id and person_id; adds accuracy and calibration.")
    ] = None,
    unmask: Annotated[
        bool, typer.Option("--unmask", help="statistics: show names and numbers of the example pairs in full.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the appendix table, the daily report or the page of statistics of a run."""
    from linkage.reports import write_form

    written = write_form(run, form, format, _new_file(out), truth=truth, unmask=unmask)
    _print_result({"report": str(out), "form": form, "format": written}, as_json)


@app.command()
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
    """Count the rejected rows of a run or an index by file and reason; write them to be looked at, or to be mended and
    read again."""
    from linkage.ingest.rejects import export_rejects, list_rejects, replayable

    path = _rejected(run)
    if export is not None or replay is not None:
        written = {}
        if export is not None:
            export_rejects(path, _new_file(export))
            written["export"] = str(export)
        if replay is not None:
            replayable(path, _new_file(replay))
            written["replay"] = str(replay)
        _print_result(written, as_json)
        return
    rows = list_rejects(path).to_pylist()
    if as_json:
        _print_json(rows)
        return
    table = Table("file", "reason", "rows")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    _print_table(table)


def _rejected(run: Path) -> Path:
    from linkage.publish import read_manifest

    rejected = run / "queues" / "rejected.parquet"
    if not (run / "current").is_file() or not rejected.is_file():  # of an index, whose manifests are its versions'
        read_manifest(run)
    return rejected


@app.command()
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
    """Link any two files with a plan of their own, or with a model made before."""
    from linkage.files import link_files
    from linkage.model_file import Model
    from linkage.plan import load_plan

    given = None if model is None else Model.load(model)
    if plan is None and given is None:
        raise UsageError("nothing says how to link the files; give --plan, --model or both")
    used = given.plan if plan is None and given is not None else load_plan(plan)
    bar = _Bar()
    with bar.progress:
        summary = link_files([left], [right], used, out, model=given, accept=accept, n_threads=threads, on_progress=bar)
    _print_notes(summary.notes)
    keys = ("folder", "left", "right", "links", "match_threshold", "expected_false_match_rate")
    _print_result({key: getattr(summary, key) for key in keys}, as_json)
    if summary.refusal is not None:
        raise QualityGateError(
            f"{summary.folder}: no link was made, for {summary.refusal}; look at candidates.parquet and mend the plan "
            "(shared_number = true for what relatives share, m where matches do differ so), or link with "
            f'--model {summary.folder / "model.json"} --accept "why the links hold" into another folder'
        )


@plan_app.command("init")
def plan_init(
    left: Annotated[Path, typer.Argument(help="The file whose records are to be linked.")],
    out: Annotated[Path, typer.Option(help="Plan file to write, in TOML.")],
    right: Annotated[
        Path | None, typer.Argument(help="The file to link them with; not given: duplicates within the left file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Propose a plan for two files, or for the duplicates in one, with the counts that speak for it as comments.

    Example: linkage plan init shop.csv register.csv --out plan.toml
    """
    from linkage.planning.columns import read_columns
    from linkage.planning.proposal import propose
    from linkage.planning.writing import plan_toml

    _new_file(out)
    is_self = right is None or right.resolve() == left.resolve()
    name = left.stem if is_self or right is None else f"{left.stem}_{right.stem}"
    tables = read_columns(left), None if is_self or right is None else read_columns(right)
    proposal = propose(*tables, name=name)
    out.write_text(plan_toml(proposal), encoding="utf-8")
    _print_notes(proposal.notes)
    found = {
        "plan": str(out),
        "fields": [planned.field.name for planned in proposal.planned],
        "passes": [chosen.rule.name for chosen in proposal.passes],
        "pairs": sum(chosen.n_pairs for chosen in proposal.passes),
        "matches_per_record": proposal.plan.decision.matches_per_record,
    }
    _print_result(found | ({"left_out": proposal.left_out, "notes": proposal.notes} if as_json else {}), as_json)


@plan_app.command("check")
def plan_check(
    plan: Annotated[Path, typer.Argument(help="Linkage plan in TOML.")],
    left: Annotated[Path | None, typer.Argument(help="Left file, to count pairs and values.")] = None,
    right: Annotated[Path | None, typer.Argument(help="Right file; not given: the left one again.")] = None,
    as_json: Json = False,
) -> None:
    """Check a plan: how many pairs each pass makes, how much of each field is read, what may be missing.

    Example: linkage plan check plan.toml shop.csv register.csv
    """
    from linkage.plan import load_plan
    from linkage.planning.checking import check_plan
    from linkage.reports.plan_check import render

    check = check_plan(load_plan(plan), left, left if right is None else right)
    if as_json:
        _print_json(check)
    else:
        typer.echo(render(check))


@model_app.command("show")
def model_show(model: Annotated[Path, typer.Argument(help="Model file.")], as_json: Json = False) -> None:
    """Print a model: m, u and weight of every level, and the priors."""
    from linkage.model_file import Model
    from linkage.reports.model import render

    loaded = Model.load(model)
    if as_json:
        _print_json(loaded.to_dict())
    else:
        _print_table(render(loaded))


@model_app.command("compare")
def model_compare(
    first: Annotated[Path, typer.Argument(help="Model file.")],
    second: Annotated[Path, typer.Argument(help="Model file.")],
    as_json: Json = False,
) -> None:
    """Compare the match weights of two models of one plan."""
    from linkage.model_file import Model
    from linkage.reports.model import compare

    rows = compare(Model.load(first), Model.load(second))
    if as_json:
        _print_json(rows)
        return
    table = Table("comparison", "level", "first", "second", "difference")
    for row in rows:
        table.add_row(*(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()))
    _print_table(table)


@model_app.command("export")
def model_export(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.")],
    splink: Annotated[bool, typer.Option("--splink", help="As settings of Splink 5; the one form there is.")] = False,
    tables: Annotated[
        tuple[Path, Path] | None, typer.Option(help="Left and right file, to be written as Splink is to compare them.")
    ] = None,
    units: Annotated[Path | None, typer.Option(help="Folder of administrative units by date.")] = None,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Write the nearest of what Splink cannot hold, and list it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a model as another program's settings."""
    from linkage.model_file import Model
    from linkage.splink.writing import export_files

    _need_splink(splink)
    summary = export_files(Model.load(model), out, tables=tables, units_folder=units, nearest=nearest)
    if as_json:
        _print_json(summary)
        return
    _print_result({"settings": str(summary.folder / "settings.json"), "tables": " ".join(summary.tables)}, False)
    for line in summary.deviations:
        typer.echo(line)


@model_app.command("check")
def model_check(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    tables: Annotated[tuple[Path, Path], typer.Option(help="Left and right file whose pairs are scored by both.")],
    splink: Annotated[bool, typer.Option("--splink", help="Against Splink 5; the one program there is.")] = False,
    pairs: Annotated[int, typer.Option(min=1, help="Candidates to compare, drawn at random.")] = 10_000,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Compare also where Splink cannot hold all of the model.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Score pairs by a model in another program too, and compare the match weights.

    Example: linkage model check linked/model.json --splink --tables shop.csv register.csv
    """
    from linkage.model_file import Model
    from linkage.splink.checking import check_against_splink

    _need_splink(splink)
    check = check_against_splink(Model.load(model), tables, n_pairs=pairs, nearest=nearest)
    if as_json:
        _print_json(check)
        return
    _print_notes(check.deviations)
    left, right, ours, theirs = check.worst
    found = {
        "pairs": check.pairs,
        "largest difference, bits": f"{check.largest_difference:.3g}",
        "mean difference, bits": f"{check.mean_difference:.3g}",
        "pair that differs most": f"{left} and {right}: {ours:.4f} here, {theirs:.4f} in Splink",
    }
    _print_result(found, False)


@model_app.command("import")
def model_import(
    settings: Annotated[Path, typer.Argument(help="JSON file that Splink's save_model_to_json wrote.")],
    out: Annotated[Path, typer.Option(help="Model file to write, with its plan; for link --model.")],
    splink: Annotated[bool, typer.Option("--splink", help="From settings of Splink 5; the one form there is.")] = False,
    persons: Annotated[int | None, typer.Option(min=1, help="Records of the right file, for the prior.")] = None,
    as_json: Json = False,
) -> None:
    """Read another program's settings as a model."""
    from linkage.splink.importing import import_splink, read_settings

    _need_splink(splink)
    plan, model = import_splink(read_settings(settings), persons)
    model.save(_new_file(out))
    _print_result({"model": str(out), "comparisons": len(plan.comparisons), "passes": len(plan.passes)}, as_json)


def _need_splink(is_splink: bool) -> None:
    if not is_splink:
        raise UsageError("say which program's form is meant; --splink is the one there is")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's files.")] = Path("demo"),
    persons: Annotated[int, typer.Option(min=1000, help="People in the registry.")] = 120_000,
    doses: Annotated[int, typer.Option(min=1000, help="Doses keyed in.")] = 250_000,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Simulate Bảo Lâm district, link it, and print the appendix table, the queues and the accuracy."""
    from linkage.demo import demo as run_demo

    summary = run_demo(out, persons, doses, threads, talk if as_json else Console())
    if as_json:
        _print_json(summary)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check that this machine can run the program, and say what to mend."""
    from linkage.doctor import examine

    checks = examine()
    if as_json:
        _print_json(checks)
    else:
        for check in checks:
            typer.echo(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.finding}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


if __name__ == "__main__":
    program()
