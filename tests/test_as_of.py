"""Dates are judged as of a stated day or the newest that the inputs support: the same bytes whatever the clock says."""

from __future__ import annotations

import ast
import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from linkage.cli.options import day
from linkage.ingest.records import Records
from linkage.machine import clock
from linkage.night.run import run
from linkage.plan.reading import load_plan
from linkage.registry.as_of import UNSTATED, as_of, as_of_notes, of_records
from linkage.registry.build import build_index
from linkage.registry.from_files import apply_changes, build_from_files, compact_index
from linkage.registry.index import open_index
from linkage.simulate import simulate
from linkage.standardise.dates import stated_dates

ROOT = Path(__file__).parents[1]
DAY = datetime.date
CLOCKS = (DAY(1999, 12, 31), DAY(2019, 6, 1), DAY(2031, 1, 1))


def found(texts: list[str | None], **settings: DAY) -> tuple[str, int]:
    judged = as_of([pa.array(texts, pa.string())], **settings)
    return judged.date.isoformat(), judged.n_later


@pytest.mark.parametrize(
    ("texts", "date"),
    [
        (["03/04/1981", "2022-04-05", "1950"], "2022-04-05"),
        (["ngày 5 tháng 4 năm 2022", "05/05/1981"], "2022-04-05"),
        (["2022-04", "2022-03-30"], "2022-04-30"),
        (["1950", "2021"], "2021-12-31"),
        (["30/02/2020", "01/01/2020"], "2020-02-29"),
        (["03/04/81", "", None, "unknown"], UNSTATED.isoformat()),
        ([], UNSTATED.isoformat()),
    ],
)
def test_the_newest_date_with_all_digits_of_its_year_counts(texts: list[str | None], date: str) -> None:
    assert found(texts) == (date, 0)


def test_a_typing_error_does_not_set_the_day_for_all_others() -> None:
    births = [f"{year}-06-15" for year in range(1960, 2022)]
    assert found(births) == ("2021-06-15", 0)
    assert found([*births, "2091-06-15"]) == ("2021-06-15", 1)
    assert found([*births, "2022-08-01", "2022-08-02", "2091-06-15"]) == ("2022-08-02", 1)


def test_changes_are_judged_by_what_was_read_before() -> None:
    assert found(["2022-04-07"], known=DAY(2022, 4, 5)) == ("2022-04-07", 0)
    assert found(["2092-04-07"], known=DAY(2022, 4, 5)) == ("2022-04-05", 1)
    assert found(["1981-04-07"], known=DAY(2022, 4, 5)) == ("2022-04-05", 0)
    assert found([], known=DAY(2022, 4, 5)) == ("2022-04-05", 0)


def test_how_near_a_date_is_goes_by_those_before_it() -> None:
    births = [str(DAY(2015, 1, 1) + datetime.timedelta(days)) for days in range(0, 2600, 2)]  # to 11 February 2022
    for ahead in (40, 365, 4 * 365):
        later = str(DAY(2022, 2, 11) + datetime.timedelta(ahead))
        assert found([*births, later]) == ("2022-02-11", 1)
    assert found([*births, "2022-03-01"]) == ("2022-03-01", 0)
    assert found([*births, "2022-07-01", "2022-07-09"]) == ("2022-07-09", 0)
    few = [f"{year}-{month:02}-15" for year in range(2010, 2022) for month in (2, 8)]  # one in half a year
    assert found([*few, "2022-12-01"]) == ("2022-12-01", 0)


def test_a_change_far_ahead_of_an_index_sets_no_day_by_itself(town: Path, tmp_path: Path) -> None:
    """Of an index of a day's births one a year later is an error; two of the file speak for each other."""
    births = stated_dates(pa.array([str(DAY(2021, 1, 1) + datetime.timedelta(days)) for days in range(400)]))
    known = DAY(2022, 2, 4)
    for texts, expected in (
        (["2023-02-04"], ("2022-02-04", 1)),
        (["2022-03-01"], ("2022-03-01", 0)),
        (["2023-02-04", "2023-02-05"], ("2023-02-05", 0)),
    ):
        judged = as_of([pa.array(texts)], known=known, before=[births])
        assert (judged.date.isoformat(), judged.n_later) == expected
    index = build_from_files([town / "registry.parquet"], tmp_path / "index", units=town / "units")
    latest = index.dictionaries.latest_date
    rows = ["person_id,full_name,date_of_birth", f"N1,Lê Mới,{latest.year + 4}-01-01", ""]
    (tmp_path / "changes.csv").write_text("\n".join(rows), "utf-8")
    notes: list[str] = []
    applied = apply_changes(tmp_path / "changes.csv", tmp_path / "index", on_note=notes.append)
    assert applied.index.dictionaries.latest_date == latest
    assert any(f"1 dates are after {latest}" in note for note in notes)
    rows[2:] = [f"N2,Lê Mới,{latest.year + 1}-12-01", f"N3,Lê Mới,{latest.year + 1}-12-02", ""]
    (tmp_path / "changes.csv").write_text("\n".join(rows), "utf-8")
    apply_changes(tmp_path / "changes.csv", tmp_path / "index", on_note=notes.append)
    assert f"dates are judged as of {latest.year + 1}-12-02 from now on, as of {latest} before" in notes[-1] + notes[-2]


def test_a_stated_day_counts_whatever_the_dates_say() -> None:
    assert found(["2022-04-07", "2022-04-09"], stated=DAY(2022, 4, 8)) == ("2022-04-08", 1)
    assert found([], otherwise=DAY(2020, 1, 1)) == ("2020-01-01", 0)
    assert day(datetime.datetime(2022, 4, 8)) == DAY(2022, 4, 8)
    assert day(None) is None


def test_what_is_later_and_a_clock_that_is_behind_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "today", lambda: DAY(2021, 1, 1))
    late = as_of([pa.array(["2022-04-07", "2022-04-09"])], stated=DAY(2022, 4, 8))
    later, behind = as_of_notes(late, DAY(2022, 4, 8), "the registry")
    assert later.startswith("the registry: 1 dates are after 2022-04-08, the day stated;")
    assert behind == (
        "this machine's clock says 2021-01-01, before the newest date of the registry, 2022-04-08: set it"
    )
    monkeypatch.setattr(clock, "today", lambda: DAY(2022, 4, 8))
    assert as_of_notes(as_of([pa.array(["2022-04-08"])]), None, "the registry") == []


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the manifests of runs, which say how long it took."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    simulate(700, 700, 3, folder, area="bao-lam")
    return folder


def made(town: Path, out: Path) -> dict[str, bytes]:
    """All that is made of a town: an index, changed and compacted, and a run."""
    build_from_files([town / "registry.parquet"], out / "index", units=town / "units")
    person = open_index(out / "index").persons.read(["person_id", "full_name"]).to_pylist()[0]
    rows = ["person_id,full_name,date_of_birth", f"{person['person_id']},{person['full_name']},2022-09-09", ""]
    (out / "changes.csv").write_text("\n".join(rows), "utf-8")
    apply_changes(out / "changes.csv", out / "index", partial=True)
    compact_index(out / "index")
    run([town / "doses.parquet"], out / "index", out / "runs", accept="a test")
    return content(out)


def test_the_same_inputs_give_the_same_bytes_whatever_the_clock_says(
    town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for number, says in enumerate(CLOCKS[::2]):
        (tmp_path / str(number)).mkdir()
        monkeypatch.setattr(clock, "today", lambda says=says: says)
        results.append(made(town, tmp_path / str(number)))
    assert results[0].keys() == results[1].keys()
    assert [name for name in results[0] if results[0][name] != results[1][name]] == []
    assert open_index(tmp_path / "0" / "index").manifest["latest_date"] == "2022-09-09"


def test_the_day_of_an_index_is_stated_or_that_of_the_registry(town: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    stated = build_from_files(
        [town / "registry.parquet"], tmp_path / "stated", as_of=DAY(2010, 1, 1), on_note=notes.append
    )
    assert stated.manifest["latest_date"] == "2010-01-01"
    assert any("dates are after 2010-01-01, the day stated" in note for note in notes)
    read = stated.columns["birth_date"].large
    assert (read > 0).sum() < stated.n_persons
    people = Records.of(stated.persons.read())
    found = build_index(people, load_plan(None), tmp_path / "found")
    assert found.manifest["latest_date"] == of_records(people, found.plan).date.isoformat()


def test_only_the_clock_asks_what_day_it_is() -> None:
    asked = {"now", "utcnow", "today", "localtime", "gmtime", "ctime", "time.time", "fromtimestamp", "astimezone"}
    found = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("linkage", "blocking", "models")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "clock.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and asked & {node.attr, ast.unparse(node)}
        if not ast.unparse(node).startswith("clock.")
    }
    assert not found, "ask linkage.machine.clock, for what is said; linkage.registry.as_of, for what is decided"
