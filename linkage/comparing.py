"""Binds the comparisons of a plan to the kernels of models.comparators, over one batch and one index.

A batch is the encoded subjects and all that is worked out once for them: keys, marks, the relation of their
communes, term frequency ratios. A bound comparison adds its level to the pattern codes of a tile of candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blocking.keys import Keys
from blocking.lookup import contains
from linkage.encode import Columns, Dictionaries, mark_contradictions
from linkage.frequencies import N_GROUPS, Ratios, frequency_ratios
from linkage.key_parts import key_part, pass_keys
from linkage.plan import Comparison, Plan
from linkage.registry import Index
from models.comparators import category, date, digits, name, number, place, text
from models.parameters import Parameters
from models.patterns import PatternSpace
from models.score import multiply_term_frequency

Offsets = NDArray[np.int64]
Rows = NDArray[np.uint32]
Codes = NDArray[np.uint32]
AddLevels = Callable[[slice, Offsets, Rows, Codes], None]

_ONE_GROUP = np.empty(0, np.uint8)
_NUMBER_KIND, _SEX, _BIRTH_DATE = "person_number", "sex", "birth_date"


@dataclass(frozen=True)
class Batch:
    """Encoded subjects with their keys in every pass (uint64[n, w]); dictionaries extend those of the index.

    own_rows: int64[n], where the subjects are records of the registry themselves; None for a batch from outside.
    """

    n_subjects: int
    columns: Columns
    keys: dict[str, Keys]
    dictionaries: Dictionaries
    own_rows: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class BoundComparison:
    """A comparison over one batch and index.

    ratios: term frequency ratios, or None; groups: uint8[n_persons] or empty; place: stride of the place comparison and
    the shift of the group at each of its levels.
    """

    spec: Comparison
    stride: int
    add: AddLevels
    ratios: Ratios | None
    groups: NDArray[np.uint8]
    place: tuple[np.uint32, NDArray[np.uint8]]

    def rarest(self) -> NDArray[np.float64]:
        """The smallest term frequency ratio of the batch at each level: float64[n_levels]."""
        if self.ratios is None or self.ratios.shape[0] == 0:
            return np.ones(len(self.spec.labels))
        return np.asarray(self.ratios.min(axis=(0, 1)))

    def multiply(self, part: slice, offsets: Offsets, rows: Rows, codes: Codes, product: NDArray[np.float64]) -> None:
        """Multiply the term frequency ratios of the tile's pairs into product."""
        if self.ratios is not None:
            multiply_term_frequency(
                offsets, rows, codes, np.uint32(self.stride), self.ratios[part], self.groups, self.place, product
            )


def prepare_batch(columns: Columns, dictionaries: Dictionaries, index: Index) -> Batch:
    """Keys and marks of encoded subjects."""
    plan = index.plan
    n_subjects = next(iter(columns.values())).shape[0]
    keys = {rule.name: pass_keys(rule, "left", columns, plan, dictionaries) for rule in plan.passes}
    batch = Batch(n_subjects, dict(columns), keys, dictionaries)
    for comparison in plan.comparisons:
        if comparison.kind == _NUMBER_KIND:
            batch.columns[comparison.left[1]] = _number_marks(comparison, batch, index)
    return batch


def take(batch: Batch, subjects: NDArray[np.int64]) -> Batch:
    """The batch of some subjects, in the order given."""
    columns = {name: column[subjects] for name, column in batch.columns.items()}
    keys = {name: key[subjects] for name, key in batch.keys.items()}
    own_rows = None if batch.own_rows is None else batch.own_rows[subjects]
    return Batch(int(subjects.size), columns, keys, batch.dictionaries, own_rows)


def pattern_space(plan: Plan) -> PatternSpace:
    """The radices of the plan's comparisons."""
    return PatternSpace(tuple(len(comparison.labels) for comparison in plan.comparisons))


def bind(batch: Batch, index: Index, parameters: Parameters) -> list[BoundComparison]:
    """Every comparison of the plan over this batch and index, in the order of the plan."""
    plan, strides = index.plan, pattern_space(index.plan).strides
    bound = []
    for comparison, stride, estimated in zip(plan.comparisons, strides, parameters.comparisons, strict=True):
        add = _BINDERS[comparison.kind](comparison, batch, index, np.uint32(stride))
        ratios = _ratios(comparison, batch, index, estimated.u) if comparison.term_frequency else None
        groups = _ONE_GROUP
        if comparison.group is not None:
            groups = index.columns[comparison.group].astype(np.uint8, copy=False)
        bound.append(BoundComparison(comparison, stride, add, ratios, groups, _place_shifts(comparison, plan)))
    return bound


def _ratios(comparison: Comparison, batch: Batch, index: Index, u: NDArray[np.float64]) -> Ratios:
    """Term frequency ratios of a comparison over the batch."""
    communes = _alternatives(index.plan.place, batch, index) if comparison.local else None
    values = _alternatives(comparison, batch, index)
    return frequency_ratios(comparison, batch.columns, values, communes, index.frequencies, u)


def _place_shifts(comparison: Comparison, plan: Plan) -> tuple[np.uint32, NDArray[np.uint8]]:
    """Where a local comparison finds its local groups: behind the others, at the levels that share a commune."""
    if not comparison.local:
        return np.uint32(1), np.zeros(1, np.uint8)
    at = plan.comparisons.index(plan.place)
    n_groups = 1 if comparison.group is None else N_GROUPS
    shifts = np.zeros(len(plan.place.labels), np.uint8)
    shifts[list(place.SHARED_COMMUNE)] = n_groups
    return np.uint32(pattern_space(plan).strides[at]), shifts


def _alternatives(comparison: Comparison, batch: Batch, index: Index) -> NDArray[np.uint64]:
    """The registry values that equal each subject's: uint64[n, w]; of a place, the communes it may have become."""
    if comparison.kind == "place":
        part = key_part(comparison.left[0], "left", batch.columns, index.plan, batch.dictionaries)
        return part[:, None] if part.ndim == 1 else part
    column = f"{comparison.left[0]}.key" if comparison.kind == "vietnamese_name" else comparison.left[0]
    return batch.columns[column].astype(np.uint64)[:, None]


def _number_marks(comparison: Comparison, batch: Batch, index: Index) -> NDArray[np.uint8]:
    """CONTRADICTS and OWNED of every subject's number. Owned: a pass on the number alone finds somebody."""
    field = comparison.left[0]
    marks = mark_contradictions(batch.columns, field, _SEX, _BIRTH_DATE)
    for rule in index.plan.passes:
        if rule.left == [field]:
            owned = contains(index.passes[rule.name], batch.keys[rule.name][:, 0])
            marks |= np.where(owned, digits.OWNED, 0).astype(np.uint8)
    return marks


def _bind_category(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> AddLevels:
    left, right = batch.columns[spec.left[0]], index.columns[spec.right[0]]
    return lambda part, offsets, rows, codes: category.category_levels(offsets, rows, left[part], right, stride, codes)


def _bind_date(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> AddLevels:
    left, right = batch.columns[spec.left[0]], index.columns[spec.right[0]]
    return lambda part, offsets, rows, codes: date.date_levels(offsets, rows, left[part], right, stride, codes)


def _bind_digits(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> AddLevels:
    left, right = batch.columns[spec.left[0]], index.columns[spec.right[0]]
    return lambda part, offsets, rows, codes: digits.digits_levels(offsets, rows, left[part], right, stride, codes)


def _bind_person_number(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> AddLevels:
    left, marks = (batch.columns[column] for column in spec.left)
    right, right_old = (index.columns[column] for column in spec.right)
    return lambda part, offsets, rows, codes: digits.person_number_levels(
        offsets, rows, left[part], marks[part], right, right_old, stride, codes
    )


def _bind_place(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> AddLevels:
    """The relation table has a row per commune that the batch states and a column per commune of the registry."""
    permanent, residence = (index.columns[column] for column in spec.right)
    stated, row = np.unique(batch.columns[spec.left[0]], return_inverse=True)
    if stated.size == 0 or stated[0] != 0:
        stated, row = np.append(np.uint16(0), stated), row + 1
    n_communes = int(max(permanent.max(initial=0), residence.max(initial=0))) + 1
    registered = np.arange(n_communes, dtype=np.uint16)
    relation = batch.dictionaries.units.relation(stated.astype(np.uint16), registered, batch.dictionaries.commune_date)
    left = row.astype(np.uint16)
    return lambda part, offsets, rows, codes: place.place_levels(
        offsets, rows, left[part], relation, permanent, residence, stride, codes
    )


def _bind_name(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> AddLevels:
    left, right = (
        (columns[field], columns[f"{field}.signature"])
        for columns, field in ((batch.columns, spec.left[0]), (index.columns, spec.right[0]))
    )
    tables = batch.dictionaries.syllables.tables()
    return lambda part, offsets, rows, codes: name.name_levels(
        offsets, rows, (left[0][part], left[1][part]), right, tables, stride, codes
    )


def _bind_text(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> AddLevels:
    left, right = batch.columns[spec.left[0]], index.columns[spec.right[0]]
    words = batch.dictionaries.words[spec.left[0]]
    starts = np.concatenate([[0], np.cumsum([len(word) for word in words])]).astype(np.int64)
    letters = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    table = (letters, starts, int(np.diff(starts).max(initial=0)))
    measure, thresholds = text.MEASURES[spec.measure or ""], np.array(spec.thresholds)
    return lambda part, offsets, rows, codes: text.text_levels(
        offsets, rows, left[part], right, table, measure, thresholds, stride, codes
    )


def _bind_number(spec: Comparison, batch: Batch, index: Index, stride: np.uint32) -> AddLevels:
    left, right = batch.columns[spec.left[0]], index.columns[spec.right[0]]
    thresholds = np.array(spec.thresholds)
    return lambda part, offsets, rows, codes: number.number_levels(
        offsets, rows, left[part], right, thresholds, stride, codes
    )


_BINDERS: dict[str, Callable[[Comparison, Batch, Index, np.uint32], AddLevels]] = {
    "category": _bind_category,
    "date": _bind_date,
    "digits": _bind_digits,
    "person_number": _bind_person_number,
    "place": _bind_place,
    "vietnamese_name": _bind_name,
    "text": _bind_text,
    "number": _bind_number,
}
