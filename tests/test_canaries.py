"""Personal data stands in tables alone: planted words are in no manifest, model, report, error, note or result."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage import schema
from linkage.ingest import for_manifest
from linkage.reports import FORMATS, FORMS
from linkage.schema import DOSES, INPUTS, PERSONAL, REGISTRY, TableSchema
from linkage.simulate import simulate
from linkage.wording.masking import shape_of
from tests.district import Called, call

# What is planted, by column; the same words in both inputs would be found by linking, so each has its own.
DOSE = {
    "full_name": "Canhdose Thị Vanhdose",
    "date_of_birth": "17/03/1947",
    "id_number": "068147999001",
    "phone": "0987000111",
    "insurance_number": "DN4797000222333",
    "nationality": "Canhland",
    "ethnicity": "Canhfolk",
    "province": "Canhprovince",
    "district": "Canhdistrict",
    "commune": "Canhcommune",
    "address": "Canhstreet 12",
    "gender": "Canhsex",
}
PERSON = {
    "full_name": "Canhperson Văn Vanhperson",
    "date_of_birth": "1953-11-27",
    "id_number": "068053999002",
    "old_id_number": "250999003",
    "phone": "0987000444",
    "insurance_number": "DN4797000555666",
    "ethnicity": "Canhkin",
    "date_of_death": "Canhdeath",
}
CODES = {"commune_code": "Canhcode", "residence_commune_code": "Canhhome"}  # words in columns of codes
OTHERS = {
    "ignored": "Canhignored",
    "header": "Canhheader",
    "verdict": "Canhverdict",
    "customer": "Canhcustomer Vanhcustomer",
}
WORDS = sorted(
    {word for values in (DOSE, PERSON, CODES, OTHERS) for value in values.values() for word in [value, *value.split()]}
    - {"Thị", "Văn", "12"}
)
# Files that hold tables of people; everything else is looked at.
TABLES = {".parquet", ".npy", ".arrow"}
N_PLANTED = 12


def planted(path: Path, values: dict[str, str], out: Path) -> Path:
    """An input with the words in some rows, and a column that nobody reads."""
    rows = pq.read_table(path).to_pylist()
    for number, row in enumerate(rows[:N_PLANTED]):
        row |= values | {"full_name": f"{values['full_name']} {'abcdefghijkl'[number]}"}
    table = pa.Table.from_pylist([row | {OTHERS["header"]: OTHERS["ignored"]} for row in rows])
    pq.write_table(table, out)
    return out


def found_in(text: str) -> list[str]:
    return [word for word in WORDS if word.casefold() in text.casefold()]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    simulate(900, 900, 4, folder / "data", area="bao-lam")
    planted(folder / "data" / "doses.parquet", DOSE, folder / "doses.parquet")
    planted(folder / "data" / "registry.parquet", PERSON | CODES, folder / "registry.parquet")
    doses = pq.read_table(folder / "doses.parquet")
    pq.write_table(pa.concat_tables([doses, doses.slice(0, 1)]), folder / "doses.parquet")  # the second is rejected
    rows = doses.to_pylist()
    dose_ids = [row["dose_id"] for row in rows]
    verdicts = [{"dose_id": dose, "person_id": "", "note": OTHERS["verdict"]} for dose in dose_ids[:40]]
    write(folder / "verdicts.csv", verdicts)
    write(folder / "unknown_verdicts.csv", [{"dose_id": "D-none", "person_id": "", "note": OTHERS["verdict"]}])
    write(folder / "twice.csv", [{"dose_id": "D1", **DOSE}, {"dose_id": "D1", **DOSE, "address": "Canhstreet"}])
    write(folder / "no_name.csv", [{name: value for name, value in DOSE.items() if name != "full_name"}] * 3)
    (folder / "no_header.csv").write_text("\n".join([",".join(DOSE.values())] * 3) + "\n", "utf-8")
    person = pq.read_table(folder / "registry.parquet").to_pylist()[20]["person_id"]
    write(folder / "changes.csv", [{"person_id": person, **PERSON, "date_of_death": ""}])
    write(folder / "bad_changes.csv", [{"person_id": person, **PERSON, "status": "gone"}])
    customers = [
        {
            "id": f"c{i}",
            "name": f"{OTHERS['customer']} {'abcdefghij'[i % 10]}{'klmnopqrst'[i // 10]}",
            "phone": DOSE["phone"],
            "born": f"{1950 + i % 50}-0{1 + i % 9}-1{i % 7}",
            "town": "Canhstreet" if i % 3 else "elsewhere",
        }
        for i in range(100)
    ]
    write(folder / "left.csv", customers)
    write(folder / "right.csv", customers[::-1])
    return folder


def write(path: Path, rows: list[dict[str, str]]) -> None:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def test_every_personal_column_is_planted() -> None:
    assert set(DOSE) == {column.name for column in DOSES.columns if column.personal}
    assert set(PERSON) | {"gender"} == {column.name for column in REGISTRY.columns if column.personal}
    assert {column.name for table in INPUTS.values() for column in table.columns if column.personal} == PERSONAL


def commands(town: Path, out: Path) -> Iterator[tuple[str, list[object]]]:
    """Every command that reads people, in order; what fails does so with what it is given."""
    doses, index, model = town / "doses.parquet", out / "index", out / "model.json"
    batch = ["--doses", doses, "--index", index, "--accept", "a test"]
    yield "build", ["index", "build", town / "registry.parquet", "--out", index, "--units", town / "data" / "units"]
    yield "build without units", ["index", "build", town / "registry.parquet", "--out", out / "plain"]
    yield "build of doses", ["index", "build", doses, "--out", out / "none"]
    yield "apply", ["index", "apply", town / "changes.csv", "--index", index, "--partial"]
    yield "apply of what is wrong", ["index", "apply", town / "bad_changes.csv", "--index", index, "--partial"]
    yield "apply of what loses", ["index", "apply", town / "bad_changes.csv", "--index", index]
    yield "info", ["index", "info", index, "--json"]
    yield "train", ["train", *batch, "--verdicts", town / "verdicts.csv", "--out", model, "--json"]
    yield "train with others' verdicts", ["train", *batch, "--verdicts", town / "unknown_verdicts.csv", "--out", model]
    yield "run", ["run", *batch, "--model", model, "--out", out / "runs", "--json"]
    for name in ("twice", "no_name", "no_header", "left"):
        yield name, ["run", "--doses", town / f"{name}.csv", *batch[2:], "--model", model, "--out", out / name]
    files, plan = [town / "left.csv", town / "right.csv"], out / "plan.toml"
    yield "plan init", ["plan", "init", *files, "--out", plan, "--json"]
    yield "plan check", ["plan", "check", plan, *files]
    yield "plan check of doses", ["plan", "check", plan, doses, files[1]]
    yield "link", ["link", *files, "--plan", plan, "--out", out / "linked", "--json", "--accept", "a test"]
    yield "link of doses", ["link", doses, files[1], "--plan", plan, "--out", out / "refused"]
    yield "model show", ["model", "show", model, "--json"]


def of_run(town: Path, out: Path) -> Iterator[tuple[str, list[object]]]:
    """Every command that reads a run."""
    (run,) = [path for path in (out / "runs").iterdir() if path.is_dir()]
    truth = ["--truth", town / "data" / "truth.parquet"]
    yield "evaluate", ["evaluate", run, *truth, "--json"]
    yield "evaluate by doses", ["evaluate", run, "--truth", town / "doses.parquet"]
    yield "rejects", ["rejects", run]
    for form in FORMS:
        for fmt in FORMATS:
            yield f"{form} {fmt}", ["report", run, "--form", form, "--out", out / f"{form}.{fmt}"]
    yield "statistics", ["report", run, "--form", "statistics", "--out", out / "statistics.html", *truth]
    yield "explain nobody", ["explain", run, "D-none"]


def texts_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder that is no table, as text; of a workbook what lies in it."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in TABLES or path.name == "dictionaries.json":
            continue
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as book:
                yield str(path), "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
        else:
            yield str(path), path.read_text("utf-8", "replace")


@dataclass(frozen=True)
class Ended:
    """What every command printed, and the folder that all wrote into."""

    called: dict[str, Called]
    folder: Path


@pytest.fixture(scope="module")
def all_ended(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    out = tmp_path_factory.mktemp("out")
    called = {name: call(*arguments) for of in (commands, of_run) for name, arguments in of(town, out)}
    return Ended(called, out)


def test_what_is_planted_stands_in_tables_alone(all_ended: Ended) -> None:
    ended, folder = all_ended.called, all_ended.folder
    worked = {name for name, one in ended.items() if one.code == 0}
    needed = {"build", "build without units", "apply", "train", "run", "link", "evaluate", "statistics", "plan check"}
    assert needed <= worked, {name: ended[name].err for name in needed - worked}
    assert "Traceback" not in "".join(one.err for one in ended.values())
    # The name of a column that is not read is told, and not kept.
    printed = {name: (one.out + one.err).replace(OTHERS["header"], "") for name, one in ended.items()}
    leaks = {name: found_in(text) for name, text in printed.items()}
    leaks |= {path.removeprefix(str(folder)): found_in(text) for path, text in texts_in(folder)}
    assert {where: words for where, words in leaks.items() if words} == {}, json.dumps(
        {name: one.err for name, one in ended.items() if leaks[name]}, ensure_ascii=False, indent=1
    )


OUTPUTS = [table for table in vars(schema).values() if isinstance(table, TableSchema) and table.name not in INPUTS]
# Values of these are one person's, so that no table has them by chance; of the others many people have the same.
OF_ONE = ("full_name", "date_of_birth", "id_number", "old_id_number", "phone", "insurance_number")
_LONG = 8  # letters and digits; a year is no date of birth


def told_of_people(town: Path, names: Collection[str]) -> set[str]:
    """What the inputs state in some columns."""
    tables = [pq.read_table(town / f"{name}.parquet") for name in ("doses", "registry")]
    columns = [table[name] for table in tables for name in table.column_names if name in names]
    return {str(value) for column in columns for value in column.to_pylist() if value}


def values_in(column: pa.ChunkedArray) -> set[str]:
    """The values of a column as text; of a stored record those of its cells."""
    found: set[str] = set()
    for value in column.to_pylist():
        if isinstance(value, bytes):
            found |= {str(cell) for cell in json.loads(value).values()}
        else:
            found |= {str(one) for one in value} if isinstance(value, list) else {str(value)}
    return found


def test_what_is_personal_in_tables_is_marked_so_and_nothing_else(town: Path, all_ended: Ended) -> None:
    of_one = {value for value in told_of_people(town, OF_ONE) if len(value) >= _LONG}
    of_people = told_of_people(town, PERSONAL)
    (run,) = [path for path in (all_ended.folder / "runs").iterdir() if path.is_dir()]
    published = [table for table in OUTPUTS if (run / f"{table.name}.parquet").is_file()]
    assert {table.name for table in OUTPUTS} - {table.name for table in published} == {"links", "entities"}
    marked_so: set[str] = set()
    holding: set[str] = set()
    for table in published:
        columns = pq.read_table(run / f"{table.name}.parquet")
        marked = {column.name for column in table.columns if column.personal}
        for name in columns.column_names:
            values = values_in(columns[name])
            assert name in marked or not values & of_one, f"{table.name}.{name} holds personal values: mark it so"
            holding |= {name} if values & of_people else set()
        marked_so |= marked
    assert marked_so <= holding  # a queue of few claims may lack a value that another has


def test_what_is_planted_is_in_the_tables(town: Path) -> None:
    assert found_in(json.dumps(pq.read_table(town / "doses.parquet").to_pylist(), ensure_ascii=False))
    assert found_in("… Canhdose …") == ["Canhdose"]


def test_what_a_manifest_keeps_of_a_note() -> None:
    note = "title rows above the header skipped: 2; columns ignored: Nguyễn Văn A, 3 … ; error cells read as empty: 3"
    assert for_manifest(note) == "title rows above the header skipped: 2; columns ignored; error cells read as empty: 3"
    reason = "a.csv: column dose_id missing (found: phone, 2 unknown: Nguyễn (Văn) A, B): add it, or map its name"
    assert for_manifest(reason) == "a.csv: column dose_id missing: add it, or map its name"


def test_a_form_shows_no_letter_and_no_digit() -> None:
    assert shape_of("Trần Thị Lý, 03/04/1981") == "aaaa aaa aa, 99/99/9999"
    assert shape_of("9" * 40) == "9" * 30 + "…"
