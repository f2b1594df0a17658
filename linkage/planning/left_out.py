"""Columns that are no field of a plan, and why: they name the record, say nothing, or have no counterpart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from linkage.planning.columns import TextColumn
from linkage.planning.correspondences import Correspondence, determined_by, says_who
from linkage.planning.roles import PERSONAL, Role

_LEAST_FILLED = 0.02  # of pairs; a field that fewer have is left out
# What another column may say as well: a district is that of its village.
_DETERMINABLE = {Role.CATEGORY, Role.TOWN, Role.TEXT, Role.STREET, Role.QUANTITY, Role.IDENTIFIER}
NOT_SURE = "looks like the other side's, but sure matches do not agree in it"
TOO_FEW = "looks like the other side's, but there are too few sure matches to see whether they agree in it"
TOO_MANY = (
    "is filled least of more columns than can be compared at once; delete another comparison and write it by hand"
)
_NAMES_RECORD = "identifies the record"
_UNPAIRED = "has no counterpart"


@dataclass(frozen=True)
class LeftOut:
    """A column that is no field, and why."""

    side: str
    column: str
    reason: str


def fit_pairs(
    pairs: Sequence[Correspondence], ids: dict[str, str | None], right: pa.Table
) -> tuple[list[Correspondence], list[LeftOut]]:
    """The pairs that can be a field, and why the others cannot."""
    fit: list[Correspondence] = []
    left_out = []
    for pair in pairs:
        reason = _unfit(pair, ids)
        if reason is None:
            fit.append(pair)
        else:
            left_out.append(LeftOut("both", pair.right[0].name, reason))
    for pair in sorted((p for p in fit if p.role in _DETERMINABLE and len(p.right) == 1), key=_telling):
        others = [p.right[0].name for p in fit if p is not pair and len(p.right) == 1 and p.role not in PERSONAL]
        teller = next((other for other in others if determined_by(right, pair.right[0].name, other)), None)
        if teller is not None:
            fit.remove(pair)
            left_out.append(LeftOut("both", pair.right[0].name, f"{teller} says it already"))
    return fit, left_out


def _telling(pair: Correspondence) -> int:
    """How much a pair of columns tells, by its distinct values: of two that say the same the poorer one goes."""
    return pair.right[0].n_distinct


def _unfit(pair: Correspondence, ids: dict[str, str | None]) -> str | None:
    """Why a pair of columns cannot be a field; None where it can."""
    if (pair.left[0].name == ids["left"] or pair.right[0].name == ids["right"]) and not says_who(pair):
        return _NAMES_RECORD
    if pair.role is Role.COUNTER:
        return "a running number, which says nothing of who is meant"
    if min(column.n_distinct for column in (*pair.left, *pair.right)) < 2:
        return "has one value or none"
    if pair.filled < _LEAST_FILLED:
        return f"is filled on both sides in {pair.filled:.1%} of pairs only"
    return None


def unpaired(
    columns: dict[str, list[TextColumn]], pairs: Sequence[Correspondence], ids: dict[str, str | None]
) -> list[LeftOut]:
    """Columns that have no counterpart on the other side."""
    return [
        LeftOut(side, column.name, _NAMES_RECORD if column.name == ids[side] else _UNPAIRED)
        for side, of_side in columns.items()
        for column in of_side
        if not any(column in getattr(pair, side) for pair in pairs)
    ]


def left_out_notes(left_out: Sequence[LeftOut]) -> list[str]:
    """What is not compared, by the reason, and columns of both sides that found no counterpart, of which some may be
    each other's."""
    by_reason: dict[str, list[str]] = {}
    for out in left_out:
        if out.side == "both" and out.reason != _NAMES_RECORD:
            by_reason.setdefault(out.reason, []).append(out.column)
    notes = [f"not compared: {', '.join(columns)}: {reason}" for reason, columns in by_reason.items()]
    return notes + _unpaired_notes(left_out)


def _unpaired_notes(left_out: Sequence[LeftOut]) -> list[str]:
    left, right = (
        [out.column for out in left_out if out.side == side and out.reason == _UNPAIRED] for side in ("left", "right")
    )
    if not left or not right:
        return [f"not compared: {', '.join(left or right)}: {_UNPAIRED}"] if left or right else []
    return [
        f"without a counterpart: {', '.join(left)} (left) and {', '.join(right)} (right); where two of them say the "
        "same, call them alike or add a [[field]] to the plan"
    ]
