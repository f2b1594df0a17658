"""Exact agreement: a subject whose number finds exactly one person with the same name, date of birth and sex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blocking.lookup import find
from linkage.comparing import Batch
from linkage.key_parts import key_part
from linkage.registry import Index


def find_verified(batch: Batch, index: Index) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Row of the one person that each subject agrees with exactly (int64[n], -1: none or several) and the passes'
    bits."""
    rows, passes = np.full(batch.n_subjects, -1, np.int64), np.zeros(batch.n_subjects, np.uint16)
    rule = index.plan.verified
    if rule is None:
        return rows, passes
    is_ambiguous = np.zeros(batch.n_subjects, np.bool_)
    names = [p.name for p in index.plan.passes]
    for name in rule.passes:
        subjects, found = _pairs(batch, index, name)
        agree = _agree(batch, index, rule.equal, subjects, found)
        subject, row = subjects[agree], found[agree]
        before = rows[subject]
        is_ambiguous[subject[(before >= 0) & (before != row)]] = True
        rows[subject] = row
        # Where one pass finds several persons the last one was written; the others differ from it.
        is_ambiguous[subject[rows[subject] != row]] = True
        passes[subject] |= np.uint16(1 << names.index(name))
    rows[is_ambiguous], passes[is_ambiguous] = -1, 0
    return rows, passes


def _pairs(batch: Batch, index: Index, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(subject, row) of every pair that a pass finds."""
    found = index.passes[name]
    first, last, _ = find(found, batch.keys[name], np.iinfo(np.int64).max)
    n = (last - first).sum(axis=1)
    subjects = np.repeat(np.arange(batch.n_subjects), n)
    starts = np.repeat(first[:, 0], n)
    positions = starts + np.arange(subjects.size) - np.repeat(np.cumsum(n) - n, n)
    return subjects, (found.rows[positions] if found.rows.size else positions).astype(np.int64)


def _agree(
    batch: Batch, index: Index, equal: list[str], subjects: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether pairs agree on every part; a part that either side lacks does not agree."""
    agree = np.ones(subjects.size, np.bool_)
    for part in equal:
        field = part.partition(".")[0]
        columns = [name for name in index.columns if name.partition(".")[0] == field]
        left = {name: batch.columns[name][subjects] for name in columns}
        right = {name: index.columns[name][rows] for name in columns}
        a = key_part(part, "left", left, index.plan, batch.dictionaries)
        b = key_part(part, "right", right, index.plan, batch.dictionaries)
        agree &= (a == b) & (a != 0)
    return agree
