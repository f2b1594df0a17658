"""What is compared: the encoded claims of a batch with rows of the registry, comparison by comparison of the plan.

A bound comparison holds what is worked out once for a batch, such as the relation of its communes to those of the
registry. What goes by claim, such as term frequency ratios, is worked out for the few that are at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blocking.parts import PartedColumn, n_living
from linkage.encode.columns import mark_contradictions
from linkage.encode.dictionaries import Columns, Dictionaries, read_words
from linkage.encode.keys import KeyParts, pass_keys, whole_values
from linkage.machine.scratch import scratch_array
from linkage.plan.kinds import COMPARISON_KINDS
from linkage.plan.sections import Comparison, Plan
from linkage.registry.cohorts import cohorts_of
from linkage.registry.frequencies import N_GROUPS, Ratios, frequency_ratios
from linkage.registry.index import Index
from models.comparators import digits
from models.parameters import ComparisonParameters
from models.patterns import PatternSpace
from models.score import find_within, multiply_term_frequency, raise_by_chance
from models.term_frequency import keep_order, raise_other_groups

Codes = NDArray[np.uint32]
Levels = NDArray[np.uint8]
Chances = NDArray[np.float32]

_NUMBER_KIND = "person_number"
_SAME = 1
_ONE_GROUP = np.empty(0, np.uint8)
_MARKED_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Batch:
    """Encoded claims; dictionaries extend those of the index.

    own_rows: int64[n], where the claims are records of the registry themselves, or are compared as if one of its
    persons were not there, see `without_rows`; None for a batch from outside.
    """

    n_claims: int
    columns: Columns
    dictionaries: Dictionaries
    own_rows: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class _Gathered:
    """A column's values of listed pairs, of all spans or of those wanted."""

    values: NDArray[Any]
    is_wanted: NDArray[np.bool_] | None

    def holds(self, is_compared: NDArray[np.bool_] | None) -> bool:
        """Whether the spans that are compared are among them."""
        return self.is_wanted is None or (is_compared is not None and bool((self.is_wanted >= is_compared).all()))


@dataclass(frozen=True)
class Pairs:
    """Pairs to compare, as spans (see models.comparators).

    claims: int64[n_spans] numbers of the spans' claims; first: int64[n_spans], offsets: int64[n_spans + 1]; rows:
    uint32[n] registry row of each pair, or None where a span is a run of rows and first is a row.
    """

    claims: NDArray[np.int64]
    first: NDArray[np.int64]
    offsets: NDArray[np.int64]
    rows: NDArray[np.uint32] | None
    _gathered: dict[PartedColumn, _Gathered] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def listed(cls, offsets: NDArray[np.int64], rows: NDArray[np.uint32]) -> Pairs:
        """Claim s with the registry rows rows[offsets[s]:offsets[s + 1]]."""
        return cls(np.arange(offsets.size - 1), offsets[:-1], offsets, rows)

    def at(self, places: NDArray[np.integer[Any]]) -> Pairs:
        """Those at some places, ascending."""
        offsets = np.searchsorted(places, self.offsets)
        if self.rows is not None:
            return Pairs(self.claims, offsets[:-1], offsets, self.rows[places])
        rows = places + np.repeat(self.first - self.offsets[:-1], np.diff(offsets))
        return Pairs(self.claims, offsets[:-1], offsets, rows.astype(np.uint32))

    def left(self, column: NDArray[Any]) -> NDArray[Any]:
        """The claim's value of each span."""
        return column[self.claims]

    def right(self, column: PartedColumn, is_compared: NDArray[np.bool_] | None = None) -> NDArray[Any]:
        """What a span's places point into: the registry's column, or the rows' values of it, gathered once.

        is_compared: bool[n_spans], spans whose values are looked at, None for all; what stands at the others means
        nothing. A claim that states no number is compared with none, and to gather is most of a list's cost.
        """
        if self.rows is None:
            return column.large
        gathered = self._gathered.get(column)
        if gathered is None or not gathered.holds(is_compared):
            is_wanted = None if gathered is not None else is_compared
            gathered = self._gathered[column] = _Gathered(self._gather(column, is_wanted), is_wanted)
        return gathered.values

    def _gather(self, column: PartedColumn, is_wanted: NDArray[np.bool_] | None) -> NDArray[Any]:
        assert self.rows is not None
        values = column[self.rows] if is_wanted is None else column.of_spans(self.rows, self.offsets, is_wanted)
        # As the mapped columns of an index are, so that a kernel is compiled and loaded for one kind of array only.
        values.flags.writeable = False
        return values


AddLevels = Callable[[Columns, Pairs, Codes], None]
BestLevels = Callable[[Columns, Pairs, Levels], None]


@dataclass(frozen=True)
class Quick:
    """What is quickly seen of a level.

    best: writes it; may_be: bool[n_levels, n_levels], where a pair has level k of which level l was quickly seen;
    doubtful: adds to codes the levels of pairs of which it leaves a doubt.
    """

    best: BestLevels
    may_be: NDArray[np.bool_]
    doubtful: AddLevels

    @property
    def open_levels(self) -> tuple[int, int]:
        """The levels that leave a doubt: from the first up to the second."""
        is_open = np.flatnonzero(self.may_be.sum(axis=1) > 1)
        assert np.all(np.diff(is_open) == 1), "levels that leave a doubt are neighbours"
        return (int(is_open[0]), int(is_open[-1]) + 1) if is_open.size else (0, 0)

    def settle(self, left: Columns, pairs: Pairs, codes: NDArray[Any], stride: np.unsignedinteger[Any]) -> None:
        """Make levels of what was quickly seen, which stands in codes // stride: the values themselves are only read
        where there is a doubt, which is a small part of the pairs."""
        low, high = (stride * stride.dtype.type(level) for level in self.open_levels)
        places = np.empty(codes.size, np.uint32)
        places = places[: find_within(codes, low, high, places)]
        found = np.zeros(places.size, np.uint32)
        self.doubtful(left, pairs.at(places), found)
        codes[places] = codes[places] % stride + stride * found


@dataclass(frozen=True)
class BoundComparison:
    """A comparison over one batch and index; the columns it is called with are those of the batch's claims at hand.

    add: adds stride * level to the codes of pairs; quick: what is quickly seen of a level, None where the level itself
    is as quick; groups: uint8[n_persons] or empty; places: uint16[n_patterns], where the ratio of a pattern stands
    among those of a group; None where there are no ratios.
    """

    spec: Comparison
    parameters: ComparisonParameters
    stride: int
    add: AddLevels
    quick: Quick | None
    groups: PartedColumn | None
    places: NDArray[np.uint16] | None

    def ratios(self, claims: KeyParts, index: Index) -> Ratios | None:
        """Term frequency ratios of claims, float64[n_claims, n_groups, n_levels]; None where there are none."""
        if not self.spec.term_frequency:
            return None
        left = claims.columns
        communes = _alternatives(index.plan.place, claims) if self.spec.local else None
        cohorts = None if self.spec.cohort is None else cohorts_of(left[self.spec.cohort])
        values = _alternatives(self.spec, claims)
        # A term frequency is a share of those who have a value, so u has to be one too.
        u = self.parameters.u / self.parameters.share_with_value
        ratios = frequency_ratios(self.spec, left, values, communes, cohorts, index.frequencies, u)
        if self.spec.group is not None and self.spec.group in left:
            raise_other_groups(left[self.spec.group].astype(np.uint8), N_GROUPS, ratios)
        if self.spec.near_frequency:
            keep_order(np.exp2(self.parameters.log2_m_u), self.parameters.closer_levels, ratios)
        return ratios

    def multiply(
        self, ratios: Ratios | None, offsets: NDArray[np.int64], rows: NDArray[np.uint32], codes: Codes, product: Ratios
    ) -> None:
        """Multiply the term frequency ratios of listed pairs into product."""
        if ratios is not None and self.places is not None:
            n_claims, n_groups, n_levels = ratios.shape
            groups = _ONE_GROUP if self.groups is None else self.groups[rows] * np.uint8(n_levels)
            flat = ratios.reshape(n_claims, n_groups * n_levels)
            multiply_term_frequency(offsets, codes, self.places, flat, groups, product)

    def chances(self, ratios: Ratios | None, offsets: NDArray[np.int64], rows: NDArray[np.uint32]) -> Chances | None:
        """How many times as common as the mean each pair's value on the left is, float32[n]: in the claim's commune,
        where the relatives live, whichever the other side has, so that the closer candidate never weighs less. None
        where that is not known, or people of one household have the value in common anyway."""
        if ratios is None or self.spec.is_of_household:
            return None
        n_groups = 1 if self.spec.group is None else N_GROUPS
        first = n_groups if self.spec.local else 0
        around = np.ascontiguousarray(ratios[:, first : first + n_groups, _SAME], np.float32)
        claims = np.repeat(np.arange(around.shape[0]), np.diff(offsets))
        return np.asarray(around[claims, 0 if self.groups is None else self.groups[rows]])

    def raise_by_chance(self, chances: Chances, codes: Codes, times: NDArray[np.float64]) -> None:
        """Multiply into times how many times likelier relatives are to show each pair's level for its value's sake."""
        weights = self.parameters.chance_over_household
        if float(chances.max(initial=0.0)) * float(weights.max()) > 1.0:
            levels = codes // np.uint32(self.stride) % np.uint32(weights.size)
            raise_by_chance(chances, levels, weights, times)

    @property
    def may_be(self) -> NDArray[np.bool_]:
        """bool[n_levels, n_levels], where a pair has level k of which level l was quickly seen."""
        return np.eye(len(self.spec.labels), dtype=np.bool_) if self.quick is None else self.quick.may_be

    def best_levels(self, left: Columns, pairs: Pairs) -> Levels:
        """What is quickly seen of the level of each pair, see ``may_be``: uint8[n_pairs]."""
        levels = np.empty(int(pairs.offsets[-1]), np.uint8)
        if self.quick is not None:
            self.quick.best(left, pairs, levels)
            return levels
        codes = np.zeros(levels.size, np.uint32)
        self.add(left, pairs, codes)
        return (codes // np.uint32(self.stride)).astype(np.uint8)

    def settle(self, left: Columns, pairs: Pairs, codes: Codes) -> None:
        """Make levels of what was quickly seen of them, in the codes of pairs that hold nothing behind this one."""
        if self.quick is not None:
            self.quick.settle(left, pairs, codes, np.uint32(self.stride))


def prepare_batch(columns: Columns, dictionaries: Dictionaries, index: Index, n_threads: int = 1) -> Batch:
    """A batch of encoded claims, with the marks of their numbers and the tables of their words."""
    n_claims = next(iter(columns.values())).shape[0]
    batch = Batch(n_claims, dict(columns), dictionaries)
    for comparison in index.plan.comparisons:
        if comparison.kind == _NUMBER_KIND:
            batch.columns[comparison.marks] = _number_marks(comparison, batch, index, n_threads)
    read_words(dictionaries, index.plan)
    return batch


def without_rows(batch: Batch, rows: NDArray[np.int64], index: Index) -> Batch:
    """The batch as if each claim's row of the registry, int64[n], were not there: no candidate of it, and no owner
    of the number that it states. Term frequencies count others anyway."""
    left = replace(batch, columns=dict(batch.columns), own_rows=rows)
    for comparison in index.plan.comparisons:
        if comparison.kind == _NUMBER_KIND:
            left.columns[comparison.marks] = _number_marks(comparison, left, index, 1)
    return left


def rows_of(batch: Batch, claims: NDArray[np.int64] | slice) -> Columns:
    """The columns of some claims."""
    return {name: column[claims] for name, column in batch.columns.items()}


def take(batch: Batch, claims: NDArray[np.int64], scratch: Path | None = None) -> Batch:
    """The batch of some claims, in the order given, its columns in work files in ``scratch`` or in memory.

    One column after the other: taken tile by tile, those of a large batch would be read from the disk again and again,
    for they do not stay in memory beside the index.
    """
    columns = {}
    for name, column in batch.columns.items():
        columns[name] = scratch_array(scratch, (claims.size, *column.shape[1:]), column.dtype)
        np.take(column, claims, axis=0, out=columns[name], mode="clip")
    own_rows = None if batch.own_rows is None else batch.own_rows[claims]
    return Batch(int(claims.size), columns, batch.dictionaries, own_rows)


def pattern_space(plan: Plan) -> PatternSpace:
    """The radices of the plan's comparisons."""
    return PatternSpace(tuple(len(comparison.labels) for comparison in plan.comparisons))


def _alternatives(comparison: Comparison, claims: KeyParts) -> NDArray[np.uint64]:
    """The registry values that equal each claim's: uint64[n, w]; of a place, the communes it may have become."""
    if comparison.kind == "place":
        part = claims.part(comparison.left[0])
        return part[:, None] if part.ndim == 1 else part
    return whole_values(claims.columns[comparison.left[0] + COMPARISON_KINDS[comparison.kind].counted[0]])[:, None]


def _number_marks(comparison: Comparison, batch: Batch, index: Index, n_threads: int) -> Levels:
    """CONTRADICTS, UNCHECKED and OWNED of every claim's number. Owned: a pass on the number alone finds somebody, the
    own row left out."""
    field, sex, birth = comparison.left
    marks = np.empty(batch.n_claims, np.uint8)
    needed = {name: batch.columns[name] for name in comparison.left}

    def mark(start: int) -> None:
        part = slice(start, start + _MARKED_AT_ONCE)
        left = {name: column[part] for name, column in needed.items()}
        marks[part] = mark_contradictions(left, field, sex, birth)
        for rule in index.plan.passes:
            if rule.left == [field]:
                keys = pass_keys(rule, "left", left, index.plan, batch.dictionaries)[:, 0]
                n_owners = n_living(index.passes[rule.name], keys)
                if batch.own_rows is not None:
                    own = batch.own_rows[part]
                    n_owners -= (own >= 0) & (left[field] == index.columns[rule.right[0]][np.maximum(own, 0)])
                marks[part] |= np.where(n_owners > 0, digits.OWNED, 0).astype(np.uint8)

    with ThreadPoolExecutor(n_threads) as threads:
        list(threads.map(mark, range(0, batch.n_claims, _MARKED_AT_ONCE)))
    return marks
