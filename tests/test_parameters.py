"""Tables of weights against sums written out, and the bound against every completion of every pattern."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.parameters import ComparisonParameters, Parameters
from models.patterns import PatternSpace
from tests import naive

pytestmark = pytest.mark.kernel


@st.composite
def models(draw: st.DrawFn) -> tuple[Parameters, PatternSpace]:
    """Two to four comparisons with two to four levels; the shares of all classes as far apart as counts can make them.
    Levels may have an order, and the first comparison may say that two numbers lie one slip apart."""
    n_levels = draw(st.lists(st.integers(3, 5), min_size=2, max_size=4))
    comparisons = []
    for number, n in enumerate(n_levels):
        shares = st.lists(st.floats(1e-12, 1.0), min_size=n - 1, max_size=n - 1)
        m, u, h, t, k = (np.array([1.0, *np.array(s) / sum(s)]) for s in (draw(shares) for _ in range(5)))
        before = [st.sets(st.integers(1, level - 1), max_size=2) for level in range(2, n)]
        closer = ((), (), *(tuple(sorted(draw(of))) for of in before))
        comparisons.append(
            ComparisonParameters(
                *(f"c{number}", tuple("0abcd"[:n]), m, u, h),
                twin=t,
                namesake=k,
                closer=closer,
                alike=draw(st.sampled_from([(), (1, 2)])),
                namesakes_missing=draw(st.sampled_from([1.0, 8.0])),
            )
        )
    rate, near = draw(st.sampled_from([0.0, 0.5, 3.0])), draw(st.sampled_from([0.0, 1e-6, 0.3]))
    if near > 0:
        slip = (np.arange(n_levels[0]) == draw(st.integers(1, n_levels[0] - 1))).astype(np.float64)
        comparisons = [
            replace(c, neighbour=c.m[::-1] / c.m[::-1].max() if i else slip) for i, c in enumerate(comparisons)
        ]
    rates = draw(st.sampled_from([0.0, 0.01])), draw(st.sampled_from([0.0, 0.1]))
    return Parameters(tuple(comparisons), 0.9, 0.99, rate, 1000, near, *rates), PatternSpace(tuple(n_levels))


def in_order(c: ComparisonParameters, shares: np.ndarray) -> list[float]:
    """shares in proportion to m where a farther level has less over m than a closer one: pools of levels, merged."""
    pools = [set(c.alike), *({level} for level in range(c.m.size) if level not in c.alike)]

    def ratio(level: int) -> float:
        pool = next(pool for pool in pools if level in pool)
        return sum(shares[of] for of in pool) / sum(c.m[of] for of in pool)

    edges = [(other, level) for level, closer in enumerate(c.closer) for other in closer]
    while True:
        apart = [(a, b) for a, b in edges if not any({a, b} <= pool for pool in pools) and ratio(a) > ratio(b)]
        if not apart:
            return [ratio(level) * m for level, m in enumerate(c.m.tolist())]
        a, b = max(apart, key=lambda edge: (math.log(ratio(edge[0])) - math.log(max(ratio(edge[1]), 1e-300)), edge))
        merged = set().union(*(pool for pool in pools if pool & {a, b}))
        pools = [pool for pool in pools if not pool & merged] + [merged]


@given(models())
def test_tables_hold_the_ratio_of_every_pattern(model: tuple[Parameters, PatternSpace]) -> None:
    p, space = model
    m_u, kin, relatives = p.tables(space)
    weights = np.log2(m_u)
    levels = space.levels_of(np.arange(space.size, dtype=np.uint32))
    shares = [
        [c.m, *(in_order(c, of) for of in (c.u, c.among_neighbours, c.household, c.among_twins, c.among_namesakes))]
        for c in p.comparisons
    ]
    rates = [rate / p.n_persons for rate in (p.household_rate, p.twin_rate, p.namesake_rate)]
    expected = naive.fill_tables(shares, levels.tolist(), p.neighbour_share, rates)
    assert np.allclose(m_u, expected[0], rtol=1e-9, atol=0)
    assert np.allclose(kin, expected[1], rtol=1e-9, atol=0)
    assert np.allclose(p.pattern_weights(levels), weights, atol=1e-12)
    odds = sum(of(levels, p.n_persons) for of in (p.household_odds, p.twin_odds, p.namesake_odds))
    assert np.allclose(odds, kin, rtol=1e-9, atol=0)
    assert np.allclose(p.household_odds(levels, p.n_persons), relatives, rtol=1e-9, atol=0)
    assert weights[0] == 0.0, "who states nothing is nobody's neighbour"


@given(models())
def test_of_two_patterns_the_closer_one_weighs_as_much_at_least(model: tuple[Parameters, PatternSpace]) -> None:
    """Whatever the shares: every pattern against those with one level one step closer, and any frequency of values,
    which counts against strangers, and against relatives where they bear the value no less often."""
    p, space = model
    m_u, kin, relatives = p.tables(space)
    levels = space.levels_of(np.arange(space.size, dtype=np.uint32)).astype(np.int64)
    strides = np.array(space.strides)
    for place, c in enumerate(p.comparisons):
        for level, closer in enumerate(c.closer):
            for other in closer:
                farther = np.flatnonzero(levels[:, place] == level)
                nearer = farther + (other - level) * strides[place]
                for ratio in (1e-6, 1.0, 100.0):
                    weights = [c.chance_over_household * ratio for c in p.comparisons]
                    times = np.prod([np.maximum(1.0, w[levels[:, i]]) for i, w in enumerate(weights)], axis=0)
                    odds = ratio + kin + (times - 1.0) * relatives
                    near, far = (m_u[of] / odds[of] for of in (nearer, farther))
                    assert (far <= near * (1 + 1e-9)).all()


def test_relatives_bear_a_common_value_no_less_often_than_others_do() -> None:
    """h of "same" is raised to what chance makes it, u times how common the value is; farther levels keep their order
    behind it, and what is not compared says nothing."""
    m, u, h = (
        np.array(of)
        for of in (
            [1.0, 0.8, 0.1, 0.05, 0.05],
            [1.0, 0.01, 0.09, 0.85, 0.05],
            [1.0, 0.02, 0.0025, 0.9275, 0.05],
        )
    )
    c = ComparisonParameters("c", tuple("0abcd"), m, u, h, absent_level=True, closer=((), (), (1,), (2,), ()))
    for ratio, same, near in ((1.0, 0.02, 0.0025), (8.0, 0.08, 0.01), (50.0, 0.5, 0.0625)):
        raised = h * np.maximum(1.0, ratio * c.chance_over_household)
        assert raised.tolist() == pytest.approx([1.0, same, near, h[3], h[4]])


def test_no_household_means_no_odds() -> None:
    c = np.array([1.0, 0.5, 0.5])
    p = Parameters((ComparisonParameters("c", ("missing", "a", "b"), c, c, c, (1,)),), 0.9, 0.99, 0.0, 10)
    assert p.tables(PatternSpace((3,)))[1].tolist() == [0.0] * 3
    assert p.household_odds(np.zeros((4, 1), np.uint8), 10).tolist() == [0.0] * 4


def test_without_neighbours_a_pattern_is_as_frequent_as_its_levels_say() -> None:
    c = np.array([1.0, 0.25, 0.75])
    p = Parameters((ComparisonParameters("c", ("missing", "a", "b"), c, c, c, neighbour=c),), 0.9, 0.99, 0.0, 10)
    levels = np.array([[0], [1], [2]], np.uint8)
    assert p.neighbour_bits(levels).tolist() == [0.0] * 3
    assert replace(p, neighbour_share=1.0).neighbour_bits(levels).tolist() == [1.0] * 3
