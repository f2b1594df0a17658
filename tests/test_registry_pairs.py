"""Pairs of the registry: every two persons with near numbers, or of one commune and date or year of birth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from msgspec.structs import replace as with_fields

from linkage.encode.columns import encode
from linkage.ingest.records import Records
from linkage.plan.reading import load_plan
from linkage.registry.build import build_index
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, Levels, Pairs, pattern_space, prepare_batch
from linkage.scoring.binding import bind
from linkage.training.registry_pairs import neighbour_pass, persons_as_claims, registry_pairs
from linkage.training.train import starting_parameters, train
from models.comparators.digits import SLIP_NOBODYS, SLIP_OWNED

N_PERSONS = 1500
SLIPS = (SLIP_NOBODYS, SLIP_OWNED)

# Without the kernel mark (pytest.mark.kernel): every kernel met has a twin.


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Batch, Index]:
    """A registry in which every tenth number of a few prefixes is somebody's, and claims of people outside it whose
    numbers and dates are of the same kind."""
    rng = np.random.default_rng(5)

    def people(n: int, first: int) -> dict[str, list[str]]:
        year, female = rng.integers(1980, 1984, n), rng.integers(0, 2, n)
        day, serial = rng.integers(2, 28, n), rng.permutation(15_000)[:n]
        names = [f"{a} {b} {c}" for a, b, c in rng.choice(["an", "bình", "chi", "dung", "hoa", "lan", "mai"], (n, 3))]
        return {
            "id": [f"X{first + i}" for i in range(n)],
            "full_name": names,
            "gender": [("Nam", "Nữ")[f] for f in female],
            "date_of_birth": [f"{y}-05-{d:02}" for y, d in zip(year, day, strict=True)],
            "commune_code": [("00001", "00004")[c] for c in rng.integers(0, 2, n)],
            "id_number": [f"001{f}{y % 100:02}{s:06}" for f, y, s in zip(female, year, serial, strict=True)],
        }

    def table(columns: dict[str, list[str]], plan_columns: list[str], key: str) -> pa.Table:
        columns = {key if name == "id" else name: values for name, values in columns.items()}
        n = len(columns[key])
        empty = {name: pa.nulls(n, pa.string()) for name in plan_columns if name not in columns}
        return pa.table({**columns, **empty})

    plan = load_plan()
    folder = tmp_path_factory.mktemp("crowded")
    registry = table(people(N_PERSONS, 0), [*plan.columns("right"), "status", "date_of_death"], "person_id")
    index = build_index(Records.of(registry), plan, folder / "index")
    claims = people(300, N_PERSONS)
    claims["id_number"] = ["" if i % 5 == 0 else number for i, number in enumerate(claims["id_number"])]
    doses = table(claims, plan.columns("left"), "dose_id")
    dictionaries = index.dictionaries.copy()
    return prepare_batch(encode(doses, plan, "left", dictionaries), dictionaries, index), index


def test_pairs_are_those_of_near_numbers_and_of_one_commune_and_date(crowded: tuple[Batch, Index]) -> None:
    _, index = crowded
    found = [registry_pairs(np.random.default_rng(1), index, starting_parameters(index.plan, 1), n) for n in (2, 1)]
    pairs, alone = found
    assert pairs is not None
    assert alone is not None
    everybody = persons_as_claims(index, np.arange(N_PERSONS), 2)
    levels = everybodys_levels(everybody, index)
    levels = levels[np.repeat(np.arange(N_PERSONS), N_PERSONS) != np.tile(np.arange(N_PERSONS), N_PERSONS)]
    of = {c.name: i for i, c in enumerate(index.plan.comparisons)}
    is_here = np.isin(levels[:, of["commune"]], (1, 2))
    expected = {
        "near": np.isin(levels[:, of["id_number"]], SLIPS),
        "same_date": is_here & (levels[:, of["birth_date"]] == 1),
        "same_year": is_here & (levels[:, of["birth_date"]] == 7),
    }
    for name, is_one in expected.items():
        assert is_one.sum() > 100
        rows, n = np.unique(levels[is_one], axis=0, return_counts=True)
        counted, same = getattr(pairs, name), getattr(alone, name)
        order = np.lexsort(counted.levels.T[::-1])
        assert np.array_equal(counted.levels[order], rows)
        assert np.array_equal(counted.counts[order], n)
        assert np.array_equal(same.levels, counted.levels)
        assert np.array_equal(same.counts, counted.counts)
    assert pairs.n_near == float(N_PERSONS) * N_PERSONS


def everybodys_levels(batch: Batch, index: Index) -> Levels:
    """Levels of every subject with everybody: uint8[n_claims * n_persons, n_comparisons]."""
    parameters = starting_parameters(index.plan, index.n_persons)
    everybody = np.tile(np.arange(index.n_persons, dtype=np.uint32), batch.n_claims)
    codes = np.zeros(everybody.size, np.uint32)
    offsets = np.arange(batch.n_claims + 1, dtype=np.int64) * index.n_persons
    for comparison in bind(batch, index, parameters):
        comparison.add(batch.columns, Pairs.listed(offsets, everybody), codes)
    return pattern_space(index.plan).levels_of(codes)


def test_a_stranger_with_a_near_number_weighs_less_than_one_would_think(crowded: tuple[Batch, Index]) -> None:
    """Everybody here is outside the registry. Sex and year agree because the numbers do."""
    batch, index = crowded
    plan = with_fields(index.plan, training=with_fields(index.plan.training, random_pairs=1_000_000))
    parameters, _ = train(batch, replace(index, plan=plan), 2)
    place = [c.name for c in parameters.comparisons].index("sex")
    sex = parameters.comparisons[place]
    assert sex.neighbour is not None
    assert sex.neighbour[1] > 0.8 > sex.u[1]
    # Of the pairs whose number is stated: who states none is nobody's neighbour.
    of_numbers = everybodys_levels(batch, index)[:, 2]
    assert (of_numbers == 0).mean() > 0.15
    of_claims = np.isin(of_numbers[of_numbers > 0], SLIPS).sum()
    expected = of_claims / (of_numbers > 0).sum()
    assert abs(parameters.neighbour_share / expected - 1.0) < 4.0 / np.sqrt(of_claims)
    levels = np.zeros((1, len(parameters.comparisons)), np.uint8)
    levels[0, 0], levels[0, 1], levels[0, 2] = 1, 1, SLIP_NOBODYS
    apart = replace(parameters, neighbour_share=0.0)
    assert apart.pattern_weights(levels)[0] - parameters.pattern_weights(levels)[0] > 3.0


def test_a_plan_without_the_pass_learns_nothing_of_the_registry(crowded: tuple[Batch, Index]) -> None:
    _, index = crowded
    plan = with_fields(index.plan, passes=[rule for rule in index.plan.passes if rule.name != "id_number_slip"])
    assert neighbour_pass(index.plan) is not None
    assert neighbour_pass(plan) is None
    without = replace(index, plan=plan)
    assert registry_pairs(np.random.default_rng(1), without, starting_parameters(plan, index.n_persons), 1) is None
