"""Shocks of the simulator: the promised share is in the tables, and the truth stays right."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import compress, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.errors import UsageError
from linkage.simulate import SimulationSummary, simulate
from linkage.simulate.claims import Start
from linkage.simulate.country import synthetic_country
from linkage.simulate.population import Population
from linkage.simulate.randomness import Chance
from linkage.simulate.regions import Region
from linkage.simulate.shocks import SHOCKS, Shock
from linkage.simulate.shocks.stations import KINDS
from linkage.simulate.shocks.village_phone import VILLAGES
from linkage.simulate.simulation import draw_source, make_country

Row = dict[str, str | None]
PERSONS, N_DOSES, SEED = 30_000, 40_000, 7
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


def _tables(folder: Path) -> list[pa.Table]:
    return [pq.read_table(folder / f"{name}.parquet") for name in TABLES]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[pa.Table]:
    folder = tmp_path_factory.mktemp("plain_again")
    simulate(2000, 3000, SEED, folder)
    return _tables(folder)


@pytest.mark.parametrize("shock", SHOCKS)
def test_a_shock_repeats_itself_changes_something_and_is_told(
    shock: str, plain: list[pa.Table], tmp_path: Path
) -> None:
    for folder in ("first", "second"):
        simulate(2000, 3000, SEED, tmp_path / folder, shocks=[shock])
    first, second = _tables(tmp_path / "first"), _tables(tmp_path / "second")
    assert all(a.equals(b) for a, b in zip(first, second, strict=True))
    assert not all(a.equals(b) for a, b in zip(first, plain, strict=True))
    document = json.loads((tmp_path / "first" / "assumptions.json").read_text(encoding="utf-8"))
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
    # A clerk's number, a filled one and those of a household are of another person by design.
    assert right / len(stated) > (0.8 if shock in ("stations", "fill_down_and_household_swaps") else 0.85)


def test_all_shocks_go_together(tmp_path: Path) -> None:
    for folder, order in (("one", list(SHOCKS)), ("other", list(reversed(SHOCKS)))):
        simulate(2000, 3000, SEED, tmp_path / folder, shocks=order)
    assert _digest(tmp_path / "one") == _digest(tmp_path / "other")
    assert pq.read_table(tmp_path / "one" / "registry.parquet").num_rows == 2000


@pytest.mark.parametrize("shock", [name for name, shock in SHOCKS.items() if not shock.whole_only])
def test_shocks_are_drawn_region_by_region(shock: str, tmp_path: Path) -> None:
    world = World(tmp_path, simulate(60_000, 6000, SEED, tmp_path, shocks=[shock], region_persons=25_000))
    assert world.summary.n_regions > 1
    assert len(world.people) == len({row["id_number"] for row in world.registry}) == 60_000
    assert world.truth.keys() == {dose["dose_id"] for dose in world.doses}
    assert {person for person in world.truth.values() if person} <= world.people.keys()


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


def _people(shocks: dict[str, Shock]) -> Population:
    country = make_country(synthetic_country(PERSONS, Chance(SEED)))
    region = Region(0, country.communes.weights, PERSONS, N_DOSES)
    return draw_source(SEED, country, region, Start(), shocks).population


def test_namesakes_are_born_about_the_same_time_but_not_on_the_same_day() -> None:
    people = _people({"unregistered": SHOCKS["unregistered"]})
    by_name: dict[tuple[int, ...], list[int]] = defaultdict(list)
    names = [(int(home), *map(int, name)) for home, name in zip(people.communes, people.names, strict=True)]
    for name, birth in zip(compress(names, people.registered), people.births[people.registered], strict=True):
        by_name[name].append(int(birth))
    outside = np.flatnonzero(~people.registered & (people.countries == 0))
    gaps = [min(abs(int(people.births[row]) - birth) for birth in by_name[names[row]] or [10**6]) for row in outside]
    near = [gap for gap in gaps if gap <= 731]
    assert len(near) > 0.15 * len(outside)
    assert 60 < np.median(near) < 366
    assert sum(gap == 0 for gap in near) < 0.02 * len(near)


def test_the_unregistered_have_twins_and_siblings_in_the_registry() -> None:
    shares = []
    for shocks in ({"unregistered": SHOCKS["unregistered"]}, {}):
        people = _people(shocks)
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


# --------------------------------------------------------------------------------------- lists without numbers


def _places(dose: Row) -> str:
    """The commune of a station, whatever its level."""
    return str(dose["facility_code"])[:5]


def test_half_of_the_communes_state_no_numbers_and_the_phone_of_a_village(worlds: Worlds) -> None:
    by_commune: dict[str, list[Row]] = defaultdict(list)
    for dose in worlds("no_ids_village_phone").doses:
        by_commune[_places(dose)].append(dose)
    without = {
        commune: sum(dose["id_number"] is None for dose in doses) / len(doses) for commune, doses in by_commune.items()
    }
    struck = [commune for commune, share in without.items() if share > 0.9]
    assert len(struck) == round(0.5 * len(by_commune))
    assert all(share < 0.15 for commune, share in without.items() if commune not in struck)
    for commune in struck:
        phones = Counter(dose["phone"] for dose in by_commune[commune] if dose["phone"])
        villages = [count for _, count in phones.most_common(VILLAGES)]
        assert 0.45 < sum(villages) / len(by_commune[commune]) < 0.75
        assert min(villages) > 20


# --------------------------------------------------------------------------------------------------- minorities


def test_minorities_are_the_majority_and_have_few_full_birthdays(worlds: Worlds) -> None:
    rows = [row for row in worlds("minorities").registry if row["ethnicity"]]
    others = [row for row in rows if row["ethnicity"] != "Kinh"]
    assert 0.62 < len(others) / len(rows) < 0.78
    peoples = Counter(row["ethnicity"] for row in others)
    assert {"Cơ Ho", "Mạ", "Ê Đê", "Bru Vân Kiều"} <= peoples.keys()
    years_only = [len(str(row["date_of_birth"])) == 4 for row in others]
    first_of_january = [str(row["date_of_birth"]).endswith("-01-01") for row in others]
    assert 0.1 < sum(years_only) / len(others) < 0.25
    assert 0.15 < sum(first_of_january) / len(others) < 0.3
    kinh = [str(row["date_of_birth"]).endswith("-01-01") for row in rows if row["ethnicity"] == "Kinh"]
    assert sum(kinh) / len(kinh) < 0.06


# ------------------------------------------------------------------------------------------------- stale registry


def test_a_stale_registry_lacks_what_happened_since(worlds: Worlds) -> None:
    stale, plain = worlds("stale_registry"), worlds()
    assert not any(row["residence_commune_code"] for row in stale.registry)
    children = [
        sum(str(row["date_of_birth"])[:4] > "2016" for row in world.registry) / PERSONS for world in (stale, plain)
    ]
    assert children[0] < 0.6 * children[1]
    deceased = [sum(row["status"] == "deceased" for row in world.registry) for world in (stale, plain)]
    assert deceased[0] < 0.2 * deceased[1]
    elsewhere, other_name, other_phone = (
        [
            sum(differs(dose, person) for dose, person in world.pairs()) / sum(1 for _ in world.pairs())
            for world in (stale, plain)
        ]
        for differs in (
            lambda dose, person: bool(dose["commune_code"]) and dose["commune_code"] != person["commune_code"],
            lambda dose, person: (dose["full_name"] or "").lower() != (person["full_name"] or "").lower(),
            lambda dose, person: bool(dose["phone"] and person["phone"]) and dose["phone"] != person["phone"],
        )
    )
    assert elsewhere[0] > elsewhere[1] + 0.05
    assert other_name[0] > other_name[1] + 0.005
    assert other_phone[0] > other_phone[1] + 0.1


# -------------------------------------------------------------------------------------------------------- lists


def test_lists_are_station_by_station_and_day_by_day(worlds: Worlds) -> None:
    doses = worlds("fill_down_and_household_swaps").doses
    assert [dose["dose_id"] for dose in doses] == sorted(str(dose["dose_id"]) for dose in doses)
    stations = [str(dose["facility_code"]) for dose in doses]
    assert sum(one != other for one, other in pairwise(stations)) == len(set(stations)) - 1


@pytest.mark.parametrize(("field", "least_length"), [("id_number", 9), ("phone", 9), ("date_of_birth", 10)])
def test_values_are_filled_down(field: str, least_length: int, worlds: Worlds) -> None:
    shares = []
    for world in (worlds("fill_down_and_household_swaps"), worlds()):
        repeated = [
            above[field] == below[field] and above["subject_id"] != below["subject_id"]
            for above, below in pairwise(world.doses)
            if len(above[field] or "") >= least_length
        ]
        shares.append(sum(repeated) / len(repeated))
    assert 0.03 < shares[0] < 0.06
    assert shares[1] < 0.01


def test_members_of_a_household_have_each_others_number(worlds: Worlds) -> None:
    """Two registered people each of whom states the other's number."""
    counts = []
    for world in (worlds("fill_down_and_household_swaps"), worlds()):
        holders = {row["id_number"]: row["person_id"] for row in world.registry}
        holders |= {row["old_id_number"]: row["person_id"] for row in world.registry if row["old_id_number"]}
        stated = {
            (person["person_id"], holders[dose["id_number"]])
            for dose, person in world.pairs()
            if dose["id_number"] in holders
        }
        counts.append(sum((other, one) in stated for one, other in stated if one != other))
    # 8 % of the households, four fifths of them with numbers; two members of most are vaccinated.
    assert counts[0] > 0.02 * PERSONS
    assert counts[1] < 0.002 * PERSONS


# ----------------------------------------------------------------------------------------------------- stations


@pytest.fixture(scope="module")
def by_station(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Row, Row]]]:
    """Doses of registered people, each with the person's row, by station; communes enough for every kind of error."""
    folder = tmp_path_factory.mktemp("stations")
    world = World(folder, simulate(90_000, N_DOSES, SEED, folder, shocks=["stations"]))
    stations: dict[str, list[tuple[Row, Row]]] = defaultdict(list)
    for dose, person in world.pairs():
        stations[str(dose["facility_code"])].append((dose, person))
    return stations


def _is_swapped(dose: Row, person: Row) -> bool:
    year, month, day = str(person["date_of_birth"]).split("-")
    return (dose["date_of_birth"] or "") in (f"{month}/{day}/{year}", f"{year}-{day}-{month}")


def _is_full(person: Row) -> bool:
    return (
        len(str(person["date_of_birth"])) == 10
        and str(person["date_of_birth"])[5:7] != str(person["date_of_birth"])[8:]
    )


def _sex(text: str | None) -> str:
    return {"nam": "Nam", "m": "Nam", "1": "Nam", "nữ": "Nữ", "f": "Nữ", "0": "Nữ"}.get((text or "").lower(), "")


def _most_common(doses: list[Row], field: str) -> float:
    return Counter(dose[field] for dose in doses if dose[field]).most_common(1)[0][1] / len(doses)


SIGNS: dict[str, Callable[[list[tuple[Row, Row]]], bool]] = {
    "day_and_month_swapped": lambda pairs: _share(_is_swapped(*pair) for pair in pairs if _is_full(pair[1])) > 0.5,
    "sex_inverted": lambda pairs: _share(_sex(one["gender"]) == other["gender"] for one, other in pairs) < 0.1,
    "clerks_phone": lambda pairs: _most_common([dose for dose, _ in pairs], "phone") > 0.9,
    "clerks_number": lambda pairs: _most_common([dose for dose, _ in pairs], "id_number") > 0.9,
    "phone_and_number_swapped": lambda pairs: (
        _share(dose["phone"] in (person["id_number"], person["old_id_number"]) for dose, person in pairs) > 0.6
    ),
    "columns_shifted": lambda pairs: (
        _share(dose["nationality"] in (person["id_number"], person["old_id_number"]) for dose, person in pairs) > 0.6
    ),
}


def _share(signs: Iterator[bool]) -> float:
    values = list(signs)
    return sum(values) / len(values)


def test_some_stations_do_one_thing_wrong(by_station: dict[str, list[tuple[Row, Row]]]) -> None:
    large = {code: pairs for code, pairs in by_station.items() if len(pairs) > 30}
    found = {code: [kind for kind, sign in SIGNS.items() if sign(pairs)] for code, pairs in large.items()}
    assert max(map(len, found.values())) == 1
    assert 0.1 < sum(map(bool, found.values())) / len(found) < 0.3
    assert {kind for kinds in found.values() for kind in kinds} == set(KINDS) == set(SIGNS)
