"""A made-up map: real provinces, invented districts and communes, and the merger of 1 July 2025."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from linkage.simulate.randomness import Chance, Floats, Ints, pick
from linkage.simulate.tables import read_csv, read_toml
from linkage.simulate.units import (
    Communes,
    Row,
    communes_from,
    crosswalk_row,
    draw_weights,
    legacy_row,
    published_sizes,
)

PEOPLE_PER_COMMUNE = 9400
MOST_COMMUNES = 10_603  # as the country had in 2021
COMMUNES_PER_DISTRICT = 15
COMMUNES_PER_PROVINCE = 25  # of a small simulation: fewer provinces, so that districts and provinces keep a real size
SPLIT_SHARE = 0.044
URBAN_SHARE = 0.25
HIGHLAND_NAME_SHARE = 0.04


@dataclass(frozen=True)
class PlaceNames:
    """What invented places are called after."""

    first: list[str]
    second: list[str]
    highland: list[str]
    highland_provinces: list[str]


def _place_names() -> PlaceNames:
    table = read_toml("place_names.toml")
    return PlaceNames(table["first"].split(), table["second"].split(), table["highland"], table["highland_provinces"])


def synthetic_country(
    persons: int, chance: Chance, *, published: bool = False, provinces: Sequence[str] = ()
) -> Communes:
    """Invented communes, about one for 9,400 people, over as many real provinces as they fill (at least two).

    ``published``: their sizes follow the published distribution exactly, instead of being drawn like it. ``provinces``:
    codes of those that it has, instead of some by their size.
    """
    rng = chance.stream("communes")
    table = read_csv("provinces.csv")
    people = np.array([float(row["people_thousand"]) for row in table])
    n_communes = min(MOST_COMMUNES, max(1, round(persons / PEOPLE_PER_COMMUNE)))
    n_provinces = min(len(table), n_communes, max(2, round(n_communes / COMMUNES_PER_PROVINCE)))
    if provinces:
        chosen = np.flatnonzero([row["code"] in provinces for row in table])[: max(1, n_communes)]
    else:
        chosen = _choose_provinces(rng, table, people, n_provinces)
    extra = n_communes - len(chosen)
    sizes = 1 + rng.multinomial(extra, people[chosen] / people[chosen].sum())
    legacy: list[Row] = []
    crosswalk: list[Row] = []
    words = _place_names()
    for number, size in zip(chosen, sizes, strict=True):
        province = table[number]
        n_districts = len({row["district_code"] for row in legacy})
        rows = _province(rng, words, province, int(size), 3 * len(legacy) + 1, n_districts + 1)
        legacy += rows
        crosswalk += _merge(rng, rows, province["code_2025"])
    crowding = np.repeat(people[chosen] / sizes, sizes)
    weights = published_sizes(rng, crowding) if published else draw_weights(rng, len(legacy))
    return communes_from(legacy, crosswalk, weights)


def _choose_provinces(rng: np.random.Generator, provinces: list[Row], people: Floats, n: int) -> Ints:
    """Provinces by size; one of them with many minority people, so that their names occur in any simulation."""
    minorities = read_toml("peoples.toml")["people"]
    shares = np.array(
        [sum(row["provinces"].get(province["code"], 0.0) for row in minorities) for province in provinces]
    )
    mixed = np.where(shares > 0.12, people * shares, 0.0)
    first = pick(rng, mixed, 1)
    rest = np.where(np.arange(len(provinces)) == first, 0.0, people)
    others = rng.choice(len(provinces), n - 1, replace=False, p=rest / rest.sum())
    return np.sort(np.concatenate([first, others]))


def _province(
    rng: np.random.Generator, words: PlaceNames, province: Row, n: int, first_code: int, first_district: int
) -> list[Row]:
    """The communes of one province, codes rising in steps as the real ones do."""
    rows: list[Row] = []
    n_districts = max(1, round(n / COMMUNES_PER_DISTRICT))
    for district, numbers in enumerate(np.array_split(np.arange(n), n_districts)):
        urban = rng.random() < URBAN_SHARE or ("Thành phố" in province["name"] and district == 0)
        names = _commune_names(rng, words, len(numbers), urban, province["code"] in words.highland_provinces)
        place = {
            "district_code": f"{first_district + district:03d}",
            "district_name": _district_name(rng, words, province, urban),
            "province_code": province["code"],
            "province_name": province["name"],
        }
        rows += [
            legacy_row(place, f"{first_code + 3 * int(i):05d}", name) for i, name in zip(numbers, names, strict=True)
        ]
    return rows


def _district_name(rng: np.random.Generator, words: PlaceNames, province: Row, urban: bool) -> str:
    kinds = ("Quận",) if "Thành phố" in province["name"] else ("Thành phố", "Thị xã")
    return f"{rng.choice(kinds) if urban else 'Huyện'} {rng.choice(words.first)} {rng.choice(words.second)}"


def _commune_names(rng: np.random.Generator, words: PlaceNames, n: int, urban: bool, highland: bool) -> list[str]:
    """Names different within the district; the same name may stand in the next one, as in life."""
    names: list[str] = []
    n_numbered = rng.integers(0, n + 1) if urban and rng.random() < 0.4 else 0
    names += [f"Phường {i + 1}" for i in range(n_numbered)]
    while len(names) < n:
        plain = f"{rng.choice(words.first)} {rng.choice(words.second)}"
        if highland and rng.random() < HIGHLAND_NAME_SHARE:
            plain = str(rng.choice(words.highland))
        kind = ("Phường" if rng.random() < 0.8 else "Xã") if urban else ("Xã" if names else "Thị trấn")
        if len(set(plain.split())) > 1 and not any(name.endswith(" " + plain) for name in names):
            names.append(f"{kind} {plain}")
    return names


def _merge(rng: np.random.Generator, rows: list[Row], new_province: str) -> list[Row]:
    """Merge neighbours of a district two to four at a time; the new unit takes the code of one of them."""
    groups: list[list[Row]] = []
    for district in dict.fromkeys(row["district_code"] for row in rows):
        members = [row for row in rows if row["district_code"] == district]
        while members:
            size = int(rng.integers(2, 5))
            groups.append(members[:size])
            members = members[size:]
    heads = [group[rng.integers(len(group))] for group in groups]
    crosswalk: list[Row] = []
    for number, group in enumerate(groups):
        for row in group:
            split = len(groups) > 1 and rng.random() < SPLIT_SHARE
            targets = [number, number - 1 if number else number + 1] if split else [number]
            crosswalk += [
                _successor(row, heads[target], new_province, "part" if split else "whole") for target in targets
            ]
    return crosswalk


def _successor(row: Row, head: Row, new_province: str, transfer: str) -> Row:
    kind, plain = head["level"], head["commune_name"].removeprefix(head["level"]).strip()
    new_name = f"{'Phường' if kind == 'Phường' else 'Xã'} {plain}"
    return crosswalk_row(row, head["commune_code"], new_name, new_province, transfer)
