"""Comparators of plans of one's own against their naive twins: addresses, codes, lists, pairs, nicknames, distances."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from linkage.encode.texts import _packed
from models.comparators import address, distance, name_pair, nickname, postcode, text
from tests import naive
from tests.test_kernels_comparators import check_spans, dictionary_of

pytestmark = pytest.mark.kernel

ids = st.frozensets(st.integers(1, 9), max_size=4)
addresses = st.tuples(ids, ids)
codes = st.text("AB12", max_size=10)


def row_of(sets):
    row = np.zeros(address.N_PARTS, np.uint32)
    numbers, words = (sorted(part) for part in sets)
    row[: len(numbers)] = numbers
    row[address.N_NUMBERS : address.N_NUMBERS + len(words)] = words
    return row


@given(addresses, addresses)
def test_address_level_equals_its_twin_and_is_symmetric(a, b):
    level = address.address_level(row_of(a), row_of(b))
    assert level == naive.address_level(a, b) == address.address_level(row_of(b), row_of(a))


@pytest.mark.parametrize(
    ("a", "b", "label"),
    [
        (({12}, {1, 2}), ({12}, {1, 2}), "same"),
        (({12}, {1, 2}), ({12}, {1, 2, 3, 4, 5}), "same numbers, words alike"),
        (({12, 3}, {1, 2}), ({12}, {1, 2}), "words alike, numbers left out"),
        (({12}, {1, 2}), ({13}, {1, 2}), "words alike, other numbers"),
        (({12}, {1, 2}), ({12}, {3, 4}), "different"),
        ((set(), set()), ({12}, {3, 4}), "missing"),
    ],
)
def test_address_levels_mean_what_they_say(a, b, label):
    assert address.LEVELS[address.address_level(row_of(a), row_of(b))] == label


@given(codes, codes)
@example("SW1A1AA", "SW1A1AB")
@example("SW1A1AA", "SW1A1BC")
@example("SW1A1AA", "SW1A")
@example("10115", "10999")
@example("AB", "BA")
def test_postcode_level_equals_its_twin_and_is_symmetric(a, b):
    packed = np.uint64(_packed(a)), np.uint64(_packed(b))
    level = postcode.postcode_level(*packed)
    assert level == naive.postcode_level(a, b) == postcode.postcode_level(*packed[::-1])


groups = st.lists(st.integers(1, 4), max_size=3, unique=True)


@given(st.integers(0, 4), groups, groups)
def test_nickname_level_equals_its_twin_and_is_symmetric(level, a, b):
    padded = [np.array([*some, 0, 0, 0][:3], np.uint32) for some in (a, b)]
    found = nickname.nickname_level(level, *padded)
    assert found == naive.nickname_level(level, set(a), set(b)) == nickname.nickname_level(level, *padded[::-1])


@given(*[st.integers(0, 4)] * 4)
def test_name_pair_level_equals_its_twin(first, second, crossed_first, crossed_second):
    levels = (first, second, crossed_first, crossed_second)
    assert name_pair.name_pair_level(*levels, 2) == naive.name_pair_level(*levels, 2)
    assert name_pair.name_pair_level(*levels, 2) == name_pair.name_pair_level(
        first, second, crossed_second, crossed_first, 2
    )


places = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def point(place):
    """The point of the unit sphere as an encoder makes it."""
    if place is None:
        return np.full(3, np.nan)
    latitude, longitude = np.radians(place)
    return np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])


@given(places, places)
@example((0.0, 0.0), (0.0, 180.0))
@example((10.77, 106.70), (21.03, 105.85))
def test_distance_level_equals_its_twin_and_is_symmetric(a, b):
    thresholds = [0.0, 1.0, 100.0, 1200.0, 30_000.0]
    if a is not None and b is not None:
        assume(all(abs(naive.distance_km(a, b) - limit) > 1e-6 * limit for limit in thresholds[1:]))
        assume(naive.distance_km(a, b) > 1e-3 or a == b)
    chords = distance.squared_chords(np.array(thresholds))
    level = distance.distance_level(point(a), point(b), chords)
    assert level == naive.distance_level(a, b, thresholds) == distance.distance_level(point(b), point(a), chords)


def test_spans_of_every_kind():
    rng = np.random.default_rng(1)
    left = [tuple(frozenset(rng.integers(1, 6, rng.integers(0, 4)).tolist()) for _ in range(2)) for _ in range(20)]
    right = [*left[:10], *[left[i][::-1] for i in range(20)]]
    rows = [np.array([row_of(sets) for sets in side]) for side in (left, right)]
    check_spans(address.address_levels, lambda s, r: naive.address_level(left[s], right[r]), *rows)
    pool = ["", "SW1A1AA", "SW1A1AB", "SW1A2BC", "SW1A", "N19GU"]
    a, b = rng.integers(0, 6, 20), rng.integers(0, 6, 30)
    packed = np.array([_packed(code) for code in pool], np.uint64)
    check_spans(
        postcode.postcode_levels, lambda s, r: naive.postcode_level(pool[a[s]], pool[b[r]]), packed[a], packed[b]
    )
    spots = [None, (10.0, 106.0), (10.001, 106.0), (21.0, 105.0)]
    points = np.array([point(spot) for spot in spots])
    a, b = rng.integers(0, 4, 20), rng.integers(0, 4, 30)
    chords = distance.squared_chords(np.array([1.0, 2000.0]))
    check_spans(
        distance.distance_levels,
        lambda s, r: naive.distance_level(spots[a[s]], spots[b[r]], [1.0, 2000.0]),
        points[a], points[b], chords,
    )  # fmt: skip


@pytest.mark.parametrize("measure", list(text.MEASURES))
def test_spans_of_alternatives(measure):
    rng = np.random.default_rng(2)
    words = ["", "smith", "smyth", "jones", "jonse"]
    letters, starts = dictionary_of(words)
    table = (letters, starts, 5, int(letters.max()) + 1)
    left, right = (np.sort(rng.integers(0, 5, (n, 3)), axis=1)[:, ::-1].astype(np.uint32) for n in (20, 30))
    limit, twin = (0.85, naive.jaro_winkler) if measure == "jaro_winkler" else (1.0, getattr(naive, measure))
    near = [lambda x, y: twin(x, y) >= limit if measure == "jaro_winkler" else twin(x, y) <= limit]

    def levels(first, offsets, left, right, stride, codes):
        limits = np.array([limit])
        text.alternative_levels(first, offsets, left, right, table, text.MEASURES[measure], limits, stride, codes)

    def stated(row):
        return [words[i] for i in row if i]

    check_spans(levels, lambda s, r: naive.alternative_level(stated(left[s]), stated(right[r]), near), left, right)


def test_spans_of_nicknames_and_name_pairs():
    rng = np.random.default_rng(3)
    table = np.array([[0, 0], [1, 0], [1, 2], [2, 0], [0, 0]], np.uint32)
    a, b = rng.integers(0, 5, 20).astype(np.uint32), rng.integers(0, 5, 30).astype(np.uint32)
    sizes = rng.integers(0, 12, 20)
    first, offsets = rng.integers(0, 30 - sizes), np.concatenate([[0], np.cumsum(sizes)])
    levels = rng.integers(0, 4, offsets[-1]).astype(np.uint32)
    sets = [set(row[row > 0].tolist()) for row in table]
    places = np.concatenate([np.arange(start, start + n) for start, n in zip(first, sizes, strict=True)])
    expected = [
        naive.nickname_level(level, sets[x], sets[y])
        for level, x, y in zip(levels.tolist(), np.repeat(a, sizes), b[places], strict=True)
    ]
    nickname.nickname_levels(first, offsets, a, b, table, levels)
    assert levels.tolist() == expected
    four = rng.integers(0, 4, (4, 50)).astype(np.uint32)
    found = np.full(50, 2, np.uint32)
    name_pair.name_pair_levels(*four, 1, np.uint32(3), found)
    assert found.tolist() == [2 + 3 * naive.name_pair_level(*levels, 1) for levels in four.T.tolist()]
