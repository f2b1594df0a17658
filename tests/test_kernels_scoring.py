"""Scoring, blocking and candidate kernels against their naive twins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocking.candidates import Blocks, append_blocks, gather, merge_segments
from blocking.keys import block_keys, combine, number_neighbours
from blocking.lookup import build_pass, contains, find, find_blocks
from models.score import expect, multiply_term_frequency, rank, select, weigh
from tests import naive
from tests.test_kernels_comparators import pack


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
        "product": rng.uniform(0.1, 3, n).astype(np.float32),
        "table": rng.normal(0, 6, 12),
        "household": rng.uniform(0, 2, 12),
    }


def test_select_equals_its_twin_and_keeps_subjects_apart(tile):
    bound = tile["table"].astype(np.float32)
    before = (tile["offsets"].tolist(), tile["rows"].tolist(), tile["passes"].tolist(), tile["codes"].tolist())
    expected = naive.select(*before, bound.tolist(), 1.0)
    n = select(tile["offsets"], tile["rows"], tile["passes"], tile["codes"], bound, 1.0)
    found = (tile["offsets"], tile["rows"][:n], tile["passes"][:n], tile["codes"][:n])
    assert [part.tolist() for part in found] == list(expected)


def test_term_frequency_product_equals_its_twin(tile):
    rng = np.random.default_rng(5)
    ratios = rng.uniform(0.1, 2, (5, 3, 4)).astype(np.float32)
    groups = rng.integers(0, 3, tile["rows"].size).astype(np.uint8)
    for group in (groups, groups[:0]):
        product = np.ones(tile["rows"].size, np.float32)
        arguments = (tile["offsets"], tile["rows"], tile["codes"])
        multiply_term_frequency(*arguments, np.uint32(3), ratios, group, product)
        expected = naive.multiply_term_frequency(*arguments, 3, ratios, group, np.ones(product.size))
        assert np.allclose(product, expected, rtol=1e-6)


def test_weights_ranks_and_posteriors_equal_their_twins(tile):
    n = tile["rows"].size
    weights = np.empty(n)
    weigh(tile["codes"], tile["product"], tile["table"], tile["household"], weights)
    assert np.allclose(weights, naive.weigh(tile["codes"], tile["product"], tile["table"], tile["household"]))
    weights[5] = weights[6]  # a tie goes to the lower row
    best, best_weights, sums = np.empty((5, 3), np.int64), np.empty((5, 3)), np.empty(5)
    rank(tile["offsets"], weights, tile["rows"], -1.0, best, best_weights, sums)
    expected, expected_sums = naive.rank(tile["offsets"], weights, tile["rows"], -1.0, 3)
    assert best.tolist() == expected
    assert np.allclose(sums, expected_sums)
    assert np.array_equal(best_weights, np.where(best >= 0, weights[best], -np.inf))
    matches, relatives = np.empty(12), np.empty(12)
    arguments = (tile["offsets"], weights, tile["codes"], tile["product"], tile["household"], 0.01, 0.2)
    likelihood = expect(*arguments, matches, relatives)
    twin = naive.expect(*arguments)
    assert np.allclose(matches, twin[0])
    assert np.allclose(relatives, twin[1])
    assert np.isclose(likelihood, twin[2])


@given(st.text("0123456789", min_size=12, max_size=12))
def test_number_neighbours_are_all_numbers_one_slip_away(text):
    neighbours = np.empty((1, 119), np.uint64)
    number_neighbours(np.array([pack(text)], np.uint64), 12, neighbours)
    found = {naive.digits_text(int(n)) for n in neighbours[0] if n}
    assert found == naive.neighbours_text(text)


def test_number_neighbours_leaves_other_lengths_alone():
    neighbours = np.ones((2, 119), np.uint64)
    number_neighbours(np.array([0, pack("123456789")], np.uint64), 12, neighbours)
    assert not neighbours.any()


keys = st.lists(st.integers(0, 5), max_size=60)


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
    assert contains(index, queries).tolist() == [bool(q) for q in queries.tolist()]


def test_find_blocks_takes_the_keys_at_both_ends():
    ends = np.array([1 << 16, 2**64 - 1], np.uint64)
    index = build_pass(ends)
    out = [np.empty((2, 1), np.int64) for _ in range(3)]
    find_blocks(index.keys, index.starts, ends[:, None], 0, *out)
    assert (out[0][:, 0].tolist(), out[1][:, 0].tolist()) == ([0, 1], [1, 2])


def test_keys_of_alternatives_meet_the_plain_key_and_missing_parts_have_none():
    alternatives = np.array([[1, 2], [3, 0]], np.uint64)
    year = np.array([7, 7], np.uint64)
    crossed = combine([alternatives, year])
    plain = combine([np.array([1, 2, 3, 0], np.uint64), np.full(4, 7, np.uint64)])[:, 0]
    assert crossed.tolist() == [[plain[0], plain[1]], [plain[2], 0]]
    assert plain[3] == 0
    assert len(set(plain.tolist())) == 4


rows_of_subjects = st.lists(st.lists(st.integers(0, 20), max_size=12, unique=True).map(sorted), min_size=3, max_size=3)


@given(st.lists(rows_of_subjects, min_size=1, max_size=4))
def test_gathered_candidates_equal_their_twin(found_by_pass):
    blocks = []
    for found in found_by_pass:
        ends = np.cumsum([len(rows) for rows in found])
        first = np.concatenate([[0], ends[:-1]])[:, None].astype(np.int64)
        rows = np.array([row for rows in found for row in rows] + [0], np.uint32)
        blocks.append(Blocks(first, ends[:, None].astype(np.int64), rows))
    candidates = gather(blocks)
    for s, expected in enumerate(naive.gather(found_by_pass, 3)):
        part = slice(candidates.offsets[s], candidates.offsets[s + 1])
        assert dict(zip(candidates.rows[part].tolist(), candidates.passes[part].tolist(), strict=True)) == expected
        assert candidates.rows[part].tolist() == sorted(expected)


def test_positions_are_rows_where_the_registry_is_sorted_by_the_pass():
    packed, fill = np.empty(3, np.uint64), np.zeros(1, np.int64)
    append_blocks(np.array([[4]]), np.array([[7]]), np.empty(0, np.uint32), np.uint64(2), fill, packed)
    assert (packed >> np.uint64(16)).tolist() == [4, 5, 6]
    assert fill.tolist() == [3]
    offsets, rows, passes = np.empty(2, np.int64), np.empty(3, np.uint32), np.empty(3, np.uint16)
    assert merge_segments(np.array([0, 3]), packed, offsets, rows, passes) == 3
    assert passes.tolist() == [2, 2, 2]
