"""Every kind of field under every kind of comparison that takes it, with every option: each plan that is accepted finds
the right record first and loses no pair, and each that is not is refused in one line.

The values of each kind stand in VALUES: a record of the left, the same on the right, one near it, one far from it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from linkage.encode.columns import encode
from linkage.errors import UsageError
from linkage.ingest.records import Records
from linkage.plan.kinds import COMPARISON_KINDS, FIELD_KINDS, PARTS
from linkage.plan.reading import plan_from
from linkage.plan.sections import Comparison, Plan
from linkage.registry.build import build_index
from linkage.registry.index import Index
from linkage.scoring.batch import pattern_space, prepare_batch
from linkage.scoring.scorer import Scorer
from linkage.training.train import starting_parameters

# The same, near it, and far from it; several columns stand apart by "|".
VALUES = {
    "vietnamese_name": ("Nguyễn Thị Hoa", "Nguyễn Thị Hòa", "Trần Văn Bình"),
    "sex": ("Nữ", "Nữ", "Nam"),
    "birth_date": ("1990-05-17", "1990-05-18", "1961-11-02"),
    "date": ("2020-05-17", "2020-05-18", "2001-11-02"),
    "person_number": ("001190012345", "001190012354", "079061998877"),
    "phone": ("0912384567", "0912384576", "0387265419"),
    "insurance_number": ("7912345678", "7912345687", "0187654321"),
    "ethnicity": ("Kinh", "Kinh", "Tày"),
    "commune": ("00001", "00001", "00004"),
    "postcode": ("SW1A 1AA", "SW1A 1AB", "N1 9GU"),
    "text": ("Katherine", "Katharine", "Zbigniew"),
    "category": ("alpha", "alpha", "omega"),
    "name_pair": ("Robert|Smith", "Robert|Smyth", "Olga|Khan"),
    "alternatives": ("rob@x.org;r@y.com", "r@y.com", "olga@z.net"),
    "address": ("12 High Street London", "High Street London", "9 Mill Lane Leeds"),
    "number": ("100.4", "100.7", "-5000"),
    "coordinates": ("51.5|-0.12", "51.51|-0.12", "10.8|106.7"),
}
N_COLUMNS = {kind: values[0].count("|") + 1 for kind, values in VALUES.items()}
SAME, NEAR, FAR, EMPTY, COMMON = range(5)  # records of the right, COMMON several times: what it holds is frequent
N_COMMON = 6
RIGHT = [SAME, NEAR, FAR, EMPTY, *[COMMON] * N_COMMON]
THRESHOLDS: dict[str, list[float]] = {  # by measure, or by kind where it has none; else 5 and 50
    "jaro_winkler": [0.9, 0.7], "levenshtein": [1, 3], "damerau_levenshtein": [1, 3], "relative": [0.02, 0.5],
}  # fmt: skip
PAIRS = [(field, kind) for kind, spec in COMPARISON_KINDS.items() for field in spec.fields]
MEASURED = [(field, kind, measure) for field, kind in PAIRS for measure in COMPARISON_KINDS[kind].measures]
FREQUENCIES: tuple[dict[str, Any], ...] = (
    {},
    {"term_frequency": True},
    {"term_frequency": True, "near_frequency": False},
)
SHARES = ("", "m", "fixed_m", "fixed_u", "household")


def plan_of(field: str, kind: str, measure: str | None = None, **options: Any) -> dict[str, Any]:
    """A plan of one comparison; a field that all records have in common finds every pair."""
    columns = [f"c{i}" for i in range(N_COLUMNS[field])]
    fields = [
        {"name": "all", "kind": "category", "left": ["all"], "right": ["all"]},
        {"name": "sex", "kind": "sex", "left": ["sex"], "right": ["sex"]},
        {"name": "birth_date", "kind": "birth_date", "left": ["born"], "right": ["born"]},
    ]
    # A commune stands with its names on the left.
    left = ["c0", "province", "district", "ward", "dated"] if field == "commune" else columns
    name = "x"
    fields.append({"name": name, "kind": field, "left": left, "right": columns})
    if kind == "nickname" and field == "text":
        fields[-1]["nicknames"] = [["Katherine", "Kate"]]
    n_left, n_right = COMPARISON_KINDS[kind].columns
    sides = {"left": [name, "sex", "birth_date"][:n_left], "right": [name] * n_right}
    thresholds = THRESHOLDS.get(measure or kind, [])
    if COMPARISON_KINDS[kind].labels is None and not thresholds:
        thresholds = [5, 50]
    comparison: dict[str, Any] = {"name": "under test", "kind": kind, **sides, "thresholds": thresholds, **options}
    if measure is not None:
        comparison["measure"] = measure
    return {
        "format": 1,
        "name": "matrix",
        "left_id": "id",
        "right_id": "id",
        "training": {"household_rate": 0.0},
        "field": fields,
        "pass": [{"name": "all", "left": ["all"], "right": ["all"], "max_block": 1000}],
        "comparison": [comparison],
    }


def options_of(kind: str) -> tuple[bool, bool]:
    """Whether a kind has a term frequency, and whether it has an absent_level."""
    return COMPARISON_KINDS[kind].counted != (), COMPARISON_KINDS[kind].stated is not None


def table(field: str, records: list[int]) -> pa.Table:
    """Records by what they hold of a field."""
    same, near, far = VALUES[field]
    texts = {SAME: same, NEAR: near, FAR: far, EMPTY: "|".join([""] * N_COLUMNS[field]), COMMON: far}
    rows = [texts[record].split("|") for record in records]
    columns = {f"c{i}": [row[i] for row in rows] for i in range(N_COLUMNS[field])}
    others = {"all": "x", "sex": "Nữ", "born": "1990-05-17", "dated": "2021-08-01"}
    columns |= {name: [value] * len(rows) for name, value in others.items()}
    columns |= {name: [""] * len(rows) for name in ("province", "district", "ward")}
    return pa.table({"id": [f"r{i:02}" for i in range(len(rows))]} | columns).cast(
        pa.schema([(name, pa.string()) for name in ("id", *columns)])
    )


@cache
def _index(
    folder: Path, field: str, kind: str, measure: str | None, frequency: int, is_absent: bool
) -> tuple[Index, Plan]:
    options = FREQUENCIES[frequency] | ({"absent_level": True} if is_absent else {})
    plan = plan_from(plan_of(field, kind, measure, **options), "here")
    name = "-".join(map(str, (field, kind, measure, frequency, is_absent)))
    return build_index(Records.of(table(field, RIGHT)), plan, folder / name), plan


def with_shares(plan: Plan, which: str) -> dict[str, Any]:
    """Shares of the levels under test that fall from agreement to disagreement, of what is no match the other way."""
    spec = plan.comparisons[0]
    n = len(spec.labels) - 1
    falling = [2.0**-level for level in range(n)]
    rising = falling[::-1]
    shares = rising if which in ("fixed_u", "household") else falling
    return {which: [share / sum(shares) for share in shares]} if which else {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("matrix")


def is_closer(spec: Comparison, level: str, than: str) -> bool:
    """Whether a level is closer to agreement than another, or is it, by the relation that its kind declares."""
    labels = spec.labels
    waiting = {labels.index(than)}
    reached: set[int] = set()
    while waiting:
        reached |= waiting
        waiting = {closer for each in waiting for closer in spec.closer[each]} - reached
    return labels.index(level) in reached


def scored(index: Index, plan: Plan, field: str) -> tuple[np.ndarray, list[list[str]]]:
    """Weights of all records of the right with each of SAME and EMPTY of the left, [2, n], and their levels."""
    dictionaries = index.dictionaries.copy()
    left = encode(table(field, [SAME, EMPTY]), plan, "left", dictionaries)
    scorer = Scorer(
        prepare_batch(left, dictionaries, index), index, starting_parameters(plan, len(RIGHT)), floor_log2=-np.inf
    )
    found, _ = scorer.link(slice(0, 2))
    assert found.candidates.offsets.tolist() == [0, len(RIGHT), 2 * len(RIGHT)], "no pair is lost, none comes twice"
    given = scorer.score_pairs(slice(0, 2), found.candidates)
    np.testing.assert_array_equal(given.codes, found.codes)
    np.testing.assert_allclose(given.weights, found.weights)
    place = index.rows_of(pa.array([f"r{i:02}" for i in range(len(RIGHT))]))
    order = [np.argsort(rows)[np.searchsorted(np.sort(rows), place)] for rows in np.split(found.candidates.rows, 2)]
    levels = pattern_space(plan).levels_of(found.codes)[:, 0].reshape(2, -1)
    labels = plan.comparisons[0].labels
    weights = found.weights.reshape(2, -1)
    return (
        np.array([weights[i][order[i]] for i in range(2)]),
        [[labels[level] for level in levels[i][order[i]]] for i in range(2)],
    )


@pytest.mark.parametrize(("field", "kind", "measure"), MEASURED)
def test_what_is_accepted_links(folder: Path, field: str, kind: str, measure: str | None) -> None:
    has_frequency, has_absent = options_of(kind)
    frequencies = range(len(FREQUENCIES)) if has_frequency else (0,)
    for frequency, is_absent in product(frequencies, (False, True) if has_absent else (False,)):
        index, plan = _index(folder, field, kind, measure, frequency, is_absent)
        for which in SHARES:
            content = plan_of(field, kind, measure, **FREQUENCIES[frequency], **with_shares(plan, which))
            content["comparison"][0] |= {"absent_level": True} if is_absent else {}
            stated = plan_from(content, "here")
            weights, levels = scored(replace(index, plan=stated), stated, field)
            case = f"{field} {kind} {measure} {FREQUENCIES[frequency]} absent_level={is_absent} {which}"
            (same, near, far, empty), common = weights[0][:COMMON], weights[0][COMMON:]
            words, shown = stated.comparisons[0], f"{case}: {weights[0][:3]} {levels[0][:3]}"
            # Without near_frequency equality alone counts by how common a value is, as in Splink.
            if words.near_frequency and is_closer(words, levels[0][SAME], levels[0][NEAR]):
                assert same >= near - 1e-9, shown
            if is_closer(words, levels[0][NEAR], levels[0][FAR]):
                assert near >= far - 1e-9, shown
            assert same > far, shown
            assert weights[0].argmax() in (SAME, NEAR), case
            np.testing.assert_allclose(common, far, err_msg=case)
            assert levels[0][EMPTY] == (stated.comparisons[0].labels[-1] if is_absent else "missing"), case
            assert set(levels[1]) == {"missing"}, case
            np.testing.assert_array_equal(weights[1], 0.0, err_msg=case)
            assert is_absent or empty == 0.0, case


@pytest.mark.parametrize(
    ("field", "kind"), [pair for pair in product(FIELD_KINDS, COMPARISON_KINDS) if pair not in PAIRS]
)
def test_a_comparison_of_another_kind_is_refused(field: str, kind: str) -> None:
    refused_with(plan_of(field, kind, COMPARISON_KINDS[kind].measures[0]), "compares fields of kind")


@pytest.mark.parametrize(("field", "kind"), PAIRS)
def test_an_option_that_does_not_fit_is_refused(field: str, kind: str) -> None:
    spec = COMPARISON_KINDS[kind]
    measure = spec.measures[0]
    plan = plan_from(plan_of(field, kind, measure), "here")
    for other in (*THRESHOLDS, "no such measure"):
        if other not in spec.measures:
            refused_with(plan_of(field, kind, other), "measure must be one of", "has no measure")
    if spec.labels is not None:
        refused_with(plan_of(field, kind, measure), "has levels of its own", thresholds=[1.0])
    else:
        for thresholds in ([-1.0], [np.inf], [0.5, 0.5], [1.0, 0.9, 0.95], [1e300]):
            refused_with(plan_of(field, kind, measure), "thresholds", thresholds=thresholds)
    n = len(plan.comparisons[0].labels) - 1
    for which in ("m", "fixed_m", "fixed_u", "household", "twin", "namesake"):
        for shares in ([1.0 / (n + 3)] * (n + 3), [2.0 / n] * n, [0.0] * n):
            refused_with(plan_of(field, kind, measure), f"{which} needs {n} positive shares", **{which: shares})
    for options in ({"group": "sex"}, {"local": True}, {"cohort": "birth_date"}):
        refused_with(
            plan_of(field, kind, measure), "term_frequency", "comparison of kind 'date'", "of kind 'sex'", **options
        )
    has_frequency, has_absent = options_of(kind)
    if not has_frequency:
        refused_with(plan_of(field, kind, measure), "has no term_frequency", term_frequency=True)
    if not has_absent:
        refused_with(plan_of(field, kind, measure), "has no absent_level", absent_level=True)


def refused_with(content: dict[str, Any], *messages: str, **options: Any) -> None:
    """That a plan is refused in one line that holds one of the messages."""
    content["comparison"][0] |= options
    with pytest.raises(UsageError) as refused:
        plan_from(content, "here")
    assert any(message in str(refused.value) for message in messages), str(refused.value)
    assert str(refused.value).count("\n") == 0


ASPECTS = sorted({aspect for aspects in PARTS.values() for aspect in aspects} | {"no such part"})


@pytest.mark.parametrize("field", FIELD_KINDS)
def test_a_pass_takes_the_parts_of_a_field_and_no_others(folder: Path, field: str) -> None:
    kind = next(kind for kind, spec in COMPARISON_KINDS.items() if field in spec.fields)
    for aspect in ASPECTS:
        content = plan_of(field, kind, COMPARISON_KINDS[kind].measures[0])
        name = content["comparison"][0]["left"][0]
        part = f"{name}.{aspect}" if aspect else name
        right = name if aspect == "neighbours" else part
        content["pass"] = [{"name": "under test", "left": [part], "right": [right]}]
        if aspect not in PARTS[field]:
            refused_with(content, "is no part of a field", "cannot be a part of a key")
            continue
        plan = plan_from(content, "here")
        index = build_index(Records.of(table(field, RIGHT)), plan, folder / f"{field}-part-{aspect}")
        dictionaries = index.dictionaries.copy()
        left = encode(table(field, [SAME, EMPTY]), plan, "left", dictionaries)
        batch = prepare_batch(left, dictionaries, index)
        found, _ = Scorer(batch, index, starting_parameters(plan, len(RIGHT)), floor_log2=-np.inf).link(slice(0, 2))
        of_same, of_empty = (found.candidates.rows[a:b].tolist() for a, b in pairwise(found.candidates.offsets))
        own, near, far = index.rows_of(pa.array(["r00", "r01", "r02"])).tolist()
        assert of_empty == [], f"{part}: what is empty meets nothing"
        assert far not in of_same, part
        assert field != "number" or near not in of_same, "what follows the point counts"
        assert len(of_same) == len(set(of_same)), part
        if aspect in ("neighbours", "province"):  # without a folder of units no commune has a province
            continue
        expected = not aspect.isdigit() or int(aspect) <= VALUES[field][0].count(";") + 1
        assert (own in of_same) == expected, part
