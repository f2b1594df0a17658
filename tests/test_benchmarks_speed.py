"""The benchmarks of speed: what the report makes of what was measured, and the common model of both programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.speed.limits import limits
from benchmarks.speed.measuring import BOUND, END_TO_END, EXHAUSTIVE, GIVEN, PREDICT
from benchmarks.speed.report import markdown, merged, rows_of, targets, write_report
from benchmarks.tables import seconds

pytest.importorskip("splink", reason="splink is in the development environment only")

from benchmarks.speed import splink_pairs
from benchmarks.speed.splink_models import COMMON_MODELS
from benchmarks.speed.splink_pairs import compare, make_common

HEADING = {"date": "2026-11-22", "commit": "abc", "machine": "m", "command": "./run bench"}


def row(section: str, name: str, rate: float, **more: Any) -> dict[str, Any]:
    """A row of a benchmark that works off a million pairs at a rate a second."""
    base = {"section": section, "name": name, "seconds": 1e6 / rate, "rounds": 3, "amount": 1e6, "unit": "pairs"}
    return base | {"heading": HEADING} | more


def scoring(exhaustive: float, bound: float) -> list[dict[str, Any]]:
    rates = {"none-2": exhaustive, "own-2": bound, "country-2": 2 * bound}
    return [row("Scoring", f"scoring[{name}]", rate, threads=2) for name, rate in rates.items()]


def beside_splink(ours: float, splink: float) -> dict[str, Any]:
    found = {
        "model": "names equal or not",
        "doses": 2000,
        "n_left": 1900,
        "n_right": 50_000,
        "n_pairs": 1_000_000,
        "n_scored": 900_000,
        "n_own_pairs": 1_000_100,
        "worst": 2.8e-14,
        "our_seconds": {BOUND: ours, BOUND + GIVEN: ours / 2, EXHAUSTIVE: 2 * ours, EXHAUSTIVE + GIVEN: ours}
        | {END_TO_END: 2.0},
        "splink_seconds": {PREDICT: splink, END_TO_END: 9.0},
    }
    return row("Beside Splink", "splink[2000]", 1e6, **found)


def test_rows_are_those_of_pytest_benchmark() -> None:
    measured = {"group": "G", "name": "test_x[1]", "stats": {"median": 0.5, "rounds": 3}, "extra_info": {"unit": "u"}}
    assert rows_of({"benchmarks": [measured]}, HEADING) == [
        {"section": "G", "name": "x[1]", "seconds": 0.5, "rounds": 3, "unit": "u", "heading": HEADING}
    ]


def test_rows_measured_anew_take_the_place_of_old_ones() -> None:
    before = [row("A", "x", 1.0), row("A", "y", 1.0)]
    rows = merged(before, [row("A", "y", 2.0), row("B", "x", 3.0)])
    assert [(one["section"], one["name"], 1e6 / one["seconds"]) for one in rows] == [
        ("A", "x", 1.0),
        ("A", "y", 2.0),
        ("B", "x", 3.0),
    ]


def test_targets_are_judged_by_what_was_found() -> None:
    rates = {"own": 70e6, "country": 80e6, "none": 30e6}
    of_2025 = [row("Scoring", f"scoring_2025[{name}]", rate, threads=2) for name, rate in rates.items()]
    found = {name: value for name, value, _ in targets([*scoring(25e6, 61e6), *of_2025, beside_splink(0.01, 3.5)])}
    assert list(found.values()) == [pytest.approx(v) for v in (61, 122, 25, 70, 80, 30, 350, 700)]
    text = markdown([*scoring(25e6, 59e6), beside_splink(0.01, 3.5)])
    assert "| default plan with the bound, 2 threads, million pairs a second | 59.0 | 60 | **missed** |" in text
    assert "| exhaustively | 25.0 | 20 | reached |" in text
    assert "| times Splink, names equal or not, 2,000 doses | 350.0 | 300 | reached |" in text
    assert "| times Splink, names equal or not, pairs given, 2,000 doses | 700.0 | 300 | reached |" in text


def test_what_was_not_measured_is_told() -> None:
    assert "| exhaustively | - | 20 | not measured |" in markdown([row("Strings", "twin", 5e4)])


def test_the_clocks_of_both_stand_side_by_side() -> None:
    text = markdown([beside_splink(0.01, 3.5)])
    shared = "| names equal or not | 2,000 | 1,900 | 50,000 |"
    assert (
        f"{shared} 1,000,000 | 900,000 | 2.8e-14 | scoring, exhaustive, pairs a second | 50,000,000 | 285,714 | 175.0 |"
        in text
    )
    assert f"{shared} 1,000,100 |  |  | end to end, seconds | 2.00 | 9.00 | 4.5 |" in text


def test_what_does_not_fit_end_to_end_is_left_out() -> None:
    found = beside_splink(0.01, 3.5) | {"n_own_pairs": None, "splink_seconds": {PREDICT: 3.5}}
    text = markdown([found])
    assert "pairs given, pairs a second | 200,000,000 | 285,714 | 700.0 |" in text
    assert "end to end, seconds" not in text


def test_limits_need_all_that_they_are_made_of() -> None:
    rows = [
        *scoring(20e6, 60e6),
        row("Limits", "reading_memory[2]", 4.2e10, unit="bytes"),
        row("Limits", "bare_loop[2]", 4e8, bytes_per_pair=42),
        row("Scoring by parts", "comparison[sex]", 2e9),
    ]
    assert limits(rows[:-2]) is None
    found = limits(rows)
    assert found is not None
    assert [round(rate) for _, rate in found.rates] == [1000, 400, 120, 60, 20]
    assert found.nanoseconds == [("comparison[sex]", pytest.approx(0.5))]
    assert "| memory read once, 42 bytes a pair | 1000.0 |" in markdown(rows)


def test_the_report_keeps_rows_that_are_not_measured_again(tmp_path: Path) -> None:
    write_report(scoring(20e6, 60e6), tmp_path)
    write_report([row("Strings", "twin", 5e4)], tmp_path)
    content = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert len(content["rows"]) == 4
    assert (tmp_path / "speed.md").read_text(encoding="utf-8") == markdown(content["rows"])


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1234"), (180.04, "180"), (61.25, "61.2"), (2.0, "2.00"), (0.0001234, "0.000123")]
)
def test_seconds_have_three_digits(value: float, text: str) -> None:
    assert seconds(value) == text


PEOPLE = 400


def people() -> pa.Table:
    """People of two communes and four years whose names are few."""
    names = ["nguyen thi hoa", "tran van nam", "le thi hoai", "pham duc nam", "nguyen van an", "bui thi hong"]
    columns = {
        "unique_id": [f"P{n:04}" for n in range(PEOPLE)],
        "sex": [str(1 + n % 2) for n in range(PEOPLE)],
        "birth_date": [f"{1980 + n % 4}-{1 + n % 12:02}-{1 + n % 27:02}" for n in range(PEOPLE)],
        "birth_year": [str(1980 + n % 4) for n in range(PEOPLE)],
        "id_number": [f"{79_000_000_000 + 977 * n:012}" for n in range(PEOPLE)],
        "phone": [None if n % 9 == 0 else f"09{10_000_000 + 131 * n}" for n in range(PEOPLE)],
        "insurance_number": [None if n % 5 else f"{7_000_000_000 + 17 * n}" for n in range(PEOPLE)],
        "commune": [str(1 + n % 2) for n in range(PEOPLE)],
        "ethnicity": ["1" if n % 7 else "2" for n in range(PEOPLE)],
        "name_plain": [names[n * n % 6] for n in range(PEOPLE)],
    }
    return pa.table(columns)


@pytest.mark.slow
@pytest.mark.parametrize("model", COMMON_MODELS)
def test_both_programs_weigh_the_same_pairs_alike(tmp_path: Path, model: str) -> None:
    right = people()
    left = right.slice(0, 150)
    swapped = left.column("name_plain").take(pa.array([*range(1, 150), 0]))
    left = left.set_column(left.column_names.index("name_plain"), "name_plain", swapped)
    found = compare(make_common(left, right, COMMON_MODELS[model], tmp_path / "common"), n_threads=2)
    assert (found.n_left, found.n_right) == (150, PEOPLE)
    assert found.n_pairs == found.n_own_pairs > 3000
    assert found.worst < 1e-9
    scored = {BOUND, BOUND + GIVEN, EXHAUSTIVE, EXHAUSTIVE + GIVEN}
    assert set(found.our_seconds) == scored | {END_TO_END}
    assert set(found.splink_seconds) == {PREDICT, END_TO_END}


@pytest.mark.slow
def test_many_pairs_are_given_to_splink_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = people().slice(0, 150), people()
    common = make_common(left, right, COMMON_MODELS["names equal or not"], tmp_path / "common")
    at_once = compare(common, n_threads=2)
    monkeypatch.setattr(splink_pairs, "_MOST_CLAIMS", 60)
    in_parts = compare(common, n_threads=2)
    # Two parts of sixty claims each: the other thirty are ours alone.
    assert in_parts.n_pairs == at_once.n_pairs == at_once.n_scored > in_parts.n_scored > at_once.n_scored // 2
    assert in_parts.worst < 1e-9
    assert in_parts.n_own_pairs is None
    assert END_TO_END not in in_parts.our_seconds
