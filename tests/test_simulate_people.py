"""Families, spelling slips, keyed chance and invented maps."""

from __future__ import annotations

import numpy as np
import pytest

from linkage.simulate import spelling
from linkage.simulate.country import synthetic_country
from linkage.simulate.households import DAYS_PER_YEAR, LEAST_GAP, Families, draw_families
from linkage.simulate.identifiers import old_numbers
from linkage.simulate.names import load_names
from linkage.simulate.population import Population, draw_population
from linkage.simulate.randomness import Chance, distinct, uniform
from linkage.simulate.tables import read_csv

N = 40_000


@pytest.fixture(scope="module")
def families() -> Families:
    return draw_families(np.random.default_rng(3), N)


@pytest.fixture(scope="module")
def population() -> Population:
    return draw_population(Chance(5), synthetic_country(N, Chance(5)), load_names(), N, 800, 100)


def test_households_have_the_published_size(families: Families) -> None:
    sizes = np.bincount(families.households)
    assert sizes.min() >= 1
    assert 3.3 < sizes.mean() < 3.9
    assert 0.05 < (sizes == 1).mean() < 0.22


def test_ages_follow_the_pyramid(families: Families) -> None:
    rows = read_csv("pyramid.csv")
    men = np.array([float(row["men_thousand"]) for row in rows])
    women = np.array([float(row["women_thousand"]) for row in rows])
    ages = (np.datetime64("2022-01-01", "D").astype(np.int64) - families.births) / DAYS_PER_YEAR
    for sex, expected in ((0, men), (1, women)):
        counts = np.histogram(ages[families.sexes == sex], np.append(np.arange(0, 100, 5), 200))[0]
        share = expected / (men.sum() + women.sum())
        assert np.all(np.abs(counts / N - share) < 5 * np.sqrt(share / N) + 1e-4)


def test_relatives_fit(families: Families) -> None:
    spouses, rows = families.spouses, np.arange(N)
    married = rows[spouses >= 0]
    assert np.array_equal(spouses[spouses[married]], married)
    assert np.all(families.sexes[married] != families.sexes[spouses[married]])
    for parents, sex in ((families.mothers, 1), (families.fathers, 0)):
        known = rows[parents >= 0]
        gaps = (families.births[known] - families.births[parents[known]]) / DAYS_PER_YEAR
        assert gaps.min() > LEAST_GAP - 0.1
        assert np.all(families.sexes[parents[known]] == sex)
        assert np.array_equal(families.households[known], families.households[parents[known]])
    three = families.fathers[families.fathers[families.fathers >= 0]] >= 0
    assert three.mean() > 0.05


def test_twins_share_birthday_and_mother(families: Families) -> None:
    twins = np.flatnonzero(families.twins >= 0)
    assert 0.002 < len(twins) / N < 0.02
    for column in (families.births, families.mothers):
        assert np.array_equal(column[twins], column[families.twins[twins]])


def test_families_share_surname_and_phone(population: Population) -> None:
    kinh = np.flatnonzero((population.fathers >= 0) & (population.peoples == 0))
    assert np.array_equal(population.names[kinh, 0], population.names[population.fathers[kinh], 0])
    young = np.flatnonzero((population.births > 16_000) & (population.mothers >= 0) & (population.phones >= 0))
    parents = np.stack([population.mothers[young], np.maximum(population.fathers[young], 0)])
    assert (population.phones[parents] == population.phones[young]).any(axis=0).mean() > 0.95


def test_twins_of_one_sex_differ_in_name(population: Population) -> None:
    twins = np.flatnonzero((population.twins >= 0) & (population.sexes == population.sexes[population.twins]))
    same = (population.names[twins] == population.names[population.twins[twins]]).all(axis=1)
    assert len(twins) > 50
    assert same.mean() < 0.03


def test_movers_and_the_dead(population: Population) -> None:
    assert 0.08 < (population.residences >= 0).mean() < 0.16
    moved = population.residences >= 0
    assert np.all(population.residences[moved] != population.communes[moved])
    dead = population.statuses == 1
    assert np.all(population.deaths[dead] >= population.births[dead])
    assert 0.01 < dead.mean() < 0.03


def test_numbers_are_all_different(population: Population) -> None:
    natives = population.countries == 0
    assert len(np.unique(population.id_numbers[natives])) == natives.sum()
    insured = population.insurance[population.insurance >= 0]
    assert len(np.unique(insured)) == len(insured)


def test_few_old_numbers_are_given_twice() -> None:
    rng = np.random.default_rng(2)
    numbers = old_numbers(rng, np.full(50_000, 30), np.full(50_000, 1980))
    held = numbers[numbers >= 0]
    repeated = len(held) - len(np.unique(held))
    assert 0.0002 < repeated / len(held) < 0.0015
    assert 0.9 < len(held) / 50_000 < 0.96


def test_distinct_fills_a_prefix_to_the_brim() -> None:
    numbers = distinct(np.random.default_rng(1), np.full(100, 7), 2)
    assert sorted(numbers) == list(range(700, 800))


def test_keyed_chance_is_uniform_and_independent() -> None:
    keys = Chance(1).keys("test", np.arange(200_000))
    first, second = uniform(keys, 0), uniform(keys, 1)
    assert np.all(np.abs(np.histogram(first, 20, (0, 1))[0] / 10_000 - 1) < 0.06)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.01
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.01
    assert np.array_equal(Chance(1).keys("test", np.array([77])), keys[77:78])
    assert not np.array_equal(Chance(2).keys("test", np.array([77])), keys[77:78])


def test_invented_country() -> None:
    communes = synthetic_country(2_000_000, Chance(1))
    assert len(communes) == round(2_000_000 / 9400)
    assert len(set(communes.codes)) == len(communes)
    assert communes.codes == sorted(communes.codes)
    assert len(set(communes.province_codes)) >= 2
    assert set(communes.province_codes) <= {row["code"] for row in read_csv("provinces.csv")}
    per_district = np.bincount(communes.district_index())
    assert 10 < per_district.mean() < 20
    split = np.mean([len(codes) > 1 for codes in communes.new_codes])
    assert 0.01 < split < 0.09
    merged = {code for codes in communes.new_codes for code in codes}
    assert merged < set(communes.codes)
    assert 0.25 < len(merged) / len(communes) < 0.5


def test_two_communes_lie_in_two_provinces() -> None:
    assert len(set(synthetic_country(20_000, Chance(2)).province_codes)) == 2


@pytest.mark.parametrize(
    ("change", "word", "expected"),
    [
        (spelling.without_diacritics, "Đặng Nguyễn", "Dang Nguyen"),
        (spelling.tone_moved, "Hòa", "Hoà"),
        (spelling.tone_moved, "Thuý", "Thúy"),
        (spelling.tone_moved, "Quý", "Quý"),
        (spelling.tone_moved, "Hoàng", "Hoàng"),
        (spelling.hook_tilde, "Mỹ", "Mỷ"),
        (spelling.hook_tilde, "Thủy", "Thũy"),
        (spelling.i_for_y, "Quý", "Quí"),
        (spelling.i_for_y, "Sĩ", "Sỹ"),
        (spelling.i_for_y, "Thúy", "Thúy"),
        (spelling.i_for_y, "Thị", "Thị"),
        (spelling.telex, "Nguyễn", "Nguyeenx"),
        (spelling.telex, "Trường", "Truwowngf"),
        (spelling.vni_as_latin, "Nguyễn Văn", "Nguyeãn Vaên"),
        (spelling.vni_as_latin, "Đỗ Thị Hường", "Ñoã Thò Höôøng"),
        (spelling.abbreviated, "Thị Thu", "T.T."),
    ],
)
def test_misspellings(change: object, word: str, expected: str) -> None:
    assert callable(change)
    assert change(word) == expected


@pytest.mark.parametrize(
    ("word", "slip"), [("Linh", "Ninh"), ("Sơn", "Xơn"), ("Trang", "Chang"), ("Dung", "Giung"), ("Đạt", "Đạc")]
)
def test_sound_slips(word: str, slip: str) -> None:
    assert slip in spelling.sound_slips(word)
    assert word not in spelling.sound_slips(word)


def test_typing_slips_change_one_place() -> None:
    slips = spelling.typing_slips("Trường")
    assert "Trường" not in slips
    assert all(slip[0] == "T" and 5 <= len(slip) <= 7 for slip in slips)
