"""Match weights against Splink, on the same pairs with the same m and u."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from linkage.encode.columns import encode
from linkage.ingest.records import Records
from linkage.plan.reading import plan_from
from linkage.plan.sections import Plan
from linkage.registry.build import build_index
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, prepare_batch
from linkage.scoring.scorer import Scored, Scorer
from models.estimate_u import normalised
from models.parameters import ComparisonParameters, Parameters

splink = pytest.importorskip("splink", reason="splink is in the development environment only")

# Without the kernel mark (pytest.mark.kernel): what is compared here is whole weights, not kernels.

PRIOR = 0.001

GIVEN = ["anna", "hannah", "martin", "marta", "john", "jon", "joan", "peter", "petra", "lucy", "luca", "li"]
FAMILY = ["smith", "smyth", "schmidt", "jones", "johnson", "brown", "browne", "nguyen", "taylor", "tailor"]
TOWNS = ["oldham", "durham", "york", "ely"]

COMPARISONS = [
    {"name": "given", "kind": "text", "measure": "levenshtein", "thresholds": [1, 2], "m": [0.7, 0.15, 0.1, 0.05]},
    {"name": "kin", "kind": "text", "measure": "jaro_winkler", "thresholds": [0.92, 0.8], "m": [0.8, 0.1, 0.06, 0.04]},
    {"name": "code", "kind": "text", "measure": "damerau_levenshtein", "thresholds": [1], "m": [0.9, 0.08, 0.02]},
    {"name": "year", "kind": "number", "thresholds": [0, 1, 10], "m": [0.9, 0.05, 0.03, 0.02]},
    {"name": "town", "kind": "text", "measure": "levenshtein", "thresholds": [1], "m": [0.85, 0.05, 0.1]},
]

# Each comparison's levels but the missing and the last one, as Splink states them.
CONDITIONS = {
    "given": ["{l} = {r}", "levenshtein({l}, {r}) <= 1", "levenshtein({l}, {r}) <= 2"],
    "kin": ["{l} = {r}", "jaro_winkler_similarity({l}, {r}) >= 0.92", "jaro_winkler_similarity({l}, {r}) >= 0.8"],
    "code": ["{l} = {r}", "damerau_levenshtein({l}, {r}) <= 1"],
    "year": ["abs({l} - {r}) <= 0", "abs({l} - {r}) <= 1", "abs({l} - {r}) <= 10"],
    "town": ["{l} = {r}", "levenshtein({l}, {r}) <= 1"],
}


def plan_with(term_frequency: bool) -> Plan:
    """Everybody of a sex meets everybody of that sex; town has a term frequency or none."""
    names = [c["name"] for c in COMPARISONS]
    kinds = {"year": "number"}
    fields = [{"name": n, "kind": kinds.get(n, "text"), "left": [n], "right": [n]} for n in [*names, "sex"]]
    comparisons = [
        c
        | {
            "left": [c["name"]],
            "right": [c["name"]],
            "term_frequency": term_frequency and c["name"] == "town",
            "near_frequency": False,
        }
        for c in COMPARISONS
    ]
    everybody = {"name": "sex", "left": ["sex"], "right": ["sex"], "max_block": 10**6}
    content = {
        "format": 1,
        "name": "oracle",
        "left_id": "id",
        "right_id": "id",
        "field": fields,
        "pass": [everybody],
        "comparison": comparisons,
    }
    return plan_from(content, "oracle")


def people(rng: np.random.Generator, n: int) -> dict[str, list[str | None]]:
    """A tenth of the values is missing; the years span forty."""

    def draw(values: list[str]) -> list[str | None]:
        return [None if rng.random() < 0.1 else str(rng.choice(values)) for _ in range(n)]

    return {
        "id": [f"{i:04d}" for i in range(n)],
        "given": draw(GIVEN),
        "kin": draw(FAMILY),
        "code": draw([f"{c:05d}" for c in rng.integers(0, 99999, 40)]),
        "year": draw([str(y) for y in range(1960, 2000)]),
        "town": draw([*TOWNS, *["york"] * 6]),
        "sex": [str(s) for s in rng.choice(["f", "m"], n)],
    }


def slip(rng: np.random.Generator, value: str | None) -> str | None:
    """The value with one letter dropped, doubled or swapped with the next, or none of it, or as it is."""
    if value is None or rng.random() < 0.5:
        return value
    i = int(rng.integers(0, len(value) - 1))
    before, letter, after = value[:i], value[i], value[i + 1 :]
    ways = (before + after, before + letter + letter + after, before + after[:1] + letter + after[1:])
    return str(rng.choice(ways))


@dataclass(frozen=True)
class World:
    left: pa.Table
    right: pa.Table
    batch: Batch
    index: Index
    parameters: Parameters


def world(folder: Path, *, term_frequency: bool) -> World:
    rng = np.random.default_rng(7)
    right = people(rng, 150)
    left = {name: values[:60] for name, values in right.items()}
    for name in ("given", "kin", "code", "town"):
        left[name] = [slip(rng, value) for value in left[name]]
    plan = plan_with(term_frequency)
    tables = [pa.table({n: pa.array(v, pa.string()) for n, v in side.items()}) for side in (left, right)]
    index = build_index(Records.of(tables[1]), plan, folder / "index")
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(tables[0], plan, "left", dictionaries), dictionaries, index)
    comparisons = []
    for c in plan.comparisons:
        u = normalised(np.array([1.0, *rng.uniform(0.001, 0.2, len(c.m) - 1), 2.0]))
        m = np.array([1.0, *c.m])
        comparisons.append(ComparisonParameters(c.name, c.labels, m, u, m))
    return World(*tables, batch, index, Parameters(tuple(comparisons), 0.5, 1.0, 0.0, index.n_persons))


def our_weights(w: World) -> tuple[Scored, dict[tuple[str, str], tuple[float, NDArray[np.float64]]]]:
    """(left id, right id) -> weight, and its parts by comparison without term frequency."""
    scorer = Scorer(w.batch, w.index, w.parameters, floor_log2=-np.inf)
    whole = slice(0, w.batch.n_claims)
    scored, _ = scorer.link(whole)
    subjects = np.repeat(np.arange(w.batch.n_claims), np.diff(scored.candidates.offsets))
    levels = scorer.space.levels_of(scored.codes)
    parts = np.stack([table[levels[:, i]] for i, table in enumerate(w.parameters.log2_m_u())], axis=1)
    left = w.left.column("id").take(pa.array(subjects)).to_pylist()
    right = w.index.take(scored.candidates.rows.astype(np.int64), ["id"]).column("id").to_pylist()
    return scored, dict(
        zip(zip(left, right, strict=True), zip(scored.weights.tolist(), parts, strict=True), strict=True)
    )


def settings(w: World) -> dict[str, object]:
    """The model in Splink's terms."""
    comparisons = []
    for c, spec in zip(w.parameters.comparisons, w.index.plan.comparisons, strict=True):
        sides = {"l": f'"{c.name}_l"', "r": f'"{c.name}_r"'}
        missing = {"sql_condition": "{l} IS NULL OR {r} IS NULL".format(**sides), "is_null_level": True}
        conditions = [*(condition.format(**sides) for condition in CONDITIONS[c.name]), "ELSE"]
        levels = [
            {"sql_condition": condition, "m_probability": m, "u_probability": u}
            for condition, m, u in zip(conditions, c.m[1:].tolist(), c.u[1:].tolist(), strict=True)
        ]
        if spec.term_frequency:
            levels[0] |= {"tf_adjustment_column": c.name, "tf_adjustment_weight": 1.0}
        labelled = [
            level | {"label_for_charts": label} for level, label in zip([missing, *levels], c.labels, strict=True)
        ]
        comparisons.append({"output_column_name": c.name, "comparison_levels": labelled})
    return {
        "link_type": "link_only",
        "unique_id_column_name": "id",
        "probability_two_random_records_match": PRIOR,
        "blocking_rules_to_generate_predictions": ["1 = 1"],
        "comparisons": comparisons,
        "retain_intermediate_calculation_columns": True,
    }


def splinks_weights(
    w: World, pairs: list[tuple[str, str]], town_shares: dict[str, float] | None
) -> dict[tuple[str, str], dict[str, float]]:
    """(left id, right id) -> the row that Splink predicts, for exactly these pairs."""
    database = splink.DuckDBAPI()

    def typed(table: pa.Table) -> pa.Table:
        years = table.column("year").cast(pa.float64())
        return table.set_column(table.column_names.index("year"), "year", years)

    tables = [
        database.register(typed(table), dataset_display_name=name)
        for name, table in (("a_left", w.left), ("b_right", w.right))
    ]
    linker = splink.Linker(tables, settings(w), log_level=logging.ERROR)
    blocked = {
        "match_key": ["0"] * len(pairs),
        "join_key_l": [f"a_left-__-{left}" for left, _ in pairs],
        "join_key_r": [f"b_right-__-{right}" for _, right in pairs],
    }
    linker.table_management.register_blocked_pairs_for_predict(database.register(pa.table(blocked)))
    if town_shares is not None:
        lookup = pa.table({"town": list(town_shares), "tf_town": list(town_shares.values())})
        linker.table_management.register_term_frequency_lookup(database.register(lookup), "town")
    rows = linker.inference.predict(warning_mode="never").as_record_list()
    return {(row["id_l"], row["id_r"]): row for row in rows}


def compare(w: World, town_shares: dict[str, float] | None, tolerance: float) -> Scored:
    scored, ours = our_weights(w)
    theirs = splinks_weights(w, list(ours), town_shares)
    assert theirs.keys() == ours.keys()
    assert len(ours) > 3000
    prior_log2 = np.log2(PRIOR / (1 - PRIOR))
    for pair, (weight, parts) in ours.items():
        row = theirs[pair]
        names = [c.name for c in w.parameters.comparisons]
        assert parts.tolist() == pytest.approx([row[f"mw_{name}"] for name in names], abs=1e-9), (pair, row)
        assert weight == pytest.approx(row["match_weight"] - prior_log2, abs=tolerance), (pair, row)
    return scored


def test_weights_equal_splinks_on_the_same_pairs(tmp_path: Path) -> None:
    w = world(tmp_path, term_frequency=False)
    scored = compare(w, None, tolerance=1e-9)
    # Every level of every comparison was met, the missing one too.
    levels = Scorer(w.batch, w.index, w.parameters).space.levels_of(scored.codes)
    for i, c in enumerate(w.parameters.comparisons):
        assert sorted(set(levels[:, i].tolist())) == list(range(len(c.labels))), c.name


def test_weights_with_term_frequencies_equal_splinks(tmp_path: Path) -> None:
    """Splink is handed the registry's shares, which ours come from."""
    w = world(tmp_path, term_frequency=True)
    towns = [town for town in w.right.column("town").to_pylist() if town]
    stated = {town for town in w.left.column("town").to_pylist() if town}
    shares = {town: max(towns.count(town), 0.5) / len(towns) for town in {*towns, *stated}}
    scored = compare(w, shares, tolerance=1e-9)
    assert len(set(scored.ratios.tolist())) > 3
