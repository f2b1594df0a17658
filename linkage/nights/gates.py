"""When a night stops before it is published, and what lets it through."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from linkage.errors import QualityGateError, UsageError
from linkage.nights.arriving import Arrived
from linkage.nights.configuration import Limits
from linkage.nights.figures import COMMUNE, FACILITY, PATTERN, STATUS, Past, past_of
from linkage.nights.results import Results
from linkage.nights.unusual import FEWEST, Changed, beyond_usual, changed_groups, pattern_drift, surging
from linkage.state.folder import State

FEWEST_NIGHTS = 7  # before a night that is held against them
FEWEST_ALIKE = 3  # nights of a weekday, of which 28 nights have four, or three where one brought nothing
_SHOWN = 10

GATES: tuple[str, ...] = tuple(field.name for field in msgspec.structs.fields(Limits))


@dataclass(frozen=True)
class Gate:
    """What a night has of a gate.

    value : None where it says nothing, as before FEWEST_NIGHTS nights; stops : whether the limit is passed
    text : why, in words
    """

    name: str
    value: float | None
    stops: bool
    text: str


def check_accepted(accepted: Mapping[str, str]) -> None:
    """UsageError for a gate that there is not, or a reason of blanks."""
    for name, reason in accepted.items():
        if name not in GATES:
            raise UsageError(f"--accept {name}: there is no such gate; name one of {', '.join(GATES)}")
        if not reason.strip():
            raise UsageError(f"--accept {name}: needs a reason in writing; it is kept beside the result")


def rejected_gate(arrived: Arrived, limits: Limits) -> Gate:
    """Of the records of a night, before anything is decided."""
    n_rejected, n_records = arrived.rejected.num_rows, arrived.n_physical
    share = n_rejected / n_records if n_records else 0.0
    stops = n_rejected > limits.rejected_share * n_records
    return Gate("rejected_share", share, stops, f"{n_rejected:,} of {n_records:,} records were rejected")


def decided_gates(results: Results, state: State, limits: Limits, date: datetime.date) -> tuple[list[Gate], list[str]]:
    """Of what the night of a date decides; and notes of facilities and communes that changed."""
    gates, notes = compared(past_of(state, results.figures, date), limits)
    return [_expected(results, limits), *gates], notes


def compared(past: Past, limits: Limits) -> tuple[list[Gate], list[str]]:
    """Of what a night brought beside the nights before; and notes of facilities and communes that changed."""
    groups, notes = _groups(past, limits)
    return [*_shares(past, limits), _drift(past, limits), *groups], [*_silent(past), *notes]


def _silent(past: Past) -> Iterator[str]:
    """Notes of gates that say nothing where one would think that they do."""
    if past.n_before < FEWEST_NIGHTS <= past.n_before + past.n_quiet:
        yield (
            f"of {past.n_before + past.n_quiet:,} nights before, doses came in {past.n_before:,}; until they did in "
            f"{FEWEST_NIGHTS}, gates hold no night against those before"
        )
    of = _by_status(past).values()
    doses, doses_before = sum(n for _, n in of), sum(int(n.sum()) for n, _ in of)
    for kind, gates in ((FACILITY, "facility_change and facility_surge"), (COMMUNE, "commune_change")):
        before, now = past.counts(kind)
        n, n_before = int(now.n.sum()), int(before.n.sum())
        if min(doses, doses_before) >= FEWEST and 2 * n < doses and 2 * n_before >= doses_before:
            yield (
                f"{n:,} of {doses:,} doses that came state a {kind}, and {n_before:,} of {doses_before:,} in the "
                f"nights before; of the others {gates} say nothing: does a file lack the column {kind}_code?"
            )


def refuse(gates: Iterable[Gate], limits: Limits, accepted: Mapping[str, str]) -> None:
    """QualityGateError where a limit is passed that is not accepted; all that are, are told."""
    stopping = [gate for gate in gates if gate.stops and gate.name not in accepted]
    if stopping:
        told = "; ".join(f"{gate.text}, {_than(gate.name)} {gate.name} = {_limit(gate, limits):g}" for gate in stopping)
        raise QualityGateError(
            f"the night was not published: {told}; mend its files, change the limit in [gates], or give "
            f"--accept {stopping[0].name}='why it holds'"
        )


def accepted_notes(gates: Iterable[Gate], accepted: Mapping[str, str]) -> list[str]:
    """What was let through, and why."""
    return [
        f"{gate.name} was let through ({accepted[gate.name]}): {gate.text}"
        for gate in gates
        if gate.stops and gate.name in accepted
    ]


def gate_entries(gates: Iterable[Gate], limits: Limits, accepted: Mapping[str, str]) -> dict[str, Any]:
    """What manifests say of gates: limit and value of each, and why those that stopped were let through."""
    every = list(gates)
    return {
        "gates": {gate.name: {"limit": _limit(gate, limits), "value": gate.value} for gate in every},
        "accepted_gates": {gate.name: accepted[gate.name] for gate in every if gate.stops and gate.name in accepted},
    }


def _limit(gate: Gate, limits: Limits) -> float:
    return float(getattr(limits, gate.name))


def _than(name: str) -> str:
    return "less than" if name == "lowest_link_rate" else "more than"


def _expected(results: Results, limits: Limits) -> Gate:
    """Of the matches of the night how many are expected to be wrong. Less than one stops no night."""
    expected, n_matched = results.expected_false_matches, results.n_matched
    stops = expected >= 1 and expected > limits.expected_false_match_rate * n_matched
    text = f"of {n_matched:,} doses that it matches {expected:.1f} are expected to be wrong"
    return Gate("expected_false_match_rate", expected / n_matched if n_matched else 0.0, stops, text)


def _shares(past: Past, limits: Limits) -> Iterator[Gate]:
    """Of the doses that came the shares verified or matched, and under review, and how far they are from usual."""
    of = _by_status(past)
    total, totals = sum(n for _, n in of.values()), sum((n for n, _ in of.values()), start=_none(past))
    for statuses, fixed, moved, what, sign in (
        (("verified", "matched"), "lowest_link_rate", "link_rate_fall", "verified or matched", -1.0),
        (("review",), "highest_review_share", "review_share_rise", "under review", 1.0),
    ):
        n = sum(of[status][1] for status in statuses if status in of)
        earlier = sum((of[status][0] for status in statuses if status in of), start=_none(past))
        limit, share, is_enough = getattr(limits, fixed), n / max(1, total), total >= FEWEST
        text = f"{n:,} of {total:,} doses that came are {what}"
        yield Gate(fixed, share if total else None, is_enough and sign * (share - limit) > 0, text)
        if not is_enough or past.n_before < FEWEST_NIGHTS or totals.sum() < FEWEST:
            yield Gate(moved, None, False, "")
            continue
        alike = _alike(past, totals)
        apart, usual = beyond_usual(earlier[alike], totals[alike], n, total)
        value = max(0.0, sign * apart)
        yield Gate(moved, value, value > getattr(limits, moved), f"{text} and {usual:.1%} were before, {_apart(value)}")


def _alike(past: Past, n: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the nights before are of the same weekday, as other people come at weekends; where these are few, or
    have few doses, all. n : doses or claims, int64[n_before]"""
    is_alike = np.array(past.weekdays[:-1]) == past.weekdays[-1]
    is_enough = is_alike.sum() >= FEWEST_ALIKE and n[is_alike].sum() >= FEWEST
    return is_alike if is_enough else np.ones(n.size, np.bool_)


def _by_status(past: Past) -> dict[str, tuple[NDArray[np.int64], int]]:
    """How many doses came of each status but excluded ones: in each night before, and tonight."""
    before, now = past.counts(STATUS)
    return {key: (before.n[i], int(now.n[i, 0])) for i, key in enumerate(now.keys) if key != "excluded"}


def _none(past: Past) -> Any:
    """Counts of no status, a night each."""
    return 0 * past.counts(STATUS)[0].n.sum(axis=0)


def _apart(value: float) -> str:
    return f"{value:.3f} beyond what is usual"


def _drift(past: Past, limits: Limits) -> Gate:
    """How far the agreement patterns of best candidates are from those of the nights before."""
    name = "pattern_drift"
    before, now = past.counts(PATTERN)
    if past.n_before < FEWEST_NIGHTS or min(before.n.sum(), now.n.sum()) < FEWEST:
        return Gate(name, None, False, "")
    alike = _alike(past, before.n.sum(axis=0))
    value = pattern_drift(before.n[:, alike].sum(axis=1), now.n[:, 0])
    return Gate(name, value, value > limits.pattern_drift, f"claims agree otherwise than before, {_apart(value)}")


def _groups(past: Past, limits: Limits) -> tuple[list[Gate], list[str]]:
    """The shares of the doses that come of facilities and communes that changed, and notes of these."""
    gates, notes = [], list[str]()
    for name, kind, find, tell in (
        ("facility_change", FACILITY, changed_groups, _undecided),
        ("commune_change", COMMUNE, changed_groups, _undecided),
        ("facility_surge", FACILITY, surging, _surge),
    ):
        before, now = past.counts(kind)
        total = int(now.n.sum())
        if past.n_before < FEWEST_NIGHTS or total < FEWEST:
            gates.append(Gate(name, None, False, ""))
            continue
        found = find(before, now)
        value = sum(one.n for one in found) / total
        texts = [f"{kind} {one.key}: {tell(one)}" for one in found[:_SHOWN]]
        notes += [*texts, *([f"and {len(found) - _SHOWN:,} more of that kind"] if len(found) > _SHOWN else [])]
        text = f"{value:.1%} of the doses come of {len(found):,} that changed suddenly ({'; '.join(texts[:3])})"
        gates.append(Gate(name, value, value > getattr(limits, name), text))
    return gates, notes


def _undecided(one: Changed) -> str:
    return (
        f"{one.undecided:,} of {one.n:,} doses are under review or unmatched, and {one.undecided_before:,} of "
        f"{one.n_before:,} were in the nights before"
    )


def _surge(one: Changed) -> str:
    return f"{one.n:,} doses, and {one.n_before:,} at most in one of the nights before"


def last_values(nights: Sequence[Mapping[str, Any]], limits: Limits) -> dict[str, dict[str, float | None]]:
    """The limit of each gate by now, and the value that the last of some nights had, adoptions left out; None where it
    had none."""
    said: Mapping[str, Any] = next((night["gates"] for night in reversed(nights) if "gates" in night), {})
    return {
        name: {"limit": float(getattr(limits, name)), "last": said.get(name, {"value": None})["value"]}
        for name in GATES
    }
