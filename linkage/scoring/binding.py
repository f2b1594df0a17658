"""Binds the comparisons of a plan to the kernels of models.comparators, over one batch and one index."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blocking.parts import PartedColumn
from linkage.encode.dictionaries import Columns
from linkage.plan.kinds import COMPARISON_KINDS
from linkage.plan.sections import Comparison, Plan
from linkage.registry.cohorts import ONE_COHORT
from linkage.registry.frequencies import N_GROUPS
from linkage.registry.index import Index
from linkage.scoring.batch import AddLevels, Batch, BoundComparison, Codes, Levels, Pairs, Quick, pattern_space
from linkage.scoring.binding_more_kinds import KIND_BINDERS, Binder, Bound, bind_stated
from models.comparators import absent, category, date, digits, name, place, text, text_bounds
from models.parameters import Parameters
from models.patterns import PatternSpace


def bind(batch: Batch, index: Index, parameters: Parameters) -> list[BoundComparison]:
    """Every comparison of the plan over this batch and index, in the order of the plan."""
    plan, strides = index.plan, pattern_space(index.plan).strides
    bound = []
    for comparison, stride, estimated in zip(plan.comparisons, strides, parameters.comparisons, strict=True):
        compared = _BINDERS[comparison.kind](comparison, batch, index, np.uint32(stride))
        add, quick = _with_absent(comparison, index, stride, *compared) if comparison.absent_level else compared
        groups = None if comparison.group is None else index.columns[comparison.group]
        places = _ratio_places(comparison, plan) if comparison.term_frequency else None
        bound.append(BoundComparison(comparison, estimated, stride, add, quick, groups, places))
    return bound


def _ratio_places(comparison: Comparison, plan: Plan) -> NDArray[np.uint16]:
    """Where the ratio of each pattern's level stands among the circles of `frequency_ratios`: within the commune for
    the patterns that share one, within the cohort for those of one cohort."""
    space = pattern_space(plan)
    by_level = [np.zeros(n, np.uint16) for n in space.n_levels]
    n_levels = len(comparison.labels)
    by_level[plan.comparisons.index(comparison)] = np.arange(n_levels, dtype=np.uint16)
    n_places = n_levels * (1 if comparison.group is None else N_GROUPS)
    if comparison.local:
        by_level[plan.comparisons.index(plan.place)][list(place.SHARED_COMMUNE)] = n_places
        n_places *= 2
    if comparison.cohort is not None:
        by_level[plan.comparisons.index(plan.compared_date(comparison.cohort))][list(ONE_COHORT)] += n_places
    return _sums_over_levels(space, tuple(tuple(values.tolist()) for values in by_level))


@functools.lru_cache(maxsize=4)
def _sums_over_levels(space: PatternSpace, by_level: tuple[tuple[int, ...], ...]) -> NDArray[np.uint16]:
    """`PatternSpace.sum_over_levels`, made once for all scorers of a run: for a few doses it is much of their time."""
    return space.sum_over_levels([np.array(values, np.uint16) for values in by_level])


def _with_absent(spec: Comparison, index: Index, stride: int, compare: AddLevels, quick: Quick | None) -> Bound:
    """The levels that come of comparing, and the last one, of pairs that compare finds "missing"."""
    level = len(spec.compared_labels)
    add_absent = _bind_absent(spec, index)

    def add(left: Columns, pairs: Pairs, codes: Codes) -> None:
        compare(left, pairs, codes)
        add_absent(left, pairs, np.uint32(stride * level), codes)

    if quick is None:
        return add, None

    def best(left: Columns, pairs: Pairs, levels: Levels) -> None:
        quick.best(left, pairs, levels)
        add_absent(left, pairs, np.uint8(level), levels)

    may_be = np.eye(level + 1, dtype=np.bool_)
    may_be[:level, :level] = quick.may_be
    return add, Quick(best, may_be, quick.doubtful)


def _bind_absent(spec: Comparison, index: Index) -> Callable[[Columns, Pairs, Any, NDArray[Any]], None]:
    """What adds a step to the codes of pairs of which the right side alone lacks the value."""
    part = COMPARISON_KINDS[spec.kind].stated
    stated, columns = f"{spec.left[0]}{part}", [index.columns[f"{name}{part}"] for name in spec.right]

    def add(left: Columns, pairs: Pairs, step: Any, codes: NDArray[Any]) -> None:
        values = pairs.left(left[stated])
        if spec.kind == "number":
            absent.absent_number_levels(pairs.first, pairs.offsets, values, pairs.right(columns[0]), step, codes)
        elif spec.kind == "person_number":
            right, right_old = _own_numbers(pairs, values, columns)
            digits.absent_person_number_levels(pairs.first, pairs.offsets, values, right, right_old, step, codes)
        else:
            rights = [pairs.right(column, values != 0) for column in columns]
            absent.absent_levels(pairs.first, pairs.offsets, values, rights[0], rights[-1], step, codes)

    return add


def _bind_date(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    right, tables = index.columns[spec.right[0]], date.level_tables()
    return lambda left, pairs, codes: date.date_levels(
        pairs.first, pairs.offsets, pairs.left(left[spec.left[0]]), pairs.right(right), tables, stride, codes
    ), None


def _bind_person_number(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    columns = [index.columns[column] for column in spec.right]

    def add(left: Columns, pairs: Pairs, codes: Codes) -> None:
        stated, marks = pairs.left(left[spec.left[0]]), pairs.left(left[spec.marks])
        right, right_old = _own_numbers(pairs, stated, columns)
        digits.person_number_levels(pairs.first, pairs.offsets, stated, marks, right, right_old, stride, codes)

    return add, None


def _own_numbers(
    pairs: Pairs, stated: NDArray[np.uint64], columns: list[PartedColumn]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The persons' current and old numbers, each for the claims whose number is compared with it."""
    is_old = digits.has_old_digits(stated)
    return pairs.right(columns[0], (stated != 0) & ~is_old), pairs.right(columns[1], is_old)


def _bind_place(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    """The relation table has a row per commune that the batch states and a column per commune of the registry."""
    permanent, residence = (index.columns[column] for column in spec.right)
    is_stated = np.zeros(1 << 16, np.bool_)
    is_stated[batch.columns[spec.left[0]]] = is_stated[0] = True
    row = (np.cumsum(is_stated) - 1).astype(np.uint16)
    units, as_of = batch.dictionaries.units, batch.dictionaries.commune_date
    registered = np.arange(len(units.registry(as_of)) + 1, dtype=np.uint16)
    relation = units.relation(np.flatnonzero(is_stated).astype(np.uint16), registered, as_of)

    def add(left: Columns, pairs: Pairs, codes: Codes) -> None:
        rows = row[pairs.left(left[spec.left[0]])]
        at_home, away = pairs.right(permanent), pairs.right(residence)
        place.place_levels(pairs.first, pairs.offsets, rows, relation, at_home, away, stride, codes)

    return add, None


def _bind_name(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    names_a, signatures_a = spec.left[0], f"{spec.left[0]}.signature"
    names, signatures = index.columns[spec.right[0]], index.columns[f"{spec.right[0]}.signature"]
    tables = batch.dictionaries.syllables.tables()

    def best(left: Columns, pairs: Pairs, levels: Levels) -> None:
        a, b = pairs.left(left[signatures_a]), pairs.right(signatures)
        name.best_name_levels(pairs.first, pairs.offsets, a, b, levels)

    def doubtful(left: Columns, pairs: Pairs, codes: Codes) -> None:
        a, b = pairs.left(left[names_a]), pairs.right(names)
        name.name_levels(pairs.first, pairs.offsets, a, b, tables, np.uint32(1), codes)

    may_be = np.eye(len(spec.compared_labels), dtype=np.bool_)
    may_be[1] = True
    quick = Quick(best, may_be, doubtful)
    return _in_two_steps(quick, stride), quick


def _in_two_steps(quick: Quick, stride: np.uint32) -> AddLevels:
    """What is quickly seen, then what has to be looked at."""

    def add(left: Columns, pairs: Pairs, codes: Codes) -> None:
        levels = np.empty(codes.size, np.uint8)
        quick.best(left, pairs, levels)
        quick.settle(left, pairs, levels, np.uint8(1))
        codes += stride * levels

    return add


def _bind_text(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    right = index.columns[spec.right[0]]
    words = batch.dictionaries.word_table(spec.left[0])
    table = (words.letters, words.starts, words.longest, words.n_letters)
    measure, thresholds = text.MEASURES[spec.measure or ""], np.array(spec.thresholds, np.float64)
    limits = text_bounds.least_scores(measure, thresholds)
    n_levels = len(spec.compared_labels)
    may_be = np.triu(np.ones((n_levels, n_levels), np.bool_))
    may_be[:2] = np.eye(2, n_levels, dtype=np.bool_)  # missing, and the same

    def best(left: Columns, pairs: Pairs, levels: Levels) -> None:
        a, b = pairs.left(left[spec.left[0]]), pairs.right(right)
        text_bounds.best_text_levels(pairs.first, pairs.offsets, a, b, words.signatures, measure, limits, levels)

    def doubtful(left: Columns, pairs: Pairs, codes: Codes) -> None:
        a, b = pairs.left(left[spec.left[0]]), pairs.right(right)
        text.text_levels(pairs.first, pairs.offsets, a, b, table, measure, thresholds, np.uint32(1), codes)

    quick = Quick(best, may_be, doubtful)
    return _in_two_steps(quick, stride), quick


_BINDERS: dict[str, Binder] = {
    "category": bind_stated(category.category_levels),
    "date": _bind_date,
    "digits": bind_stated(digits.digits_levels),
    "person_number": _bind_person_number,
    "place": _bind_place,
    "vietnamese_name": _bind_name,
    "text": _bind_text,
    **KIND_BINDERS,
}
