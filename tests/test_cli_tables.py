"""Tables at any width: headings and values whole, long values broken at blanks; also in a real terminal."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Group
from rich.table import Table
from rich.text import Text

from linkage.cli.tables import HOLDING_BLANK, print_fitted
from linkage.demo.district import DemoSummary, demo
from linkage.demo.told import render as render_demo
from linkage.insight.evaluate import evaluate
from linkage.insight.history import history
from linkage.nights.configuration import read_configuration
from linkage.reports.evaluation import render
from linkage.reports.model import render as render_model
from linkage.training.model_file import Model
from tests.district import District, call, make_district
from tests.district import table as table_of
from tests.terminal import in_terminal, seen


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def printed(content: Group | Table | Text | str, width: int) -> list[str]:
    """The lines that come out where the output is as wide as that."""
    out = io.StringIO()
    with redirect_stdout(out), mock.patch("linkage.cli.tables._WIDE", width):
        print_fitted(content)
    return out.getvalue().splitlines()


def table(headings: list[str], rows: list[list[str]]) -> Table:
    made = Table(*headings)
    for row in rows:
        made.add_row(*row)
    return made


def test_a_table_with_room_has_a_line_a_row() -> None:
    made = table(["name", "doses"], [["Đinh Quốc Bảo", "1,234"], ["K' Duy", "5"]])
    made.columns[1].justify = "right"
    assert printed(made, 30) == [
        "name           doses",
        "-------------  -----".replace("-", "─"),
        "Đinh Quốc Bảo  1,234",
        "K' Duy             5",
        "",
    ]


def test_a_long_value_goes_on_in_the_next_line() -> None:
    made = table(["name", "level"], [["Đinh Quốc Bảo", "same"]])
    assert printed(made, 16)[2:] == ["Đinh Quốc  same", "Bảo", ""]


def test_where_words_do_not_fit_each_row_is_a_record() -> None:
    made = table(["comparison", "level"], [["insurance_number", "same, without tones"], ["sex", ""]])
    assert printed(made, 22) == [
        "comparison  insurance_number",  # longer than the terminal, and whole
        "level       same,",
        "            without",
        "            tones",
        "",
        "comparison  sex",
        "",
    ]


def test_what_holds_together_is_not_broken() -> None:
    made = table(["share"], [[f"99.9 [99.1,{HOLDING_BLANK}99.9]"]])
    assert printed(made, 14)[2:] == ["99.9", "[99.1, 99.9]", ""]


def test_marks_and_controls_of_a_name_are_shown_as_they_are() -> None:
    name = "[red]Lê[/red] \x1b[31mLan :smile:"
    shown = r"[red]Lê[/red] \x1b[31mLan :smile:"
    assert printed(table(["name"], [[name]]), 60)[2] == shown
    assert printed(Text(name), 60) == [shown]


WORDS = st.lists(st.text("abcđếư0-,", min_size=1, max_size=12), min_size=1, max_size=4).map(" ".join)


@given(
    st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(WORDS, min_size=n, max_size=n), min_size=2, max_size=6)),
    st.integers(8, 90),
)
def test_no_word_is_ever_cut(rows: list[list[str]], width: int) -> None:
    lines = printed(table(rows[0], rows[1:]), width)
    words = {word for line in lines for word in line.split()}
    for text in (text for row in rows for text in row):
        assert set(text.split()) <= words, (text, lines)
    is_record = not any(set(line) == {"─", " "} or set(line) == {"─"} for line in lines)
    assert is_record or max(map(len, lines)) <= width


@pytest.mark.parametrize(("columns", "environment"), [(80, {"LC_ALL": "C"}), (60, {"TERM": "dumb"})])
def test_a_person_reads_an_explanation(district: District, columns: int, environment: dict[str, str]) -> None:
    found_by = {row["dose_id"]: row["found_by"] or [] for row in table_of(district.run_dir, "decisions")}
    dose = next(
        row
        for row in district.rows("doses")
        if row["insurance_number"] and "name_birth_year_province" in found_by.get(row["dose_id"], [])[:-1]
    )
    code, text = in_terminal("explain", district.run_dir, dose["dose_id"], columns=columns, environment=environment)
    assert code == 0
    assert ("\x1b[" in text) == ("TERM" not in environment)
    lines = seen(text)
    assert max(map(len, lines)) <= columns
    words = {word for line in lines for word in line.split()}
    assert words >= {"insurance_number", dose["insurance_number"], "comparison", "name_birth_year_province,"}


def test_the_tables_of_an_evaluation_fit_80_columns(district: District) -> None:
    lines = printed(render(evaluate(district.run_dir, district.path("truth"))), 80)
    assert max(map(len, lines)) <= 80
    words = {word for line in lines for word in line.split()}
    assert words >= {"name_birth_year_province", "commune_code", "bad_id_format", "doses"}
    assert any(re.search(r"\[99\.\d+, 100\.00\]", line) for line in lines)  # an interval on one line


@pytest.mark.parametrize("width", [80, 60])
def test_the_tables_of_a_model_fit(district: District, width: int) -> None:
    lines = printed(render_model(Model.load(district.run_dir / "model.json")), width)
    assert max(map(len, lines)) <= 80  # of hashes, at 60
    assert {"contradicts", "insurance_number", "household"} <= {word for line in lines for word in line.split()}


DEMO = (
    "3 PEOPLE WHOSE DOSES WERE LINKED",
    "1. Linked",
    "2. Linked",
    "3. Linked",
    "ONE CASE FOR A PERSON",
    "WHAT 3 NIGHTS BROUGHT",
    "WHY DECISIONS CHANGED",
    "WHAT ONE OF THEM WENT THROUGH",
    "WHAT BECAME OF ALL ",
    "THE FORM OF THE HEALTH CENTRES",
    "How right it was",
    "Look further",
)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> DemoSummary:
    return demo(tmp_path_factory.mktemp("demo") / "out", 1000, 1000, 2, lambda stage, done, total: None)


def test_a_demo_shows_people_before_figures(played: DemoSummary) -> None:
    lines = printed(render_demo(played), 80)
    places = [next(i for i, line in enumerate(lines) if line.startswith(start)) for start in DEMO]
    assert places == sorted(places)
    assert max(map(len, lines[: places[-1]])) <= 80
    linked, case = lines[places[0] : places[4]], lines[places[4] : places[5]]
    assert sum(line.split()[:1] == ["name"] for line in linked) == 3
    assert sum("the station corrects: " in line for line in linked) == 3
    assert sum(line.split()[:1] == ["name"] for line in case) == 1
    assert sum(line.startswith("Possible with probability 0.") for line in case) == 1
    story = "\n".join(lines[places[7] : places[8]])
    assert "because: the dose is new" in story
    assert played.changes[0].dose_id in story


def test_what_a_demo_says_of_its_nights_adds_up(played: DemoSummary) -> None:
    n_doses = sum(played.counts.values())
    kinds = ("new", "changed", "withdrawn")
    made, changed, taken_back = (sum(night.changes[kind] for night in played.nights) for kind in kinds)
    assert made - taken_back == n_doses == played.evaluation.doses
    assert sum(change.n_decisions for change in played.changes) == changed + taken_back
    assert sum(night.doses["new"] for night in played.nights) == 1000
    assert {change.why for change in played.changes} >= {"corrected", "withdrawn", "registry", "verdict"}
    for change in played.changes:
        assert history(read_configuration(played.configuration), change.dose_id).nights[1:], change
        if change.why == "withdrawn":
            assert change.status is None


def test_long_lines_are_broken_at_blanks_on_a_terminal_alone(tmp_path: Path) -> None:
    path = tmp_path / ("long-" * 15 + "name.json")
    _, text = in_terminal("model", "show", path, columns=60)
    lines = seen(text)
    assert any(f"{path}:" in line for line in lines)  # a path stays whole, to be copied
    assert all(len(line) <= 60 for line in lines if str(path) not in line)
    assert call("model", "show", path).err.count("\n") == 1


def test_a_result_in_two_columns_is_broken_at_blanks(district: District) -> None:
    _, text = in_terminal("index", "info", district.index, columns=60)
    lines = seen(text)
    start = next(i for i, line in enumerate(lines) if line.startswith("inputs "))
    assert lines[start].endswith("registry.parquet, sha256")
    assert lines[start + 1].startswith(" " * 14)
    assert "accepted 4000, rejected 0" in " ".join(" ".join(lines).split())
