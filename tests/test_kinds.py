"""The kinds of fields and comparisons that only plans of one's own have, from a file's text to the level of a pair."""

from __future__ import annotations

import copy
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.doses.claims import claim_keys
from linkage.encode import columns as encode_columns
from linkage.encode.columns import encode
from linkage.encode.dictionaries import Dictionaries
from linkage.encode.keys import key_part
from linkage.encode.texts import address_words
from linkage.errors import UsageError
from linkage.ingest.records import Records
from linkage.plan.kinds import COMPARISON_KINDS, FIELD_KINDS, PARTS
from linkage.plan.reading import load_plan, plan_from
from linkage.plan.sections import Plan
from linkage.planning import reference
from linkage.planning.checking import check_plan
from linkage.registry.build import build_index
from linkage.scoring import binding
from linkage.scoring.batch import Pairs, prepare_batch
from linkage.scoring.binding import bind
from linkage.splink.exporting import export_splink
from linkage.standardise.places import Units
from linkage.standardise.text_forms import unmarked
from linkage.training.model_file import Model
from linkage.training.train import starting_parameters
from linkage.two_files.link import link_files

TEXT: dict[str, Any] = {"measure": "jaro_winkler", "thresholds": [0.85]}
FIELDS = {
    "address": ("address", ["street", "town"]),
    "postcode": ("postcode", ["postcode"]),
    "emails": ("alternatives", ["emails"]),
    "given": ("text", ["given"]),
    "names": ("name_pair", ["given", "family"]),
    "place": ("coordinates", ["lat", "lon"]),
    "spot": ("coordinates", ["latlon"]),
    "price": ("number", ["price"]),
    "phone": ("phone", ["price"]),
}
PLAN: dict[str, Any] = {
    "format": 1,
    "name": "every kind",
    "left_id": "id",
    "right_id": "id",
    "field": [
        {"name": name, "kind": kind, "left": columns, "right": columns} for name, (kind, columns) in FIELDS.items()
    ],
    "pass": [
        {"name": "postcode", "left": ["postcode"], "right": ["postcode"]},
        {"name": "family", "left": ["names.second"], "right": ["names.second"]},
        {"name": "both names", "left": ["names.key"], "right": ["names.key"], "evidence": "identifier"},
        {"name": "address", "left": ["address.key"], "right": ["address.key"], "evidence": "identifier"},
    ],
    "comparison": [
        {"name": "postcode", "kind": "postcode", "left": ["postcode"], "right": ["postcode"]},
        {"name": "price", "kind": "number", "left": ["price"], "right": ["price"], "measure": "relative",
         "thresholds": [0.01, 0.2]},
        {"name": "place", "kind": "distance", "left": ["place"], "right": ["place"], "thresholds": [0.2, 5, 50]},
        {"name": "spot", "kind": "distance", "left": ["spot"], "right": ["spot"], "thresholds": [5]},
        {"name": "emails", "kind": "alternatives", "left": ["emails"], "right": ["emails"], **TEXT},
        {"name": "given", "kind": "nickname", "left": ["given"], "right": ["given"], **TEXT},
        {"name": "names", "kind": "name_pair", "left": ["names"], "right": ["names"], "term_frequency": True, **TEXT},
        {"name": "address", "kind": "address", "left": ["address"], "right": ["address"], "term_frequency": True},
    ],
}  # fmt: skip
PLAN["field"][3]["nicknames"] = [["Robert", "Bob", "Bert"], ["Albert", "Bert"]]

COLUMNS = ("street", "town", "postcode", "emails", "given", "family", "lat", "lon", "latlon", "price")
ROB = ("12 High Street", "London", "SW1A 1AA", "rob@x.org; r.smith@y.com", "Robert", "Smith", "51.5", "-0.12",
       "51.5, -0.12", "100")  # fmt: skip
# Each with what it says against Rob: the level of every comparison, in the plan's order.
OTHERS = {
    ROB: ("same", "relative difference ≤ 0.01", "distance ≤ 0.2 km", "distance ≤ 5 km", "same", "same", "both same",
          "same"),
    ("London, High St. 12", "", "sw1a1ab", "R.SMITH@Y.COM", "Bob", "Smith", "51.51", "-0.12", "51.51;-0.12", "110"): (
        "one character or two neighbours swapped", "relative difference ≤ 0.2", "distance ≤ 5 km", "distance ≤ 5 km",
        "same", "nickname", "second same", "same",
    ),
    ("14 High Street", "London", "SW1A 1BC", "r.smith@y.co; other@z.net", "Smith", "Robert", "51.8", "-0.12",
     "51.8 -0.12", "-100"): (
        "same sector (all but the last two characters)", "different", "distance ≤ 50 km", "different",
        "jaro_winkler ≥ 0.85", "different", "both same, swapped", "words alike, other numbers",
    ),
    ("High Street", "London", "SW1A 2BC", "nobody@nowhere", "Bert", "Smyth", "0", "0", "", ""): (
        "same district (all but the last three)", "missing", "different", "missing", "different", "nickname",
        "different", "words alike, numbers left out",
    ),
    ("High Street 12", "London N1", "N1 9GU", "", "Robbert", "Smiht", "91", "0", "nowhere", "x"): (
        "different", "missing", "missing", "missing", "missing", "jaro_winkler ≥ 0.85", "both jaro_winkler ≥ 0.85",
        "words alike, numbers left out",
    ),
    ("", "", "", ";", "", "", "", "", "", ""): ("missing",) * 8,
}  # fmt: skip


def table(rows: list[tuple[str, ...]]) -> pa.Table:
    columns = {
        name: pa.array(values, pa.string()) for name, values in zip(COLUMNS, zip(*rows, strict=True), strict=True)
    }
    return pa.table({"id": pa.array([f"r{i:04}" for i in range(len(rows))]), **columns})


def test_the_tables_of_kinds_name_the_same() -> None:
    assert set(binding._BINDERS) == set(COMPARISON_KINDS)
    assert set(encode_columns._ENCODERS) == set(reference._MEANINGS) == set(PARTS) == set(FIELD_KINDS)
    compared = {field for kind in COMPARISON_KINDS.values() for field in kind.fields}
    assert compared == set(FIELD_KINDS)


def test_levels_mean_what_they_say(tmp_path: Path) -> None:
    plan, rows = plan_from(PLAN, "here"), list(OTHERS)
    index = build_index(Records.of(table(rows)), plan, tmp_path / "index")
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(table([ROB]), plan, "left", dictionaries), dictionaries, index)
    bound = bind(batch, index, starting_parameters(plan, index.n_persons))
    order = index.rows_of(pa.array([f"r{i:04}" for i in range(len(rows))])).astype(np.uint32)
    pairs = Pairs.listed(np.array([0, len(rows)]), order)
    for place, comparison in enumerate(bound):
        codes = np.zeros(len(rows), np.uint32)
        comparison.add(batch.columns, pairs, codes)
        labels = [comparison.spec.labels[level] for level in codes // np.uint32(comparison.stride)]
        assert labels == [levels[place] for levels in OTHERS.values()], comparison.spec.name


def test_parts_of_keys() -> None:
    plan, latest = plan_from(PLAN, "here"), datetime.date(2026, 1, 1)
    rows = [("", "", code, emails, "", "", "", "", "", "") for code, emails in (
        ("SW1A 1AA", "a@x;b@y"), ("SW1A 1BB", "b@y"), ("SW1A 2AA", ""), ("AB", "c"), ("", "a@x; c"))]  # fmt: skip
    dictionaries = Dictionaries(Units.none(pa.array([], pa.string())), "2021", latest)
    columns = encode(table(rows), plan, "left", dictionaries)

    def part(name: str, side: str = "left") -> list[Any]:
        return key_part(name, side, columns, plan, dictionaries).tolist()

    sectors, districts = part("postcode.sector"), part("postcode.district")
    assert sectors[0] == sectors[1] != sectors[2]
    assert districts[0] == districts[1] == districts[2] != 0
    assert sectors[3:] == districts[3:] == [0, 0]
    every, first, second = part("emails"), part("emails", "right"), part("emails.2")
    assert every[0][:3] == [first[0], second[0], 0]
    assert [first[0], second[0]] == [first[4], first[1]]
    assert [first[2], second[1], second[4]] == [0, 0, first[3]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "454/49 Phan Đình Phùng, P. 13, Q1, TP HCM",
            "Số 454/49 đường Phan Đình Phùng, Phường 13, Quận 1, Hồ Chí Minh",
        ),
        ("Gartenstr. 12", "Gartenstraße 12"),
        ("12 high street", "12 High St."),
    ],
)
def test_an_address_is_read_alike_however_it_is_shortened(one: str, other: str) -> None:
    read = [set(address_words(text)) for text in unmarked(pa.array([one.lower(), other.lower()])).to_pylist()]
    assert read[0] == read[1]


def test_a_postcode_that_lost_its_zero_is_the_same() -> None:
    plan, latest = plan_from(PLAN, "here"), datetime.date(2026, 1, 1)
    dictionaries = Dictionaries(Units.none(pa.array([], pa.string())), "2021", latest)
    rows = [("", "", code, "", "", "", "", "", "", "") for code in ("09398", "9398", "09399", "007", "E09398")]
    codes = encode(table(rows), plan, "left", dictionaries)["postcode"].tolist()
    assert codes[0] == codes[1]
    assert len(set(codes)) == 4


def test_a_plan_of_these_kinds_links(tmp_path: Path) -> None:
    """200 people, each twice, with slips: nearly all are found, and no other."""
    rng = np.random.default_rng(3)
    given = ["Robert", "Bob", "Albert", "Mary", "Jane", "Olga", "Peter", "Paul", "Susan", "Ruth"]
    family = ["Smith", "Jones", "Taylor", "Brown", "Khan", "Evans", "Walker", "Wright", "Green", "Hall", "Wood", "Hill"]
    left, right = [], []
    for i in range(200):
        lat, lon = rng.uniform(50, 53), rng.uniform(-2, 0)
        names, street = (str(rng.choice(given)), str(rng.choice(family))), f"{rng.integers(1, 99)} {rng.choice(family)}"
        row = [f"{street} Road", "Town", f"N{i % 50} {i % 9}AB", f"p{i}@x.org", *names]
        row += [f"{lat:.5f}", f"{lon:.5f}", "", str(100 + i)]
        right.append(tuple(row))
        if rng.random() < 0.2:
            row[4], row[5] = row[5], row[4]
        if rng.random() < 0.2:
            row[3] = ""
        if rng.random() < 0.2:
            row[0] = row[0].split(" ", 1)[1]
        left.append(tuple(row))
    for name, rows in (("left", left), ("right", right)):
        pq.write_table(table(rows), tmp_path / f"{name}.parquet")
    content = copy.deepcopy(PLAN)
    of = {comparison["name"]: comparison for comparison in content["comparison"]}
    of["postcode"] |= {"fixed_m": [0.5, 0.2, 0.1, 0.1, 0.1], "fixed_u": [0.01, 0.02, 0.03, 0.04, 0.9]}
    of["price"] |= {"fixed_m": [0.6, 0.3, 0.1]}
    content["training"] = content.get("training", {}) | {"household_rate": 0.0}  # nobody has relatives here
    plan = plan_from(content, "here")
    link_files([tmp_path / "left.parquet"], [tmp_path / "right.parquet"], plan, tmp_path / "out", accept="a test")
    links = pq.read_table(tmp_path / "out" / "links.parquet").to_pylist()
    assert len(links) > 180
    assert all(link["left_id"] == link["right_id"] for link in links)
    check = check_plan(plan, tmp_path / "left.parquet", tmp_path / "right.parquet")
    unread = {field.name for field in check.read if field.read < 1}
    assert unread == {"phone"}, "prices, which are no phones of Viet Nam"
    model = json.loads((tmp_path / "out" / "model.json").read_text("utf-8"))
    shares = {
        (comparison["name"], key): [level[key] for level in comparison["levels"][1:]]
        for comparison in model["comparisons"]
        for key in "mu"
    }
    assert shares["postcode", "m"] == of["postcode"]["fixed_m"]
    assert shares["postcode", "u"] == of["postcode"]["fixed_u"]
    assert shares["price", "m"] == of["price"]["fixed_m"]
    assert shares["price", "u"] != [1 / 3] * 3
    assert shares["names", "m"] != plan.comparisons[6].starting_m


def test_a_plan_file_names_a_table_of_nicknames(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("Robert,Bob, Bert\nonly\nAlbert,Bert,\n", "utf-8-sig")
    text = (
        'format = 1\nname = "x"\n[[field]]\nname = "given"\nkind = "text"\nleft = ["g"]\nright = ["g"]\n'
        'nicknames = "names.csv"\n[[pass]]\nname = "p"\nleft = ["given.prefix"]\nright = ["given.prefix"]\n'
        '[[comparison]]\nname = "given"\nkind = "nickname"\nleft = ["given"]\nright = ["given"]\n'
        'measure = "levenshtein"\nthresholds = [1]\n'
    )
    (tmp_path / "plan.toml").write_text(text)
    plan = load_plan(tmp_path / "plan.toml")
    assert plan.fields[0].nicknames == [["Robert", "Bob", " Bert"], ["Albert", "Bert"]]
    (tmp_path / "plan.toml").write_text(text.replace("names.csv", "gone.csv"))
    with pytest.raises(UsageError, match=r"nicknames: .*gone\.csv: cannot be read"):
        load_plan(tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("section", "name", "change", "message"),
    [
        ("field", "names", {"left": ["given"]}, "kind 'name_pair' is read from 2 columns on the left, not 1"),
        (
            "field",
            "place",
            {"left": ["lat", "lon", "x"]},
            "read from 2 columns on the left, not 3",
        ),
        ("field", "emails", {"delimiter": ""}, "delimiter must be one character at least"),
        ("field", "given", {"nicknames": []}, "field 'given' has no table of nicknames"),
        ("field", "price", {"nicknames": [["a", "b"]]}, "nicknames are for fields of kind 'text'"),
        (
            "field",
            "given",
            {"region": "GB"},
            "region = 'GB': must be two letters of ISO 3166, of a field of kind 'phone'",
        ),
        ("field", "phone", {"region": "gb"}, "region = 'gb': must be two letters"),
        ("comparison", "price", {"fixed_m": [0.5, 0.5]}, "fixed_m needs 3 positive shares that sum to 1"),
        ("comparison", "price", {"fixed_u": [0.5, 0.5, 0.0]}, "fixed_u needs 3 positive shares that sum to 1"),
        ("comparison", "price", {"fixed_m": [0.5, 0.3, 0.2], "m": [0.5, 0.3, 0.2]}, "m and fixed_m; keep one"),
        ("comparison", "place", {"absent_level": True}, "kind 'distance' has no absent_level"),
        ("comparison", "place", {"term_frequency": True}, "kind 'distance' has no term_frequency"),
        ("comparison", "address", {"measure": "levenshtein"}, "kind 'address' has no measure; take it out"),
        ("comparison", "price", {"measure": "levenshtein"}, "measure must be one of relative"),
        ("comparison", "names", {"left": ["given"], "right": ["given"]}, "compares fields of kind name_pair"),
    ],
)
def test_what_does_not_fit_is_refused(section: str, name: str, change: dict[str, Any], message: str) -> None:
    content = copy.deepcopy(PLAN)
    next(entry for entry in content[section] if entry["name"] == name).update(change)
    with pytest.raises(UsageError) as refused:
        plan_from(content, "here")
    assert message in str(refused.value)


@pytest.mark.parametrize("kind", ["address", "postcode", "emails", "names", "place"])
def test_the_export_refuses_by_name_what_splink_cannot_hold(kind: str) -> None:
    content = copy.deepcopy(PLAN)
    content["comparison"] = [c for c in content["comparison"] if c["name"] == kind]
    plan: Plan = plan_from(content, "here")
    model = Model(starting_parameters(plan, 100), plan, {})
    with pytest.raises(UsageError, match=f"comparison '{kind}': Splink's format cannot hold kind"):
        export_splink(model, nearest=True)


def keys_of_claims(rows: dict[str, list[str]], dictionaries: Dictionaries) -> np.ndarray:
    fields = [{"name": "names", "kind": "name_pair", "left": ["given", "family"], "right": ["given", "family"]},
              {"name": "spot", "kind": "coordinates", "left": ["latlon"], "right": ["latlon"]}]  # fmt: skip
    plan = plan_from({**PLAN, "field": fields, "pass": PLAN["pass"][1:2], "comparison": [
        {"name": "names", "kind": "name_pair", "left": ["names"], "right": ["names"], **TEXT}
    ]}, "here")  # fmt: skip
    columns = encode(pa.table(rows), plan, "left", dictionaries)
    return claim_keys(columns, np.zeros(len(rows["given"]), np.bool_), dictionaries)


def test_claims_differ_in_all_that_is_compared_and_not_by_the_order_of_words_seen() -> None:
    def dictionaries() -> Dictionaries:
        return Dictionaries(Units.none(pa.array([], pa.string())), "2021", datetime.date(2021, 7, 8))

    rows = {"given": ["Olga", "Olga", "Khan"], "family": ["Khan", "Khan", "Olga"], "latlon": ["1 2", "1 3", "1 2"]}
    keys, later = keys_of_claims(rows, dictionaries()), dictionaries()
    assert np.unique(keys).size == 3
    later.words["names"] = ["", "Zoe"]
    np.testing.assert_array_equal(keys_of_claims(rows, later), keys)
