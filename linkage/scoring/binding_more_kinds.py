"""Binds the comparisons that only plans of one's own have: addresses, postal codes, lists, name pairs, distances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from blocking.parts import PartedColumn
from linkage.encode.dictionaries import Columns
from linkage.plan.sections import Comparison
from linkage.registry.index import Index
from linkage.scoring.batch import AddLevels, Batch, Codes, Pairs, Quick
from models.comparators import address, distance, name_pair, nickname, number, postcode, text

Bound = tuple[AddLevels, Quick | None]
Binder = Callable[[Comparison, Batch, Index, np.uint32], Bound]


def bind_stated(levels: Callable[..., None]) -> Binder:
    """How comparisons are bound whose kernel needs no more than the two values; unstated ones are not looked up."""

    def bound(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
        right = index.columns[spec.right[0]]

        def add(left: Columns, pairs: Pairs, codes: Codes) -> None:
            values = pairs.left(left[spec.left[0]])
            levels(pairs.first, pairs.offsets, values, pairs.right(right, values != 0), stride, codes)

        return add, None

    return bound


def _bind_address(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    right = index.columns[spec.right[0]]
    return lambda left, pairs, codes: address.address_levels(
        pairs.first, pairs.offsets, pairs.left(left[spec.left[0]]), pairs.right(right), stride, codes
    ), None


def _bind_number(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    right, thresholds = index.columns[spec.right[0]], np.array(spec.thresholds, np.float64)
    is_relative = spec.measure == "relative"
    return lambda left, pairs, codes: number.number_levels(
        pairs.first,
        pairs.offsets,
        pairs.left(left[spec.left[0]]),
        pairs.right(right),
        thresholds,
        is_relative,
        stride,
        codes,
    ), None


def _bind_distance(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    right, chords = index.columns[spec.right[0]], distance.squared_chords(np.array(spec.thresholds, np.float64))
    return lambda left, pairs, codes: distance.distance_levels(
        pairs.first, pairs.offsets, pairs.left(left[spec.left[0]]), pairs.right(right), chords, stride, codes
    ), None


def _bind_alternatives(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    right, (words, measure, thresholds) = index.columns[spec.right[0]], _text_arguments(spec, batch)
    return lambda left, pairs, codes: text.alternative_levels(
        pairs.first,
        pairs.offsets,
        pairs.left(left[spec.left[0]]),
        pairs.right(right),
        words,
        measure,
        thresholds,
        stride,
        codes,
    ), None


def _bind_nickname(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    right, arguments = index.columns[spec.right[0]], _text_arguments(spec, batch)
    field = next(field for field in index.plan.fields if field.name == spec.left[0])
    groups = batch.dictionaries.nickname_groups(field)

    def add(left: Columns, pairs: Pairs, codes: Codes) -> None:
        values = pairs.left(left[spec.left[0]])
        levels = _text_levels(pairs, values, right, *arguments)
        nickname.nickname_levels(pairs.first, pairs.offsets, values, pairs.right(right), groups, levels)
        codes += stride * levels

    return add, None


def _bind_name_pair(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> Bound:
    first, second = (index.columns[f"{spec.right[0]}.{part}"] for part in ("first", "second"))
    arguments, n_steps = _text_arguments(spec, batch), len(spec.thresholds)

    def add(left: Columns, pairs: Pairs, codes: Codes) -> None:
        stated, other = (pairs.left(left[f"{spec.left[0]}.{part}"]) for part in ("first", "second"))
        compared = ((stated, first), (other, second), (stated, second), (other, first))
        straight, other_straight, crossed, other_crossed = (
            _text_levels(pairs, values, right, *arguments) for values, right in compared
        )
        name_pair.name_pair_levels(straight, other_straight, crossed, other_crossed, n_steps, stride, codes)

    return add, None


_TextArguments = tuple[tuple[NDArray[np.generic], NDArray[np.int64], int, int], int, NDArray[np.float64]]


def _text_arguments(spec: Comparison, batch: Batch) -> _TextArguments:
    """The words, the measure and the thresholds as models.comparators.text takes them."""
    words = batch.dictionaries.word_table(spec.left[0])
    table = (words.letters, words.starts, words.longest, words.n_letters)
    return table, text.MEASURES[spec.measure or ""], np.array(spec.thresholds, np.float64)


def _text_levels(
    pairs: Pairs,
    values: NDArray[np.uint32],
    right: PartedColumn,
    words: tuple[NDArray[np.generic], NDArray[np.int64], int, int],
    measure: int,
    thresholds: NDArray[np.float64],
) -> Codes:
    """The levels of words as texts: uint32[n_pairs]."""
    levels = np.zeros(int(pairs.offsets[-1]), np.uint32)
    one = np.uint32(1)
    text.text_levels(pairs.first, pairs.offsets, values, pairs.right(right), words, measure, thresholds, one, levels)
    return levels


KIND_BINDERS: dict[str, Binder] = {
    "address": _bind_address,
    "alternatives": _bind_alternatives,
    "distance": _bind_distance,
    "name_pair": _bind_name_pair,
    "nickname": _bind_nickname,
    "number": _bind_number,
    "postcode": bind_stated(postcode.postcode_levels),
}
