"""What the measured nights say: how their time grows with the claims that were decided before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.national.findings import Judged, Result, stage_seconds, wall
from benchmarks.tables import count, gib, markdown_table, seconds

MOST_EXPONENT = 0.2
_COUNTRY, _HISTORY = 100_000_000, 50_000_000
_KINDS = ("quiet", "full")
# Kind, doses, changes, seconds and GiB at most.
_TARGETS = (("quiet", 10_000, 10_000, 15.0, None), ("full", 5_000_000, 100_000, 150.0, 8.0))


@dataclass(frozen=True)
class HistoryGrowth:
    """exponent: of the power of the claims in force with which the time of a kind of night grows, None with fewer than
    two sizes; cpu_exponent: the same of its processor time."""

    persons: int
    kind: str
    claims: tuple[int, ...]
    exponent: float | None
    cpu_exponent: float | None


def nights_of(results: Sequence[Result]) -> list[Result]:
    """The nights that were measured, each with the claims that were in force before; by registry, kind and these."""
    known = _known(results)
    found = [
        night | {"claims": known[night["persons"], night["history"]]["claims"]}
        for night in results
        if night["kind"] in _KINDS and not night["failure"] and (night["persons"], night["history"]) in known
    ]
    return sorted(found, key=lambda night: (night["persons"], _KINDS.index(night["kind"]), night["claims"]))


def _known(results: Sequence[Result]) -> dict[tuple[int, int], dict[str, Any]]:
    """What states hold, by registry and history."""
    known = (one for one in results if one["kind"] == "known" and not one["failure"])
    return {(one["persons"], one["history"]): one["output"] for one in known}


def judge_nights(results: Sequence[Result]) -> list[Judged]:
    """The targets of nights, on at least 50 million claims."""
    return [_judged(results, *target) for target in _TARGETS]


def _judged(
    results: Sequence[Result], kind: str, doses: int, changes: int, most_seconds: float, most_gib: float | None
) -> Judged:
    name = f"{kind} night: {count(doses)} doses and {count(changes)} changes, on {count(_HISTORY)} claims"
    for night in nights_of(results):
        facts = night["kind"], night["persons"], night["doses"], night["changes"]
        if facts == (kind, _COUNTRY, doses, changes) and night["claims"] >= _HISTORY:
            return Judged(name, most_seconds, most_gib, wall(night), night["peak_anon_bytes"])
    return Judged(name, most_seconds, most_gib, None, None)


def history_growth(results: Sequence[Result]) -> list[HistoryGrowth]:
    """By registry and kind of night."""
    nights = nights_of(results)
    groups = dict.fromkeys((night["persons"], night["kind"]) for night in nights)
    return [_growth([n for n in nights if (n["persons"], n["kind"]) == group]) for group in groups]


def _growth(nights: Sequence[Result]) -> HistoryGrowth:
    claims = tuple(night["claims"] for night in nights)
    first = nights[0]["persons"], nights[0]["kind"], claims
    if len(set(claims)) < 2:
        return HistoryGrowth(*first, None, None)
    fitted = (
        float(np.polyfit(np.log(claims), np.log([night[name] for night in nights]), 1)[0])
        for name in ("wall_seconds", "cpu_seconds")
    )
    return HistoryGrowth(*first, *fitted)


def growth_as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    return [asdict(one) for one in history_growth(results)]


def night_lines(results: Sequence[Result]) -> list[str]:
    """The part of the report about nights; nothing where none was measured."""
    nights = nights_of(results)
    if not nights:
        return []
    names = list(dict.fromkeys(name for night in nights for name in stage_seconds(night)))
    return [
        "## Nights",
        "",
        "Nights on states that grew by earlier ones: a *quiet* one has as many changes of the registry as doses, and a "
        "tenth as many verdicts. Each was done, taken back and done again; the median is told.",
        "",
        *markdown_table(("people", "claims in force", "night", *_FIGURES), map(_night, nights)),
        "",
        f"Time grows as claims in force to the power *exponent*; at most {MOST_EXPONENT:g} is wanted.",
        "",
        *markdown_table(
            ("people", "night", "claims in force", "exponent", "of CPU", ""), map(_growing, history_growth(results))
        ),
        "",
        "### Seconds of nights by stage",
        "",
        *markdown_table(
            ("people", "claims in force", "night", *names),
            ([*_label(night), *(seconds(stage_seconds(night).get(name, 0.0)) for name in names)] for night in nights),
        ),
        "",
        "### What states hold",
        "",
        *_states(results),
        "",
    ]


_FIGURES = ("doses", "changes", "verdicts", "seconds", "of all", "CPU", "anonymous GiB", "mapped GiB", "disk GiB")


def _label(night: Result) -> list[str]:
    return [count(night["persons"]), count(night["claims"]), night["kind"]]


def _night(night: Result) -> list[str]:
    given = (count(night[name]) for name in ("doses", "changes", "verdicts"))
    times = seconds(wall(night)), " ".join(map(seconds, night["wall_seconds_of_all"])), seconds(night["cpu_seconds"])
    memory = (gib(night[name]) for name in ("peak_anon_bytes", "peak_file_bytes", "peak_disk_bytes"))
    return [*_label(night), *given, *times, *memory]


def _growing(one: HistoryGrowth) -> list[str]:
    claims = ", ".join(map(count, one.claims))
    if one.exponent is None or one.cpu_exponent is None:
        return [count(one.persons), one.kind, claims, "-", "-", ""]
    verdict = "reached" if one.exponent <= MOST_EXPONENT else "**missed**"
    figures = f"{one.exponent:.3f}", f"{one.cpu_exponent:.3f}"
    return [count(one.persons), one.kind, claims, *figures, verdict]


def _states(results: Sequence[Result]) -> list[str]:
    """Bytes of a claim in each table of the states."""
    known = sorted(_known(results).items())
    tables = sorted({table for _, holds in known for table in holds["bytes"]})
    rows = (
        [
            count(persons),
            *(count(holds[name]) for name in ("claims", "doses", "parts")),
            gib(sum(holds["bytes"].values())),
            *(f"{holds['bytes'].get(table, 0) / holds['claims']:.1f}" for table in tables),
        ]
        for (persons, _), holds in known
    )
    return markdown_table(("people", "claims", "doses", "parts", "GiB", *(f"{t}, bytes a claim" for t in tables)), rows)
