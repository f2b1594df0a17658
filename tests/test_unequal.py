"""Groups that fare worse than the others: told when the gap is wide and no chance, and only then."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from linkage.published.groups import GROUPS
from linkage.published.unequal import AUTOMATIC, REVIEW, difference_interval, unequal_groups, unequal_notes
from linkage.reports.statistics_page_groups import group_section

Counts = dict[tuple[str, str | None], dict[str, int]]


def groups(counts: Counts) -> pa.Table:
    rows = [
        {"attribute": attribute, "value": value, "status": status, "n_doses": n, "expected_errors": 0.0}
        for (attribute, value), statuses in counts.items()
        for status, n in statuses.items()
    ]
    return pa.Table.from_pylist(rows, schema=GROUPS.arrow())


def of(linked: int, review: int, unmatched: int = 0) -> dict[str, int]:
    return {"verified": linked // 2, "matched": linked - linked // 2, "review": review, "unmatched": unmatched}


def test_newcombes_interval() -> None:
    # R. G. Newcombe (1998), table II, contrast (a): 56/70 and 48/80, method 10.
    low, high = difference_interval(56 / 70, 70, 48 / 80, 80, 1.959963984540054)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_a_group_that_fares_worse_is_told_by_both_measures() -> None:
    found = unequal_groups(groups({("birthday", "a"): of(9440, 490, 70), ("birthday", "b"): of(99700, 160, 140)}), 1.5)
    assert [(group.value, group.measure) for group in found] == [("a", "linked"), ("a", "in review")]
    assert (found[0].share, found[0].others) == (0.944, 0.997)
    assert 0.045 < found[0].gap_low < 0.053 < found[0].gap_high < 0.062
    (note,) = unequal_notes(found)
    assert "birthday a: 94.4% of 10,000 doses linked, of the others 99.7%" in note


@pytest.mark.parametrize(
    "counts",
    [
        {("sex", "a"): of(9900, 60, 40), ("sex", "b"): of(9950, 30, 20)},  # half a point: sure, but no much
        {("sex", "a"): of(18, 2), ("sex", "b"): of(9990, 10)},  # ten points, of twenty doses
        {("sex", "a"): of(900, 100)},  # no others
        {("sex", None): of(900, 100), ("sex", "b"): of(1000, 0)},  # not known: no group
        {("sex", "a"): {"excluded": 500}, ("sex", "b"): of(1000, 0)},
        {},
    ],
)
def test_what_is_small_or_by_chance_or_of_nobody_is_not_told(counts: Counts) -> None:
    assert unequal_groups(groups(counts), 2.0) == []
    assert unequal_notes([]) == ()


def test_the_doses_of_one_claim_are_one_trial() -> None:
    counts: Counts = {("sex", "a"): of(960, 40), ("sex", "b"): of(9950, 50)}
    assert [group.measure for group in unequal_groups(groups(counts), 1.0)] == [AUTOMATIC, REVIEW]
    assert unequal_groups(groups(counts), 20.0) == []


def test_the_page_warns_of_them() -> None:
    found = unequal_groups(groups({("sex", "<a>"): of(9440, 490, 70), ("sex", "b"): of(99700, 160, 140)}), 1.5)
    manifest: list[dict[str, Any]] = [vars(group) for group in found]
    html = group_section((), manifest)
    assert "fare worse than the others" in html
    assert "&lt;a&gt;" in html
    assert "No group fares worse" in group_section((), [])
