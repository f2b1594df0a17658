"""Files that write the same in two ways: their columns are found, read in one form, and linked."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from blocking.keys import block_keys
from linkage.api import link_tables, propose_plan
from linkage.plan.reading import load_plan
from linkage.plan.sections import Pass, Plan
from linkage.planning.agreement import tells
from linkage.planning.columns import TextColumn, read_columns, text_columns
from linkage.planning.correspondences import Correspondence
from linkage.planning.fields import Planned, planned_fields
from linkage.planning.pairing import of_two_files
from linkage.planning.passes import _candidates, _draw
from linkage.planning.proposal import _with_shares, propose
from linkage.planning.roles import Role, role_of
from linkage.planning.sharing import relatives_a_record, repeated_share, with_lent
from linkage.planning.sure import SurePairs
from linkage.planning.writing import plan_toml
from linkage.standardise.text_forms import in_form
from linkage.two_files.link import link_files
from linkage.two_files.pairs import FilePairs, _among_left_rivals

pytestmark = pytest.mark.kernel

FORMS = [
    ("code", "gb 996-395 719", "gb996395719"),
    ("digits", "gb 996-395 719", "996395719"),
    ("digits", "none", ""),
    ("company", "o'brien & sons ltd.", "obrien and sons"),
    ("company", "müller g.m.b.h. & co. kg", "muller"),
    ("company", "ctcp thương mại đông á", "thuong mai dong a"),
    ("company", "c.ty tnhh một thành viên an", "an"),
    ("company", "an trading co., ltd", "an trading"),
    ("company", "s.a.r.l. boulangerie petit", "boulangerie petit"),
    ("company", "pt maju", "maju"),
    ("host", "https://www.acme.vn:443/en?x=1", "acme.vn"),
    ("host", "acme.vn/", "acme.vn"),
    ("host", "www", "www"),
    ("company", "the co-op group plc", "co op group"),
    ("company", "limited", "limited"),
    ("company", "công ty tnhh hoa sen", "hoa sen"),
    ("company", "spar ag", "spar"),
    ("person", "alvarado, natalie b.; smith, j.", "natalie b alvarado and j smith"),
    ("person", "natalie b. alvarado & j. smith", "natalie b alvarado and j smith"),
    ("person", "dr. o'neil, mary-ann", "mary ann oneil"),
    ("person", "ann lee", "ann lee"),
    ("given", "o'neil, mary-ann", "mary"),
    ("family", "mary ann o'neil", "oneil"),
    ("family", "o'neil", "oneil"),
    (None, "as it is, ltd.", "as it is, ltd."),
]


@pytest.mark.parametrize(("form", "typed", "read"), FORMS, ids=[f"{form} {typed}" for form, typed, _ in FORMS])
def test_a_form_leaves_out_what_is_written_in_several_ways(form: str | None, typed: str, read: str) -> None:
    assert in_form(pa.array([typed]), form).to_pylist() == [read]


def columns(table: dict[str, list[str]]) -> list[TextColumn]:
    return text_columns(pa.table(table))


def pairs_of(left: dict[str, list[str]], right: dict[str, list[str]]) -> dict[str, Correspondence]:
    """The pairs by the name of the right column."""
    return {pair.right[0].name: pair for pair in of_two_files(columns(left), columns(right))}


def test_codes_are_paired_without_their_marks_and_letters() -> None:
    numbers = [str(400_000_000 + 7_919 * i) for i in range(900)]
    left = {"vat_number": [f"GB{n}" for n in numbers[:600]]}
    right = {"tax_no": [f"{n[:3]} {n[3:7]} {n[7:]}" for n in numbers[300:]]}
    assert pairs_of(left, right)["tax_no"].form == "digits"


def test_running_numbers_are_not_paired_for_their_digits() -> None:
    left = {"ref": [f"L{10_000 + i}" for i in range(600)]}
    right = {"key": [f"R-{10_200 + i}" for i in range(600)]}
    assert pairs_of(left, right) == {}


def test_names_of_companies_are_paired_by_their_words() -> None:
    rng = random.Random(3)
    words = [
        f"{a}{b}" for a in ("alpha", "nova", "delta", "silver", "ocean") for b in ("tec", "works", "foods", "line")
    ]
    names = [f"{rng.choice(words)} {rng.choice(words)} {n}" for n in "abcdefghij" * 60]
    left = {"company_name": [f"{name} Ltd" for name in names[:300]]}
    right = {"taxpayer": [name.upper() for name in names[300:]], "remark": [f"see file {i}" for i in range(300)]}
    pair = pairs_of(left, right)["taxpayer"]
    assert (pair.role, pair.form) == (Role.COMPANY, "company")


def test_a_date_meets_the_year_that_the_other_side_has() -> None:
    left = {"incorporated": [f"{1 + i % 28} Mar {1960 + i % 50}" for i in range(400)]}
    right = {"start_year": [str(1960 + i % 50) for i in range(400)]}
    pair = pairs_of(left, right)["start_year"]
    assert pair.role is Role.DATE
    assert pair.is_guessed


def test_authors_that_one_side_turns_round_are_paired() -> None:
    names = [(f"{word(7 * i % 900)}a", f"{word(11 * i % 900)}o") for i in range(300)]
    left = {"made_by": [f"{family.title()}, {given.title()} B." for given, family in names[:200]]}
    right = {"by": [f"{given} b. {family}" for given, family in names[100:]]}
    pair = pairs_of(left, right)["by"]
    assert (pair.role, pair.form) == (Role.FULL_NAME, "person")


def test_years_are_years_whatever_their_column_is_called() -> None:
    assert role_of(columns({"published": [str(1950 + i // 2) for i in range(60)]})[0]) is Role.YEAR
    assert role_of(columns({"published": [str(1000 + 37 * i) for i in range(60)]})[0]) is Role.IDENTIFIER


def test_an_address_takes_in_the_town_that_the_other_side_has_in_it() -> None:
    towns = ["Bath", "Kings Lynn", "Leeds", "York"]
    left = {"street": [f"{i} Mill Lane" for i in range(80)], "town": towns * 20}
    right = {
        "address": [f"{i} MILL LANE, {towns[i % 4].upper()}" for i in range(80)],
        "points": [str(i % 50) for i in range(80)],
    }
    pair = pairs_of(left, right)["address"]
    assert [c.name for c in pair.left] == ["street", "town"]
    assert [c.name for c in pair.right] == ["address"], "points are in house numbers by chance"


# -------------------------------------------------------------------------------- what the records say of each other


def keys(values: list[int]) -> np.ndarray:
    return block_keys([np.array(values, np.uint64)], None)[:, 0]


def word(i: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in f"{i:03}")


@dataclass(frozen=True)
class Found:
    """Files as they look to whoever asks for keys of a part and values of a field."""

    keys: dict[str, tuple[np.ndarray, np.ndarray]]
    texts: dict[str, tuple[np.ndarray, np.ndarray]]

    def of(self, rule: Pass) -> tuple[np.ndarray, np.ndarray]:
        return self.keys[rule.left[0]]

    def values(self, planned: Planned) -> tuple[np.ndarray, np.ndarray]:
        return self.texts[planned.field.name]


def firms(n: int) -> list[Planned]:
    table = {
        "company": [f"{word(i // 2)} trading ltd" for i in range(n)],
        "tax_no": [str(7_000_000 + 13 * (i // 2)) for i in range(n)],
        "phone": [f"+44 1632 9{i:05}" for i in range(n)],
        "street": [f"{i} High Street" for i in range(n)],
    }
    sides = columns(table), columns(table)
    return planned_fields(
        [Correspondence((a,), (b,), role_of(a), 1.0) for a, b in zip(*sides, strict=True)],
    )


@pytest.mark.parametrize(("bearers", "is_counted"), [(1, False), (2, True)])
def test_a_name_is_counted_where_others_bear_it_too(bearers: int, is_counted: bool) -> None:
    """Where each stands once, a share of one record in all is more than strangers have of any: it would cost bits."""
    names = [f"{word(i // bearers)} trading ltd" for i in range(200)]
    mails = [f"{word(i // bearers)}@trading.org" for i in range(200)]
    tables = [columns({"company": names, "email": mails}) for _ in range(2)]
    fields = planned_fields([Correspondence((a,), (b,), role_of(a), 1.0) for a, b in zip(*tables, strict=True)])
    assert {p.field.name: p.comparison.term_frequency for p in fields} == {"company": is_counted, "email": False}


def test_branches_of_a_firm_are_no_duplicates_of_each_other() -> None:
    planned = firms(200)
    firm, own = [i // 2 + 1 for i in range(200)], [i + 1 for i in range(200)]
    branches = {"company": keys(firm), "tax_no": keys(firm), "phone": keys(own), "street": keys(own)}
    assert repeated_share(planned, "left", branches) < 0.01
    copies = branches | {"phone": keys(firm), "street": keys(firm)}
    assert repeated_share(planned, "left", copies) > 0.45


def test_relatives_are_counted_among_those_who_share_a_home() -> None:
    found_columns = columns(
        {
            "given_name": [word(i) for i in range(200)],
            "phone": [f"+44 1632 9{i // 2:05}" for i in range(200)],
        }
    )
    planned = planned_fields([Correspondence((c,), (c,), role_of(c), 1.0) for c in found_columns])
    own, home = keys([i + 1 for i in range(200)]), keys([i // 2 + 1 for i in range(200)])
    rng = random.Random(1)
    names = np.array(["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(200)], np.object_)
    files = Found({"given_name": (own, own), "phone": (home, home)}, {"given_name": (names, names)})
    rate = relatives_a_record(planned, (200, 200), files, is_self=False)
    assert rate == pytest.approx(1.0, abs=0.1), "each meets the other one of his home, some with his first letter"


def insured(n: int) -> list[Planned]:
    """People of whom one in twenty states the number of another."""
    table = {
        "first_name": [word(i) for i in range(n)],
        "insurance": [str(7_000_000 + 13 * i) for i in range(n)],
        "date_of_birth": [f"{1950 + i % 50}-0{1 + i % 9}-1{i % 9}" for i in range(n)],
        "street": ["Mill Lane", "High Street"] * (n // 2),
    }
    return planned_fields([Correspondence((c,), (c,), role_of(c), 1.0) for c in columns(table)])


@pytest.mark.parametrize(("borrowers", "is_shared"), [(0, False), (10, True)])
def test_a_number_seen_with_others_than_its_owner_is_shared(borrowers: int, is_shared: bool) -> None:
    planned = insured(200)
    rows = np.arange(200)
    numbers = keys(list(range(1, 201)))
    others = np.where(rows < borrowers, rows + 1000, rows + 1)
    names = np.array([f"{'abcdefghij'[i // 20]}{word(i)}" for i in range(200)], np.object_)
    of_others = np.where(rows < borrowers, "zoe", names)
    files = Found(
        {"insurance": (numbers, numbers), "date_of_birth.year": (numbers, keys(others.tolist()))},
        {"first_name": (names, of_others)},
    )
    marked = with_lent(planned, files, is_self=False)
    assert {p.field.name: p.comparison.shared_number for p in marked}["insurance"] is is_shared


def test_a_street_without_numbers_is_a_text_in_which_letters_slip() -> None:
    kinds = {p.field.name: p.field.kind for p in (*insured(20), *firms(20))}
    assert kinds["street"] == "address", "the firms' have numbers"
    assert next(p for p in insured(20) if p.field.name == "street").field.kind == "text"


def test_slips_come_together_in_the_matches_that_passes_are_chosen_for() -> None:
    alike = np.array(list(_draw(insured(900)).values()))
    n_alike = alike.sum(axis=0)
    assert n_alike.var() > 1.3 * sum(one.var() for one in alike), "the variance that independent slips would have"


def test_a_number_of_ones_own_is_a_pass_by_itself_unless_it_is_lent() -> None:
    planned = insured(900)
    lent = [replace(p, comparison=msgspec.structs.replace(p.comparison, shared_number=True)) for p in planned]
    for those, is_pass in ((planned, True), (lent, False)):
        passes = [candidate.rule.left for candidate in _candidates(those, only_own=True)]
        assert (["insurance"] in passes) is is_pass


def test_a_guess_is_kept_where_sure_matches_agree_in_it_only() -> None:
    planned = next(p for p in insured(200) if p.field.name == "first_name")
    sure = [SurePairs(frozenset({"first", "second"}), np.arange(200), np.arange(200))]
    levels = np.array([f"{i % 50}" for i in range(200)], np.object_)
    other = np.random.default_rng(1).permutation(levels)
    assert tells(planned, sure, (levels, levels))
    assert not tells(planned, sure, (levels, other))
    assert not tells(planned, [], (levels, levels)), "nothing speaks for it"


def test_measured_shares_are_positive_however_few_pairs_have_a_level() -> None:
    street = next(p for p in firms(40) if p.field.name == "street")
    stated = _with_shares(street, [0.00001, 0.6, 0.00004, 0.3, 0.09995]).comparison.m
    assert stated is not None
    assert min(stated) > 0
    assert sum(stated) == pytest.approx(1.0, abs=1e-9)


def test_left_records_are_rivals_where_a_right_one_has_one_match() -> None:
    def pairs(left: list[int], right: list[int], chances: list[float]) -> FilePairs:
        n = len(left)
        rest = np.zeros(n), np.ones(n, np.bool_), np.zeros(n, np.uint16)
        return FilePairs(np.array(left), np.array(right), np.array(chances), *rest)

    alone = _among_left_rivals(pairs([0, 1], [5, 6], [0.9, 0.3]))
    assert alone == pytest.approx([0.9, 0.3]), "without a rival nothing changes"
    rivals = _among_left_rivals(pairs([0, 1, 2], [5, 5, 5], [0.9, 0.9, 0.5]))
    assert rivals == pytest.approx([9 / 20, 9 / 20, 1 / 20])
    sure = _among_left_rivals(pairs([0, 1], [5, 5], [1.0, 0.99]))
    assert sure[0] > 1 - 1e-12
    assert sure[1] < 1e-12


# -------------------------------------------------------------------------------------------------------- end to end


def two_shops(n: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """People of two shops, half of each in both: one writes ISO dates and local phones, the other the month first."""
    rng = random.Random(seed)
    given = [f"{a}{b}" for a in ("an", "be", "cla", "do", "el", "fra", "gre") for b in ("na", "no", "ra", "ta", "vin")]
    family = [
        f"{a}{b}" for a in ("berg", "hill", "kirch", "lang", "stein", "wald") for b in ("er", "ley", "mann", "son")
    ]
    people = [
        (
            rng.choice(given),
            rng.choice(family),
            (1940 + rng.randrange(60), rng.randrange(1, 13), rng.randrange(1, 29)),
            rng.randrange(10**6, 10**7),
        )
        for _ in range(n + n // 2)
    ]
    left = [
        {
            "no": f"A{i}",
            "first_name": given_name,
            "last_name": family_name,
            "dob": f"{year}-{month:02}-{day:02}",
            "phone": f"(212) 5{phone % 100:02}-{phone % 9973:04}",
        }
        for i, (given_name, family_name, (year, month, day), phone) in enumerate(people[:n])
    ]
    right = [
        {
            "id": f"B{i}",
            "name": f"{family_name}, {given_name}".upper(),
            "born": f"{month:02}/{day:02}/{year}",
            "mobile": f"+1 212 5{phone % 100:02} {phone % 9973:04}",
        }
        for i, (given_name, family_name, (year, month, day), phone) in enumerate(people[n // 2 :])
    ]
    return pa.Table.from_pylist(left), pa.Table.from_pylist(right)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("shops")
    paths = folder / "a.csv", folder / "b.csv"
    for path, table in zip(paths, two_shops(600, 4), strict=True):
        pa_csv.write_csv(table, path)
    return paths


def test_shops_that_write_all_in_another_way_are_linked_at_the_first_try(
    shops: tuple[Path, Path], tmp_path: Path
) -> None:
    proposal = propose(*(read_columns(path) for path in shops))
    (tmp_path / "plan.toml").write_text(plan_toml(proposal), encoding="utf-8")
    plan: Plan = load_plan(tmp_path / "plan.toml")
    assert plan.decision.matches_per_record == "one_to_one"
    assert {field.form for field in plan.fields if field.right == ["name"]} == {"given", "family"}
    linked = link_files([shops[0]], [shops[1]], plan, tmp_path / "out")
    assert linked.links == 300
    assert any("born: read as month/day/year" in note for note in linked.notes)
    assert not any("cannot be read" in note for note in linked.notes), "phones are of the region, not of Viet Nam"


def test_a_record_with_an_empty_cell_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,name,phone\n1,Ann Lee,\n2,Tom Do,212\n", encoding="utf-8")
    assert read_columns(path).column_names == ["id", "name", "phone"]


def test_columns_without_a_counterpart_are_told(shops: tuple[Path, Path]) -> None:
    left, right = two_shops(200, 5)
    left = left.append_column("shelf", pa.array([f"{i % 7}-{i % 11}" for i in range(200)]))
    right = right.append_column("colour", pa.array([f"tone {i % 90}" for i in range(200)]))
    notes = propose_plan(left, right).notes
    assert any("without a counterpart: shelf (left) and colour (right)" in note for note in notes)
    assert link_tables(left, right).links.num_rows > 90
