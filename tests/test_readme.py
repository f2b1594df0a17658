"""README and the pages of docs/ say what the program does: tables, commands, codes, keys and files are the code's."""

from __future__ import annotations

import contextlib
import csv
import inspect
import re
import shlex
import tomllib
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import typer

from benchmarks import figures
from linkage import errors, reports, schema
from linkage.cli import app
from linkage.doses import batch, schedule
from linkage.errors import LinkageError, UsageError
from linkage.exports import tables
from linkage.exports.forms import STATISTICS
from linkage.ingest.readers import READERS
from linkage.ingest.reasons import REASONS
from linkage.plan import kinds as plan_kinds
from linkage.plan import sections as plan
from linkage.plan.reading import plan_from
from linkage.published.reader import published_runs, read_manifest, read_table
from linkage.reports import write_report
from linkage.schema import Column, TableSchema
from linkage.simulate.shocks import SHOCKS
from linkage.standardise import places_files
from tests.raised import raised_errors

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
TEXT = "\n".join(PAGES.values())
README, OPERATION, PLAN = PAGES["README.md"], PAGES["docs/operation.md"], PAGES["docs/plan.md"]
WALK = (README, OPERATION, PLAN)  # the pages whose commands can be typed in one after the other
README_LINES = 250
# By file name; the candidates of two files, which have the name of those of a run, by their own.
TABLES = {
    "pairs" if name == "PAIRS" else table.name: table
    for name, table in vars(schema).items()
    if isinstance(table, TableSchema)
}
INPUTS = set(schema.INPUTS)
FAMILY = [error for error in vars(errors).values() if inspect.isclass(error) and issubclass(error, LinkageError)]
SIDES = ("stated", "registered")  # queues have a column of each side for many a field: one line in its table
TYPES = {
    pa.string(): "text",
    pa.binary(): "bytes",
    pa.float64(): "number",
    pa.int64(): "whole number",
    pa.int32(): "whole number",
    pa.int16(): "whole number",
    pa.int8(): "whole number",
    pa.bool_(): "true/false",
    pa.date32(): "date",
    pa.list_(pa.string()): "list of text",
    pa.list_(pa.float64()): "list of numbers",
}


# ---------------------------------------------------------------------------------------------------- tables of columns


def side_of(column: Column) -> str | None:
    side, _, rest = column.name.partition("_")
    return side if side in SIDES and rest else None


def markdown(table: TableSchema) -> str:
    """The table of columns as the page must have it."""
    if table.name in INPUTS:
        lines = ["| column | meaning | when empty |", "|---|---|---|"]
        for c in table.columns:
            needed = " (column needed)" if c.required else ""
            lines.append(f"| `{c.name}`{needed} | {c.meaning} | {'row is rejected' if c.key else c.missing} |")
        return "\n".join(lines)
    lines = ["| column | type | meaning | when missing |", "|---|---|---|---|"]
    for side, group in groupby(table.columns, side_of):
        columns = list(group)
        if side is None:
            lines += [f"| `{c.name}` | {TYPES[c.type]} | {c.meaning} | {c.missing} |" for c in columns]
            continue
        names = ", ".join(f"`{c.name}`" for c in columns)
        first = columns[0]
        meaning = first.meaning.replace(first.name.removeprefix(f"{side}_"), "the field")
        lines.append(f"| {names} | {TYPES[first.type]} | {meaning} | {first.missing} |")
    return "\n".join(lines)


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second order."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def on_page(name: str) -> str:
    found = re.search(rf"^<!-- table: {re.escape(name)} -->\n\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return found[1].rstrip("\n") if found else ""


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_of_the_schema(name: str) -> None:
    assert on_page(name) == markdown(TABLES[name])


def test_no_table_is_of_the_pages_only_and_none_stands_twice() -> None:
    assert sorted(re.findall(r"^<!-- table: (\S+) -->$", TEXT, re.MULTILINE)) == sorted(TABLES)


def test_a_changed_column_is_noticed() -> None:
    table = TABLES["decisions"]
    shorter = TableSchema(table.name, table.columns[1:])
    assert markdown(shorter) != on_page("decisions")


def test_every_file_of_a_run_is_named() -> None:
    for table in TABLES.values():
        if table.name not in INPUTS:
            assert f"{table.name}.parquet`" in PAGES["docs/output.md"], table.name


# ------------------------------------------------------------------------------------------ commands, codes and reasons


def commands_of(text: str) -> list[str]:
    return re.findall(r"^(\./run .*?)(?: +#.*)?$", text, re.MULTILINE)


def is_understood(command: str) -> bool:
    """Whether the scripts or the command line can take the words of a command apart; nothing is run."""
    words = shlex.split(command.replace("SEED", "2022"))[1:]
    if words[0] != "linkage":
        return f"./run {words[0]}" in (ROOT / "run").read_text(encoding="utf-8")
    found: Any = typer.main.get_command(app)
    words = words[1:]
    while hasattr(found, "commands"):
        n = next((n for n in (2, 1) if " ".join(words[:n]) in found.commands), 0)  # "simulate nights" is of two words
        if n == 0:
            break
        found, words = found.commands[" ".join(words[:n])], words[n:]
    try:
        return not hasattr(found, "commands") and bool(found.make_context(command, words, resilient_parsing=False))
    except Exception as error:
        if not hasattr(error, "format_message"):  # what the command line says to its user has one
            raise
        return False


@pytest.mark.parametrize("command", dict.fromkeys(commands_of(TEXT)))
def test_every_command_is_understood(command: str) -> None:
    assert is_understood(command)


@pytest.mark.parametrize(
    "command", ["./run tests", "./run linkage runn", "./run linkage doctor --quick", "./run linkage link a b"]
)
def test_a_wrong_command_is_noticed(command: str) -> None:
    assert not is_understood(command)


def test_every_command_of_the_program_stands_on_a_page() -> None:
    program: Any = typer.main.get_command(app)
    for name, command in program.commands.items():
        for words in [f"{name} {part}" for part in getattr(command, "commands", {})] or [name]:
            assert re.search(rf"\b{words}\b", TEXT), words
        assert re.search(rf"\./run (linkage )?{name}\b", TEXT), name


def test_the_exit_codes_are_those_of_the_errors() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", section(OPERATION, "Exit codes"), re.MULTILINE)}
    assert listed == {error.exit_code for error in raised_errors()} | {0, 130}


def test_every_reason_of_a_rejection_is_explained() -> None:
    for code in REASONS.values():
        assert f"`{code.format(key='dose_id')}`" in section(PAGES["docs/output.md"], "Queues"), code


def words_of_the_program() -> dict[str, set[str]]:
    """By page what a user meets in results, or types, and has to find explained there."""
    statuses, issues, conflicts = set(schema.STATUSES), set(schema.ISSUES), set(schedule.LABELS.values())
    excluded = {reason for reason in batch.EXCLUDED_REASONS.to_pylist() if reason}
    kinds = {error.kind for error in FAMILY}
    formats = {*reports.FORMATS, *tables.FORMATS}
    units = {places_files.UNITS_2021, places_files.CROSSWALK, places_files.OFFICIAL_2025}
    return {
        "README.md": statuses,
        "docs/output.md": issues | conflicts | excluded,
        "docs/operation.md": kinds | {f"`{form}`" for form in (*reports.FORMS, STATISTICS)} | formats,
        "docs/input.md": {*SHOCKS, *READERS, *units},
    }


@pytest.mark.parametrize("page", words_of_the_program())
def test_the_words_of_the_program_are_explained(page: str) -> None:
    for word in words_of_the_program()[page]:
        assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", PAGES[page]), word


# ----------------------------------------------------------------------------------------------------- plan and mapping


def block(kind: str, name: str) -> str:
    """The fenced block under a mark: a file that the reader saves, or what is shown of a result."""
    found = re.search(rf"^<!-- {kind}: {re.escape(name)} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None, name
    return found[1]


def test_the_plan_shown_is_a_plan() -> None:
    content = tomllib.loads(block("file", "small.toml"))
    assert plan_from(content, "README").name == "two_lists"
    with pytest.raises(UsageError, match="unknown kind"):
        plan_from(content | {"field": [{"name": "name", "kind": "nonsense"}]}, "README")


def test_the_mapping_shown_fits_the_file_shown() -> None:
    mapping = tomllib.loads(block("file", "columns.toml"))
    header = next(csv.reader(block("file", "station.csv").splitlines()))
    assert list(mapping) == header
    assert set(mapping.values()) <= set(schema.DOSES.names)


def keys_of_plans() -> set[str]:
    structs = (plan.Plan, plan.Decision, plan.Training, plan.Field, plan.Verified, plan.Pass, plan.Comparison)
    return {field.encode_name for struct in structs for field in msgspec.structs.fields(struct)}


def test_every_key_of_a_plan_is_explained() -> None:
    keys_told = section(PLAN, "The keys of a plan")
    rows = re.findall(r"^\|(.*?)\|", keys_told, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`\[*(\w+)\]*`", row)}
    assert keys_of_plans() - named == set()
    for kind in (*plan_kinds.FIELD_KINDS, *plan_kinds.COMPARISON_KINDS, *plan_kinds.TEXT_MEASURES):
        assert f"`{kind}`" in keys_told, kind


# ------------------------------------------------------------------------------------------------------------- the walk


@dataclass(frozen=True)
class Walked:
    """folder: of a reader who saved every file shown and typed in every command, in their order; run: that of the
    README."""

    folder: Path
    run: Path


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    folder = tmp_path_factory.mktemp("walk")
    for name in re.findall(r"^<!-- file: (\S+) -->$", TEXT, re.MULTILINE):
        (folder / name).write_text(block("file", name), encoding="utf-8")
    (folder / "mend.csv").unlink()  # shown as the program writes it
    runs = []
    with contextlib.chdir(folder):
        for page in WALK:
            for command in commands_of(page):
                type_in(command, folder)
            runs.append(newest_run("station.csv"))
    return Walked(folder, folder / runs[0])


def type_in(command: str, folder: Path) -> None:
    words = shlex.split(command)[1:]
    if words[0] != "linkage":
        return
    if "mend.csv" in words and "run" in words:
        mend(folder / "mend.csv")
    if words[1] == "night":
        deliver(folder)
    if any("runs/RUN" in word for word in words):
        run = newest_run("doses.parquet" if "evaluate" in words else "station.csv")
        words = [word.replace("runs/RUN", str(run)) for word in words]
    app(words[1:], standalone_mode=False)


def deliver(folder: Path) -> None:
    """Doses for the night of the page, some of those simulated."""
    place = folder / "in" / "2022-08-29" / "doses.parquet"
    place.parent.mkdir(parents=True, exist_ok=True)
    doses = pq.read_table(folder / "town" / "doses.parquet")
    is_shown = pc.is_in(doses["dose_id"], pa.array(re.findall(r"D0\d{8}", OPERATION)))
    pq.write_table(pa.concat_tables([doses.filter(is_shown), doses.filter(pc.invert(is_shown)).slice(0, 500)]), place)


def newest_run(file: str) -> Path:
    """The run that linked a file last."""
    runs = (run for run in published_runs(Path("runs")) if read_manifest(run)["inputs"][0]["file"] == file)
    return max(runs, key=lambda run: run.stat().st_mtime_ns)


def mend(path: Path) -> None:
    """As the page tells the reader: the first row gets its missing cells, the second is deleted."""
    text = path.read_text(encoding="utf-8-sig")
    path.with_name("as_replayed.csv").write_text(text, encoding="utf-8")
    header, short, _ = text.splitlines()
    path.write_text(f"{header}\n{short},Việt Nam,0395834106,00001,11/08/2021\n", encoding="utf-8")


def without_figures(line: str) -> list[str]:
    """The words of a line but probabilities and bits, the only figures with a point: they depend on the model."""
    return re.sub(r"[-+]?\b\d+\.\d+\b", "", line).split()


def test_the_walk_gives_what_is_shown(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(walked.folder)
    names = ["dose_id", "status", "person_id", "issue", "wrong_fields"]
    decisions = read_table(walked.run, "decisions", names).to_pylist()
    _, *shown = block("shown", "decisions").splitlines()
    for line, row in zip(shown, decisions, strict=True):
        fields = f"[{', '.join(row['wrong_fields'])}]"
        cells = [row[name] for name in names[:-1]]
        assert without_figures(line) == " ".join([c for c in cells if c] + [fields]).split()
    counts = [f"{status} {n}" for status, n in Counter(row["status"] for row in decisions).items()]
    assert all(count in README for count in counts)
    write_report(walked.run, "appendix", "csv", walked.folder / "appendix.csv")
    assert (walked.folder / "appendix.csv").read_text(encoding="utf-8-sig") == block("shown", "appendix")
    assert (walked.folder / "as_replayed.csv").read_text(encoding="utf-8") == block("file", "mend.csv")
    assert read_manifest(newest_run("mend.csv"))["inputs"][0]["rejected"] == 0
    assert (walked.folder / "appendix.xlsx").is_file()
    assert (walked.folder / "linked" / "links.parquet").is_file()


@pytest.mark.parametrize(
    ("name", "command"), [("explanation", ["explain", "D000004781"]), ("reasons", ["rejects"])], ids=lambda x: str(x)
)
def test_what_commands_print_is_shown(
    walked: Walked,
    name: str,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(walked.folder)
    monkeypatch.setenv("COLUMNS", "200")
    app([command[0], str(walked.run), *command[1:]], standalone_mode=False)
    printed = [without_figures(line) for line in capsys.readouterr().out.splitlines()]
    for line in block("shown", name).splitlines():
        assert without_figures(line) in printed, line


# -------------------------------------------------------------------------------------------------------------- wording


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", without_code(PAGES[page])):
        path, _, place = target.partition("#")
        linked = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert linked.exists(), target
        if place:
            text = PAGES[linked.relative_to(ROOT).as_posix()]
            headings = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
            assert place in map(anchor, headings), target


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_project_that_are_named_exist(page: str) -> None:
    named = re.findall(r"`((?:linkage|models|blocking|tests|benchmarks|docs)/[\w./-]+)`", PAGES[page])
    tests = [f"tests/{name}" for name in re.findall(r"`(test_\w+\.py)`", PAGES[page])]
    for name in (*named, *tests):
        is_pattern = re.search(r"[A-Z]{4}", name) is not None  # models/comparators/KIND.py
        assert is_pattern or (ROOT / name).exists(), name


@pytest.mark.parametrize(("page", "heading"), [("docs/operation.md", "Nights"), ("docs/review.md", "Pages")])
def test_every_promise_has_its_test(page: str, heading: str) -> None:
    named = re.findall(r"`(test_\w+\.py)(?:::(\w+))?`", section(PAGES[page], heading))
    for file, name in named:
        assert not name or f"\ndef {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), name
    assert sum(bool(name) for _, name in named) > 7


def test_what_files_are_said_to_hold_is_in_them() -> None:
    """`linkage/schema/queues.py`: the column in `REVIEW_QUEUE`; constants and functions, but the keys of plans."""
    steps = re.findall(
        r"^(?:\d\.|-) (.*(?:\n +.*)*)", section(PAGES["docs/design.md"], "Where to change what"), re.MULTILINE
    )
    n_held = 0
    for step in steps:
        files = re.findall(r"`((?:linkage|models|tests|benchmarks)/[\w/]+\.py)`", step)
        code = "\n".join((ROOT / path).read_text(encoding="utf-8") for path in files if (ROOT / path).exists())
        for name in set(re.findall(r"`(_?[A-Z][A-Z_]{3,}|_[a-z_]+|[a-z]+_[a-z_]+)`", step)) - keys_of_plans():
            assert re.search(rf"^(?: *def )?{name}\b", code, re.MULTILINE), name
            n_held += 1
    assert n_held > 40


FOREIGN = r"\b(dear|kin|outline|rivals?|he|his|him|human being)\b"  # to the field's plain English


@pytest.mark.parametrize("page", PAGES)
def test_the_words_are_those_of_the_field(page: str) -> None:
    assert re.findall(FOREIGN, without_code(PAGES[page])) == []


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    assert README.count("\n") <= README_LINES
    assert {page for page in PAGES if f"]({page})" in README} == set(PAGES) - {"README.md"}


def test_the_house_is_that_of_the_import_linter() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contracts = settings["importlinter"]["contracts"]
    floors = next(contract["layers"] for contract in contracts if contract.get("containers") == ["linkage"])
    house = section(PAGES["docs/design.md"], "The house")
    drawn = [re.split(r"\s{2,}", line)[0] for line in house.partition("```\n")[2].partition("```")[0].splitlines()]
    assert drawn == [floor for floor in floors if floor != "__main__"]
    told = {name for cells in re.findall(r"^\|(.*?)\|", house, re.MULTILINE) for name in re.findall(r"`(\w+)`", cells)}
    assert told == {wing for floor in drawn for wing in floor.split(" | ")}


def test_the_figures_are_those_of_the_results() -> None:
    written = PAGES["docs/figures.md"]
    assert set(re.findall(r"^<!-- figures: (\w+) -->$", written, re.MULTILINE)) == set(figures.TABLES)
    assert written == figures.page(written), "stale: python -m benchmarks.figures"
    stale = "<!-- figures: bare -->\n\n| stale |\n\nby hand"
    assert figures.page(stale) not in (stale, "")
