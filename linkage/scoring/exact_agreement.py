"""Exact agreement: a claim whose number finds exactly one person with the same name, date of birth and sex."""

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
    """Row of the one person that each claim agrees with exactly (int64[n], -1: none or several) and the passes'
    bits."""
    rows, passes = np.full(batch.n_claims, -1, np.int64), np.zeros(batch.n_claims, np.uint16)
    if index.plan.verified is None:
        return rows, passes
    for start in range(0, batch.n_claims, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        rows[part], passes[part] = _find(rows_of(batch, part), index.plan.verified, batch.dictionaries, index)
    return rows, passes


def _find(
    left: Columns, rule: Verified, dictionaries: Dictionaries, index: Index
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """The same of some claims."""
    n_claims = next(iter(left.values())).shape[0]
    rows, passes = np.full(n_claims, -1, np.int64), np.zeros(n_claims, np.uint16)
    is_ambiguous = np.zeros(n_claims, np.bool_)
    names = [p.name for p in index.plan.passes]
    for name in rule.passes:
        claims, found = _pairs(left, dictionaries, index, index.plan.passes[names.index(name)])
        agree = _agree(left, dictionaries, index, rule.equal, claims, found)
        claim, row = claims[agree], found[agree]
        before = rows[claim]
        is_ambiguous[claim[(before >= 0) & (before != row)]] = True
        rows[claim] = row
        # Where one pass finds several persons the last one was written; the others differ from it.
        is_ambiguous[claim[rows[claim] != row]] = True
        passes[claim] |= np.uint16(1 << names.index(name))
    rows[is_ambiguous], passes[is_ambiguous] = -1, 0
    return rows, passes


def find_by_number(left: Columns, dictionaries: Dictionaries, index: Index, rule: Verified) -> NDArray[np.int64]:
    """Row of the one person who holds a number that each record states, by the rule's passes, and agrees on the rule's
    parts: int64[n], -1 for none or several."""
    return _find(left, rule, dictionaries, index)[0]


def _pairs(
    left: Columns, dictionaries: Dictionaries, index: Index, rule: Pass
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(claim, row) of every pair that a pass finds."""
    keys = pass_keys(rule, "left", left, index.plan, dictionaries)
    found = find_in_parts(index.passes[rule.name], keys, np.iinfo(np.int64).max)
    pairs = [_listed(blocks) for blocks in found.blocks]
    claims, rows = (np.concatenate(sides) for sides in zip(*pairs, strict=True))
    is_living = ~index.removed.include(rows)
    return claims[is_living], rows[is_living]


def _listed(blocks: Blocks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(claim, row) of every position of the blocks of claims, one each."""
    n = (blocks.last - blocks.first).sum(axis=1)
    claims = np.repeat(np.arange(n.size), n)
    starts = np.repeat(blocks.first[:, 0], n)
    positions = starts + np.arange(claims.size) - np.repeat(np.cumsum(n) - n, n)
    return claims, (blocks.rows[positions] if blocks.rows.size else positions).astype(np.int64)


def _agree(
    columns: Columns,
    dictionaries: Dictionaries,
    index: Index,
    equal: list[str],
    claims: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether pairs agree on every part; a part that either side lacks does not agree."""
    agree = np.ones(claims.size, np.bool_)
    for part in equal:
        field = part.partition(".")[0]
        name = part if part in index.columns else field
        left, right = {name: columns[name][claims]}, {name: index.columns[name][rows]}
        a = key_part(part, "left", left, index.plan, dictionaries)
        b = key_part(part, "right", right, index.plan, dictionaries)
        agree &= (a == b) & (a != 0)
    return agree
