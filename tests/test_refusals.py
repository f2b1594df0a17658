"""Calls that cannot be carried out end in one line that names the value and the remedy, and write nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.simulate.units import LEGACY_COLUMNS
from linkage.standardise.places_files import UNITS_2021
from linkage.training.model_file import Model
from linkage.training.train import starting_parameters
from tests.district import call
from tests.relatives import plan_of

# By what is wrong: the call, and what its one line says. Files lie in the folder given.
REFUSED: dict[str, tuple[str, str]] = {
    "a reason of blanks for a run": (
        "run --doses {}/people.csv --index {} --out {}/out --accept _",
        "--accept needs a reason in writing",
    ),
    "a reason of blanks for a linkage": (
        "link {}/people.csv {}/people.csv --plan {}/plan.toml --out {}/out --accept _",
        "--accept needs a reason in writing",
    ),
    "units without a commune": (
        "simulate --persons 100 --doses 1 --seed 1 --units {}/units --out {}/out",
        f"units/{UNITS_2021}: holds no rows; give the full list of communes",
    ),
    "a file with a header alone": (
        "plan init {}/nobody.csv --out {}/out",
        "nobody.csv: no record could be read; there is nothing to plan for",
    ),
    "no record to link": (
        "link {}/without_ids.csv {}/people.csv --plan {}/plan.toml --out {}/out",
        "without_ids.csv: no record was accepted for the left side; see the rejected rows",
    ),
    "models of two plans": (
        "model compare {}/one.json {}/other.json",
        "the two models belong to different plans; train both with one plan to compare them",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    people = "id,name,born\na,Nguyễn Văn An,1990-05-17\nb,Trần Thị Bình,1985-11-05\n"
    (tmp_path / "people.csv").write_text(people, "utf-8")
    (tmp_path / "nobody.csv").write_text(people.partition("\n")[0] + "\n", "utf-8")
    (tmp_path / "without_ids.csv").write_text(people.replace("a,", ",").replace("b,", ","), "utf-8")
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / UNITS_2021).write_text(",".join(LEGACY_COLUMNS) + "\n", "utf-8")
    (tmp_path / "plan.toml").write_text(PLAN, "utf-8")
    for name, rate in (("one", 0.0), ("other", 0.5)):
        plan = plan_of(household_rate=rate)
        Model(starting_parameters(plan, 10), plan, {}).save(tmp_path / f"{name}.json")
    return tmp_path


PLAN = """\
format = 1
name = "people"
left_id = "id"
right_id = "id"
field = [{ name = "name", kind = "vietnamese_name", left = ["name"], right = ["name"] }]
pass = [{ name = "names", left = ["name.key"], right = ["name.key"], max_block = 10 }]
comparison = [{ name = "name", kind = "vietnamese_name", left = ["name"], right = ["name"] }]
"""


@pytest.mark.parametrize("case", REFUSED)
def test_a_call_that_cannot_be_carried_out_says_why(folder: Path, case: str) -> None:
    command, said = REFUSED[case]
    before = sorted(folder.rglob("*"))
    ended = call(*(" " if word == "_" else word.replace("{}", str(folder)) for word in command.split()))
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert ended.err.count("\n") == 1, ended.err
    assert said in ended.err
    assert sorted(folder.rglob("*")) == before
