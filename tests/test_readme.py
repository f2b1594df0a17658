"""The README says what the program does: its tables, commands, codes, keys and files are those of the code."""

from __future__ import annotations

import contextlib
import csv
import inspect
import re
import shlex
import tomllib
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
import typer

from linkage import errors, schema
from linkage.cli import app
from linkage.errors import LinkageError, UsageError
from linkage.ingest.reasons import REASONS
from linkage.plan import kinds as plan_kinds
from linkage.plan import sections as plan
from linkage.plan.reading import plan_from
from linkage.published.reader import published_runs, read_manifest, read_table
from linkage.reports import write_report
from linkage.schema import Column, TableSchema

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# By file name; the candidates of two files, which have the name of those of a run, by their own.
TABLES = {
    "pairs" if name == "PAIRS" else table.name: table
    for name, table in vars(schema).items()
    if isinstance(table, TableSchema)
}
INPUTS = set(schema.INPUTS)
SIDES = ("stated", "registered")  # queues have a column of each side for many a field: one line in the README
TYPES = {
    pa.string(): "text",
    pa.binary(): "bytes",
    pa.float64(): "number",
    pa.int64(): "whole number",
    pa.int32(): "whole number",
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
    """The table of columns as the README must have it."""
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


def in_readme(name: str) -> str:
    found = re.search(rf"^<!-- table: {re.escape(name)} -->\n\n((?:\|.*\n)+)", README, re.MULTILINE)
    return found[1].rstrip("\n") if found else ""


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_of_the_schema(name: str) -> None:
    assert in_readme(name) == markdown(TABLES[name])


def test_no_table_is_of_the_readme_only() -> None:
    assert set(re.findall(r"^<!-- table: (\S+) -->$", README, re.MULTILINE)) == set(TABLES)


def test_a_changed_column_is_noticed() -> None:
    table = TABLES["decisions"]
    shorter = TableSchema(table.name, table.columns[1:])
    assert markdown(shorter) != in_readme("decisions")


def test_every_file_of_a_run_is_named() -> None:
    for table in TABLES.values():
        if table.name not in INPUTS:
            assert f"{table.name}.parquet`" in README, table.name


# ------------------------------------------------------------------------------------------ commands, codes and reasons

COMMANDS = re.findall(r"^(\./run .*?)(?: +#.*)?$", README, re.MULTILINE)


def is_understood(command: str) -> bool:
    """Whether the scripts or the command line can take the words of a command apart; nothing is run."""
    words = shlex.split(command.replace("SEED", "2022"))[1:]
    if words[0] != "linkage":
        return f"./run {words[0]}" in (ROOT / "run").read_text(encoding="utf-8")
    found: Any = typer.main.get_command(app)
    words = words[1:]
    while hasattr(found, "commands") and words[0] in found.commands:
        found, words = found.commands[words[0]], words[1:]
    try:
        return not hasattr(found, "commands") and bool(found.make_context(command, words, resilient_parsing=False))
    except Exception as error:
        if not hasattr(error, "format_message"):  # what the command line says to its user has one
            raise
        return False


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command: str) -> None:
    assert is_understood(command)


@pytest.mark.parametrize(
    "command", ["./run tests", "./run linkage runn", "./run linkage doctor --quick", "./run linkage link a b"]
)
def test_a_wrong_command_is_noticed(command: str) -> None:
    assert not is_understood(command)


def test_every_command_of_the_program_stands_in_the_readme() -> None:
    program: Any = typer.main.get_command(app)
    for name in program.commands:
        assert re.search(rf"\./run (linkage )?{name}\b", README), name


def test_the_exit_codes_are_those_of_the_errors() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    family = [error for error in vars(errors).values() if inspect.isclass(error) and issubclass(error, LinkageError)]
    raised = {error.exit_code for error in family}
    assert listed == raised | {0, 130}


def test_every_reason_of_a_rejection_is_explained() -> None:
    for code in REASONS.values():
        assert f"`{code.format(key='dose_id')}`" in README, code


# ----------------------------------------------------------------------------------------------------- plan and mapping


def block(kind: str, name: str) -> str:
    """The fenced block under a mark: a file that the reader saves, or what is shown of a result."""
    found = re.search(rf"^<!-- {kind}: {re.escape(name)} -->\n```\w+\n(.*?)```", README, re.DOTALL | re.MULTILINE)
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


def test_every_key_of_a_plan_is_explained() -> None:
    section = README.partition("## The plan file")[2].partition("\n## ")[0]
    rows = re.findall(r"^\|(.*?)\|", section, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`\[*(\w+)\]*`", row)}
    structs = (plan.Plan, plan.Decision, plan.Training, plan.Field, plan.Verified, plan.Pass, plan.Comparison)
    keys = {field.encode_name for struct in structs for field in msgspec.structs.fields(struct)}
    assert keys - named == set()
    for kind in (*plan_kinds.FIELD_KINDS, *plan_kinds.COMPARISON_KINDS, *plan_kinds.TEXT_MEASURES):
        assert f"`{kind}`" in section, kind


# ------------------------------------------------------------------------------------------------------------- the walk


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reader who saved every file shown and typed in every command, in their order."""
    folder = tmp_path_factory.mktemp("walk")
    for name in re.findall(r"^<!-- file: (\S+) -->$", README, re.MULTILINE):
        (folder / name).write_text(block("file", name), encoding="utf-8")
    (folder / "mend.csv").unlink()  # shown as the program writes it
    with contextlib.chdir(folder):
        for command in COMMANDS:
            words = shlex.split(command)[1:]
            if words[0] == "linkage" and not re.search(r"evaluation|benchmarks/", command):
                if "mend.csv" in words and "run" in words:
                    mend(folder / "mend.csv")
                run = run_of("doses.parquet" if "evaluate" in words else "station.csv")
                app([word.replace("runs/RUN", str(run)) for word in words[1:]], standalone_mode=False)
    return folder


def run_of(file: str) -> Path | None:
    """The run that linked a file."""
    found = (run for run in published_runs(Path("runs")) if read_manifest(run)["inputs"][0]["file"] == file)
    return next(found, None)


def mend(path: Path) -> None:
    """As the README tells the reader: the first row gets its missing cells, the second is deleted."""
    text = path.read_text(encoding="utf-8-sig")
    path.with_name("as_replayed.csv").write_text(text, encoding="utf-8")
    header, short, _ = text.splitlines()
    path.write_text(f"{header}\n{short},Việt Nam,0395834106,00001,11/08/2021\n", encoding="utf-8")


def test_the_walk_gives_what_is_shown(walked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(walked)
    run = run_of("station.csv")
    assert run is not None
    names = ["dose_id", "status", "person_id", "issue", "wrong_fields"]
    decisions = read_table(run, "decisions", names).to_pylist()
    _, *shown = block("shown", "decisions").splitlines()
    for line, row in zip(shown, decisions, strict=True):
        fields = f"[{', '.join(row['wrong_fields'])}]"
        cells = [row[name] for name in names[:-1]]
        # The probability, the only figure with a point, depends on the model.
        assert re.sub(r"\b[01]\.\d+\b", "", line).split() == " ".join([c for c in cells if c] + [fields]).split()
    counts = [f"{status} {n}" for status, n in Counter(row["status"] for row in decisions).items()]
    assert all(count in README for count in counts)
    write_report(run, "appendix", "csv", walked / "appendix.csv")
    assert (walked / "appendix.csv").read_text(encoding="utf-8-sig") == block("shown", "appendix")
    assert (walked / "as_replayed.csv").read_text(encoding="utf-8") == block("file", "mend.csv")
    mended = run_of("mend.csv")
    assert mended is not None
    assert read_manifest(mended)["inputs"][0]["rejected"] == 0
    assert (walked / "appendix.xlsx").is_file()
    assert (walked / "linked" / "links.parquet").is_file()


# -------------------------------------------------------------------------------------------------------------- wording


def test_links_within_the_readme_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        else:
            assert (ROOT / target).exists(), target
