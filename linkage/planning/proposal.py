"""A plan proposed from two tables, or from one for the duplicates in it, with the counts that speak for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

import msgspec
import pyarrow as pa

from linkage.errors import InputError
from linkage.plan.checks import FORMAT
from linkage.plan.reading import plan_from
from linkage.plan.sections import POSITION, Decision, Pass, Plan, Training
from linkage.planning.agreement import level_shares, tells
from linkage.planning.columns import text_columns
from linkage.planning.correspondences import ids_of, of_one_file
from linkage.planning.encoded import EncodedFiles
from linkage.planning.fields import Planned, planned_fields, without_level
from linkage.planning.left_out import NOT_SURE, TOO_FEW, TOO_MANY, LeftOut, fit_pairs, left_out_notes, unpaired
from linkage.planning.made_of import Made, made_of_others, of_strangers, with_made_of, without_whole
from linkage.planning.pairing import of_two_files
from linkage.planning.passes import Chosen, choose_passes, found_share
from linkage.planning.roles import OWN, PERSONAL
from linkage.planning.sharing import relatives_a_record, with_lent
from linkage.planning.sure import SurePairs, matches_a_record, repeated_partners, sure_pairs

# Patterns of agreement: each is a row of the tables that scoring looks up, so they should fit the cache.
_MOST_PATTERNS = 3_000_000
_SELDOM_SAME = 0.5
_RANDOM_PAIRS = 20_000_000
_LEAST_SHARE, _MOST_SHARE = 0.01, 0.95  # matches for each left record to start from
_HOMES = 2.0  # pairs of one home for each match, from which on they would be taken for the matches
_LEAST_LEVEL = 0.0001  # share of a level among matches, however few sure pairs have it
_FAR = 0.2  # in total variation: starting values that differ more from the defaults are stated
# Records that repeat another one of their side, about a fifth of which are seen to: on the right from so many on pairs
# are judged one by one, on the left two may have one match; so they may where so many right records have two sure ones.
_DUPLICATES, _LEFT_DUPLICATES = 0.01, 0.002
_LEAST_RELATIVES, _MOST_RELATIVES = 0.01, 1.0  # of a record on the other side, a starting value


@dataclass(frozen=True)
class Proposal:
    """A plan and what speaks for it: the pairs of columns its fields come from, what its passes make, what was left
    out."""

    plan: Plan
    planned: tuple[Planned, ...]
    passes: tuple[Chosen, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    made: tuple[Made, ...]
    rows: tuple[int, int]


def propose(
    left: pa.Table,
    right: pa.Table | None,
    *,
    name: str = "proposed",
    left_id: str | None = None,
    right_id: str | None = None,
) -> Proposal:
    """Propose a plan for two tables of texts; None links the left one with itself. left_id, right_id: the columns that
    name the records, None looks for them.

    Raises InputError where no field is found that both sides have, UsageError where no id is.
    """
    is_self = right is None
    tables = {"left": left, "right": left if right is None else right}
    columns = {side: text_columns(table) for side, table in tables.items()}
    pairs = of_one_file(columns["left"]) if is_self else of_two_files(columns["left"], columns["right"])
    ids = ids_of(columns, pairs, {"left": left_id, "right": left_id if is_self else right_id})
    fit, left_out = fit_pairs(pairs, ids, tables["right"])
    left_out += [] if is_self else unpaired(columns, pairs, ids)
    made = made_of_others(fit, tables)
    fit, said = without_whole(fit, made)
    left_out += said
    if not fit:
        raise InputError(
            "no column tells records apart; see that the file has columns with more than one value"
            if is_self
            else "no column of the left file says what a column of the right one says; rename columns so that those "
            "that mean the same are called the same, or write the plan by hand"
        )
    planned = with_made_of(planned_fields(fit), made)
    plan = _draft(name, ids, planned)
    keys = EncodedFiles(tables, plan)
    sure = sure_pairs(planned, keys.rows, keys.of, is_self=is_self)
    planned, idle = _told_apart(planned, sure, keys)
    left_out += idle
    planned = with_made_of(planned, made)
    many = {"left": 0.0, "right": 1.0} if is_self else keys.duplicates(planned)
    decision = _decision(many, repeated_partners(sure))
    planned = [of_strangers(p, are_known=decision.has_rivals) for p in planned]
    planned = [_with_shares(p, level_shares(p, sure, keys.values(p))) for p in planned]
    matches = matches_a_record(sure, keys.rows)
    chosen = _chosen(planned, keys, matches, is_self=is_self)
    planned = with_lent(planned, keys, is_self=is_self)
    relatives = 0.0
    if any(p.comparison.shared_number for p in planned):
        relatives = max(_LEAST_RELATIVES, relatives_a_record(planned, keys.rows, keys, is_self=is_self))
    passes = [msgspec.structs.replace(c.rule, row_order=c is chosen[0]) for c in chosen]
    compared = [msgspec.structs.replace(p.comparison, compared_last=p is planned[-1]) for p in planned]
    plan = msgspec.structs.replace(
        plan,
        decision=decision,
        training=_training(keys.rows, relatives, matches, is_any=not decision.has_rivals),
        fields=[p.field for p in planned],
        passes=passes,
        comparisons=compared,
    )
    checked = plan_from(msgspec.to_builtins(plan), "the proposed plan")
    notes = (*_notes(planned, chosen, many["right"], is_self=is_self), *left_out_notes(left_out))
    return Proposal(checked, tuple(planned), tuple(chosen), tuple(left_out), notes, tuple(made), keys.rows)


def _draft(name: str, ids: dict[str, str | None], planned: Sequence[Planned]) -> Plan:
    """The plan before its passes are chosen."""
    return Plan(
        format=FORMAT,
        name=name,
        left_id=ids["left"] or POSITION,
        right_id=ids["right"] or POSITION,
        fields=[p.field for p in planned],
        passes=[Pass(name="any", left=[planned[0].field.name], right=[planned[0].field.name])],
        comparisons=[p.comparison for p in planned],
    )


def _chosen(planned: Sequence[Planned], keys: EncodedFiles, matches: float | None, *, is_self: bool) -> list[Chosen]:
    """The passes; InputError where nothing could block."""
    is_of_people = any(p.pair.role in PERSONAL for p in planned)
    only_own = is_self and is_of_people and keys.same_home(planned) > _HOMES * (matches or 0.0)
    chosen = choose_passes(planned, keys.rows, keys.of, is_self=is_self, only_own=only_own)
    if not chosen:
        raise InputError(
            "no two records have a value in common in a column that could block: there seem to be no duplicates"
            if is_self
            else "no value of the left file occurs in the right one in a column that could block; look at the spelling "
            "of the values on both sides, or write the plan by hand"
        )
    return chosen


def _told_apart(
    planned: Sequence[Planned], sure: Sequence[SurePairs], keys: EncodedFiles
) -> tuple[list[Planned], list[LeftOut]]:
    """The fields without those paired by their values only in which sure pairs do not agree, as many as can be
    compared."""
    kept, idle = [], []
    for p in planned:
        is_guessed = p.pair.is_guessed and p.pair.role not in OWN
        found = tells(p, sure, keys.values(p)) if is_guessed else True
        if found:
            kept.append(p)
        else:
            idle.append(LeftOut("both", p.field.right[0], TOO_FEW if found is None else NOT_SURE))
    kept, too_many = _within_patterns(kept)
    return kept, [*idle, *too_many]


def _decision(duplicates: dict[str, float], partners: float) -> Decision:
    """Links are pairs that are more likely a match than not, as long as they are right in the mean."""
    is_once = duplicates["left"] <= _LEFT_DUPLICATES and partners <= _DUPLICATES
    one: Literal["one", "one_to_one"] = "one_to_one" if is_once else "one"
    return Decision(
        highest_false_match_rate=0.02,
        lowest_match_probability=0.5,
        lowest_review_probability=0.02,
        matches_per_record="any" if duplicates["right"] > _DUPLICATES else one,
    )


def _training(rows: tuple[int, int], relatives: float, matches: float | None, *, is_any: bool) -> Training:
    share = 0.5 if matches is None else max(_LEAST_SHARE, matches)
    return Training(
        random_pairs=min(_RANDOM_PAIRS, max(1, rows[0] * rows[1])),
        share_in_registry=round(share if is_any else min(share, _MOST_SHARE), 3),
        household_rate=round(min(relatives, _MOST_RELATIVES), 3),
    )


def _within_patterns(planned: list[Planned]) -> tuple[list[Planned], list[LeftOut]]:
    """Comparisons whose patterns of agreement are few enough: the one with most levels gives up its last limit, and
    where none can any more the one that is filled least is left out, which is said."""
    left_out = []
    while prod(len(p.comparison.labels) for p in planned) > _MOST_PATTERNS:
        richest = max(range(len(planned)), key=lambda i: (len(planned[i].comparison.thresholds), -i))
        if len(planned[richest].comparison.thresholds) > 1:
            planned = [without_level(p) if i == richest else p for i, p in enumerate(planned)]
        else:
            least = min(range(len(planned)), key=lambda i: planned[i].pair.filled)
            left_out.append(LeftOut("both", planned[least].field.right[0], TOO_MANY))
            planned = planned[:least] + planned[least + 1 :]
    return planned, left_out


def _with_shares(planned: Planned, shares: list[float] | None) -> Planned:
    """The comparison with measured starting values, where these are far from the defaults."""
    if shares is None:
        return planned
    distance = 0.5 * sum(abs(a - b) for a, b in zip(shares, planned.comparison.starting_m, strict=True))
    if distance < _FAR:
        return planned
    rounded = [max(round(share, 4), _LEAST_LEVEL) for share in shares]
    most = rounded.index(max(rounded))
    rounded[most] = round(rounded[most] + 1.0 - sum(rounded), 4)
    return replace(planned, comparison=msgspec.structs.replace(planned.comparison, m=rounded))


def _notes(planned: Sequence[Planned], chosen: Sequence[Chosen], many: float, *, is_self: bool) -> list[str]:
    notes = [
        f"if values are keyed in as is usual, which nobody knows yet, the passes find {found_share(chosen):.1%} of the "
        "matches; a match that agrees in none of them is not found"
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
        if p.comparison.kind != "date" and p.comparison.m is not None and p.comparison.m[0] < _SELDOM_SAME
    ]
    if len(planned) < 3:
        notes.append("fewer than three fields are compared: few links will be sure")
    return notes
