"""Exact agreement: a subject whose number finds exactly one person with the same name, date of birth and sex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blocking.parts import Blocks, find_in_parts
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.keys import key_part, pass_keys
from linkage.plan.sections import Pass, Verified
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, rows_of

_AT_ONCE = 1 << 16


def find_verified(batch: Batch, index: Index) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Row of the one person that each subject agrees with exactly (int64[n], -1: none or several) and the passes'
    bits."""
    rows, passes = np.full(batch.n_subjects, -1, np.int64), np.zeros(batch.n_subjects, np.uint16)
    if index.plan.verified is None:
        return rows, passes
    for start in range(0, batch.n_subjects, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        rows[part], passes[part] = _find(rows_of(batch, part), index.plan.verified, batch.dictionaries, index)
    return rows, passes


def _find(
    left: Columns, rule: Verified, dictionaries: Dictionaries, index: Index
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """The same of some subjects."""
    n_subjects = next(iter(left.values())).shape[0]
    rows, passes = np.full(n_subjects, -1, np.int64), np.zeros(n_subjects, np.uint16)
    is_ambiguous = np.zeros(n_subjects, np.bool_)
    names = [p.name for p in index.plan.passes]
    for name in rule.passes:
        subjects, found = _pairs(left, dictionaries, index, index.plan.passes[names.index(name)])
        agree = _agree(left, dictionaries, index, rule.equal, subjects, found)
        subject, row = subjects[agree], found[agree]
        before = rows[subject]
        is_ambiguous[subject[(before >= 0) & (before != row)]] = True
        rows[subject] = row
        # Where one pass finds several persons the last one was written; the others differ from it.
        is_ambiguous[subject[rows[subject] != row]] = True
        passes[subject] |= np.uint16(1 << names.index(name))
    rows[is_ambiguous], passes[is_ambiguous] = -1, 0
    return rows, passes


def find_by_number(left: Columns, dictionaries: Dictionaries, index: Index, rule: Verified) -> NDArray[np.int64]:
    """Row of the one person who holds a number that each record states, by the rule's passes, and agrees on the rule's
    parts: int64[n], -1 for none or several."""
    return _find(left, rule, dictionaries, index)[0]


def _pairs(
    left: Columns, dictionaries: Dictionaries, index: Index, rule: Pass
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(subject, row) of every pair that a pass finds."""
    keys = pass_keys(rule, "left", left, index.plan, dictionaries)
    found = find_in_parts(index.passes[rule.name], keys, np.iinfo(np.int64).max)
    pairs = [_listed(blocks) for blocks in found.blocks]
    subjects, rows = (np.concatenate(sides) for sides in zip(*pairs, strict=True))
    is_living = ~index.removed.include(rows)
    return subjects[is_living], rows[is_living]


def _listed(blocks: Blocks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(subject, row) of every position of the blocks of subjects, one each."""
    n = (blocks.last - blocks.first).sum(axis=1)
    subjects = np.repeat(np.arange(n.size), n)
    starts = np.repeat(blocks.first[:, 0], n)
    positions = starts + np.arange(subjects.size) - np.repeat(np.cumsum(n) - n, n)
    return subjects, (blocks.rows[positions] if blocks.rows.size else positions).astype(np.int64)


def _agree(
    columns: Columns,
    dictionaries: Dictionaries,
    index: Index,
    equal: list[str],
    subjects: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether pairs agree on every part; a part that either side lacks does not agree."""
    agree = np.ones(subjects.size, np.bool_)
    for part in equal:
        field = part.partition(".")[0]
        name = part if part in index.columns else field
        left, right = {name: columns[name][subjects]}, {name: index.columns[name][rows]}
        a = key_part(part, "left", left, index.plan, dictionaries)
        b = key_part(part, "right", right, index.plan, dictionaries)
        agree &= (a == b) & (a != 0)
    return agree
