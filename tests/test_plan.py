"""A plan that cannot work is refused with one line that says where and what would be right."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from linkage.errors import UsageError
from linkage.plan.kinds import COMPARISON_KINDS
from linkage.plan.reading import plan_from
from linkage.plan.sections import Comparison
from linkage.schema import REVIEW_QUEUE, Column

Content = dict[str, Any]

DEFAULT: Content = tomllib.loads(resources.files("linkage.plan").joinpath("vaccination.toml").read_text("utf-8"))
TEXT: Content = {
    "name": "street",
    "kind": "text",
    "left": ["street"],
    "right": ["street"],
    "measure": "jaro_winkler",
    "thresholds": [0.9, 0.8],
    "m": [0.7, 0.1, 0.1, 0.1],
}


# What the vaccination plan said while slips in common syllables, and in numbers that another person has, were not told
# apart.
NAME_OF_BEFORE = [0.8, 0.03, 0.04, 0.05, 0.03, 0.01, 0.01, 0.01, 0.005, 0.01, 0.005]
NUMBER_OF_BEFORE = [0.585, 0.02, 0.01, 0.245, 0.05, 0.05, 0.01, 0.02, 0.01]


def comparison(content: Content, name: str) -> Content:
    return next(c for c in content["comparison"] if c["name"] == name)


STREET: Content = {"name": "street", "kind": "text", "left": ["street"], "right": ["street"]}


def add_text(content: Content, **changes: object) -> None:
    content["field"] += [] if STREET in content["field"] else [STREET]
    content["comparison"].append(TEXT | changes)


CHANGES: list[tuple[str, Callable[[Content], object], str]] = [
    (
        "a group that is no sex",
        lambda p: comparison(p, "full_name").update(group="ethnicity"),
        "no field of kind 'sex'",
    ),
    ("a group that is no field", lambda p: comparison(p, "full_name").update(group="gender"), "no field of kind 'sex'"),
    (
        "a cohort that is no field",
        lambda p: comparison(p, "full_name").update(cohort="birthday"),
        "cohort = 'birthday' is no field of kind 'birth_date'",
    ),
    (
        "a cohort that is no date of birth",
        lambda p: comparison(p, "full_name").update(cohort="sex"),
        "cohort = 'sex' is no field of kind 'birth_date'",
    ),
    (
        "a cohort of one side",
        lambda p: next(f for f in p["field"] if f["name"] == "birth_date").update(right=[], role=None),
        "field 'birth_date' has no column on the right",
    ),
    (
        "a cohort that is not compared",
        lambda p: p["comparison"].remove(comparison(p, "birth_date")),
        "cohort = 'birth_date' needs a comparison of kind 'date'",
    ),
    (
        "a cohort without frequencies",
        lambda p: comparison(p, "full_name").update(term_frequency=False, local=False, group=None),
        "cohort = 'birth_date' needs term_frequency = true",
    ),
    (
        "made of nothing",
        lambda p: comparison(p, "phone").update(made_of=["street"]),
        "comparison 'phone': made_of: no other [[comparison]] is named 'street'",
    ),
    (
        "made of others where records may be one person's",
        lambda p: (p["decision"].update(matches_per_record="any"), comparison(p, "phone").update(made_of=["sex"])),
        "comparison 'phone': made_of learns from pairs of the right side, which are matches where",
    ),
    (
        "made of others beside near numbers",
        lambda p: comparison(p, "phone").update(made_of=["sex"]),
        "made_of cannot stand beside a comparison of kind 'person_number'",
    ),
    ("one candidate", lambda p: p["decision"].update(candidates_kept=1), "candidates_kept = 1: must be 2 at least"),
    ("no subject", lambda p: p["training"].update(subjects=0), "training.subjects = 0: must be 1 at least"),
    ("no random pair", lambda p: p["training"].update(random_pairs=0), "training.random_pairs = 0"),
    ("negative rate", lambda p: p["training"].update(household_rate=-0.5), "household_rate = -0.5: must be 0"),
    (
        "a rate of nothing",
        lambda p: p["training"].update(household_rate=float("nan")),
        "rate: nan is no number",
    ),
    ("everybody there", lambda p: p["training"].update(share_in_registry=1.0), "must be over 0 and under 1"),
    ("nobody there", lambda p: p["training"].update(share_in_registry=0.0), "must be over 0 and under 1"),
    ("no error allowed", lambda p: p["decision"].update(highest_false_match_rate=0.0), "must be over 0"),
    ("two fields", lambda p: p["field"].append(p["field"][0]), "[[field]] 'full_name' stands there more than once"),
    ("two passes", lambda p: p["pass"].append(p["pass"][2]), "[[pass]] 'id_number' stands there more than once"),
    ("two comparisons", lambda p: p["comparison"].append(p["comparison"][0]), "[[comparison]] 'sex' stands there"),
    ("16 passes", lambda p: p["pass"].extend({**p["pass"][0], "name": str(i)} for i in range(5)), "16 passes; 15 are"),
    (
        "a date comparison of a text",
        lambda p: add_text(p, kind="date", m=None, measure=None, thresholds=[]),
        "comparison 'street': kind 'date' compares fields of kind birth_date, date; 'street' is of 'text'",
    ),
    (
        "digits of names",
        lambda p: comparison(p, "phone").update(left=["full_name"], right=["full_name"]),
        "kind 'digits' compares fields of kind person_number, phone, insurance_number; 'full_name' is of",
    ),
    (
        "a number that nothing checks",
        lambda p: (
            p["field"].remove(p["field"][1]),
            p["comparison"].pop(0),
            comparison(p, "full_name").pop("group"),
            p["verified"].update(equal=["full_name.key"]),
        ),
        "comparison 'id_number': no [[field]] is named 'sex'",
    ),
    (
        "what a number is checked by, as plans of before had it",
        lambda p: comparison(p, "id_number").update(left=["id_number", "id_number.marks"]),
        "takes 3 of the left side, not 2: the field and those it is checked by (sex, birth_date)",
    ),
    (
        "a number checked by others",
        lambda p: comparison(p, "id_number").update(left=["id_number", "birth_date", "sex"]),
        "kind 'person_number' is checked by a field in place 2 of kind sex; 'birth_date' is of 'birth_date'",
    ),
    ("a role that is none", lambda p: p["field"][0].update(role="nam"), "role = 'nam': must be one of number, name,"),
    (
        "a role of another kind",
        lambda p: p["field"][0].update(role="sex"),
        "field 'full_name': role = 'sex' is for a field of kind 'sex', not 'vietnamese_name'",
    ),
    (
        "a role of one side",
        lambda p: (p["field"][3].pop("role"), p["field"][4].update(role="number")),
        "field 'old_id_number': role = 'number' needs columns on both sides",
    ),
    (
        "a role of two fields",
        lambda p: p["field"].append({**p["field"][1], "name": "sex again"}),
        "[[field]] 'sex', 'sex again': role = \"sex\" can stand in one of them only",
    ),
    (
        "two orders",
        lambda p: p["pass"][3].update(row_order=True),
        "row_order = true can stand in one of them only",
    ),
    (
        "two that are compared last",
        lambda p: comparison(p, "sex").update(compared_last=True),
        "[[comparison]] 'sex', 'full_name': compared_last = true can stand in one of them only",
    ),
    (
        "a province without its commune, as plans of before had it",
        lambda p: p["pass"][9].update(left=["full_name.plain", "birth_date.year", "province"]),
        "no [[field]] is named 'province'; that of a commune is a part of it: write 'commune.province'",
    ),
    (
        "one column of two",
        lambda p: comparison(p, "id_number").update(left=["id_number"]),
        "kind 'person_number' takes 3 of the left side, not 1",
    ),
    (
        "a field of the other side",
        lambda p: comparison(p, "phone").update(left=["old_id_number"]),
        "field 'old_id_number' has no column on the left",
    ),
    (
        "a part of a field",
        lambda p: comparison(p, "sex").update(left=["full_name.given"], right=["full_name.given"]),
        "comparison 'sex': 'full_name.given' is a part of a field; a comparison takes the whole",
    ),
    ("a pass that is a path", lambda p: p["pass"][0].update(name="../victim"), "[[pass]] '../victim': a name is made"),
    ("a pass on nothing", lambda p: p["pass"][0].update(left=[], right=[]), "need as many parts, one at least"),
    ("a threshold of nothing", lambda p: add_text(p, thresholds=[float("nan")]), "thresholds[1]: nan is no number"),
    ("rising similarities", lambda p: add_text(p, thresholds=[0.8, 0.9]), "thresholds = [0.8, 0.9] must fall"),
    ("equal similarities", lambda p: add_text(p, thresholds=[0.8, 0.8]), "must fall"),
    ("falling distances", lambda p: add_text(p, measure="levenshtein", thresholds=[2, 1]), "must rise"),
    ("shares over 1", lambda p: add_text(p, m=[0.7, 0.2, 0.2, 0.1]), "m needs 4 positive shares that sum to 1"),
    ("too few shares", lambda p: add_text(p, m=[0.7, 0.3]), "for the levels same, jaro_winkler ≥ 0.9"),
    ("a share of 0", lambda p: comparison(p, "sex").update(m=[1.0, 0.0]), "m needs 2 positive shares"),
    ("a comparison that is a path", lambda p: p["comparison"][0].update(name="../x"), "[[comparison]] '../x': a name"),
    ("a name without end", lambda p: p["pass"][0].update(name="x" * 200), "60 at most"),
    ("a pass that results name", lambda p: p["pass"][0].update(name="subject"), "[[pass]] 'subject': results call so"),
    (
        "a slip of a key",
        lambda p: p["pass"][0].update(narow=p["pass"][0].pop("narrow")),
        "pass 'commune_birth_year': no key 'narow'; did you mean 'narrow'?",
    ),
    ("a key of another program", lambda p: p.update(zzz=1), "no key 'zzz'; one of format, name, left"),
    ("a word for a number", lambda p: p["decision"].update(candidates_kept="5"), "must be a whole number, not text"),
    ("a table for a list", lambda p: p.update({"pass": {}}), "pass: must be a list, not a table of keys"),
    ("a number without end", lambda p: p["training"].update(subjects=10**400), "a number of more than 18 digits"),
    ("a character nobody sees", lambda p: p.update(name="a\0b"), "name: 'a\\\\x00b' has characters that nobody sees"),
    ("a text without end", lambda p: p.update(name="x" * 5000), "name: a text of 5,000 characters; 300 at most"),
    ("more candidates than memory", lambda p: p["decision"].update(candidates_kept=10**9), "must be 1,000 at most"),
    ("a block of nobody", lambda p: p["pass"][0].update(max_block=0), "max_block = 0: must be from 1 to"),
    ("a column twice", lambda p: p["field"][0].update(left=["a", "a"]), "column 'a' stands there twice"),
    ("a column without name", lambda p: p["field"][0].update(left=[" "]), "left: ' ' names nothing"),
    ("a field of no side", lambda p: p["field"][4].update(right=[]), "left or right must name a column"),
    (
        "columns that are not read",
        lambda p: p["field"][1].update(left=["a", "b"]),
        "one column on the left, not 2",
    ),
    (
        "a part that is none",
        lambda p: p["pass"][0].update(narrow="full_name.first"),
        "one of full_name.plain,",
    ),
    ("a part of the other side", lambda p: p["pass"][2].update(left=["old_id_number"]), "has no column on the left"),
    ("parts that never meet", lambda p: p["pass"][2].update(left=["phone"]), "'phone' of the left never meets"),
    ("neighbours of the right", lambda p: p["pass"][4].update(right=["id_number.neighbours"]), "write its field"),
    ("several communes to narrow by", lambda p: p["pass"][0].update(narrow="commune"), "a record may have several"),
    ("equal in nothing", lambda p: p["verified"].update(equal=[]), "or all would agree"),
    ("equal in several communes", lambda p: p["verified"].update(equal=["commune"]), "equal = 'commune': a record may"),
    ("no levels for a person", lambda p: p["decision"].update(never_automatic=[{"sex": []}]), "would hold for none"),
    ("thresholds of a date", lambda p: comparison(p, "birth_date").update(thresholds=[1.0]), "has levels of its own"),
    ("thresholds all alike", lambda p: add_text(p, thresholds=[0.9, 0.8999999]), "too near each other"),
    ("a similarity over 1", lambda p: add_text(p, thresholds=[1.5, 0.9]), "must be 1 at most"),
    ("a share of next to nothing", lambda p: comparison(p, "sex").update(m=[1.0, 1e-320]), "m needs 2 positive shares"),
    ("rarity by sex of none", lambda p: comparison(p, "sex").update(group="sex"), "group needs term_frequency = true"),
    (
        "patterns beyond the table",
        lambda p: [add_text(p, name=f"street {i}") for i in range(3)],
        "agreement patterns of the comparisons' levels are more than 33,554,432; take fewer thresholds",
    ),
]


@pytest.mark.parametrize(("change", "message"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_plan_that_cannot_work_is_refused(change: Callable[[Content], object], message: str) -> None:
    content = copy.deepcopy(DEFAULT)
    change(content)
    with pytest.raises(UsageError) as refused:
        plan_from(content, "here")
    text = str(refused.value)
    assert text.startswith("here: ")
    assert message in text
    assert "\n" not in text


def test_what_is_allowed_stays_so() -> None:
    content = copy.deepcopy(DEFAULT)
    add_text(content)
    content["decision"] |= {"candidates_kept": 2, "matches_per_record": "any"}
    content["training"] |= {"share_in_registry": 1.5, "household_rate": 0.0}
    assert plan_from(content, "here").training.share_in_registry == 1.5


def test_relatives_are_thought_to_live_in_one_home() -> None:
    same = {
        kind: Comparison(name=kind, kind=kind, left=[], right=[], thresholds=[1.0, 5.0]).starting_household[0]
        for kind in ("address", "postcode", "distance", "number")
    }
    assert same["number"] < 0.5 < min(same["address"], same["postcode"], same["distance"])


@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_shares_left_out_are_taken_from_the_table_of_defaults(absent: bool, shared: bool) -> None:
    """One positive share a level that sum to 1, as those that a plan states must."""
    kinds = [
        Comparison(name=kind, kind=kind, left=[], right=[]) for kind, known in COMPARISON_KINDS.items() if known.labels
    ]
    kinds += [
        Comparison(name="n", kind="number", left=[], right=[], thresholds=[float(i) for i in range(n)])
        for n in range(5)
    ]
    kinds += [Comparison(name="text", kind="text", left=[], right=[], thresholds=[0.9])]
    for plain in kinds:
        spec = msgspec.structs.replace(plain, absent_level=absent, shared_number=shared)
        for shares in (spec.starting_m, spec.starting_household):
            assert len(shares) == len(spec.labels) - 1
            assert min(shares) > 0
            assert sum(shares) == pytest.approx(1.0)
        assert shared or spec.starting_m[0] >= spec.starting_household[0]


def test_a_comparison_without_m_is_a_plan() -> None:
    content = copy.deepcopy(DEFAULT)
    stated = comparison(content, "sex").pop("m")
    plan = plan_from(content, "here")
    assert stated != plan.comparisons[0].starting_m == [0.95, 0.05]


def test_households_are_modelled_where_they_share_what_is_compared() -> None:
    content = copy.deepcopy(DEFAULT)
    del content["training"]["household_rate"]
    assert plan_from(content, "plan").household_rate > 0
    place = content["comparison"].index(comparison(content, "phone"))
    del content["comparison"][place]["shared_number"]
    assert plan_from(content, "plan").comparisons[place].shared_levels == (1,)
    for each in content["comparison"]:
        each["shared_number"] = False
    assert plan_from(content, "plan").household_rate == 0


@pytest.mark.parametrize("name", ["full_name", "id_number"])
def test_a_plan_of_before_its_levels_were_told_apart_is_read(name: str) -> None:
    """Its shares stand for the same levels, those told apart together."""
    content = copy.deepcopy(DEFAULT)
    each = comparison(content, name)
    new, old = each["m"], {"full_name": NAME_OF_BEFORE, "id_number": NUMBER_OF_BEFORE}[name]
    each["m"] = old
    spec = next(c for c in plan_from(content, "plan").comparisons if c.name == name)
    assert len(spec.starting_m) == len(new)
    assert sum(spec.starting_m) == pytest.approx(1.0)
    assert spec.starting_m == pytest.approx(new, abs=1e-3)
    each["m"] = old[:-1]
    with pytest.raises(UsageError, match=f"m needs {len(new)} positive shares"):
        plan_from(content, "plan")


def test_a_comparison_called_as_a_column_of_results_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    of_its_own = Column("weight_gap", pa.float64(), "what a queue may have some day")
    queue = replace(REVIEW_QUEUE, columns=(*REVIEW_QUEUE.columns, of_its_own))
    monkeypatch.setattr("linkage.plan.checks.REVIEW_QUEUE", queue)
    content = copy.deepcopy(DEFAULT)
    add_text(content, name="gap")
    with pytest.raises(UsageError, match=r"\[\[comparison\]\] 'gap': results have a column 'weight_gap' of their own"):
        plan_from(content, "here")
