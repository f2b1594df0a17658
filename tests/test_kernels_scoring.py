"""Scoring, blocking and candidate kernels against their naive twins."""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import reduce
from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blocking.candidates import Candidates, append_blocks, gather, merge, merge_segments
from blocking.keys import LEAD_BITS, NO_SALT, assemble, block_keys, cross, hash_within, mix, within
from blocking.lookup import (
    PassIndex,
    build_few,
    build_pass,
    build_row_order,
    find,
    find_blocks,
    index_in_order,
    sort_by_bucket,
    sort_keys,
    stored_keys,
)
from blocking.neighbours import (
    HASHES,
    NumberFilter,
    filter_words,
    known_neighbours,
    lay_out,
    neighbours_in,
    set_numbers,
)
from blocking.parts import (
    Blocks,
    PartedColumn,
    PartedPass,
    RemovedRows,
    find_in_parts,
    find_removed,
    n_living,
    positions_of,
    take_rows,
    take_rows_of_spans,
)
from blocking.sizes import BlockSizes
from linkage.registry.count_kernels import count_each, count_listed, fill_slots, look_up, slots_of
from models.ranking import N_DIGITS, merge_ranked, rank, round_sums
from models.score import bayes_factors, expect, find_within, multiply_term_frequency, raise_by_chance, select
from models.term_frequency import keep_order, level_ratios, name_shares, raise_other_groups, smallest
from tests import naive
from tests.test_kernels_comparators import pack

pytestmark = pytest.mark.kernel


@pytest.fixture
def tile():
    rng = np.random.default_rng(11)
    sizes = np.array([3, 0, 7, 1, 12])
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    n = int(offsets[-1])
    return {
        "offsets": offsets,
        "rows": rng.permutation(n).astype(np.uint32),
        "passes": rng.integers(1, 8, n).astype(np.uint16),
        "codes": rng.integers(0, 12, n).astype(np.uint32),
        "product": rng.uniform(0.1, 3, n).astype(np.float64),
        "times": np.maximum(rng.uniform(-2, 4, n), 1.0),
        "table": rng.normal(0, 6, 12),
        "household": rng.uniform(0, 2, 12),
    }


def test_select_equals_its_twin(tile):
    rng = np.random.default_rng(2)
    best_levels = rng.integers(0, 3, tile["rows"].size).astype(np.uint8)
    weights, groups = tile["table"].astype(np.float32), rng.integers(0, 2, 12).astype(np.uint16)
    subjects = np.array([0, 0, 1, 2, 2])
    needed, gains = (rng.normal(0, 6, (3, n)).astype(np.float32) for n in (3, 2))
    first, stride = np.array([40, 3, 0, 70, 50]), np.uint32(12)
    kept, counts = tuple(np.empty(tile["rows"].size, np.uint32) for _ in range(2)), np.empty(5, np.int64)
    arguments = (tile["offsets"], tile["codes"], best_levels)
    n = select(*arguments, (weights, groups), subjects, (needed, gains), stride, first, kept, counts)
    plain = (array.tolist() for array in (*arguments, weights, groups, subjects, needed, gains))
    expected = naive.select(*plain, 12, first.tolist())
    found = list(zip(*(array[:n].tolist() for array in kept), strict=True))
    assert found == [pair for part in expected for pair in part]
    assert counts.tolist() == [len(part) for part in expected]
    assert 0 < n < tile["rows"].size


@pytest.mark.parametrize("is_grouped", [False, True])
def test_term_frequency_product_equals_its_twin(tile, is_grouped):
    rng = np.random.default_rng(5)
    places, ratios = rng.integers(0, 6, 12).astype(np.uint16), rng.uniform(0.1, 2, (5, 18))
    groups = rng.choice([0, 6, 12], tile["rows"].size if is_grouped else 0).astype(np.uint8)
    product = np.full(tile["rows"].size, 0.5, np.float64)
    arguments = (tile["offsets"], tile["codes"], places, ratios, groups)
    multiply_term_frequency(*arguments, product)
    plain = (array.tolist() for array in arguments)
    expected = naive.multiply_term_frequency(*plain, [0.5] * product.size)
    assert np.allclose(product, expected, rtol=1e-12)


def test_relatives_raised_by_chance_equal_their_twin(tile):
    rng = np.random.default_rng(6)
    chances, weights = rng.uniform(0, 3, tile["codes"].size).astype(np.float32), rng.uniform(0, 2, 12)
    times = tile["times"].copy()
    raise_by_chance(chances, tile["codes"], weights, times)
    expected = naive.raise_by_chance(*(of.tolist() for of in (chances, tile["codes"], weights, tile["times"])))
    assert np.allclose(times, expected, rtol=1e-6)
    assert (times >= tile["times"]).all()
    assert (times > tile["times"]).any()


def test_factors_ranks_and_posteriors_equal_their_twins(tile):
    n = tile["rows"].size
    factors, tables = np.empty(n), (np.exp2(tile["table"]), tile["household"] * 1.5, tile["household"])
    bayes_factors(tile["codes"], tile["product"], tile["times"], tables, factors)
    expected = naive.bayes_factors(tile["codes"], tile["product"], tile["times"], *tables)
    assert np.allclose(factors, expected, atol=0)
    factors[5:8] = factors[6]  # ties go to the lower key
    best, best_factors, sums = np.empty((5, 3), np.int64), np.empty((5, 3)), np.empty(5)
    keys, digits = np.random.default_rng(12).permutation(n).astype(np.uint64), np.empty((5, N_DIGITS))
    rank(tile["offsets"], factors, tile["rows"], (keys[:9], keys[9:]), 0.5, best, best_factors, digits)
    round_sums(best_factors, digits, sums)
    expected, expected_sums = naive.rank(tile["offsets"], factors, keys[tile["rows"]], 0.5, 3)
    assert best.tolist() == expected
    assert np.allclose(sums, expected_sums, atol=0)
    assert np.array_equal(best_factors, np.where(best >= 0, factors[best], 0.0))
    matches, relatives = np.empty(12), np.empty((4, 12))
    relative_shares = np.stack([tile["household"], tile["household"][::-1] / 3, tile["household"] / 7])
    none = np.array([0.2, 0.1, 0.2, 0.4, 0.2])
    twin = naive.expect(
        *(tile["offsets"], factors.tolist(), tile["codes"], tile["product"], tile["times"], relative_shares.tolist()),
        *([0.5, 3.0], 0.01, none.tolist()),
    )
    # The kernel uses the factors up, so it comes second.
    arrays = tile["codes"], (tile["product"], tile["times"]), relative_shares
    likelihood = expect(tile["offsets"], factors, *arrays, np.array([0.5, 3.0]), 0.01, none, matches, relatives)
    assert np.allclose(matches, twin[0])
    assert np.allclose(relatives, twin[1])
    assert np.isclose(likelihood, twin[2])
    assert np.allclose(none, twin[3])


@given(st.lists(st.just(0) | st.text("0123456789", min_size=8, max_size=14).map(pack), min_size=1, max_size=3))
@example([0, pack("123456789")])
@example([pack("00112233445"), pack("0011223344556")])
@example([pack("001122003344")])
def test_number_neighbours_equal_their_twin(numbers):
    neighbours = neighbours_in(np.array(numbers, np.uint64), 12, NumberFilter.everybody())
    for number, row in zip(numbers, neighbours.tolist(), strict=True):
        found = [n for n in row if n]
        assert set(found) == naive.number_neighbours(number, 12)
        assert len(found) == len(set(found))


@given(st.data())
def test_known_neighbours_equal_their_twin(data):
    """Of those in the large part or among the few that came since none is left out; the filter is none in vain."""
    numbers = data.draw(st.lists(st.text("0123456789", min_size=10, max_size=13).map(pack), min_size=1, max_size=3))
    neighbours = sorted({0}.union(*(naive.number_neighbours(number, 12) for number in numbers)))
    borne = data.draw(st.lists(st.sampled_from(neighbours), max_size=30))
    n_large = data.draw(st.integers(0, len(borne)))
    parts = borne[:n_large], borne[n_large:]
    known = NumberFilter(*(filter_words(np.array(part, np.uint64)) for part in parts))
    hashes = HASHES.tolist()
    twins = [naive.set_numbers(part, hashes, 16) for part in parts]
    for words, twin in zip((known.large, known.few), twins, strict=True):
        set_numbers(np.array(borne[:1], np.uint64), HASHES, again := np.zeros(16, np.uint64))
        assert again.tolist() == naive.set_numbers(borne[:1], hashes, 16)
        assert words.tolist() == twin
    found, counts = np.empty(119 * len(numbers) + 1, np.uint64), np.empty(len(numbers), np.int64)
    known_neighbours(np.array(numbers, np.uint64), 12, HASHES, known.large, known.few, found, counts)
    expected = naive.known_neighbours(numbers, 12, hashes, *twins)
    assert counts.tolist() == [len(of_number) for of_number in expected]
    rows = np.zeros((len(numbers), 119), np.uint64)
    lay_out(found, counts, rows)
    assert rows.tolist() == naive.lay_out(found.tolist(), counts.tolist(), 119)
    assert [set(row) - {0} for row in rows.tolist()] == expected
    assert all(len(of_number - set(borne)) < 12 for of_number in expected)


values = st.lists(
    st.lists(st.integers(0, 3) | st.integers(0, 2**64 - 1), min_size=2, max_size=2), min_size=2, max_size=2
)


@given(values, values, values, st.booleans(), st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]))
def test_crossed_hashes_equal_their_twin(total, lead, part, is_first, widths):
    """Of one alternative and of two; a column of several too."""
    total, lead = ([row[: widths[0]] for row in rows] for rows in (total, lead))
    narrow = [row[: widths[1]] for row in part]
    for alternatives in (np.array(narrow, np.uint64), np.array(part, np.uint64)[:, : widths[1]]):
        crossed, leads = (
            np.empty((2, widths[0] * widths[1]), np.uint64),
            np.empty((2, widths[0] * widths[1]), np.uint64),
        )
        cross(
            np.array(total, np.uint64), np.array(lead, np.uint64), alternatives, np.uint64(7), is_first, crossed, leads
        )
        found = [list(zip(*rows, strict=True)) for rows in zip(crossed.tolist(), leads.tolist(), strict=True)]
        assert found == naive.cross(total, lead, narrow, 7, is_first)


@given(values, values, st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=2), st.booleans())
@example([[0, 1], [5, 7]], [[1, 0], [3, 2**63]], [0, 2**64 - 1], True)
def test_assembled_keys_equal_their_twin(total, lead, low, is_narrowed):
    arrays = [np.array(array, np.uint64) for array in (total, lead, low if is_narrowed else [])]
    keys = np.empty((2, 2), np.uint64)
    assemble(*arrays, keys)
    assert keys.tolist() == naive.assemble(total, lead, low if is_narrowed else [None, None], int(NO_SALT))


@given(st.lists(st.tuples(*[st.integers(0, 2) | st.integers(0, 2**64 - 1)] * 2)))
def test_hashes_within_a_commune_equal_their_twin(pairs):
    values, communes = (np.array(part, np.uint64) for part in (zip(*pairs, strict=True) if pairs else ([], [])))
    hashed = np.empty(len(pairs), np.uint64)
    hash_within(values, communes, hashed)
    assert hashed.tolist() == naive.hash_within(values.tolist(), communes.tolist(), int(NO_SALT))
    assert hashed.tolist() == within(values, communes).tolist()


@given(st.lists(st.integers(0, 40)), st.integers(0, 40), st.integers(0, 9))
def test_codes_within_limits_equal_their_twin(codes, low, n):
    for number in (np.uint8, np.uint32):
        places = np.empty(len(codes), np.uint32)
        found = find_within(np.array(codes, number), number(low), number(low + n), places)
        assert places[:found].tolist() == naive.find_within(codes, low, low + n)


@pytest.mark.parametrize("n_best", [1, 4, 5, 6])
@pytest.mark.parametrize("highest", [3, 10, 10**6])
def test_ranks_equal_their_twin(n_best, highest):
    """Of more, as many and fewer candidates than are wanted, with ties and without, some under the least factor."""
    rng = np.random.default_rng(highest)
    offsets = in_segments([[0] * n for n in range(30)])
    factors, rows = rng.integers(1, highest, offsets[-1]).astype(np.float64), rng.permutation(offsets[-1])
    keys = rng.permutation(offsets[-1]).astype(np.uint64)
    best, best_factors, sums = np.empty((30, n_best), np.int64), np.empty((30, n_best)), np.empty(30)
    digits = np.empty((30, N_DIGITS))
    parted = keys[:200], keys[200:]
    assert rank(offsets, factors, rows.astype(np.uint32), parted, highest / 4, best, best_factors, digits) == 0
    round_sums(best_factors, digits, sums)
    expected, expected_sums = naive.rank(offsets, factors, keys[rows], highest / 4, n_best)
    assert best.tolist() == expected
    assert best_factors.tolist() == [[factors[k] if k >= 0 else 0.0 for k in row] for row in expected]
    assert sums.tolist() == expected_sums


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=12), st.sampled_from([1, 3, 5, 6]))
def test_ranks_that_rest_on_the_order_of_candidates_are_told(pairs, n_best):
    """Where keys are equal too; 0 is that of a damaged row."""
    factors, keys = np.array([f for f, _ in pairs], np.float64), np.array([key for _, key in pairs], np.uint64)
    best, best_factors, digits = np.empty((1, n_best), np.int64), np.empty((1, n_best)), np.empty((1, N_DIGITS))
    rows, parted = np.arange(keys.size, dtype=np.uint32), (keys, keys[:0])
    n_even = rank(in_segments([pairs]), factors, rows, parted, 0.5, best, best_factors, digits)
    among_best = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:n_best]
    if any(key > 0 and pairs.count((factor, key)) > 1 for factor, key in among_best):
        assert n_even > 0
    elif len({pair for pair in pairs if pair[1] > 0}) == sum(key > 0 for _, key in pairs):
        assert n_even == 0


Ranked = tuple[np.ndarray, np.ndarray, np.ndarray]


def ranked(parts: list[list[tuple[float, int]]], n_best: int) -> Ranked:
    """The best factors, their ties and the digits of claims with (factor, tie) of their candidates."""
    pairs = [pair for part in parts for pair in part]
    factors, keys = (np.array([pair[i] for pair in pairs], kind) for i, kind in enumerate((np.float64, np.uint64)))
    rows = np.arange(keys.size, dtype=np.uint32)
    best, best_factors = np.empty((len(parts), n_best), np.int64), np.empty((len(parts), n_best))
    digits = np.empty((len(parts), N_DIGITS))
    rank(in_segments(parts), factors, rows, (keys, keys[:0]), 2.0**-299, best, best_factors, digits)
    return best_factors, np.where(best >= 0, np.append(keys, 0)[best], 0).astype(np.uint64), digits


def merged(one: Ranked, other: Ranked) -> Ranked:
    best_factors, ties, digits = (np.empty_like(array) for array in one)
    merge_ranked(one, other, np.empty(ties.shape, np.int64), best_factors, ties, digits)
    return best_factors, ties, digits


def same_bytes(one: Ranked, other: Ranked) -> bool:
    return [array.tobytes() for array in one] == [array.tobytes() for array in other]


def rounded(one: Ranked) -> list[float]:
    sums = np.empty(one[0].shape[0])
    round_sums(one[0], one[2], sums)
    return sums.tolist()


# Of all magnitudes and, as Bayes factors of patterns are, many of a few; at the ends of a digit and beside them.
some_factor = st.one_of(
    st.floats(2.0**-299, 2.0**299),
    st.floats(1.0, 2.0**40),
    st.sampled_from([2.0**26, 2.0**26 - 2.0**-27, 2.0**26 + 2.0**-26, 2.0**52 + 1, 1.0, 1 - 2.0**-53, 3.0, 2.0**-27]),
)
claims_of_factors = st.lists(st.lists(some_factor, max_size=12), min_size=1, max_size=4)


@given(claims_of_factors, st.sampled_from([1, 3, 5]), st.randoms(use_true_random=False))
@example([[1.0] * 4 + [2.0**-26, 2.0**-52, 2.0**-53, 2.0**52 + 1]], 3, Random(1))
def test_rankings_of_any_parts_merge_to_the_same_bytes(claims, n_best, random):
    """In any order and any partition of the candidates, merged in any order."""
    ties = [random.sample(range(2**62), len(factors)) for factors in claims]
    pairs = [list(zip(*of, strict=True)) for of in zip(claims, ties, strict=True)]
    whole = ranked(pairs, n_best)
    n_parts = random.randint(1, 4)
    parts = [[[] for _ in pairs] for _ in range(n_parts)]
    for s, of_claim in enumerate(pairs):
        for pair in random.sample(of_claim, len(of_claim)):
            parts[random.randrange(n_parts)][s].append(pair)
    rankings = [ranked(part, n_best) for part in parts]
    while len(rankings) > 1:
        first, second = (rankings.pop(random.randrange(len(rankings))) for _ in range(2))
        rankings.append(merged(first, second))
    assert same_bytes(rankings[0], whole)
    assert rounded(whole) == naive.round_sums(claims)
    for found, factors in zip(rounded(whole), claims, strict=True):
        assert abs(found - math.fsum(factors)) <= (len(factors) + 1) * 2.0**-52 * max(factors, default=0.0)


@given(claims_of_factors, st.sampled_from([1, 3, 5]), st.randoms(use_true_random=False))
def test_merging_rankings_is_commutative_and_associative_and_equals_its_twin(claims, n_best, random):
    ties = iter(random.sample(range(2**62), 3 * sum(len(factors) for factors in claims)))
    lists = [[[(f, next(ties)) for f in factors] for factors in claims] for _ in range(3)]
    a, b, c = (ranked(pairs, n_best) for pairs in lists)
    assert same_bytes(merged(a, b), merged(b, a))
    assert same_bytes(merged(merged(a, b), c), merged(a, merged(b, c)))
    none = ranked([[] for _ in claims], n_best)
    assert same_bytes(merged(a, none), a)
    places, best_factors, ties = np.empty(a[1].shape, np.int64), np.empty_like(a[0]), np.empty_like(a[1])
    merge_ranked(a, b, places, best_factors, ties, np.empty_like(a[2]))
    plain = [[list(zip(*row, strict=True)) for row in zip(x[0].tolist(), x[1].tolist(), strict=True)] for x in (a, b)]
    assert places.tolist() == naive.merge_ranked(*plain)
    for name, found in ((0, best_factors), (1, ties)):
        both = np.concatenate([a[name], b[name]], axis=1)
        assert found.tolist() == np.where(places >= 0, np.take_along_axis(both, places, axis=1), 0).tolist()


keys = st.lists(st.integers(0, 5), max_size=60)


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=60), st.integers(0, 8), st.randoms(use_true_random=False))
def test_partitions_find_together_the_candidates_of_the_whole(people, max_block, random):
    """Blocks are over-full by the whole registry, however its rows are parted; one that is small in each part too."""
    n, n_parts = len(people), random.randint(1, 4)
    first, second, narrow = (np.array([row[i] for row in people], np.uint64) for i in range(3))
    keys = [block_keys([block], narrow)[:, 0] for block in (first, second)]
    part_of = np.sort(np.array([random.randrange(n_parts) for _ in people], np.int64))
    queries = [of_pass[: n // 2, None] for of_pass in keys]
    whole = [build_pass(of_pass) for of_pass in keys]
    n_bits = whole[0].n_bits
    counted = [[BlockSizes.of(k[part_of == p], n_bits) for p in range(n_parts)] for k in keys]
    sizes = [reduce(BlockSizes.plus, random.sample(parts, n_parts)) for parts in counted]
    for of_pass, of_whole in zip(keys, sizes, strict=True):
        assert same_bytes(vars_of(of_whole), vars_of(BlockSizes.of(of_pass, n_bits)))
        at_keys = naive_sizes(of_pass.tolist())
        assert of_whole.of_queries(of_pass[:, None])[:, 0].tolist() == at_keys
        assert of_whole.over(max_block).of_queries(of_pass).tolist() == [k if k > max_block else 0 for k in at_keys]

    def found(parts, of_whole):
        blocks = [
            find_in_parts(PartedPass(part, np.empty(0, np.uint32), None), query, max_block, table)
            for part, query, table in zip(parts, queries, of_whole, strict=True)
        ]
        return dicts_of(gather([of_pass.blocks for of_pass in blocks], RemovedRows.none()).others), blocks

    expected, blocks = found(whole, [None, None])
    over = [of_whole.over(max_block) for of_whole in sizes]
    merged = [{} for _ in expected]
    for part in range(n_parts):
        rows = np.flatnonzero(part_of == part)
        start = int(rows[0]) if rows.size else 0
        few = [build_few(of_pass[rows], start, n_bits) for of_pass in keys]
        theirs, blocks_of_part = found(few, over)
        for claim, of_claim in zip(merged, theirs, strict=True):
            assert not claim.keys() & of_claim.keys()
            claim |= of_claim
        for mine, of_whole in zip(blocks_of_part, blocks, strict=True):
            assert mine.narrowed.tolist() == of_whole.narrowed.tolist()
    assert merged == expected


def vars_of(table):
    return table.blocks, table.sizes


def naive_sizes(registry):
    return [len(naive.blocks(registry, key)[0]) if key else 0 for key in registry]


@given(keys, keys, st.integers(0, 8))
def test_blocks_equal_their_twin_and_overfull_ones_are_narrowed(blocks_of, narrow_of, max_block):
    n = min(len(blocks_of), len(narrow_of))
    block, narrow = np.array(blocks_of[:n], np.uint64), np.array(narrow_of[:n], np.uint64)
    registry = block_keys([block], narrow)[:, 0]
    queries = registry[::2].copy()
    index = build_pass(registry)
    first, last, narrowed = find(index, queries[:, None], max_block)
    expected = naive.find_blocks(registry.tolist(), queries.tolist(), max_block)
    assert [sorted(index.rows[a:b].tolist()) for a, b in zip(first[:, 0], last[:, 0], strict=True)] == expected
    whole = [len(naive.blocks(registry.tolist(), q)[0]) if q else 0 for q in queries.tolist()]
    assert narrowed[:, 0].tolist() == [size if size > max_block else 0 for size in whole]
    whole_pass = PartedPass(index, np.empty(0, np.uint32), None)
    assert n_living(whole_pass, queries).tolist() == whole


def test_find_blocks_takes_the_keys_at_both_ends():
    ends = np.array([1 << 16, 2**64 - 1], np.uint64)
    index = build_pass(ends)
    out = [np.empty(2, np.int64) for _ in range(3)]
    find_blocks(index.remainders, index.starts, index.n_bits, ends, 0, *out)
    assert (out[0].tolist(), out[1].tolist()) == ([0, 1], [1, 2])


any_keys = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1), st.integers(2**63, 2**63 + 2**20)))


@given(any_keys, st.integers(1, 6))
def test_sorted_passes_equal_their_twins(listed, n_bits):
    """Keys of few bits, close ones and any others; fewer buckets than a real pass has."""
    keys = np.array(listed, np.uint64)
    stored = np.empty_like(keys)
    stored_keys(keys, n_bits, stored)
    assert stored.tolist() == naive.stored_keys(listed, n_bits)
    starts, packed = np.zeros(2**n_bits + 1, np.uint32), np.empty(np.count_nonzero(keys), np.uint64)
    sort_by_bucket(keys, n_bits, starts, packed)
    assert (starts.tolist(), [(p >> 32, p % 2**32) for p in packed.tolist()]) == naive.sort_by_bucket(listed, n_bits)
    in_order = keys[np.argsort(stored, kind="stable")]
    starts, remainders = np.zeros(2**n_bits + 1, np.uint32), np.empty(keys.size, np.uint32)
    index_in_order(in_order, n_bits, starts, remainders)
    assert (starts.tolist(), remainders.tolist()) == naive.index_in_order(in_order.tolist(), n_bits)


@given(keys, keys)
def test_a_pass_in_row_order_finds_the_rows_of_any_other_pass(blocks_of, narrow_of):
    n = min(len(blocks_of), len(narrow_of))
    mixed = block_keys([np.array(blocks_of[:n], np.uint64)], np.array(narrow_of[:n], np.uint64))[:, 0]
    registry = mixed[np.argsort(sort_keys(mixed, n), kind="stable")]
    queries = np.append(registry, block_keys([np.array([99], np.uint64)], None)[0])[:, None]
    in_order, other = build_row_order(registry), build_pass(registry)
    for (first, last), (a, b) in zip(spans(in_order, queries), spans(other, queries), strict=True):
        assert list(range(first, last)) == other.rows[a:b].tolist()


def spans(index, queries):
    """(first, last) of the block of every query, none over-full."""
    first, last, _ = find(index, queries, queries.size)
    return zip(first[:, 0].tolist(), last[:, 0].tolist(), strict=True)


def test_keys_of_alternatives_meet_the_plain_key_and_missing_parts_have_none():
    alternatives = np.array([[1, 2], [3, 0]], np.uint64)
    year = np.array([7, 7], np.uint64)
    crossed = block_keys([alternatives, year], None)
    plain = block_keys([np.array([1, 2, 3, 0], np.uint64), np.full(4, 7, np.uint64)], None)[:, 0]
    assert crossed.tolist() == [[plain[0], plain[1]], [plain[2], 0]]
    assert plain[3] == 0
    assert len(set(plain.tolist())) == 4


rows_of_subjects = st.lists(st.lists(st.integers(0, 20), max_size=12, unique=True).map(sorted), min_size=3, max_size=3)


def in_segments(lists):
    """Where each list starts and ends when they are put behind each other."""
    return np.concatenate([[0], np.cumsum([len(part) for part in lists])]).astype(np.int64)


def dicts_of(candidates):
    """Per subject {row: passes}."""
    pairs = list(zip(candidates.rows.tolist(), candidates.passes.tolist(), strict=True))
    return [dict(pairs[a:b]) for a, b in itertools.pairwise(candidates.offsets)]


@given(st.lists(rows_of_subjects, min_size=1, max_size=4))
def test_gathered_candidates_equal_their_twin(found_by_pass):
    blocks = []
    for found in found_by_pass:
        ends = in_segments(found)
        rows = np.array([row for rows in found for row in rows] + [0], np.uint32)
        blocks.append([Blocks(ends[:-1, None], ends[1:, None], rows)])
    found = gather(blocks, RemovedRows.none())
    expected = naive.gather(found_by_pass, 3)
    assert found.first.shape == (3, 0)
    assert dicts_of(found.others) == expected
    assert found.n_candidates.tolist() == [len(rows) for rows in expected]


ends_of_runs = st.lists(st.integers(0, 20), min_size=4, max_size=4, unique=True).map(sorted)


@given(
    st.lists(ends_of_runs, min_size=3, max_size=3),
    st.lists(rows_of_subjects, max_size=2),
    st.booleans(),
    st.lists(st.integers(-1, 20), min_size=3, max_size=3),
)
def test_runs_and_what_other_passes_found_equal_their_twin(ends, found_by_pass, is_turned, own):
    """Two runs a subject, whose order does not matter; joined, each row comes once with all its passes."""
    runs = [[(e[0], e[1]), (e[2], e[3])] for e in ends]
    first, last = (np.array([[run[i] for run in of_subject] for of_subject in runs]) for i in (0, 1))
    step = -1 if is_turned else 1
    blocks = [[Blocks(first[:, ::step], last[:, ::step], np.empty(0, np.uint32))]]
    for found in found_by_pass:
        starts = in_segments(found)
        rows = np.array([*itertools.chain(*found), 0], np.uint32)
        blocks.append([Blocks(starts[:-1, None], starts[1:, None], rows)])
    gathered = gather(blocks, RemovedRows.none(), np.array(own))
    assert (gathered.first.tolist(), gathered.last.tolist()) == (first.tolist(), last.tolist())
    others = naive.gather([[[], [], []], *found_by_pass], 3)
    others, counts = naive.mark_in_runs(runs, others, own)
    assert dicts_of(gathered.others) == others
    assert gathered.n_candidates.tolist() == counts
    run_rows = [sorted(row for a, b in of_subject for row in range(a, b)) for of_subject in runs]
    flat = np.array(list(itertools.chain(*run_rows)), np.uint32)
    codes = np.zeros(flat.size, np.uint32), np.ones(gathered.others.rows.size, np.uint32)
    candidates, merged = merge(in_segments(run_rows), flat, codes[0], gathered.others, codes[1])
    is_listed = dicts_of(replace(candidates, passes=merged == 1))
    assert is_listed == naive.merge_lists(run_rows, others)
    assert candidates.rows.size == sum(map(len, is_listed))
    expected = [dict.fromkeys(rows, 1) | listed for rows, listed in zip(run_rows, others, strict=True)]
    assert dicts_of(candidates) == expected


@given(st.lists(st.integers(0, 60), unique=True), st.sets(st.integers(0, 40)), st.integers(1, 9), st.booleans())
def test_positions_of_removed_rows_equal_their_twin(rows, gone, at_once, is_order):
    """Block by block; where the rows stand in the order of the pass they are their positions."""
    removed = RemovedRows.of(np.array(sorted(gone), np.uint32), 41)
    index = PassIndex(*(np.array(part, np.uint32) for part in ([], [] if is_order else rows, [])), 16)
    with ThreadPoolExecutor(2) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr("blocking.parts._ROWS_AT_ONCE", at_once)
        found = positions_of(index, removed, pool)
    expected = sorted(gone) if is_order or not rows else naive.find_removed(rows, gone)
    assert found.dtype == np.uint32
    assert found.tolist() == expected
    assert removed.include(np.array(rows, np.int64)).tolist() == [row in gone for row in rows]
    if gone:
        positions = np.empty(len(rows), np.uint32)
        n = find_removed(np.array(rows, np.uint32), removed.bits, positions)
        assert positions[:n].tolist() == naive.find_removed(rows, gone)


@given(st.lists(st.integers(0, 5) | st.integers(0, 2**64 - 1)), st.integers(0, 5000))
@example([], 0)
def test_values_counted_one_by_one_equal_their_twin(values, n_more):
    """Of thousands too, when the table has grown; again in another order, so that old ones are met in the new table."""
    values = [*values, *range(n_more), *values, *range(n_more - 1, -1, -3)]
    distinct, counts = count_each(np.array(values, np.uint64))
    assert list(zip(distinct.tolist(), counts.tolist(), strict=True)) == list(naive.count_each(values).items())


@given(st.lists(st.integers(0, 5) | st.integers(0, 2**64 - 1), unique=True, max_size=9), st.data())
def test_counted_values_equal_their_twins(listed, data):
    values = data.draw(st.lists(st.sampled_from([*listed, 7, 2**63]), max_size=30))
    groups = data.draw(st.just([]) | st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values)))
    distinct = np.array(listed, np.uint64)
    slots = slots_of(distinct)
    fill_slots(distinct, again := np.full(slots.size, -1, np.int32))
    assert again.tolist() == slots.tolist()
    assert slots.tolist() == naive.fill_slots(listed, slots.size)
    counts = np.zeros((len(listed), 3), np.int64)
    count_listed(np.array(values, np.uint64), np.array(groups, np.uint8), distinct, slots, counts)
    assert counts.tolist() == naive.count_listed(values, groups, listed, 3)


@given(
    st.lists(st.integers(0, 5) | st.integers(0, 2**64 - 1), unique=True, min_size=1, max_size=40).map(sorted),
    st.lists(st.integers(0, 6) | st.integers(0, 2**64 - 1)),
)
def test_looked_up_values_equal_their_twin(values, others):
    """Spread evenly or not; those that are there and others, the ends of the range among them."""
    wanted = [*others, *values, 0, 2**64 - 1]
    counts = np.arange(3 * len(values)).reshape(-1, 3)
    found, is_there = np.ones((len(wanted), 3), np.uint32), np.ones(len(wanted), np.bool_)
    look_up(np.array(wanted, np.uint64), np.array(values, np.uint64), counts.astype(np.uint32), found, is_there)
    assert (found.tolist(), is_there.tolist()) == naive.look_up(wanted, values, counts.tolist())


counted = st.tuples(st.integers(0, 40), st.integers(0, 400))  # bearers, people


@given(st.lists(st.tuples(counted, counted, counted), min_size=1, max_size=12), st.integers(1, 3), st.data())
def test_shares_and_ratios_of_names_equal_their_twins(circles, n_groups, data):
    """With communes or without, with cohorts or without; the smallest of the ratios, too."""
    n, asked = len(circles) // n_groups, data.draw(st.tuples(st.booleans(), st.booleans()))
    if n == 0:
        n_groups, n = 1, len(circles)
    circles = circles[: n * n_groups]
    bearers, people = np.array(circles, np.uint32).reshape(n, n_groups, 3, 2).transpose(3, 2, 0, 1).copy()
    country = np.arange(n_groups) * 70 + 30
    around = [(bearers[k], people[k].astype(np.int64)) if is_asked else None for k, is_asked in enumerate(asked, 1)]
    shares = np.empty((n, 2 ** sum(asked), n_groups))
    name_shares((bearers[0], country), *around, shares)
    expected = [
        naive.name_shares(
            (int(bearers[0, i, group]), int(country[group])),
            *(circle if asked[k] else None for k, circle in enumerate(circles[i * n_groups + group][1:])),
        )
        for i in range(n)
        for group in range(n_groups)
    ]
    np.testing.assert_allclose(shares.transpose(0, 2, 1).reshape(len(expected), -1), expected)
    same, plain = shares.reshape(n, -1), shares.reshape(n, -1)[:, ::-1].copy()
    same[0, 0] = plain[0, -1] = 0.0  # no value
    trust = np.array([0.0, 0.0, *data.draw(st.lists(st.just(0.0) | st.floats(0.01, 1.0), max_size=4))])
    ratios = np.empty((*same.shape, trust.size))
    level_ratios(same, plain, 0.3, 0.02, trust, ratios)
    twin = [
        [naive.level_ratios(*pair, 0.3, 0.02, trust.tolist()) for pair in zip(*row, strict=True)]
        for row in zip(same.tolist(), plain.tolist(), strict=True)
    ]
    np.testing.assert_allclose(ratios, twin)
    own = np.array(data.draw(st.lists(st.integers(0, n_groups - 1), min_size=n, max_size=n)), np.uint8)
    raised = [
        naive.raise_other_groups(of, n_groups, row) for of, row in zip(own.tolist(), ratios.tolist(), strict=True)
    ]
    raise_other_groups(own, n_groups, ratios)
    np.testing.assert_allclose(ratios, raised)
    size = trust.size
    m_u = np.array([1.0, *data.draw(st.lists(st.floats(1e-4, 1e4), min_size=size - 1, max_size=size - 1))])
    closer = [data.draw(st.lists(st.integers(1, max(1, level - 1)), max_size=2 * (level > 1))) for level in range(size)]
    padded = np.array([[*of, -1, -1][:2] for of in closer], np.int8)
    kept = [[naive.keep_order(m_u.tolist(), closer, of_group) for of_group in row] for row in ratios.tolist()]
    keep_order(m_u, padded, ratios)
    np.testing.assert_allclose(ratios, kept)
    least = np.empty((n, ratios.shape[2]))
    smallest(ratios, least)
    assert least.tolist() == [naive.smallest(of_subject) for of_subject in ratios.tolist()]


@given(keys, keys, st.integers(0, 8), st.integers(16, 24), st.integers(0, 7))
def test_a_few_rows_are_found_as_precisely_as_many(blocks_of, narrow_of, max_block, n_bits, near):
    """As a pass of n_bits finds them, keys that differ in one bit of those that it keeps or leaves out among them."""
    n = min(len(blocks_of), len(narrow_of))
    mixed = block_keys([np.array(blocks_of[:n], np.uint64)], np.array(narrow_of[:n], np.uint64))[:, 0]
    few = np.where(mixed == 0, mixed, mixed ^ np.uint64(1 << (64 - n_bits - 24 - 4 + near)))
    starts, packed = np.zeros(2**n_bits + 1, np.uint32), np.empty(np.count_nonzero(few), np.uint64)
    sort_by_bucket(few, n_bits, starts, packed)
    remainders, rows = (packed >> np.uint64(32)).astype(np.uint32), packed.astype(np.uint32)
    index, queries = build_few(few, 100, n_bits), np.concatenate([mixed, few])[:, None]
    ours, theirs = (find(p, queries, max_block) for p in (index, PassIndex(remainders, rows, starts, n_bits)))
    assert index.starts.size == 2**16 + 1
    assert np.array_equal(index.rows, rows + 100)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


ranges = st.tuples(st.integers(0, 9), st.integers(0, 4))


@given(
    st.lists(st.lists(ranges, min_size=2, max_size=2), min_size=1, max_size=3),
    st.integers(0, 15),
    st.lists(st.integers(0, 9), unique=True).map(sorted),
)
def test_appended_blocks_equal_their_twin(blocks_of_subjects, number, removed):
    """Rows from 10 on are of the part that no row goes from."""
    first = np.array([[start for start, _ in blocks] for blocks in blocks_of_subjects])
    last = first + np.array([[size for _, size in blocks] for blocks in blocks_of_subjects])
    rows = np.random.default_rng(3).permutation(13).astype(np.uint32)
    before = [[(40, 1)] for _ in blocks_of_subjects]
    sizes = [1 + n for n in (last - first).sum(axis=1).tolist()]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    packed, fill = np.zeros(starts[-1], np.uint64), starts[:-1] + 1
    packed[starts[:-1]] = 40 << 16 | 1
    bits = RemovedRows.of(np.array(removed, np.uint32), 10).bits
    append_blocks(first, last, rows, bits, np.uint64(1 << number), fill, packed)
    found = [[(n >> 16, n & 0xFFFF) for n in packed[a:b].tolist()] for a, b in zip(starts[:-1], fill, strict=True)]
    assert found == naive.append_blocks(before, first.tolist(), last.tolist(), rows.tolist(), removed, 1 << number)


entries = st.tuples(st.integers(0, 6) | st.just(2**32 - 1), st.sampled_from([1, 2, 4, 1 << 15]))


@given(st.lists(st.lists(entries, max_size=9), min_size=1, max_size=4))
@example([[], [(3, 1), (5, 1), (5, 2), (4, 1 << 15)], []])
def test_merged_segments_equal_their_twin(segments):
    packed = np.array([row << 16 | bit for segment in segments for row, bit in segment], np.uint64)
    starts = in_segments(segments)
    offsets, rows, passes = np.empty_like(starts), np.empty(packed.size, np.uint32), np.empty(packed.size, np.uint16)
    slots = np.zeros(16, np.uint64)
    n = merge_segments(starts, starts[1:], packed, slots, offsets, rows, passes)
    assert offsets[-1] == n
    found = dicts_of(Candidates(offsets, rows[:n], passes[:n]))
    assert found == naive.merge_segments(segments)


def test_blocks_of_one_commune_lie_together_in_every_pass():
    """The leading bits of a key are those of its first part: whatever the others, the keys are neighbours."""
    commune, other = np.repeat(np.arange(1, 5, dtype=np.uint64), 50), np.arange(1, 201, dtype=np.uint64)
    keys = [block_keys([commune, mix(other, salt)], None)[:, 0] >> np.uint64(64 - LEAD_BITS) for salt in (1, 2)]
    assert np.array_equal(*keys)
    assert np.unique(keys[0]).size == 4
    assert np.unique(block_keys([commune, other], None)).size == 200


columns = st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=9)


@given(columns, st.integers(0, 8), st.data())
def test_rows_of_a_column_equal_their_twin(column, n_large, data):
    """In one part or in two."""
    rows = data.draw(st.lists(st.integers(0, len(column) - 1), max_size=20))
    parts = column[:n_large], column[n_large:]
    expected = naive.take_rows(*parts, rows)
    for number, place in itertools.product((np.uint16, np.uint64), (np.uint32, np.int64)):
        large, few = (np.array(part, number) for part in parts)
        values = np.empty(len(rows), number)
        take_rows(large, few, np.array(rows, place), values)
        assert values.tolist() == expected
        assert PartedColumn(large, few)[np.array(rows, place)].tolist() == expected
        assert PartedColumn(np.array(column, number))[np.array(rows, place)].tolist() == expected


@given(columns, st.integers(0, 8), rows_of_subjects, st.lists(st.booleans(), min_size=3, max_size=3))
def test_rows_of_the_spans_wanted_equal_their_twin(column, n_large, rows_by_span, is_wanted):
    """The other places are left alone; a column's mean nothing there."""
    by_span = [[row % len(column) for row in rows] for rows in rows_by_span]
    flat, offsets = np.array([*itertools.chain(*by_span)], np.uint32), in_segments(by_span)
    large, few = np.array(column[:n_large], np.uint16), np.array(column[n_large:], np.uint16)
    values = np.full(flat.size, 7, np.uint16)
    take_rows_of_spans(large, few, flat, offsets, np.array(is_wanted), values)
    assert values.tolist() == naive.take_rows_of_spans(column, by_span, is_wanted, 7)
    at_wanted = np.repeat(is_wanted, np.diff(offsets))
    for parted in (PartedColumn(large, few), PartedColumn(np.array(column, np.uint16))):
        found = parted.of_spans(flat, offsets, np.array(is_wanted))
        assert found[at_wanted].tolist() == values[at_wanted].tolist()
