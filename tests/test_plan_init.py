"""A plan proposed from two files fits them: columns that mean the same, kinds, and the pairs its passes make."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from benchmarks.accuracy.domains import Made, make_companies, make_customers
from benchmarks.accuracy.domains_derived import make_alumni
from benchmarks.accuracy.labelled import judge
from benchmarks.accuracy.metrics import at_threshold
from linkage.errors import InputError, UsageError
from linkage.plan.reading import load_plan, plan_from
from linkage.plan.sections import Comparison, Field
from linkage.planning.checking import check_plan
from linkage.planning.columns import TextColumn, header_notes, read_columns, text_columns
from linkage.planning.correspondences import determined_by, ids_of
from linkage.planning.fields import Planned
from linkage.planning.made_of import made_of_others
from linkage.planning.pairing import of_two_files
from linkage.planning.passes import block_sizes, choose_passes
from linkage.planning.proposal import Proposal, propose
from linkage.planning.roles import Role, role_of
from linkage.planning.writing import plan_toml
from linkage.two_files.link import link_files
from tests.district import call

SIZE = 1500


PEOPLE = ["K1,Lương Đình Khiêm,{0},thôn Đoài", "K2,Hà Thị Bích Thảo,{1},thôn Đoài", "K3,Tạ Quang Vinh,{0},thôn Đoài"]


@pytest.mark.parametrize("third", [("Nam", "Nữ"), ("05/11/1985", "06/12/1990"), ("0912777101", "0912777102")])
def test_no_plan_names_a_person_of_a_list_without_a_header(tmp_path: Path, third: tuple[str, str]) -> None:
    path, plan = tmp_path / "list.csv", tmp_path / "plan.toml"
    path.write_text("\n".join(PEOPLE).format(*third), "utf-8")
    told = call("plan", "init", path, "--out", plan)
    assert told.code == 2
    assert "the first row holds values" in told.err
    assert "Khiêm" not in told.err + told.out
    assert not plan.exists()


@pytest.mark.parametrize(
    "rows",
    [
        ["Lương Đình Khiêm,12 Lê Lợi", "Đình Quang Vinh,9 Trần Phú", "Hà Khiêm,3 Hà Huy Tập", "Lương Vĩ,7 Lê Hà"],
        ["Mary Ann Jones,B-12", "Ann Smith,B-7", "Bob Jones,C-9", "Mary Clark,A-31"],
    ],
)
def test_a_first_row_like_those_under_it_is_told(tmp_path: Path, rows: list[str]) -> None:
    path = tmp_path / "list.csv"
    path.write_text("\n".join([*rows, *rows[1:]]), "utf-8")
    told = call("plan", "init", path, "--out", tmp_path / "plan.toml")
    assert told.code == 0, told.err
    assert "list.csv: the first row reads like the rows under it" in " ".join(told.err.split())
    assert not any(word in told.err for word in ("Khiêm", "Mary"))
    path.write_text("\n".join(["họ và tên,địa chỉ", *rows]), "utf-8")
    assert header_notes(path, read_columns(path)) == []


def test_a_header_may_state_days_and_words_of_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("tên,01/02/2021,1,2,khác\nLê An,3,1,2,khác\nHà Thảo,4,2,2,\nTạ Vinh,3,2,1,\n", "utf-8")
    assert read_columns(path).column_names == ["tên", "01/02/2021", "1", "2", "khác"]


def column(name: str, *values: str | None) -> TextColumn:
    return text_columns(pa.table({name: pa.array(values, pa.string())}))[0]


# ------------------------------------------------------------------------------------------------------------- roles

ROLES = [
    ("dob", ["1980-02-03", "1991-12-30", "2001-07-07"], Role.BIRTH_DATE),
    ("dateOfBirth", ["19800203", "19911230", "20010707"], Role.BIRTH_DATE),
    ("joined", ["03/02/1980", "30/12/1991", "07/07/2001"], Role.DATE),
    ("account", ["19800203", "19911230", "20010707"], Role.IDENTIFIER),
    ("contact", ["a.b@x.org", "c@y.net", "d@z.com"], Role.EMAIL),
    ("mobile", ["0791 234567", "+44 791 234568", "0791234569"], Role.PHONE),
    ("Gender", ["male", "female", "male"], Role.SEX),
    ("sex", ["1", "2", "1"], Role.SEX),
    ("full name", ["Nguyễn Văn An", "Trần Thị Bích", "Lê Hoàng Long"], Role.VIETNAMESE_NAME),
    ("name", ["nguyen van an", "tran thi bich", "le hoang long"], Role.VIETNAMESE_NAME),
    ("name", ["Ann Lee", "Tom Do", "John Smith"], Role.FULL_NAME),
    ("Forename", ["Ann", "Tom", "John"], Role.GIVEN_NAME),
    ("legal_name", ["Acme Ltd", "Orbis GmbH", "Nova Inc"], Role.COMPANY),
    ("row", ["1", "2", "3"], Role.COUNTER),
    ("Website", ["http://www.acme.com", "nova.org/", "orbis.de/start"], Role.WEBSITE),
    ("x", ["www.acme.com", "nova.org", "https://orbis.de"], Role.WEBSITE),
    ("Địa chỉ", ["12 Lê Lợi", "3 Kim Mã", "5/2 Láng Hạ"], Role.STREET),
    ("Tên nhà cung cấp", ["CTCP An", "Cty TNHH Bình", "DNTN Lan"], Role.COMPANY),
    ("tên", ["Công ty TNHH An", "Công ty CP Bình", "CÔNG TY CỔ PHẦN LAN"], Role.COMPANY),
    ("tên", ["An", "Bình", "Lan"], Role.GIVEN_NAME),
    ("Tên màu", ["Đỏ", "Xanh", "Vàng"], Role.TEXT),
    ("Họ", ["Nguyễn", "Trần", "Lê"], Role.FAMILY_NAME),
    ("họ đệm", ["Nguyễn Văn", "Trần Thị", "Lê"], Role.FAMILY_NAME),
    ("Hộ khẩu thường trú", ["12 Lê Lợi", "3 Kim Mã", "5/2 Láng Hạ"], Role.STREET),
    ("age", ["31", "31", "67"], Role.QUANTITY),
]


@pytest.mark.parametrize(("name", "values", "role"), ROLES, ids=[f"{r[0]} {r[2].name}" for r in ROLES])
def test_a_column_is_taken_for_what_it_is(name: str, values: list[str], role: Role) -> None:
    assert role_of(column(name, *values)) is role


# --------------------------------------------------------------------------------------------------- correspondences


def pairs_of(left: dict[str, list[str]], right: dict[str, list[str]]) -> set[tuple[tuple[str, ...], tuple[str, ...]]]:
    sides = [[column(name, *values) for name, values in side.items()] for side in (left, right)]
    found = of_two_files(*sides)
    return {(tuple(c.name for c in pair.left), tuple(c.name for c in pair.right)) for pair in found}


def test_columns_that_are_called_alike_or_mean_the_same_are_paired() -> None:
    left = {"Surname": ["Lee", "Do"], "DateOfBirth": ["1980-02-03", "1991-12-30"], "zip": ["AB1", "CD2"]}
    right = {"postcode": ["EF3", "GH4"], "date_of_birth": ["1980-02-04", "1991-12-31"], "last name": ["Lee", "Du"]}
    assert pairs_of(left, right) == {
        (("Surname",), ("last name",)),
        (("DateOfBirth",), ("date_of_birth",)),
        (("zip",), ("postcode",)),
    }


def test_a_house_number_is_not_compared_with_a_tax_number() -> None:
    codes = [str(1000 + i) for i in range(50)]
    assert pairs_of({"street_number": codes[:25]}, {"tax_number": codes[25:]}) == set()


def test_rare_values_in_common_pair_columns_whatever_they_are_called() -> None:
    codes = [f"GB{1_000_000 + 37 * i}" for i in range(900)]
    assert pairs_of({"ref": codes[:600]}, {"registry": codes[300:]}) == {(("ref",), ("registry",))}


def test_a_full_name_meets_given_and_family_name() -> None:
    left = {"name": ["Ann Lee", "Tom Do"]}
    right = {"first_name": ["Ann", "Tom"], "last_name": ["Lee", "Do"]}
    assert pairs_of(left, right) == {(("name",), ("first_name",)), (("name",), ("last_name",))}


def test_a_full_name_whose_family_name_stands_first_is_parted_so() -> None:
    whole, given, family = (
        column("name", "LEE Ann", "DO Tom"),
        column("first_name", "Ann", "Tom"),
        column("last_name", "Lee", "Do"),
    )
    forms = {pair.right[0].name: pair.form for pair in of_two_files([whole], [given, family])}
    assert forms == {"first_name": "family", "last_name": "given"}


def test_a_vietnamese_name_meets_its_parts_as_one_name() -> None:
    names = [("Nguyễn", "Văn", "An"), ("Trần", "Thị", "Bích"), ("Lê", "Hoàng", "Long")] * 8
    parted = {part: [name[i] for name in names] for i, part in enumerate(("họ", "tên đệm", "tên"))}
    left = [column("Họ và tên", *map(" ".join, names))]
    right = [column(name, *values) for name, values in reversed(parted.items())]
    found = of_two_files(left, right)
    assert [(pair.role, [c.name for c in pair.right]) for pair in found] == [(Role.VIETNAMESE_NAME, list(parted))]
    turned = of_two_files(right, left)
    assert [[c.name for c in pair.left] for pair in turned] == [list(parted)]


def test_one_telephone_meets_two() -> None:
    mobiles, landlines = ([f"0{first}{7_000_000 + 37 * i}" for i in range(60)] for first in (6, 1))
    found = pairs_of({"phone": mobiles[:30] + landlines[:20]}, {"mobile": mobiles, "telephone": landlines})
    assert found == {(("phone",), ("mobile",)), (("phone",), ("telephone",))}


def test_one_column_holds_two() -> None:
    towns = [("64034", "Pau"), ("13005", "Nice"), ("01002", "Bourg"), ("25001", "Metz")] * 5
    whole = {"zip and place": [f"{code} {town}" for code, town in towns]}
    parts = {"code_postal": [code for code, _ in towns], "town": [town for _, town in towns]}
    assert pairs_of(whole, parts) == {(("zip and place",), ("code_postal", "town"))}


def test_a_client_may_be_a_company() -> None:
    firms = [f"Acme {letter} Ltd" for letter in "abcdefghijklmnopqrstuvw"]
    (pair,) = of_two_files([column("client", *firms)], [column("raison sociale", *firms)])
    assert (pair.role, pair.form) == (Role.COMPANY, "company")


def test_a_district_is_what_its_village_says() -> None:
    villages = [f"v{i % 10}" for i in range(100)]
    table = pa.table({"village": villages, "district": [f"d{int(v[1:]) // 5}" for v in villages]})
    assert determined_by(table, "district", "village")
    assert not determined_by(table, "village", "district")


def ids(columns: dict[str, list[str]], other: dict[str, list[str]], named: str | None = None) -> str | None:
    sides = {side: [column(n, *v) for n, v in of.items()] for side, of in (("left", columns), ("right", other))}
    return ids_of(sides, of_two_files(sides["left"], sides["right"]), {"left": named})["left"]


NUMBERS = [f"{7_000_003 + 7919 * i}" for i in range(60)]
FIRMS = {"company": [f"Acme {i} Ltd" for i in range(60)], "tax number": NUMBERS}


def test_a_name_is_no_id_and_a_number_may_be_id_and_field() -> None:
    """A register is known by the number that the other file states of some of its companies."""
    suppliers = {"ref": [f"S{i:03}" for i in range(40)], "supplier": FIRMS["company"][:40], "tax no": NUMBERS[:40]}
    assert ids(FIRMS, suppliers) == "tax number"
    assert ids({"company": FIRMS["company"]}, suppliers) is None
    table, other = pa.table(FIRMS), pa.table(suppliers)
    found = propose(other, table)
    assert (found.plan.left_id, found.plan.right_id) == ("ref", "tax number")
    assert {field.right[0] for field in found.plan.fields} == {"company", "tax number"}


@pytest.mark.parametrize(("form", "is_id"), [("HRB {} B", True), ("{} Mill Lane", False)])
def test_a_code_in_groups_may_be_an_id(form: str, is_id: bool) -> None:
    codes = column("register", *(form.format(1000 + 37 * i) for i in range(60)))
    assert ids_of({"left": [codes]}, [], {"left": None}) == {"left": "register" if is_id else None}


def test_the_id_may_be_named() -> None:
    named = FIRMS | {"no": [f"K{i}" for i in range(60)]}
    assert ids(named, {"x": ["1", "2"]}, "no") == "no"
    with pytest.raises(UsageError, match="--left-id: the left file has no column 'nr'; it has company, tax number, no"):
        ids(named, {"x": ["1", "2"]}, "nr")
    with pytest.raises(UsageError, match="column 'kind' has 1 different values in 60 records"):
        ids(named | {"kind": ["a"] * 60}, {"x": ["1", "2"]}, "kind")


# ------------------------------------------------------------------------------------------- columns made of others


def made_of(columns: dict[str, list[str]]) -> dict[str, tuple[set[str], bool]]:
    """By field of a file beside itself what its values are made of, and whether they are nothing else."""
    table = pa.table(columns)
    pairs = of_two_files(*(text_columns(table) for _ in range(2)))
    found = made_of_others(pairs, {"left": table, "right": table})
    return {made.pair.right[0].name: ({p.right[0].name for p in made.of}, made.is_whole) for made in found}


def people(n: int = 400) -> dict[str, list[str]]:
    rng = np.random.default_rng(6)
    given, family = (
        rng.choice([a + b for a in starts.split() for b in ["an", "er", "in", "el", "os"]], n)
        for starts in ("jor mar tad wil hed", "bram quist holt vend farr sund")
    )
    born = [f"{y}-{m:02}-{d:02}" for y, m, d in rng.integers([1950, 1, 1], [2000, 13, 29], (n, 3))]
    return {"first_name": given.tolist(), "surname": family.tolist(), "dob": born}


def test_what_is_made_of_names_or_dates_is_seen() -> None:
    who = people()
    rng, rows = np.random.default_rng(7), list(zip(*who.values(), strict=True))
    who["email"] = [
        f"{given[0]}.{family}@mail.org" if i % 3 else f"x{i}@a.net" for i, (given, family, _) in enumerate(rows)
    ]
    who["login"] = [f"{given}{rng.integers(1000)}" for given, _, _ in rows]
    who["card_no"] = [
        f"{given[0]}{family[0]}{born.replace('-', '')[2:]}-{rng.integers(90)}" for given, family, born in rows
    ]
    who["account_no"] = [f"{n}" for n in rng.integers(10**7, 10**8, len(rows))]
    who["contact"] = [f"u{n}@mail.org" for n in rng.integers(10**5, 10**6, len(rows))]
    found = made_of(who)
    assert found["email"] == ({"first_name", "surname"}, False)
    assert found["login"] == ({"first_name"}, False)
    assert found["card_no"] == ({"first_name", "surname", "dob"}, False)
    assert not {"account_no", "contact"} & found.keys()


def test_what_others_say_whole_is_seen() -> None:
    who = people()
    who["full_name"] = [
        f"{given} {family}".title() for given, family in zip(who["first_name"], who["surname"], strict=True)
    ]
    who["birth_year"] = [born[:4] for born in who["dob"]]
    found = made_of(who)
    assert found == {"full_name": ({"first_name", "surname"}, True), "birth_year": ({"dob"}, True)}


@pytest.fixture(scope="module")
def alumni(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_alumni(tmp_path_factory.mktemp("alumni"), 21, SIZE)


def test_what_names_make_does_not_count_twice(alumni: Made, tmp_path: Path) -> None:
    """Namesakes agree in name, full name, e-mail address and user name: taken for independent evidence these made
    matches of them all."""
    found = propose(read_columns(alumni.files.left), read_columns(alumni.files.right))
    of = {c.name: set(c.made_of) for c in found.plan.comparisons if c.made_of}
    assert of == {
        "email_address": {"given_name", "family_name"},
        "username": {"given_name", "family_name", "graduation_year"},
    }
    assert ("display_name", "given_name and family_name say it already") in {
        (o.column, o.reason) for o in found.left_out
    }
    text = plan_toml(found)
    assert "# holds parts of given_name (99%) and family_name (" in text
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    linked = link_files([alumni.files.left], [alumni.files.right], load_plan(tmp_path / "plan.toml"), tmp_path / "out")
    judged = at_threshold(judge(pq.read_table(linked.folder / "links.parquet"), alumni.files), 0.5)
    assert judged.f1 is not None
    assert judged.f1 > 0.95
    assert judged.precision is not None
    assert judged.precision > 0.98


def test_records_that_may_be_one_persons_teach_nothing_of_strangers(alumni: Made) -> None:
    found = propose(read_columns(alumni.files.right), None)
    assert not any(c.made_of for c in found.plan.comparisons)
    assert "it counts as if it were independent" in plan_toml(found)


# --------------------------------------------------------------------------------------------------------- proposals


@pytest.fixture(scope="module", params=[make_customers, make_companies], ids=["customers", "companies"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    found: Made = request.param(tmp_path_factory.mktemp("domain"), 21, SIZE)
    return found


@pytest.fixture(scope="module")
def proposal(made: Made) -> Proposal:
    return propose(read_columns(made.files.left), read_columns(made.files.right))


def test_every_column_finds_its_counterpart(made: Made, proposal: Proposal) -> None:
    paired = {(p.field.left[0], p.field.right[0]) for p in proposal.planned}
    assert paired == set(made.columns.values())
    ids = {"order_no", "vendor_id"}, {"member_id", "id"}
    assert proposal.plan.left_id in ids[0]
    assert proposal.plan.right_id in ids[1]


def test_what_is_written_is_the_plan_that_was_proposed(proposal: Proposal) -> None:
    text = plan_toml(proposal)
    assert plan_from(tomllib.loads(text), "here") == proposal.plan
    assert all(f"# {note}" in text for note in proposal.notes)
    assert "% of the left values occur on the right" in text


def test_the_pairs_it_announces_are_those_of_the_check(made: Made, proposal: Proposal) -> None:
    checked = check_plan(proposal.plan, made.files.left, made.files.right)
    announced = {c.rule.name: (c.n_pairs, c.largest_block) for c in proposal.passes}
    assert {p.name: (p.pairs, p.largest_block) for p in checked.passes} == announced
    assert checked.rows == proposal.rows


def test_a_link_with_the_proposed_plan_is_good(made: Made, proposal: Proposal, tmp_path: Path) -> None:
    """Where Splink with its own comparisons has 0.70 and 0.81 (see benchmarks/accuracy/plan_init.py)."""
    (tmp_path / "plan.toml").write_text(plan_toml(proposal), encoding="utf-8")
    linked = link_files([made.files.left], [made.files.right], load_plan(tmp_path / "plan.toml"), tmp_path / "out")
    assert linked.refusal is None
    found = at_threshold(judge(pq.read_table(linked.folder / "links.parquet"), made.files), 0.5)
    assert found.f1 is not None
    assert found.f1 > 0.93


def test_one_file_is_planned_for_its_duplicates(tmp_path: Path) -> None:
    made = make_customers(tmp_path, 22, SIZE)
    found = propose(read_columns(made.files.right), None)
    assert found.plan.decision.matches_per_record == "any"
    assert found.plan.left_id == found.plan.right_id == "member_id"
    assert all(field.left == field.right for field in found.plan.fields)
    assert not any("counterpart" in note for note in found.notes)
    assert [o.side for o in found.left_out if o.column == "member_id"] == ["both"]


def test_a_value_written_in_two_forms_is_told_and_expected(tmp_path: Path) -> None:
    """Half of the shop's streets have their town behind them, none of the register's."""
    made = make_customers(tmp_path, 23, SIZE)
    left = read_columns(made.files.left).to_pylist()
    longer = [
        row | {"street": f"{row['street']}, {row['town']}, england"} if i % 2 else row for i, row in enumerate(left)
    ]
    found = propose(pa.Table.from_pylist(longer), read_columns(made.files.right))
    street = next(c for c in found.plan.comparisons if c.name == "address")
    assert street.m is not None
    assert street.m[0] < 0.5
    assert any(note.startswith("address: of pairs that are surely matches only") for note in found.notes)


def test_phones_with_and_without_their_country_are_read_alike(tmp_path: Path) -> None:
    """Half of the shop's telephone numbers begin with +44, none of the register's."""
    made = make_customers(tmp_path, 24, SIZE)
    found = propose(read_columns(made.files.left), read_columns(made.files.right))
    phone = next(field for field in found.plan.fields if field.name == "phone")
    assert (phone.kind, phone.region) == ("phone", "GB")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_files_of_any_format_are_read_with_all_their_columns(tmp_path: Path, suffix: str) -> None:
    rows = [{"Mã số": "1", "full name": "Ann Lee", "": "x"}, {"Mã số": "2", "full name": None, "": "y"}]
    path = tmp_path / f"people{suffix}"
    table = pa.Table.from_pylist(rows)
    if suffix == ".csv":
        path.write_text("Mã số;full name;\n1;Ann Lee;x\n2;;y\n", encoding="utf-8-sig")
    elif suffix == ".parquet":
        pq.write_table(table, path)
    else:
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate([list(rows[0]), *(list(row.values()) for row in rows)]):
                sheet.write_row(number, 0, row)
    assert read_columns(path).to_pylist() == table.drop_columns([""]).to_pylist()


def test_one_record_of_the_right_may_have_two_of_the_left(made: Made) -> None:
    """Where sure pairs say so: every eighth supplier stands there twice, the second time otherwise written."""
    left, right = read_columns(made.files.left), read_columns(made.files.right)
    assert propose(left, right).plan.decision.matches_per_record != "any"
    key = left.column_names[0]
    again = [
        row | {key: f"Z{i}"} | {name: None for name in row if name != key and (i + len(name)) % 5 == 0}
        for i, row in enumerate(left.to_pylist()[::8])
    ]
    twice = pa.concat_tables([left, pa.Table.from_pylist(again, schema=left.schema)])
    assert propose(twice, right).plan.decision.matches_per_record == "one"


def test_what_is_not_compared_is_noted() -> None:
    left = pa.table(FIRMS | {"terms": ["30 days", "60 days"] * 30, "row": [str(i) for i in range(60)]})
    right = pa.table({"firm": FIRMS["company"], "vat number": NUMBERS, "row": [str(i) for i in range(60)]})
    notes = propose(left, right).notes
    assert any(note.startswith("not compared: terms: has no counterpart") for note in notes)


def test_files_without_anything_in_common_have_no_plan() -> None:
    left, right = pa.table({"colour": ["red", "blue"]}), pa.table({"dob": ["1980-02-03", "1991-12-30"]})
    with pytest.raises(InputError, match="no column of the left file says what a column of the right one says"):
        propose(left, right)


def test_pairs_are_counted_as_they_meet() -> None:
    rng = np.random.default_rng(5)
    left, right = (rng.integers(0, 30, n).astype(np.uint64) for n in (80, 120))
    met = [[int(a) for a in right if a == b and b != 0] for b in left]
    assert block_sizes(left, right, is_self=False) == (sum(map(len, met)), max(map(len, met)))
    pairs = sum(1 for i in range(80) for k in range(i) if left[i] == left[k] and left[i] != 0)
    assert block_sizes(left, left, is_self=True)[0] == pairs


# ------------------------------------------------------------------------------------------------------------- check


def test_the_check_says_what_is_not_read(tmp_path: Path) -> None:
    people = {"id": ["1", "2", "3"], "name": ["Ann Lee", "Tom Do", "Eve Ray"], "dob": ["1980-02-03", "unclear", "n/a"]}
    pa_csv.write_csv(pa.table(people), tmp_path / "people.csv")
    field = {"left": ["dob"], "right": ["dob"]}
    plan = plan_from(
        {
            "format": 1,
            "name": "two",
            "left_id": "id",
            "right_id": "id",
            "field": [
                {"name": "dob", "kind": "birth_date", **field},
                {"name": "name", "kind": "text", "left": ["name"], "right": ["name"]},
            ],
            "pass": [{"name": "name", "left": ["name"], "right": ["name"]}],
            "comparison": [{"name": "dob", "kind": "date", **field}],
        },
        "here",
    )
    checked = check_plan(plan, tmp_path / "people.csv", tmp_path / "people.csv")
    text = "\n".join(checked.warnings)
    assert "67% of the values on the left are not read as birth_date, such as 'aaaaaaa', 'a/a'" in text
    assert "field 'name' blocks but is not compared" in text
    assert "one pass only" in text
    assert 'needs decision.matches_per_record = "any"' in text
    assert "pass 'name' makes no pair" in text


def test_both_commands_work_from_the_shell(made: Made, tmp_path: Path) -> None:
    files, plan = made.files, tmp_path / "plan.toml"
    ended = call("plan", "init", files.left, files.right, "--out", plan)
    assert ended.code == 0
    assert "note: if values are keyed in as is usual" in ended.err
    said = call("plan", "check", plan, files.left, files.right)
    assert said.code == 0
    assert "for each left record" in said.out
    found = json.loads(call("plan", "check", plan, files.left, files.right, "--json").out)
    assert [p["name"] for p in found["passes"]] == [p.name for p in load_plan(plan).passes]
    assert json.loads(call("plan", "init", files.right, "--out", plan, "--json").out)["matches_per_record"] == "any"


def test_a_file_without_duplicates_or_without_anything_to_tell_is_refused() -> None:
    with pytest.raises(InputError, match="there seem to be no duplicates"):
        propose(
            pa.table({"name": ["Ann Lee", "Tom Do", "Eve Ray"], "born": ["1980-02-03", "1990-05-06", "1970-01-09"]}),
            None,
        )
    with pytest.raises(InputError, match="no column tells records apart"):
        propose(pa.table({"place": ["x", "x", "x"]}), None)


def test_a_kind_of_which_no_slips_are_known_makes_no_pass() -> None:
    pair: Any = SimpleNamespace(filled=1.0, role=Role.CATEGORY)
    compared = Comparison(name="x", kind="category", left=["x"], right=["x"])
    planned = Planned(Field(name="x", kind="ethnicity", left=["x"], right=["x"]), compared, pair)
    no_keys = np.zeros(1, np.uint64)
    assert choose_passes([planned], (10, 10), lambda rule: (no_keys, no_keys), is_self=False) == []
