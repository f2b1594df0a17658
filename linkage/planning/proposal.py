"""A plan proposed from two tables, or from one for the duplicates in it, with the counts that speak for it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.encode import Dictionaries, encode
from linkage.encode_texts import plain_texts
from linkage.errors import InputError
from linkage.key_parts import KeyParts
from linkage.plan import POSITION, Decision, Pass, Plan, Training, plan_from
from linkage.plan_checks import FORMAT
from linkage.planning.agreement import level_shares, matches_a_record, sure_pairs, telling_pairs, whole_part
from linkage.planning.columns import TextColumn, text_columns
from linkage.planning.correspondences import (
    Correspondence,
    determined_by,
    id_of,
    of_one_file,
    of_two_files,
)
from linkage.planning.fields import Planned, planned_fields, without_level
from linkage.planning.passes import Chosen, block_sizes, choose_passes, found_share
from linkage.planning.roles import Role
from linkage.standardise.places import Units

# Patterns of agreement: each is a row of the tables that scoring looks up, so they should fit the cache.
_MOST_PATTERNS = 3_000_000
_SELDOM_SAME = 0.5
_LEAST_FILLED = 0.02  # of pairs; a field that fewer have is left out
_RANDOM_PAIRS = 20_000_000
_LEAST_SHARE, _MOST_SHARE = 0.01, 0.95  # matches for each left record to start from
_HOMES = 2.0  # pairs of one home for each match, from which on they would be taken for the matches
_FAR = 0.2  # in total variation: starting values that differ more from the defaults are stated
# Several records of one person on the right side, from which on pairs are judged one by one.
_DUPLICATES = 0.03
_PERSONAL = {Role.GIVEN_NAME, Role.FAMILY_NAME, Role.FULL_NAME, Role.VIETNAMESE_NAME, Role.BIRTH_DATE, Role.SEX}
# What another column may say as well: a district is that of its village.
_DETERMINABLE = {Role.CATEGORY, Role.TOWN, Role.TEXT, Role.STREET, Role.QUANTITY, Role.IDENTIFIER}
_HOUSEHOLD_RATE = 0.5  # relatives of a record on the other side, a starting value


@dataclass(frozen=True)
class LeftOut:
    """A column that is no field, and why."""

    side: str
    column: str
    reason: str


@dataclass(frozen=True)
class Proposal:
    """A plan and what speaks for it: the pairs of columns its fields come from, what its passes make, what was left
    out."""

    plan: Plan
    planned: tuple[Planned, ...]
    passes: tuple[Chosen, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    rows: tuple[int, int]


def propose(left: pa.Table, right: pa.Table | None, *, name: str = "proposed") -> Proposal:
    """Propose a plan for two tables of texts; None links the left one with itself.

    Raises InputError where no field is found that both sides have.
    """
    is_self = right is None
    tables = {"left": left, "right": left if right is None else right}
    columns = {side: text_columns(table) for side, table in tables.items()}
    pairs = of_one_file(columns["left"]) if is_self else of_two_files(columns["left"], columns["right"])
    ids = {side: id_of(columns[side], pairs, side) for side in ("left", "right")}
    fit, left_out = _fit(pairs, ids, tables["right"])
    left_out += _unpaired(columns, pairs, ids)
    if not fit:
        raise InputError(
            "no column tells records apart; see that the file has columns with more than one value"
            if is_self
            else "no column of the left file says what a column of the right one says; rename columns so that those "
            "that mean the same are called the same, or write the plan by hand"
        )
    is_of_people = any(pair.role in _PERSONAL for pair in fit)
    planned = _within_patterns(planned_fields(fit))
    plan = Plan(
        format=FORMAT,
        name=name,
        left_id=ids["left"] or POSITION,
        right_id=ids["right"] or POSITION,
        fields=[p.field for p in planned],
        passes=[Pass(name="any", left=[planned[0].field.name], right=[planned[0].field.name])],
        comparisons=[p.comparison for p in planned],
    )
    keys = _Keys(tables, plan)
    sure = sure_pairs(planned, keys.rows, keys.of, is_self=is_self)
    planned = [_with_shares(p, level_shares(p, sure, _texts(p, tables))) for p in planned]
    matches = matches_a_record(sure, keys.rows)
    only_own = is_self and is_of_people and keys.same_home(planned) > _HOMES * (matches or 0.0)
    chosen = choose_passes(planned, keys.rows[0], keys.of, is_self=is_self, only_own=only_own)
    if not chosen:
        raise InputError(
            "no two records have a value in common in a column that could block: there seem to be no duplicates"
            if is_self
            else "no value of the left file occurs in the right one in a column that could block; look at the spelling "
            "of the values on both sides, or write the plan by hand"
        )
    many = 1.0 if is_self else keys.duplicates(planned)
    plan = msgspec.structs.replace(
        plan,
        decision=_decision(is_any=many > _DUPLICATES),
        training=_training(keys.rows, planned, matches, is_any=many > _DUPLICATES),
        passes=[c.rule for c in chosen],
        comparisons=[p.comparison for p in planned],
    )
    checked = plan_from(msgspec.to_builtins(plan), "the proposed plan")
    notes = _notes(planned, chosen, many, is_self=is_self)
    return Proposal(
        checked, tuple(planned), tuple(chosen), tuple(left_out), tuple(notes), (left.num_rows, tables["right"].num_rows)
    )


def _decision(*, is_any: bool) -> Decision:
    """Links are pairs that are more likely a match than not, as long as they are right in the mean."""
    return Decision(
        highest_false_match_rate=0.02,
        lowest_match_probability=0.5,
        lowest_review_probability=0.02,
        matches_per_record="any" if is_any else "one",
    )


def _training(rows: tuple[int, int], planned: Sequence[Planned], matches: float | None, *, is_any: bool) -> Training:
    share = 0.5 if matches is None else max(_LEAST_SHARE, matches)
    return Training(
        random_pairs=min(_RANDOM_PAIRS, max(1, rows[0] * rows[1])),
        share_in_registry=round(share if is_any else min(share, _MOST_SHARE), 3),
        household_rate=_HOUSEHOLD_RATE if any(p.comparison.shared_number for p in planned) else 0.0,
    )


def _fit(
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
    for pair in sorted((p for p in fit if p.role in _DETERMINABLE), key=_telling):
        others = [p.right[0].name for p in fit if p is not pair and len(p.right) == 1 and p.role not in _PERSONAL]
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
    if pair.left[0].name == ids["left"] or pair.right[0].name == ids["right"]:
        return "identifies the record"
    if pair.role is Role.COUNTER:
        return "a running number, which says nothing of who is meant"
    if min(column.n_distinct for column in (*pair.left, *pair.right)) < 2:
        return "has one value or none"
    if pair.filled < _LEAST_FILLED:
        return f"is filled on both sides in {pair.filled:.1%} of pairs only"
    return None


def _unpaired(
    columns: dict[str, list[TextColumn]], pairs: Sequence[Correspondence], ids: dict[str, str | None]
) -> list[LeftOut]:
    """Columns that have no counterpart on the other side."""
    return [
        LeftOut(side, column.name, "identifies the record" if column.name == ids[side] else "has no counterpart")
        for side, of_side in columns.items()
        for column in of_side
        if not any(column in getattr(pair, side) for pair in pairs)
    ]


def _within_patterns(planned: list[Planned]) -> list[Planned]:
    """Comparisons whose patterns of agreement are few enough: the one with most levels gives up its last limit, and
    where none can any more the one that is filled least is left out."""
    while prod(len(p.comparison.labels) for p in planned) > _MOST_PATTERNS:
        richest = max(range(len(planned)), key=lambda i: (len(planned[i].comparison.thresholds), -i))
        if len(planned[richest].comparison.thresholds) > 1:
            planned = [without_level(p) if i == richest else p for i, p in enumerate(planned)]
        else:
            least = min(range(len(planned)), key=lambda i: planned[i].pair.filled)
            planned = planned[:least] + planned[least + 1 :]
    return planned


def _texts(planned: Planned, tables: dict[str, pa.Table]) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """A field's values as they are compared: object[n_left], object[n_right]."""
    left, right = (
        plain_texts([tables[side].column(name).combine_chunks() for name in getattr(planned.field, side)])
        for side in ("left", "right")
    )
    return left.to_numpy(zero_copy_only=False), right.to_numpy(zero_copy_only=False)


def _with_shares(planned: Planned, shares: list[float] | None) -> Planned:
    """The comparison with measured starting values, where these are far from the defaults."""
    if shares is None:
        return planned
    distance = 0.5 * sum(abs(a - b) for a, b in zip(shares, planned.comparison.starting_m, strict=True))
    if distance < _FAR:
        return planned
    rounded = [round(share, 4) for share in shares]
    rounded[0] = round(rounded[0] + 1.0 - sum(rounded), 4)
    return replace(planned, comparison=msgspec.structs.replace(planned.comparison, m=rounded))


class _Keys:
    """The keys of both sides in any pass over the plan's fields."""

    def __init__(self, tables: dict[str, pa.Table], plan: Plan) -> None:
        dictionaries = Dictionaries(
            Units.none(pa.array([], pa.string())), "2021", datetime.datetime.now(datetime.UTC).date()
        )
        self._parts = {
            side: KeyParts(side, encode(table, plan, side, dictionaries), plan, dictionaries)
            for side, table in tables.items()
        }
        self.rows = tables["left"].num_rows, tables["right"].num_rows

    def of(self, rule: Pass) -> tuple[np.ndarray, np.ndarray]:
        return self._parts["left"].keys(rule)[:, 0], self._parts["right"].keys(rule)[:, 0]

    def same_home(self, planned: Sequence[Planned]) -> float:
        """Pairs within one file that have a home's value in common, for each record: the most that a field shows."""
        homes = [p.field.name for p in planned if p.comparison.shared_number]
        rules = [Pass(name="home", left=[name], right=[name]) for name in homes]
        return max((block_sizes(*self.of(rule), is_self=True)[0] / self.rows[0] for rule in rules), default=0.0)

    def duplicates(self, planned: Sequence[Planned]) -> float:
        """Records of the right side that agree with another one of it in two fields that seldom agree by chance, the
        chance taken off, as a share of all: the most that any two fields show."""
        n, most = self.rows[1], 0.0
        for p, q, _ in telling_pairs(planned, 0):
            by_chance = n * p.pair.right[0].collision * q.pair.right[0].collision
            if by_chance < 0.1:
                parts = [whole_part(x) for x in (p, q)]
                _, right = self.of(Pass(name="twice", left=parts, right=parts))
                n_pairs, _ = block_sizes(right, right, is_self=True)
                most = max(most, n_pairs / n - by_chance)
        return most


def _notes(planned: Sequence[Planned], chosen: Sequence[Chosen], many: float, *, is_self: bool) -> list[str]:
    notes = [
        f"if values are keyed in as is usual, the passes find {found_share(chosen):.1%} of the matches; a match that "
        "agrees in none of them is not found"
    ]
    if not is_self and many > _DUPLICATES:
        notes.append(
            f'the right file seems to hold some records twice ({many:.1%}): matches_per_record is "any"; if it does '
            'not, "one" is more exact'
        )
    notes += [
        f"{p.field.name}: of pairs that are surely matches only {p.comparison.m[0]:.0%} agree exactly; look whether "
        "both files write it in the same form"
        for p in planned
        if p.comparison.m is not None and p.comparison.m[0] < _SELDOM_SAME
    ]
    if len(planned) < 3:
        notes.append("fewer than three fields are compared: few links will be sure")
    return notes
