"""Term frequencies against counting by hand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocking.keys import within
from linkage.plan.reading import load_plan
from linkage.plan.sections import Comparison
from linkage.registry.frequencies import N_GROUPS, Frequencies, frequency_ratios
from linkage.registry.value_counts import _count, add_up, count_part, counted_columns
from models.comparators.name import LEVELS
from models.parameters import ComparisonParameters
from models.term_frequency import keep_order

pytestmark = pytest.mark.kernel

PLAN = load_plan()
NAME = next(c for c in PLAN.comparisons if c.name == "full_name")
COMMUNE = next(c for c in PLAN.comparisons if c.name == "commune")
ETHNICITY = next(c for c in PLAN.comparisons if c.name == "ethnicity")
MALE, FEMALE = 1, 2


def registry(
    keys: list[int],
    plain: list[int],
    sexes: list[int],
    communes: list[int],
    ethnicity: list[int] | None = None,
    years: list[int] | None = None,
    stays: list[int] | None = None,
) -> dict[str, np.ndarray]:
    """The columns that some comparison of the vaccination plan wants counted, and the dates of birth."""
    return {
        "birth_date": np.array(years or [0] * len(keys), np.uint32) << np.uint32(9),
        "full_name.key": np.array(keys, np.uint64),
        "full_name.plain": np.array(plain, np.uint64),
        "sex": np.array(sexes, np.uint8),
        "commune": np.array(communes, np.uint16),
        "residence": np.array(stays or [0] * len(keys), np.uint16),
        "ethnicity": np.array(ethnicity or [1] * len(keys), np.uint8),
    }


def count_frequencies(columns: dict[str, np.ndarray], n_parts: int = 3) -> dict[str, Frequencies]:
    """The registry's frequencies, counted in parts and added up a few values at a time."""
    counted = [count_part(PLAN, {name: column[i::n_parts] for name, column in columns.items()}) for i in range(n_parts)]
    return {name: add_up(name, [part[name] for part in counted], range_entries=4) for name in counted[0]}


def ratios_by_level(comparison: Comparison, *arguments: Any) -> np.ndarray:
    """float64[n_claims, n_groups, n_levels]."""
    return frequency_ratios(comparison, *arguments)


people = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=40)


@given(people)
def test_counts_and_shares_equal_counting(rows: list[tuple[int, int, int]]) -> None:
    """Value 0 is missing and counts for nobody; group 0 is everybody, those of unknown sex too."""
    keys, sexes, communes = (list(column) for column in zip(*rows, strict=True))
    counted = count_frequencies(registry(keys, [key // 2 for key in keys], sexes, communes))
    assert {name for name in counted if "@" not in name} == {
        "full_name.key",
        "full_name.plain",
        "commune",
        "ethnicity",
    }
    values = np.arange(8, dtype=np.uint64)
    shares = counted["full_name.key"].shares(values)
    for group in range(N_GROUPS):
        bearers = [k for k, s in zip(keys, sexes, strict=True) if k and (group == 0 or s == group)]
        n = Counter(bearers)
        if any(keys):
            expected = [max(n[int(v)], 0.5) / max(len(bearers), 1) for v in values]
            assert shares[:, group].tolist() == pytest.approx(expected)
            mean = sum((n[v] / len(bearers)) ** 2 for v in n) if bearers else 0.5
            assert counted["full_name.key"].mean_share()[group] == pytest.approx(mean)
    of_communes = counted["commune"]
    assert dict(zip(of_communes.values.tolist(), of_communes.counts[:, 0].tolist(), strict=True)) == {
        v: n for v, n in Counter(communes).items() if v
    }


def test_people_are_counted_in_the_commune_of_their_stay_too() -> None:
    """Of three people of commune 1, all of group 1, one stays in commune 2 with its two people of group 2; who stays at
    home is counted once."""
    communes, stays, groups = [1, 1, 1, 2, 2], [2, 1, 0, 0, 2], [1, 1, 1, 2, 2]
    counted = count_frequencies(registry([5] * 5, [6] * 5, [MALE] * 5, communes, groups, stays=stays))
    people, local = counted["ethnicity@people"], counted["ethnicity@commune"]
    two = np.array([1, 2], np.uint64)
    assert people.counts_of(two)[:, 0].tolist() == [3, 3]
    for group, expected in ((1, [3, 0]), (2, [0, 2])):  # the one of group 1 in commune 2 is alone, and not stored
        assert local.counts_of(within(np.full(2, group, np.uint64), two))[:, 0].tolist() == expected
    assert int(local.bearers[0]) == 6
    assert counted["ethnicity"].counts_of(two)[:, 0].tolist() == [3, 2]
    assert counted["full_name.key@commune"].counts_of(within(np.full(2, 5, np.uint64), two))[:, MALE].tolist() == [3, 3]


def test_a_registry_without_any_name_has_finite_shares() -> None:
    counted = count_frequencies(registry([0, 0], [0, 0], [1, 2], [1, 1]))
    shares = counted["full_name.key"].shares(np.array([5], np.uint64))
    assert shares.shape == (1, N_GROUPS)
    assert ((shares > 0) & (shares <= 1)).all()


def test_a_column_of_several_numbers_a_record_is_not_counted() -> None:
    with pytest.raises(ValueError, match=r"one value a record, not a column of shape \(2, 6\)"):
        _count(np.ones((2, 6), np.uint64), None)


# Hùng is borne by three men, Lan by two women, Hưng (plain Hung, as Hùng) by one man, Phấu by one woman.
KEYS = {"Hùng": 10, "Hưng": 11, "Lan": 12, "Phấu": 13, "Tý": 14}
PLAIN = {"Hùng": 20, "Hưng": 20, "Lan": 22, "Phấu": 23, "Tý": 24}
FIVE = ["Hùng", "Hùng", "Hùng", "Lan", "Lan", "Hưng", "Phấu"]
SEXES = [MALE, MALE, MALE, FEMALE, FEMALE, MALE, FEMALE]


@pytest.fixture
def name_ratios() -> dict[str, np.ndarray]:
    """Ratios by name, float64[group, level]: u of "same" is 0.2, Tý is borne by nobody."""
    frequencies = count_frequencies(registry([KEYS[n] for n in FIVE], [PLAIN[n] for n in FIVE], SEXES, [1] * len(FIVE)))
    left = {
        "full_name.key": np.array(list(KEYS.values()), np.uint64),
        "full_name.plain": np.array(list(PLAIN.values()), np.uint64),
    }
    u = np.full(len(LEVELS), 0.1)
    u[LEVELS.index("same")] = 0.2
    # Without a commune: the country's shares.
    ratios = ratios_by_level(NAME, left, left["full_name.key"][:, None], None, None, frequencies, u)
    assert ratios.dtype == np.float64
    return dict(zip(KEYS, ratios, strict=True))


def test_a_name_counts_as_the_registry_has_it_whatever_the_field_of_the_left_is_called(
    name_ratios: dict[str, np.ndarray],
) -> None:
    frequencies = count_frequencies(registry([KEYS[n] for n in FIVE], [PLAIN[n] for n in FIVE], SEXES, [1] * len(FIVE)))
    keys = np.array(list(KEYS.values()), np.uint64)
    left = {"called.key": keys, "called.plain": np.array(list(PLAIN.values()), np.uint64)}
    u = np.full(len(LEVELS), 0.1)
    u[LEVELS.index("same")] = 0.2
    called = msgspec.structs.replace(NAME, left=["called"])
    ratios = ratios_by_level(called, left, keys[:, None], None, None, frequencies, u)
    np.testing.assert_array_equal(ratios, np.stack(list(name_ratios.values())))


def test_an_equal_name_counts_with_its_share_among_the_others_of_that_sex(name_ratios: dict[str, np.ndarray]) -> None:
    same = LEVELS.index("same")
    assert name_ratios["Hùng"][:, same].tolist() == pytest.approx([2 / 6 / 0.2, 2 / 3 / 0.2, 0.5 / 2 / 0.2])
    assert name_ratios["Lan"][:, same].tolist() == pytest.approx([1 / 6 / 0.2, 0.5 / 3 / 0.2, 1 / 2 / 0.2])
    assert name_ratios["Phấu"][FEMALE, same] == pytest.approx(0.5 / 2 / 0.2)
    assert name_ratios["Tý"][:, same].tolist() == pytest.approx([0.5 / 6 / 0.2, 0.5 / 3 / 0.2, 0.5 / 2 / 0.2])


def test_a_name_without_its_marks_counts_with_its_plain_share_over_the_mean(
    name_ratios: dict[str, np.ndarray],
) -> None:
    """Plain Hung is borne by four of seven; a random bearer's plain name has a mean share of (16 + 4 + 1) / 49.

    By that mean in every group: among four men all called Hung the name is likelier than among people of either sex.
    """
    mean = 21 / 49
    for level in ("same without tones", "same without diacritics"):
        ratios = {name: table[:, LEVELS.index(level)].tolist() for name, table in name_ratios.items()}
        assert ratios["Hùng"] == ratios["Hưng"] == pytest.approx([3 / 6 / mean, 1.0 / mean, 0.5 / 2 / mean])
        assert ratios["Lan"] == pytest.approx([1 / 6 / mean, 0.5 / 3 / mean, 1 / 2 / mean])


@pytest.mark.parametrize(
    ("level", "prior"),
    [
        ("one syllable sounds alike or has a slip", 0.5),
        ("one syllable missing", 1.0),
        ("one common syllable is like another", 1.0),
        ("order changed", 1.0),
        ("abbreviated", 1.0),
    ],
)
def test_near_a_common_name_strangers_are_common(name_ratios: dict[str, np.ndarray], level: str, prior: float) -> None:
    """As without its marks, drawn towards 1: a name that nobody bears may be a slip of one that many bear."""
    at, plain = LEVELS.index(level), LEVELS.index("same without diacritics")
    for ratios in name_ratios.values():
        assert ratios[:, at].tolist() == pytest.approx(((ratios[:, plain] + prior) / (1 + prior)).tolist())


def test_other_levels_of_a_name_have_no_frequency(name_ratios: dict[str, np.ndarray]) -> None:
    others = [*range(LEVELS.index("family and given name same"), len(LEVELS)), 0]
    for table in name_ratios.values():
        assert (table[:, others] == 1.0).all()


def test_alternatives_of_a_value_add_up_and_a_missing_one_has_no_ratio() -> None:
    """A commune of 2021 that became two: a random person lives in one of them with the sum of their shares."""
    frequencies = {"commune": Frequencies.of(np.array([3, 4, 5], np.uint64), np.array([[6], [3], [1]], np.uint32))}
    u = np.array([1.0, 0.25, 0.25, 0.2, 0.2, 0.1])
    alternatives = np.array([[3, 0], [3, 4], [5, 9], [0, 0]], np.uint64)
    ratios = ratios_by_level(COMMUNE, {}, alternatives, None, None, frequencies, u)
    assert ratios.shape == (4, 1, u.size)
    assert ratios[:, 0, 1].tolist() == pytest.approx([0.6 / 0.25, 0.9 / 0.25, (0.1 + 0.05) / 0.25, 1.0])
    assert (ratios[:, 0, [0, 2, 3, 4, 5]] == 1.0).all()


def test_the_mean_ratio_of_random_pairs_is_one() -> None:
    """Over random pairs that agree, m / (u r) must keep its mean: the shares weighted by themselves give u."""
    rng = np.random.default_rng(2)
    bearers = rng.zipf(1.5, 5000) % 50 + 1
    frequencies = count_frequencies(registry([1] * 5000, [1] * 5000, [1] * 5000, bearers.tolist()))
    shares = frequencies["commune"].shares(np.unique(bearers).astype(np.uint64))[:, 0]
    u_same = (shares**2).sum()
    u = np.array([1.0, u_same, *[(1 - u_same) / 4] * 4])
    values = np.unique(bearers).astype(np.uint64)[:, None]
    ratios = ratios_by_level(COMMUNE, {}, values, None, None, frequencies, u)[:, 0, 1].astype(np.float64)
    # P(agree) = sum of share * (share); with the ratio: u * sum of share * r.
    assert u_same * (shares * ratios).sum() == pytest.approx(u_same)
    assert (shares * shares / ratios).sum() == pytest.approx(u_same)


def test_only_columns_with_a_term_frequency_are_counted() -> None:
    number = next(c for c in PLAN.comparisons if c.name == "id_number")
    assert counted_columns(number) == []
    assert counted_columns(NAME) == ["full_name.key", "full_name.plain"]
    assert counted_columns(COMMUNE) == ["commune"]


def test_who_bears_a_name_is_not_counted_against_himself() -> None:
    """Names made of parts, as most are borne by one or two: what the next 20,000 people bear is nearer the share of the
    others than that of all bearers (Good 1953)."""
    rng = np.random.default_rng(7)
    first, second = (
        1 + sum(size * (rng.zipf(1.6, 20_000) % n) for size, n in ((1, 20), (20, 40), (800, 50))) for _ in range(2)
    )
    keys = np.arange(1, 40_001, dtype=np.uint64)
    counted = count_frequencies(registry(first.tolist(), first.tolist(), [MALE] * 20_000, [1] * 20_000))
    left = {"full_name.key": keys, "full_name.plain": keys}
    ratios = ratios_by_level(NAME, left, keys[:, None], None, None, counted, np.ones(len(LEVELS)))
    shares = ratios[:, MALE, LEVELS.index("same")]
    n_first, n_second = (np.bincount(of, minlength=40_001)[1:] for of in (first, second))
    for n in (1, 2, 3):
        is_seen = n_first == n
        seen_again = n_second[is_seen].mean() / 20_000
        assert abs(np.log2(shares[is_seen].mean() / seen_again)) < abs(np.log2(n / 20_000 / seen_again))


# ------------------------------------------------------------------------------------------------- within the commune


def local_ratios(
    ethnicity: list[int], communes: list[int], stated: list[int], at: list[list[int]], u: list[float]
) -> np.ndarray:
    """Ratios of the ethnicity comparison: float64[subject, country and here, level]."""
    n = len(ethnicity)
    columns = registry([1] * n, [1] * n, [1] * n, communes, ethnicity)
    frequencies = count_frequencies(columns)
    alternatives = np.array(stated, np.uint64)[:, None]
    return ratios_by_level(ETHNICITY, {}, alternatives, np.array(at, np.uint64), None, frequencies, np.array(u))


def test_a_value_that_is_rare_in_the_country_may_be_everybodys_in_a_commune() -> None:
    """90 Kinh (1) in commune 7, 10 Mạ (2) in commune 8. Ten people of the country's mixture stand in for few."""
    ethnicity, communes = [1] * 90 + [2] * 10, [7] * 90 + [8] * 10
    u = [1.0, 0.8, 0.2]
    ratios = local_ratios(ethnicity, communes, [2, 2, 1, 2], [[8, 0], [7, 0], [7, 8], [0, 0]], u)
    country, here = ratios[:, 0], ratios[:, 1]
    assert country[:, 1].tolist() == pytest.approx([0.1 / 0.8, 0.1 / 0.8, 0.9 / 0.8, 0.1 / 0.8])
    assert (country[:, 2] == 1.0).all()
    shares = [
        (9 + 10 * 0.1) / (9 + 10),  # nine other Mạ of nine other people
        (0 + 10 * 0.1) / (89 + 10),  # no Mạ there
        (89 + 10 * 0.9) / (99 + 10),  # both communes that the stated one may be
        10 * 0.1 / 10,  # no commune known: the country
    ]
    assert here[:, 1].tolist() == pytest.approx([share / 0.8 for share in shares])
    assert here[:, 2].tolist() == pytest.approx([(1 - share) / 0.2 for share in shares])


def test_a_value_that_everybody_bears_gives_no_ratio_of_zero() -> None:
    """A ratio of 0 would be an endless weight: here for "different", which nobody in this registry can be."""
    ratios = local_ratios([1] * 20, [7] * 20, [1, 2, 0], [[7], [7], [7]], [1.0, 0.99, 0.01])
    assert np.isfinite(ratios).all()
    assert (ratios > 0).all()


@given(people)
def test_local_ratios_of_names_equal_counting_the_neighbours(rows: list[tuple[int, int, int]]) -> None:
    keys, sexes, communes = (list(column) for column in zip(*rows, strict=True))
    frequencies = count_frequencies(registry(keys, keys, sexes, communes))
    names = np.arange(1, 7, dtype=np.uint64)
    left = {"full_name.key": names, "full_name.plain": names}
    u = np.full(len(LEVELS), 0.1)
    for commune in (1, 2):
        at = np.full((6, 1), commune, np.uint64)
        ratios = ratios_by_level(NAME, left, names[:, None], at, None, frequencies, u)
        assert ratios.shape == (6, 2 * N_GROUPS, len(LEVELS))
        for group in range(N_GROUPS):
            everybody = [k for k, s, _ in rows if k and group in (0, s)]
            country = [max(everybody.count(k) - 1, 0.5) / max(len(everybody) - 1, 1) for k in range(1, 7)]
            # Whoever has no commune lives nowhere; who has no name is a neighbour without a name.
            people_here = [k for k, s, c in rows if c == commune and group in (0, s)]
            namesakes = [sum(k == name for k in people_here) for name in range(1, 7)]
            in_commune = Counter(k for k, _, c in rows if c == commune)
            others = [n - 1 if in_commune[name] > 1 and n else 0 for name, n in enumerate(namesakes, start=1)]
            local = [(n + 10 * c) / (max(len(people_here) - 1, 0) + 10) for n, c in zip(others, country, strict=True)]
            expected = [max(c, here) / 0.1 for c, here in zip(country, local, strict=True)]
            found = ratios[:, N_GROUPS + group, LEVELS.index("same")]
            assert found.tolist() == pytest.approx(expected, rel=1e-6)


# ------------------------------------------------------------------------------------------------- order of the levels


TEXT = Comparison(
    name="town",
    kind="text",
    left=["full_name.key"],
    right=["full_name.key"],
    m=[0.9, 0.04, 0.03, 0.03],
    term_frequency=True,
    measure="jaro_winkler",
    thresholds=[0.95, 0.8],
)


@given(st.sampled_from([NAME, ETHNICITY, COMMUNE, TEXT]), people, st.integers(0, 1 << 32), st.floats(0.5, 12))
def test_of_any_value_the_closer_level_weighs_as_much_at_least(
    comparison: Comparison, rows: list[tuple[int, int, int]], seed: int, spread: float
) -> None:
    """Whatever the registry's counts and however the levels' m and u came out of the training."""
    keys, sexes, communes = (list(column) for column in zip(*rows, strict=True))
    frequencies = count_frequencies(registry(keys, [key // 2 for key in keys], sexes, communes, ethnicity=keys))
    rng = np.random.default_rng(seed)
    values = np.arange(8, dtype=np.uint64)
    m, u = (
        np.concatenate([[1.0], rng.dirichlet(np.exp(-rng.uniform(0, spread, len(comparison.labels) - 1)))]) + 1e-9
        for _ in range(2)
    )
    left = {"full_name.key": values, "full_name.plain": values // 2}
    at = np.full((8, 1), 1, np.uint64) if comparison.local else None
    ratios = frequency_ratios(comparison, left, values[:, None], at, None, frequencies, u)
    raw = ratios.copy()
    p = ComparisonParameters("c", comparison.labels, m, u, m, closer=comparison.closer)
    keep_order(np.exp2(p.log2_m_u), p.closer_levels, ratios)
    weights = p.log2_m_u - np.log2(ratios)
    for level, closer in enumerate(comparison.closer):
        for other in closer:
            assert (weights[:, :, level] <= weights[:, :, other] + 1e-9).all()
    assert (ratios[:, :, 1] == raw[:, :, 1]).all(), "equality counts by its frequency"
    assert (ratios >= raw).all()


def test_what_is_near_a_common_text_is_common() -> None:
    """Value 1 is borne by six of ten, value 2 by one: what is like it is drawn half way towards the mean."""
    frequencies = count_frequencies(registry([1] * 6 + [2, 3, 4, 5], [1] * 10, [1] * 10, [1] * 10))
    values, u, mean = np.array([1, 2, 0], np.uint64), np.array([1, 0.1, 0.1, 0.1, 0.7]), (36 + 4) / 100
    ratios = frequency_ratios(TEXT, {}, values[:, None], None, None, frequencies, u)[:, 0]
    assert ratios[:, 1].tolist() == pytest.approx([6.0, 1.0, 1.0])
    for level in (2, 3):
        assert ratios[:, level].tolist() == pytest.approx([(0.6 / mean + 1) / 2, (0.1 / mean + 1) / 2, 1.0])
    assert (ratios[:, [0, 4]] == 1.0).all()
