"""Shocks of the simulator: the promised share is in the tables, and the truth stays right."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from linkage.errors import UsageError
from linkage.simulate import SimulationSummary, simulate
from linkage.simulate.claims import Start
from linkage.simulate.country import synthetic_country
from linkage.simulate.randomness import Chance
from linkage.simulate.regions import Region
from linkage.simulate.shocks import SHOCKS
from linkage.simulate.simulation import draw_source, make_country

Row = dict[str, str | None]
PERSONS, N_DOSES, SEED = 12_000, 20_000, 7
TABLES = ("registry", "doses", "truth")


class World:
    """The tables of one simulation."""

    def __init__(self, folder: Path, summary: SimulationSummary) -> None:
        self.folder, self.summary = folder, summary
        self.registry: list[Row] = pq.read_table(folder / "registry.parquet").to_pylist()
        self.doses: list[Row] = pq.read_table(folder / "doses.parquet").to_pylist()
        truth = pq.read_table(folder / "truth.parquet")
        self.truth: dict[str, str | None] = dict(
            zip(truth["dose_id"].to_pylist(), truth["person_id"].to_pylist(), strict=True)
        )
        self.people = {row["person_id"]: row for row in self.registry}

    def pairs(self) -> Iterator[tuple[Row, Row]]:
        """Each dose of a registered person with the person's row."""
        for dose in self.doses:
            person = self.truth[str(dose["dose_id"])]
            if person is not None:
                yield dose, self.people[person]

    def outside(self) -> list[Row]:
        """Doses of Vietnamese people whom the registry does not hold."""
        return [dose for dose in self.doses if self.truth[str(dose["dose_id"])] is None and not _passport(dose)]


def _passport(dose: Row) -> bool:
    return (dose["nationality"] or "Việt Nam").lower() not in ("việt nam", "vn", "vietnam")


Worlds = Callable[..., World]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """Simulates with shocks, each combination once."""
    made: dict[tuple[str, ...], World] = {}

    def world(*shocks: str) -> World:
        if shocks not in made:
            folder = tmp_path_factory.mktemp("-".join(shocks) or "plain")
            made[shocks] = World(folder, simulate(PERSONS, N_DOSES, SEED, folder, shocks=shocks))
        return made[shocks]

    return world


def _digest(folder: Path) -> str:
    """Of all values of the three tables, whatever the version of the Parquet writer."""
    digest = hashlib.sha256()
    for name in TABLES:
        digest.update(repr(pq.read_table(folder / f"{name}.parquet").to_pydict()).encode())
    return digest.hexdigest()


def test_without_a_shock_nothing_changes(tmp_path: Path) -> None:
    simulate(1000, 1500, 7, tmp_path)
    assert _digest(tmp_path) == "01da6d5ee8e04b9e605673a82436c4d6331539ea435409f38d5d97cef0a1979b"
    assert "shocks" not in json.loads((tmp_path / "assumptions.json").read_text(encoding="utf-8"))


def test_an_unknown_shock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"shock flood: does not exist; choose from .*unregistered"):
        simulate(1000, 1500, 7, tmp_path, shocks=["flood"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shock", SHOCKS)
def test_a_shock_repeats_itself_and_is_told(shock: str, worlds: Worlds, tmp_path: Path) -> None:
    simulate(PERSONS, N_DOSES, SEED, tmp_path, shocks=[shock])
    for name in TABLES:
        assert (tmp_path / f"{name}.parquet").read_bytes() == (worlds(shock).folder / f"{name}.parquet").read_bytes()
    document = json.loads((tmp_path / "assumptions.json").read_text(encoding="utf-8"))
    assert list(document["shocks"]) == [shock]
    assert document["shocks"][shock]["shares"]


@pytest.mark.parametrize("shock", [*SHOCKS, None])
def test_ids_are_conserved(shock: str | None, worlds: Worlds) -> None:
    world = worlds(*([shock] if shock else []))
    assert [len(world.registry), len(world.doses), len(world.truth)] == [PERSONS, N_DOSES, N_DOSES]
    assert world.truth.keys() == {dose["dose_id"] for dose in world.doses}
    assert len(world.people) == PERSONS
    assert {person for person in world.truth.values() if person} <= world.people.keys()
    assert len({row["id_number"] for row in world.registry}) == PERSONS
    assert sum(person is None for person in world.truth.values()) == world.summary.n_doses_outside_registry


@pytest.mark.parametrize("shock", [*SHOCKS, None])
def test_a_registered_number_is_stated_by_the_person_of_the_truth(shock: str | None, worlds: Worlds) -> None:
    world = worlds(*([shock] if shock else []))
    holders = {row["id_number"]: row["person_id"] for row in world.registry}
    stated = [dose for dose in world.doses if dose["id_number"] in holders]
    right = sum(holders[dose["id_number"]] == world.truth[str(dose["dose_id"])] for dose in stated)
    assert right / len(stated) > 0.85


def test_shocks_go_together(worlds: Worlds) -> None:
    both = worlds("unregistered", "consecutive_twins")
    assert len(both.registry) == PERSONS
    assert 0.07 < both.summary.n_doses_outside_registry / N_DOSES < 0.09
    assert 2 * len(_twin_numbers(both)) > len(_twin_numbers(worlds("consecutive_twins")))


# ------------------------------------------------------------------------------------------------- unregistered people


def test_every_twelfth_dose_is_of_nobody_in_the_registry(worlds: Worlds) -> None:
    world = worlds("unregistered")
    assert 0.073 < world.summary.n_doses_outside_registry / N_DOSES < 0.087
    assert worlds().summary.n_doses_outside_registry / N_DOSES < 0.035


def _namesakes(world: World) -> list[Row]:
    """Doses of unregistered people with the name, commune and about the year of birth of a registered one."""
    known: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    for row in world.registry:
        known[row["full_name"], row["commune_code"]].append(int(str(row["date_of_birth"])[:4]))
    found = []
    for dose in world.outside():
        year = re.search(r"(19|20)\d\d", dose["date_of_birth"] or "")
        if year and any(abs(int(year[0]) - other) <= 1 for other in known[dose["full_name"], dose["commune_code"]]):
            found.append(dose)
    return found


def test_namesakes_state_a_number_of_nobody_in_half_of_the_cases(worlds: Worlds) -> None:
    world = worlds("unregistered")
    namesakes = _namesakes(world)
    # Of the 30 % of those added by the shock, a good half are typed without an error in name, commune and year.
    assert len(namesakes) > 0.08 * len(world.outside())
    assert len(namesakes) > 5 * len(_namesakes(worlds()))
    held = {number for row in world.registry for number in (row["id_number"], row["old_id_number"])}
    of_nobody = [len(str(dose["id_number"])) == 12 and dose["id_number"] not in held for dose in namesakes]
    without = [dose["id_number"] is None for dose in namesakes]
    assert 0.35 < sum(of_nobody) / len(namesakes) < 0.6
    assert 0.4 < sum(without) / len(namesakes) < 0.65


def test_the_unregistered_have_twins_and_siblings_in_the_registry() -> None:
    chance = Chance(SEED)
    country = make_country(synthetic_country(PERSONS, chance))
    region = Region(0, country.communes.weights, PERSONS, N_DOSES)
    shares = []
    for shocks in ({"unregistered": SHOCKS["unregistered"]}, {}):
        people = draw_source(SEED, country, region, Start(), shocks).population
        outside = np.flatnonzero(~people.registered & (people.countries == 0))
        twins, mothers = people.twins[outside], people.mothers[outside]
        with_twin = (twins >= 0) & people.registered[twins]
        others = np.isin(mothers, people.mothers[people.registered]) & (mothers >= 0)
        shares.append((with_twin.mean(), others.mean()))
    assert shares[0][0] > 0.05 > 2 * shares[1][0]
    assert shares[0][1] > 1.1 * shares[1][1]


# --------------------------------------------------------------------------------------------------- consecutive twins


def _twin_numbers(world: World) -> list[tuple[str, str]]:
    """Personal numbers of two people of one commune, birthday and phone that follow each other or differ in a digit."""
    groups: dict[tuple[str | None, ...], list[str]] = defaultdict(list)
    for row in world.registry:
        if len(str(row["date_of_birth"])) == 10:
            groups[row["commune_code"], row["date_of_birth"]].append(str(row["id_number"]))
    found = []
    for numbers in groups.values():
        for one, other in pairwise(sorted(numbers, key=lambda number: (number[4:], number))):
            digits = sum(a != b for a, b in zip(one, other, strict=True))
            if digits == 1 or abs(int(one) - int(other)) == 1:
                found.append((one, other))
    return found


def test_twins_have_numbers_side_by_side(worlds: Worlds) -> None:
    world = worlds("consecutive_twins")
    pairs = _twin_numbers(world)
    assert len(_twin_numbers(worlds())) < 5
    # About 40 % of the people are children; 6 % of the births are of twins.
    assert 0.008 < len(pairs) / PERSONS < 0.016
    assert 0.15 < sum(abs(int(one) - int(other)) == 1 for one, other in pairs) / len(pairs) < 0.4
    by_number = {row["id_number"]: row for row in world.registry}
    for one, other in pairs:
        first, second = by_number[one], by_number[other]
        assert first["commune_code"] == second["commune_code"]
        assert (one[3] != other[3]) == (first["gender"] != second["gender"])
    families = [
        str(by_number[one]["full_name"]).split()[0] == str(by_number[other]["full_name"]).split()[0]
        for one, other in pairs
        if by_number[one]["ethnicity"] == by_number[other]["ethnicity"] == "Kinh"
    ]
    assert sum(families) / len(families) > 0.97


def test_consecutive_twins_are_drawn_whole(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="consecutive_twins: cannot be drawn region by region; give 1000 persons"):
        simulate(2000, 1500, 7, tmp_path, shocks=["consecutive_twins"], region_persons=1000)
