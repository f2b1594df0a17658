"""What a run needs of a plan is said by keys: fields may have any names, passes and comparisons any order."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from linkage.errors import UsageError
from linkage.ingest.records import Records
from linkage.night.run import run
from linkage.plan.kinds import NEEDED_ROLES
from linkage.plan.reading import load_plan
from linkage.plan.sections import Plan
from linkage.planning.checking import check_plan
from linkage.registry.build import build_index
from linkage.registry.from_files import build_from_files
from tests.district import LIST_DATE, District, call, hashes, make_district, table

DEFAULT = resources.files("linkage.plan").joinpath("vaccination.toml").read_text("utf-8")
FIELDS = [field.name for field in load_plan().fields]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def renamed(text: str) -> str:
    """The plan with other names of its fields: 'f_' before each, wherever a field is meant."""
    names = "|".join(FIELDS)
    called = re.sub(rf'"({names})((?:\.\w+)?)"', r'"f_\1\2"', text)
    # Columns of the files and names of passes and comparisons stay.
    sections = re.split(r"(?m)^(?=\[)", called)
    kept = []
    for section in sections:
        if section.startswith("[[field]]"):
            section = re.sub(
                r"(?m)^((?:left|right|kind|role) = .*)$", lambda found: found[1].replace('"f_', '"'), section
            )
        elif section.startswith("[[decision"):
            section = section.replace('"f_', '"')
        else:
            section = re.sub(
                r"(?m)^((?:name|anchors|passes) = .*)$", lambda found: found[1].replace('"f_', '"'), section
            )
        kept.append(section)
    return "".join(kept)


def in_another_order(text: str) -> str:
    """The plan with its passes and its comparisons written the other way round."""
    sections = re.split(r"(?m)^(?=\[\[?)", text)
    is_last = ["[[pass]]", "[[comparison]]"]
    turned = [section for kind in is_last for section in reversed([s for s in sections if s.startswith(kind)])]
    return "".join([*(s for s in sections if not s.startswith(tuple(is_last))), *turned])


def linked(district: District, plan: str, folder: Path) -> Path:
    (folder / "plan.toml").write_text(plan)
    index = folder / "index"
    registry = [district.path("registry")]
    build_from_files(registry, index, units=district.units, plan_file=folder / "plan.toml")
    return run([district.path("doses")], index, folder / "runs", list_date=LIST_DATE).run_dir


def assert_same_decisions(one: Path, other: Path) -> None:
    """Lists of passes and fields go by the plan's order, and a model is trained on other pairs drawn."""
    for ours, theirs in zip(table(one, "decisions"), table(other, "decisions"), strict=True):
        assert sorted(ours["found_by"] or []) == sorted(theirs["found_by"] or [])
        assert sorted(ours["wrong_fields"]) == sorted(theirs["wrong_fields"])
        names = ("dose_id", "status", "person_id", "issue", "conflicts")
        assert [ours[name] for name in names] == [theirs[name] for name in names]
        assert ours["none_probability"] == pytest.approx(theirs["none_probability"], abs=1e-6)


def test_names_of_fields_say_nothing(district: District, tmp_path: Path) -> None:
    """Every table has the same bytes, stations read and groups counted too."""
    text = renamed(DEFAULT)
    assert [field.name for field in load_plan_of(text, tmp_path).fields] == [f"f_{name}" for name in FIELDS]
    ours, theirs = hashes(linked(district, text, tmp_path)), hashes(district.run_dir)
    assert ours.pop("model.json") != theirs.pop("model.json")  # which holds the plan
    assert ours == theirs


def load_plan_of(text: str, folder: Path) -> Plan:
    (folder / "plan.toml").write_text(text)
    return load_plan(folder / "plan.toml")


def test_the_order_of_passes_and_comparisons_says_nothing(district: District, tmp_path: Path) -> None:
    plan = load_plan_of(in_another_order(DEFAULT), tmp_path)
    default = load_plan()
    assert plan.row_order == default.row_order == plan.passes[0]
    assert plan.comparisons[-1] == default.comparisons[-1]
    assert [c.name for c in plan.comparisons] != [c.name for c in default.comparisons]
    run_dir = linked(district, in_another_order(DEFAULT), tmp_path)
    assert_same_decisions(run_dir, district.run_dir)


def test_another_pass_may_order_the_rows(district: District, tmp_path: Path) -> None:
    """The decisions are those of any order; on disk the pass has no list of rows, and the others have."""
    text = DEFAULT.replace("row_order = true\n", "").replace(
        'name = "name_birth_date"\n', 'name = "name_birth_date"\nrow_order = true\n'
    )
    run_dir = linked(district, text, tmp_path)
    plan = load_plan(tmp_path / "plan.toml")
    assert [rule.name for rule in plan.passes[:2]] == ["name_birth_date", "commune_birth_year"]
    (version,) = (tmp_path / "index").glob("v*")
    assert not (version / "passes" / "name_birth_date.rows.npy").exists()
    assert (version / "passes" / "commune_birth_year.rows.npy").exists()
    assert_same_decisions(run_dir, district.run_dir)


def test_what_is_not_said_is_the_first_pass_and_the_last_comparison(tmp_path: Path) -> None:
    silent = load_plan_of(re.sub(r"(row_order|compared_last) = true\n", "", DEFAULT), tmp_path)
    assert not any(rule.row_order for rule in silent.passes)
    assert silent.row_order.name == load_plan().row_order.name == "commune_birth_year"
    assert [c.name for c in silent.comparisons] == [c.name for c in load_plan().comparisons]


@pytest.mark.parametrize("role", NEEDED_ROLES)
def test_a_role_that_nobody_has_is_told_before_the_index_is_built(
    district: District, tmp_path: Path, role: str
) -> None:
    (tmp_path / "plan.toml").write_text(DEFAULT.replace(f'role = "{role}"\n', ""))
    files = [district.path("registry"), "--units", district.units, "--plan", tmp_path / "plan.toml"]
    refused = call("index", "build", *files, "--out", tmp_path / "i")
    assert refused.code == 2
    assert f'{tmp_path}/plan.toml: no [[field]] of the plan has role = "{role}" (of kind ' in refused.err
    assert not (tmp_path / "i").exists()
    told = check_plan(load_plan(tmp_path / "plan.toml")).warnings
    assert any(f"no field has the role {role}: a run of doses needs all" in doubt for doubt in told)


def test_a_run_of_an_index_without_roles_is_refused(district: District, tmp_path: Path) -> None:
    plan = load_plan_of(re.sub(r'role = "\w+"\n', "", DEFAULT), tmp_path)
    registry = Records.of(pq.read_table(district.path("registry")))
    build_index(registry, plan, tmp_path / "index", units_folder=district.units)
    with pytest.raises(UsageError, match=r'/index: no \[\[field\]\] of the plan has role = "number".*role = "commune"'):
        run([district.path("doses")], tmp_path / "index", tmp_path / "runs", list_date=LIST_DATE)
    assert not any("role" in doubt for doubt in check_plan(plan).warnings)
