"""What a plan would do with two files, before anything is trained: pairs of each pass, values read of each field."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.encode.columns import encode
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.keys import KeyParts
from linkage.plan.kinds import COMPARISON_KINDS, NEEDED_ROLES
from linkage.plan.sections import POSITION, Field, Plan
from linkage.planning.passes import block_sizes
from linkage.registry.as_of import of_tables
from linkage.standardise.places import Units
from linkage.two_files.link import read_side
from linkage.wording.counted import counted
from linkage.wording.masking import shape_of

_MANY_PAIRS = 2_000  # for each left record, from which on a pass is called large
_MOSTLY_READ = 0.95  # of the filled values
_SHOWN = 3  # values that were not read
# The column that is 0 where nothing was read.
_WHOLE = {field: kind.stated for kind in COMPARISON_KINDS.values() if kind.stated for field in kind.fields}


@dataclass(frozen=True)
class PassCheck:
    """What a pass makes: pairs in all, the most right records of one left record, and shares of records with a key."""

    name: str
    pairs: int
    largest_block: int
    left_with_key: float
    right_with_key: float


@dataclass(frozen=True)
class FieldCheck:
    """One side of a field: shares of records that have a value, and of these values that were understood."""

    name: str
    kind: str
    side: str
    filled: float
    read: float
    not_read: tuple[str, ...]


@dataclass(frozen=True)
class PlanCheck:
    """A plan that is valid, what it would do with two files (None without), and what may be missing."""

    name: str
    fields: int
    comparisons: int
    patterns: int
    rows: tuple[int, int] | None
    passes: tuple[PassCheck, ...]
    read: tuple[FieldCheck, ...]
    warnings: tuple[str, ...]


def check_plan(plan: Plan, left: Path | None = None, right: Path | None = None) -> PlanCheck:
    """Check a plan by itself, and with files when both are given; the same file twice is linked with itself.

    Raises InputError where a file cannot be used or lacks a column of the plan.
    """
    passes: list[PassCheck] = []
    read: list[FieldCheck] = []
    rows = None
    warnings = _doubts(plan)
    if left is not None and right is not None:
        is_self = os.path.realpath(left) == os.path.realpath(right)
        tables = {}
        for side, path in (("left", left), ("right", right)):
            ingested = read_side([path], plan, side)
            tables[side] = ingested.accepted.read()
            n_rejected = sum(file.rejected for file in ingested.files)
            rejected = counted(n_rejected, "record", ("is", "are"))
            warnings += [f"{path.name}: {rejected} rejected"] if n_rejected else []
        rows = tables["left"].num_rows, tables["right"].num_rows
        dictionaries = _dictionaries(plan, tables)
        columns = {side: encode(table, plan, side, dictionaries) for side, table in tables.items()}
        read = [
            _read(field, side, tables[side], columns[side])
            for field in plan.fields
            for side in ("left", "right")
            if getattr(field, side)
        ]
        parts = {side: KeyParts(side, columns[side], plan, dictionaries) for side in columns}
        passes = [
            _pass(rule.name, parts["left"].keys(rule), parts["right"].keys(rule), is_self=is_self)
            for rule in plan.passes
        ]
        warnings += _warnings(plan, passes, read, rows[0], is_self=is_self)
    n_patterns = prod(len(comparison.labels) for comparison in plan.comparisons)
    counts = len(plan.fields), len(plan.comparisons), n_patterns
    return PlanCheck(plan.name, *counts, rows, tuple(passes), tuple(read), tuple(warnings))


def _dictionaries(plan: Plan, tables: dict[str, pa.Table]) -> Dictionaries:
    """Empty dictionaries; commune codes are compared as they are."""
    names = [field.right[0] for field in plan.fields if field.kind == "commune" and field.right]
    codes = sorted({code for name in names for code in tables["right"].column(name).unique().drop_null().to_pylist()})
    return Dictionaries(Units.none(pa.array(codes, pa.string())), "2021", of_tables(plan, tables))


def _pass(name: str, left: NDArray[np.uint64], right: NDArray[np.uint64], *, is_self: bool) -> PassCheck:
    pairs, largest = block_sizes(left.ravel(), right.ravel(), is_self=is_self)
    with_key = [float((keys != 0).any(axis=1).mean()) for keys in (left, right)]
    return PassCheck(name, pairs, largest, *with_key)


def _read(field: Field, side: str, table: pa.Table, columns: Columns) -> FieldCheck:
    """How much of a field is filled and understood; of several columns a record is filled where any has a value."""
    texts = [pc.fill_null(table.column(name), "").combine_chunks() for name in getattr(field, side)]
    is_filled = np.logical_or.reduce([pc.not_equal(text, "").to_numpy(zero_copy_only=False) for text in texts])
    values: NDArray[Any] = columns[field.name + _WHOLE.get(field.kind, "")]
    is_read = ~np.isnan(values) if values.dtype.kind == "f" else values != 0
    is_read = is_read if is_read.ndim == 1 else is_read.all(axis=1)
    lost = np.flatnonzero(is_filled & ~is_read)
    shown = texts[0].take(pa.array(lost)).unique().to_pylist()[:_SHOWN]
    n_filled = int(is_filled.sum())
    read = float((is_filled & is_read).sum() / n_filled) if n_filled else 1.0
    return FieldCheck(field.name, field.kind, side, n_filled / max(1, table.num_rows), read, tuple(shown))


def _doubts(plan: Plan) -> list[str]:
    """What may be missing in a plan, seen without files."""
    used = {part.split(".")[0] for rule in plan.passes for part in (*rule.left, *rule.right)}
    used |= {part.split(".")[0] for c in plan.comparisons for part in (*c.left, *c.right)}
    compared = {part.split(".")[0] for c in plan.comparisons for part in (*c.left, *c.right)}
    doubts = [f"field {f.name!r} is in no pass and no comparison" for f in plan.fields if f.name not in used]
    doubts += [
        f"field {f.name!r} blocks but is not compared: that a pair agrees in it counts for nothing"
        for f in plan.fields
        if f.name in used - compared and f.kind != "commune"
    ]
    if len({rule.evidence for rule in plan.passes}) == 1:
        doubts.append(
            f"all passes rest on {plan.passes[0].evidence} evidence: what no pass finds cannot be estimated; give "
            "another pass the other evidence where that is true"
        )
    missing = [role for role in NEEDED_ROLES if not plan.has_role(role)]
    if 0 < len(missing) < len(NEEDED_ROLES):
        doubts.append(f"no field has the role {', '.join(missing)}: a run of doses needs all, 'linkage link' none")
    if len(plan.passes) == 1:
        doubts.append("one pass only: a slip in one of its parts hides a match; add passes on other fields")
    unnamed = [side for side in ("left", "right") if getattr(plan, f"{side}_id") == POSITION]
    doubts += [f"{side}_id is not given: its records are called by their position in the file" for side in unnamed]
    return doubts


def _warnings(
    plan: Plan, passes: Sequence[PassCheck], read: Sequence[FieldCheck], n_left: int, *, is_self: bool
) -> list[str]:
    """What the files show that the plan should take care of."""
    found = [f"pass {p.name!r} makes no pair: no value of the left occurs on the right" for p in passes if not p.pairs]
    found += [
        f"pass {p.name!r} makes {p.pairs / n_left:,.0f} pairs for each left record; add a part to it"
        for p in passes
        if p.pairs > _MANY_PAIRS * n_left
    ]
    for f in read:
        if f.filled == 0:
            found.append(f"field {f.name!r} is empty on the {f.side}")
        elif f.read < _MOSTLY_READ:
            shown = ", ".join(repr(shape) for shape in dict.fromkeys(map(shape_of, f.not_read)))
            found.append(
                f"field {f.name!r}: {1 - f.read:.0%} of the values on the {f.side} are not read as {f.kind}, such as "
                f"{shown}; they count as missing. Another kind may fit"
            )
    if is_self and plan.decision.matches_per_record != "any":
        found.append('a file linked with itself needs decision.matches_per_record = "any"')
    return found
