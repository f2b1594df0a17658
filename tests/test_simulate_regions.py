"""A simulation in regions: numbers are one's own in the whole country, counts add up, communes have published sizes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from linkage.errors import UsageError
from linkage.simulate import SimulationSummary, simulate
from linkage.simulate.claims import Start
from linkage.simulate.country import MOST_COMMUNES, synthetic_country
from linkage.simulate.issued import N_SERIALS, Issued
from linkage.simulate.population import Population
from linkage.simulate.randomness import Chance
from linkage.simulate.regions import apportion, divide
from linkage.simulate.simulation import draw_source, make_country
from linkage.simulate.tables import read_csv
from linkage.simulate.units import read_units

PERSONS, N_DOSES, REGION_PERSONS = 300_001, 50_003, 60_000
REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data" / "admin"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SimulationSummary]:
    out = tmp_path_factory.mktemp("regions")
    return out, simulate(PERSONS, N_DOSES, 5, out, region_persons=REGION_PERSONS)


@pytest.fixture(scope="module")
def registry(simulated: tuple[Path, SimulationSummary]) -> pa.Table:
    return pq.read_table(simulated[0] / "registry.parquet")


@pytest.fixture(scope="module")
def regions() -> list[Population]:
    """The people of each region of a small country, outsiders included."""
    chance = Chance(3)
    country = make_country(synthetic_country(PERSONS, chance), Issued(chance))
    return [
        draw_source(3, country, region, Start()).population
        for region in divide(country.communes, PERSONS, N_DOSES, REGION_PERSONS)
    ]


def test_rows_add_up_and_are_numbered_through(simulated: tuple[Path, SimulationSummary], registry: pa.Table) -> None:
    out, summary = simulated
    doses, truth = (pq.read_table(out / f"{name}.parquet") for name in ("doses", "truth"))
    assert (summary.n_persons, summary.n_doses) == (PERSONS, N_DOSES) == (registry.num_rows, doses.num_rows)
    assert summary.n_regions > 2
    assert registry["person_id"].to_pylist() == [f"P{number + 1:09d}" for number in range(PERSONS)]
    assert doses["dose_id"].to_pylist() == [f"D{number + 1:09d}" for number in range(N_DOSES)]
    assert truth["dose_id"] == doses["dose_id"]
    assert pc.count_distinct(doses["subject_id"]).as_py() == summary.n_subjects
    assert summary.largest_commune == max(Counter(registry["commune_code"].to_pylist()).values())


def test_claims_belong_to_the_person_of_the_truth(
    simulated: tuple[Path, SimulationSummary], registry: pa.Table
) -> None:
    out, _ = simulated
    doses, truth = (pq.read_table(out / f"{name}.parquet") for name in ("doses", "truth"))
    known = truth.append_column("typed", doses["id_number"]).drop_null()
    row = pc.index_in(known["person_id"], registry["person_id"])
    same = [
        pc.fill_null(pc.equal(known["typed"], registry[name].take(row)), False)
        for name in ("id_number", "old_id_number")
    ]
    assert pc.mean(pc.or_(*same)).as_py() > 0.8


def test_numbers_are_unique_in_the_country(regions: list[Population], registry: pa.Table) -> None:
    for name in ("id_number", "insurance_number"):
        held = registry[name].drop_null()
        assert pc.count_distinct(held).as_py() == len(held)
    assert set(pc.utf8_length(registry["id_number"]).unique().to_pylist()) == {12}
    natives = [people.countries == 0 for people in regions]
    for name in ("id_numbers", "insurance", "old_ids"):
        drawn = np.concatenate([getattr(people, name)[native] for people, native in zip(regions, natives, strict=True)])
        held = drawn[drawn >= 0]
        allowed = 0.0015 * len(held) if name == "old_ids" else 0
        assert len(held) - len(np.unique(held)) <= allowed, name


def test_owners_of_a_phone_have_it_to_themselves(regions: list[Population]) -> None:
    # Men without parents in the simulation share nobody's phone.
    single = [
        people.phones[(people.countries == 0) & (people.sexes == 0) & (people.mothers < 0) & (people.phones >= 0)]
        for people in regions
    ]
    numbers = np.concatenate(single)
    assert len(np.unique(numbers)) == len(numbers)


def test_no_phone_is_held_in_two_regions(regions: list[Population]) -> None:
    held = [np.unique(people.phones[(people.countries == 0) & (people.phones >= 0)]) for people in regions]
    assert len(np.unique(np.concatenate(held))) == sum(map(len, held))


def test_families_still_share_their_phone(regions: list[Population]) -> None:
    for people in regions:
        young = np.flatnonzero((people.births > 16_000) & (people.mothers >= 0) & (people.phones >= 0))
        parents = np.stack([people.mothers[young], np.maximum(people.fathers[young], 0)])
        assert (people.phones[parents] == people.phones[young]).any(axis=0).mean() > 0.95


def test_people_live_in_their_region_and_move_anywhere(regions: list[Population]) -> None:
    lived_in = [set(people.communes[people.countries == 0]) for people in regions]
    assert sum(map(len, lived_in)) == len(set().union(*lived_in))
    for people, homes in zip(regions, lived_in, strict=True):
        moved_to = set(people.residences[people.residences >= 0])
        assert moved_to - homes
        assert homes & moved_to


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        simulate(300_000, 2000, 1, tmp_path / name, region_persons=100_000)
    for path in sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes(), path


def test_the_people_do_not_depend_on_the_doses(tmp_path: Path) -> None:
    for n_doses in (1, 3000):
        summary = simulate(300_000, n_doses, 1, tmp_path / str(n_doses), region_persons=100_000)
        assert summary.n_doses == n_doses
        assert summary.n_regions > 1
    registries = [(tmp_path / name / "registry.parquet").read_bytes() for name in ("1", "3000")]
    assert registries[0] == registries[1]


def test_a_small_simulation_is_drawn_whole() -> None:
    communes = synthetic_country(50_000, Chance(1))
    (region,) = divide(communes, 50_000, 10)
    assert (region.number, region.persons, region.doses) == (0, 50_000, 10)
    assert np.array_equal(region.weights, communes.weights)


def test_regions_are_whole_districts_of_about_the_size_asked_for() -> None:
    communes = synthetic_country(20_000_000, Chance(2), published=True)
    regions = divide(communes, 20_000_000, 999_999, 2_000_000)
    assert sum(region.persons for region in regions) == 20_000_000
    assert sum(region.doses for region in regions) == 999_999
    assert max(region.persons for region in regions) < 2_400_000
    inside = np.stack([region.weights > 0 for region in regions])
    assert np.array_equal(inside.sum(axis=0), np.ones(len(communes)))
    districts = communes.district_index()
    assert all(len(set(map(bytes, inside[:, districts == one].T))) == 1 for one in np.unique(districts))


def test_apportion_gives_the_rest_to_the_largest_remainders() -> None:
    assert list(apportion(10, np.array([1.0, 1.0, 1.0]))) == [4, 3, 3]
    assert list(apportion(1, np.array([1.0, 3.0, 2.0]))) == [0, 1, 0]


def _quantiles(weights: np.ndarray) -> list[float]:  # type: ignore[type-arg]
    people = weights / weights.sum() * 100e6
    return [float(np.quantile(people, share)) for share in (0.5, 0.9, 0.99, 1)]


@pytest.mark.parametrize("given", [False, True])
def test_a_whole_country_has_communes_of_the_published_sizes(given: bool) -> None:
    if given and not REFERENCE.is_dir():
        pytest.skip("reference data not present")
    chance = Chance(4)
    communes = (
        read_units(REFERENCE, 100_000_000, chance, published=True)
        if given
        else synthetic_country(100_000_000, chance, published=True)
    )
    # The official list has a row for each of five districts without communes.
    assert len(communes) == MOST_COMMUNES + 5 * given
    assert _quantiles(communes.weights) == pytest.approx([7400, 17_000, 44_000, 146_000], rel=0.02)
    table = np.array([float(row["people_thousand"]) for row in read_csv("provinces.csv")])
    people = np.bincount(communes.province_index(), communes.weights)
    assert np.abs(np.log(people / people.sum() / (table / table.sum()))).mean() < 0.12


def test_serials_fill_a_prefix_to_the_brim_and_no_further() -> None:
    issued = Issued(Chance(1))
    half = np.full(N_SERIALS // 2, 27)
    numbers = np.concatenate([issued.numbers("old id", half) for _ in range(2)])
    assert np.array_equal(np.sort(numbers), 27 * N_SERIALS + np.arange(N_SERIALS))
    # Another kind, another prefix: still free.
    assert issued.numbers("id", np.array([27, 28]))[1] // N_SERIALS == 28
    with pytest.raises(UsageError, match="old id numbers 27"):
        issued.numbers("old id", np.array([27]))


def test_serials_look_drawn() -> None:
    serials = Issued(Chance(2)).numbers("id", np.full(100_000, 79)) % N_SERIALS
    assert np.all(np.abs(np.histogram(serials, 20, (0, N_SERIALS))[0] / 5000 - 1) < 0.06)
    assert abs(np.corrcoef(serials[:-1], serials[1:])[0, 1]) < 0.01
