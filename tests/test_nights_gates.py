"""Gates of nights: ordinary nights pass, each planted fault stops the night by its gate, and is let through by name."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from linkage.nights.configuration import Limits, read_configuration
from linkage.nights.figures import COMMUNE, FACILITY, PATTERN, STATUS, Past, figures_of, past_of
from linkage.nights.gates import GATES, compared
from linkage.nights.status import status
from linkage.nights.unusual import beyond_usual, pattern_drift
from linkage.state.compacting import merged
from linkage.state.folder import NO_STATE, open_state
from linkage.state.rows import versions_of
from linkage.state.tables import DOSE_VERSIONS, FIGURES, NIGHTS_COUNTED, READ_OTHERWISE
from tests.district import Called, call
from tests.nights import CONFIGURATION, Nights, manifest

N_FACILITIES, N_PATTERNS = 40, 60
Counted = Mapping[tuple[str, str], tuple[int, int]]  # doses, and of them undecided, by kind and key


def a_night(rng: np.random.Generator, scale: float = 1.0, rise: float = 0.0, tilt: float = 0.0, n: int = 0) -> Counted:
    """A night whose facilities have rates of their own, which scatter from night to night as households and clerks
    make them; the first facility has more undecided by rise, and n doses where that is given; patterns are tilted."""
    found = dict[tuple[str, str], tuple[int, int]]()
    rates = np.linspace(0.1, 0.4, N_FACILITIES)
    sizes = rng.poisson(scale * np.geomspace(4, 120, N_FACILITIES)[::-1])
    sizes[0] = n or sizes[0]
    undecided = []
    for facility, (size, rate) in enumerate(zip(sizes.tolist(), rates.tolist(), strict=True)):
        of_night = rng.beta(60 * rate, 60 * (1 - rate)) if facility or not rise else rate + rise
        undecided.append(int(rng.binomial(size, of_night)))
        if size:
            found[FACILITY, f"F{facility:04}"] = size, undecided[-1]
            found[COMMUNE, f"{facility:05}"] = size, undecided[-1]
    total, review = int(sizes.sum()), int(rng.binomial(sum(undecided), 0.8))
    linked = total - sum(undecided)
    for name, n_doses in (("verified", linked // 2), ("matched", linked - linked // 2), ("review", review)):
        found[STATUS, name] = n_doses, 0
    found[STATUS, "unmatched"] = sum(undecided) - review, 0
    found[STATUS, "excluded"] = int(rng.poisson(3)), 0
    shares = np.geomspace(1, 0.001, N_PATTERNS) * np.where(np.arange(N_PATTERNS) % 2, 1 + tilt, 1 - tilt)
    patterns = rng.multinomial(total, shares / shares.sum())
    return found | {(PATTERN, str(code)): (int(k), 0) for code, k in enumerate(patterns) if k}


def past(*nights: Counted, days: int = 7) -> Past:
    """The last of some nights, one a day, beside the others; days : of a week."""
    rows = [
        {"night": place + 1, "kind": kind, "key": key, "n": n, "undecided": undecided, "place": place}
        for place, night in enumerate(nights)
        for (kind, key), (n, undecided) in night.items()
    ]
    found = pa.Table.from_pylist(rows, FIGURES.schema.append(pa.field("place", pa.int64())))
    return Past(found, len(nights) - 1, [place % days for place in range(len(nights))])


def stopping(found: Past, limits: Limits | None = None) -> set[str]:
    return {gate.name for gate in compared(found, limits or Limits())[0] if gate.stops}


def many(rng: np.random.Generator, n: int = NIGHTS_COUNTED) -> list[Counted]:
    return [a_night(rng) for _ in range(n)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ordinary_nights_pass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nights = [a_night(rng, scale) for scale in (*[1.0] * 30, 0.1, 6.0, *[1.0] * 28)]
    for number in range(1, len(nights)):
        found = past(*nights[max(0, number - NIGHTS_COUNTED) : number + 1])
        assert (number, stopping(found), compared(found, Limits())[1]) == (number, set(), [])


def a_fall(night: Counted, share: float) -> Counted:
    """A share of what is linked is under review instead."""
    moved = {name: int(night[STATUS, name][0] * share) for name in ("verified", "matched")}
    found = {(STATUS, name): (night[STATUS, name][0] - n, 0) for name, n in moved.items()}
    return {**night, **found, (STATUS, "review"): (night[STATUS, "review"][0] + sum(moved.values()), 0)}


def test_each_fault_stops_the_night_by_its_gate() -> None:
    rng = np.random.default_rng(4)
    before, usual = many(rng), a_night(rng)
    assert stopping(past(*before, usual)) == set()
    assert stopping(past(*before, a_fall(usual, 0.3))) == {"link_rate_fall", "review_share_rise"}
    lost = {**a_fall(usual, 0.3), (STATUS, "review"): usual[STATUS, "review"], (STATUS, "unmatched"): (900, 0)}
    assert stopping(past(*before, lost)) == {"link_rate_fall"}
    assert stopping(past(*before, a_night(rng, tilt=0.8))) == {"pattern_drift"}
    assert stopping(past(*before, a_night(rng, rise=0.5))) == {"facility_change", "commune_change"}
    alone = {key: value for key, value in a_night(rng, rise=0.5).items() if key[0] != COMMUNE}
    assert stopping(past(*before, {**usual, **alone})) == {"facility_change"}
    surge = {**usual, (FACILITY, "F0039"): (600, 240)}  # which sends 4 a night
    assert stopping(past(*before, surge)) == {"facility_surge"}
    assert "F0039: 600 doses, and 8 at most" in compared(past(*before, surge), Limits())[1][0]


def test_fixed_limits_need_no_nights_before() -> None:
    night = a_night(np.random.default_rng(5))
    assert stopping(past(night)) == set()
    assert stopping(past(night), Limits(lowest_link_rate=0.9)) == {"lowest_link_rate"}
    assert stopping(past(night), Limits(highest_review_share=0.1)) == {"highest_review_share"}


def test_first_nights_and_small_ones_are_held_against_nothing() -> None:
    rng = np.random.default_rng(6)
    bad = a_fall(a_night(rng, tilt=0.8, rise=0.5), 0.9)
    assert stopping(past(*many(rng, 6), bad)) == set()
    assert {"link_rate_fall", "pattern_drift", "facility_change"} <= stopping(past(*many(rng, 7), bad))
    few = {key: (n // 20, undecided // 20) for key, (n, undecided) in bad.items()}
    assert stopping(past(*many(rng), few), Limits(lowest_link_rate=0.9)) == set()


@pytest.mark.parametrize("n", [1, 5, 15, 50])
def test_an_ordinary_night_after_small_ones_passes(n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(100):
        small = []
        for total in np.maximum(1, rng.poisson(n, 7)).tolist():
            linked = int(rng.binomial(total, 0.75))
            review = int(rng.binomial(total - linked, 0.7))
            rest = {(STATUS, "unmatched"): (total - linked - review, 0)}
            small.append({(STATUS, "matched"): (linked, 0), (STATUS, "review"): (review, 0), **rest})
        night = {(STATUS, "matched"): (15000, 0), (STATUS, "review"): (3500, 0), (STATUS, "unmatched"): (1500, 0)}
        assert stopping(past(*small, night)) == set()


def test_one_facility_of_a_country_stops_no_night_and_is_told() -> None:
    rng = np.random.default_rng(7)
    rest = {(FACILITY, "all others"): (400_000, 80_000)}
    nights = [{**night, **rest} for night in many(rng)]
    found = past(*nights, {**a_night(rng, rise=0.5), **rest})
    assert "facility_change" not in stopping(found)
    assert any(note.startswith("facility F0000") for note in compared(found, Limits())[1])
    assert "facility_change" in stopping(found, Limits(facility_change=0.0001))


def test_a_night_larger_than_any_is_no_surge_of_each_facility() -> None:
    rng = np.random.default_rng(8)
    assert "facility_surge" not in stopping(past(*many(rng), a_night(rng, scale=15.0)))


def test_a_few_bad_nights_before_move_nothing() -> None:
    rng = np.random.default_rng(9)
    before = many(rng)
    before[3], before[17] = a_fall(before[3], 0.8), a_fall(before[17], 0.8)
    assert "link_rate_fall" in stopping(past(*before, a_fall(a_night(rng), 0.3)))


def test_weekends_are_held_against_weekends() -> None:
    rng = np.random.default_rng(11)

    def a_day(day: int) -> Counted:
        return a_fall(a_night(rng, tilt=0.8), 0.25) if day % 7 > 4 else a_night(rng)

    nights = [a_day(day) for day in range(28 + 14)]
    for day in range(28, len(nights)):
        assert (day, stopping(past(*nights[day - 28 : day + 1][-29:]))) == (day, set())
    assert "link_rate_fall" in stopping(past(*nights[5:34], days=1))  # a Saturday against all days
    assert {"link_rate_fall", "pattern_drift"} <= stopping(past(*nights[:28], nights[5]))  # on a Monday
    for few in (2, 3):  # Saturdays before
        stops = "link_rate_fall" in stopping(past(*nights[33 - 7 * few : 34]))
        assert stops == (few == 2)
    # Sundays of few doses say little of one of many.
    few = {key: (n // 400, undecided // 400) for key, (n, undecided) in nights[0].items()}
    assert "link_rate_fall" in stopping(past(*([*nights[:6], few] * 4), *nights[:6], a_fall(nights[0], 0.3)))


def test_a_share_is_held_against_what_scatters_anyway() -> None:
    totals = np.full(21, 1000)
    steady, unsteady = np.full(21, 700), 700 + 60 * (np.arange(21) % 3 - 1)
    assert beyond_usual(steady, totals, 500, 1000)[1] == 0.7
    assert beyond_usual(steady, totals, 500, 1000)[0] == pytest.approx(
        -0.2 + 4 * np.sqrt(0.21 * (1 / 1000 + 1 / 21000))
    )
    assert beyond_usual(steady, totals, 680, 1000)[0] == 0
    assert beyond_usual(unsteady, totals, 580, 1000)[0] > beyond_usual(steady, totals, 580, 1000)[0]


def test_drift_is_the_divergence_less_chance() -> None:
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(300))
    for n in (200, 2_000, 200_000):
        assert pattern_drift(rng.multinomial(50_000, shares), rng.multinomial(n, shares)) < 0.005
    # Most patterns of a night come once, and most of those of before not at all: a fault shows all the same.
    many = np.geomspace(1, 1e-4, 3000) / np.geomspace(1, 1e-4, 3000).sum()
    before, usual = rng.multinomial(30_000, many), rng.multinomial(1_000, many)
    assert pattern_drift(before, usual) < 0.01
    faulty = usual.copy()
    faulty[np.flatnonzero(usual)[:40]] = 0
    faulty[-1] += usual.sum() - faulty.sum()
    assert pattern_drift(before, faulty) > 0.05  # of 128 of 1,000 claims
    apart = pattern_drift(np.array([500_000, 0]), np.array([0, 500_000]))
    assert apart == pytest.approx(1.0, abs=1e-4)
    # by hand: p = (1/2, 1/2), q = (1/4, 3/4)
    by_hand = 0.5 * (0.5 * np.log2(0.5 / 0.375) + 0.5 * np.log2(0.5 / 0.625)) + 0.5 * (
        0.25 * np.log2(0.25 / 0.375) + 0.75 * np.log2(0.75 / 0.625)
    )
    assert pattern_drift(10**9 * np.array([1, 1]), 10**9 * np.array([1, 3])) == pytest.approx(by_hand, abs=1e-6)


# ----------------------------------------------------------------------------------------------------- in whole nights


def start(nights: Nights, number: int, *options: object) -> Called:
    return call("night", "--config", nights.config, "--date", nights.date(number), "--json", *options)


def test_a_gate_is_let_through_by_its_name_and_the_reason_is_kept(nights: Nights) -> None:
    limits = "lowest_link_rate = 1.0\nhighest_review_share = 0.0\n"
    nights.config.write_text(CONFIGURATION + limits, "utf-8")
    nights.write_doses(0, nights.town.doses[:300])
    ended = start(nights, 0)
    assert (ended.code, ended.json["kind"]) == (3, "gate")
    assert "less than lowest_link_rate = 1" in ended.json["error"]
    assert "more than highest_review_share = 0" in ended.json["error"]
    assert open_state(nights.folder / "state").name is None
    assert start(nights, 0, "--accept", "lowest_link_rate=old lists").code == 3
    accept = ["--accept", "lowest_link_rate=old lists", "--accept", "highest_review_share=as they are"]
    ended = start(nights, 0, *accept, "--accept", "pattern_drift=not needed")
    assert ended.code == 0, ended.err
    assert "lowest_link_rate was let through (old lists)" in ended.err
    said = manifest(Path(ended.json["night_dir"]))
    assert said["accepted_gates"] == {"lowest_link_rate": "old lists", "highest_review_share": "as they are"}
    assert said["gates"]["lowest_link_rate"]["limit"] == 1.0
    told = status(read_configuration(nights.config))["gates"]
    assert tuple(told) == GATES
    counts = ended.json["counts"]
    linked, compared_doses = counts["verified"] + counts["matched"], 300 - counts["excluded"]
    assert told["lowest_link_rate"] == {"limit": 1.0, "last": linked / compared_doses}
    assert told["link_rate_fall"] == {"limit": 0.1, "last": None}


@pytest.mark.parametrize("accept", ["link_rate=so", "link_rate_fall", "link_rate_fall= "])
def test_what_lets_a_gate_through_is_a_gate_and_a_reason(nights: Nights, accept: str) -> None:
    ended = start(nights, 0, "--accept", accept)
    assert (ended.code, "--accept" in ended.json["error"]) == (2, True), ended.err


def test_the_state_counts_what_each_night_brought(nights: Nights) -> None:
    rows = nights.town.doses
    nights.write_doses(0, rows[:200])
    nights.run(0)
    nights.write_doses(1, [*rows[:150], *(row | {"lot": "mended"} for row in rows[150:170]), *rows[200:260]])
    nights.run(1)
    state = open_state(nights.folder / "state")
    counted = versions_of(state, FIGURES).to_pylist()

    def total(night: int, kind: str, column: str = "n") -> int:
        return sum(row[column] for row in counted if (row["night"], row["kind"]) == (night, kind))

    assert (total(1, STATUS), total(2, STATUS)) == (200, 80)
    excluded = {row["night"]: row["n"] for row in counted if (row["kind"], row["key"]) == (STATUS, "excluded")}
    for night, n in ((1, 200), (2, 80)):
        undecided = sum(row["n"] for row in counted if row["night"] == night and row["key"] in ("review", "unmatched"))
        for kind in (FACILITY, COMMUNE):
            assert (total(night, kind), total(night, kind, "undecided")) == (n - excluded.get(night, 0), undecided)
        assert 0 < total(night, PATTERN) <= n
    shared = {row["facility_code"] for row in rows[:200]}
    assert {row["key"] for row in counted if (row["night"], row["kind"]) == (1, FACILITY)} == shared
    read_otherwise = versions_of(state, DOSE_VERSIONS)  # as by an adoption, which nobody sent
    what = pa.repeat(pa.scalar(READ_OTHERWISE), read_otherwise.num_rows)
    read_otherwise = read_otherwise.set_column(read_otherwise.column_names.index("what"), "what", what)
    unused: Any = object()
    assert figures_of(read_otherwise, unused, unused, 3).num_rows == 0
    after = past_of(state, FIGURES.schema.empty_table(), datetime.date(2026, 3, 14))
    assert (after.n_before, past_of(NO_STATE, FIGURES.schema.empty_table(), datetime.date(2026, 3, 14)).n_before) == (
        2,
        0,
    )
    before, now = after.counts(STATUS)
    assert (before.n.sum(axis=0).tolist(), int(now.n.sum())) == ([200, 80], 0)


def test_what_is_not_held_against_any_more_goes_when_parts_are_merged(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        nights.write_doses(number, nights.town.doses[: 40 * (number + 1)])
        nights.run(number)
    state = open_state(nights.folder / "state")
    assert set(merged(state, {})["figures"]["night"].to_pylist()) == {1, 2}
    monkeypatch.setattr("linkage.state.compacting.NIGHTS_COUNTED", 1)
    assert set(merged(state, {})["figures"]["night"].to_pylist()) == {2}
    nights.run(2)
    assert set(merged(open_state(nights.folder / "state"), {})["figures"]["night"].to_pylist()) == {2}


def test_quiet_nights_push_none_that_brought_doses_out_of_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"night": k, "kind": STATUS, "key": "verified", "n": k, "undecided": 0} for k in range(5, 400, 5)]
    counted = pa.Table.from_pylist(rows, FIGURES.schema)

    def read(_state: object, _table: object, keys: Any, *, by: str) -> pa.Table:
        return counted.filter(pc.is_in(counted[by], pa.array(keys)))

    monkeypatch.setattr("linkage.nights.figures.versions_of", read)

    def held_against(since: int) -> tuple[list[int], int]:
        nights = [{"kind": "night", "date": f"2026-03-{10 + k % 7}"} for k in range(399)]
        state: Any = SimpleNamespace(nights=nights, manifest={"epochs": [{"since": since}]})
        found = past_of(state, FIGURES.schema.empty_table(), datetime.date(2026, 3, 14))
        assert found.weekdays == [*[k % 7 for k in range(260, 400, 5)][-found.n_before :], 5]
        return found.counts(STATUS)[0].n[0].tolist(), found.n_quiet

    assert held_against(1) == (list(range(260, 400, 5)), 320)
    assert held_against(381) == ([385, 390, 395], 16)


def test_gates_that_say_nothing_are_told() -> None:
    rng = np.random.default_rng(10)
    found = past(*many(rng, 3), a_night(rng))
    assert compared(replace(found, n_quiet=3), Limits())[1] == []
    told = compared(replace(found, n_quiet=4), Limits())[1]
    assert told == [
        "of 7 nights before, doses came in 3; until they did in 7, gates hold no night against those before"
    ]
    before, night = many(rng), a_night(rng)
    without = {key: n for key, n in night.items() if key[0] != FACILITY}
    (told,) = compared(past(*before, without), Limits())[1]
    assert re.match(
        r"0 of [\d,]+ doses that came state a facility, .* does a file lack the column facility_code\?", told
    )
    never = [{key: n for key, n in one.items() if key[0] != FACILITY} for one in before]
    assert compared(past(*never, without), Limits())[1] == []


def test_every_gate_stands_in_the_manual_with_its_limit() -> None:
    page = (Path(__file__).parents[1] / "docs" / "operation.md").read_text("utf-8")
    section = page.partition("### Gates of nights")[2].partition("\n## ")[0]
    table = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", section, re.MULTILINE))
    assert {name: float(limit) for name, limit in table.items()} == msgspec.to_builtins(Limits())
