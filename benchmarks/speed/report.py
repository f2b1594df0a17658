"""The results of ``./run bench`` as JSON and as Markdown.

A row is what one benchmark measured: its section and name, the median seconds of a round, how much a round works off,
and what is told beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.limits import limits
from benchmarks.speed.measuring import BOUND, END_TO_END, EXHAUSTIVE, GIVEN, PREDICT
from benchmarks.tables import count, markdown_table, seconds

Row = dict[str, Any]

_NOTES = """\
*Seconds* are the median of the rounds; compiling comes before. *A second* is what is worked off in one. The rows of one
command were measured one after the other. Scoring is of the doses that do not agree exactly with one person, against
the larger of two simulated registries."""
_CLOCKS = """\
Both score the same pairs with the same model, and their weights agree pair by pair. *Ours* runs from the encoded batch
and the opened index to the five best candidates of every claim, finding the pairs within its time; or, *pairs given*,
from the pairs on. What encoding makes of words, their letters and signatures, is made before, as are Splink's tables.
*Splink* runs `predict` on exactly these pairs, registered before with our term frequencies: what finding them takes is
not counted, and it keeps no intermediate columns. Of more than 200,000 claims it scores the pairs of 200,000, *scored*,
and its seconds are taken in proportion. End to end is from two standardised Parquet files to a Parquet file: ours
reads, encodes, builds the index, and links; Splink reads, finds the pairs by the same rules, and scores. Both have the
same threads.

The models differ in how text is compared. *Names by Jaro-Winkler* is the least favourable to ours: `model export
--splink` with DuckDB's own function, the fastest measure that Splink has. *Names equal or not* leaves measures out.
*As Splink's users write it* is made with Splink's own comparison library, `DamerauLevenshteinAtThresholds` on names,
dates and numbers and `ExactMatch` on the rest, with our m and u put in; the target of 300 times was set by
one like it, of six comparisons."""
# Millions of pairs a second on two cores, and times Splink.
BOUND_TARGET, EXHAUSTIVE_TARGET, SPLINK_TARGET = 60.0, 20.0, 300.0


def rows_of(content: dict[str, Any], heading: dict[str, str]) -> list[Row]:
    """Rows from what pytest-benchmark wrote."""
    return [
        {
            "section": one["group"],
            "name": one["name"].removeprefix("test_"),
            "seconds": one["stats"]["median"],
            "rounds": one["stats"]["rounds"],
            **one["extra_info"],
            "heading": heading,
        }
        for one in content["benchmarks"]
    ]


def merged(before: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Rows by section and name, new ones in the place of old ones."""
    by_key = {(row["section"], row["name"]): row for row in [*before, *rows]}
    return list(by_key.values())


def write_report(rows: Sequence[Row], out: Path) -> None:
    """speed.json, where rows of earlier runs stay, and speed.md."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "speed.json"
    before = json.loads(path.read_text("utf-8"))["rows"] if path.is_file() else []
    every = merged(before, rows)
    content = {"targets": [list(target) for target in targets(every)], "rows": every}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (out / "speed.md").write_text(markdown(every), encoding="utf-8")


def markdown(rows: Sequence[Row]) -> str:
    """The whole report."""
    lines = ["# Speed", "", *_headings(rows), "", _NOTES, "", "## Targets", ""]
    lines += markdown_table(("what", "found", "at least", ""), map(_target_line, targets(rows)))
    sections = list(dict.fromkeys(row["section"] for row in rows))
    for section in sections:
        own = [row for row in rows if row["section"] == section]
        lines += ["", f"## {section}", "", *(_beside_splink(own) if section == "Beside Splink" else _table(own))]
    return "\n".join([*lines, *_limits(rows)]) + "\n"


def _headings(rows: Sequence[Row]) -> list[str]:
    """Where the rows come from; which ones, when they come from several places."""
    names: dict[str, list[str]] = {}
    for row in rows:
        told = row["heading"]
        line = f"- {told['date']}, commit {told['commit']}, {told['machine']}: `{told['command']}`"
        names.setdefault(line, []).append(row["name"])
    return list(names) if len(names) == 1 else [f"{line} ({', '.join(which)})" for line, which in names.items()]


def _table(rows: Sequence[Row]) -> list[str]:
    headings = ("what", "works off", "seconds", "a second", "threads", "beside")
    return markdown_table(headings, map(_line, rows))


_TOLD = {"section", "name", "seconds", "rounds", "amount", "unit", "threads", "heading"}


def _line(row: Row) -> list[str]:
    beside = ", ".join(f"{name} {_short(value)}" for name, value in row.items() if name not in _TOLD)
    threads = str(row.get("threads", 1))
    rate = count(row["amount"] / row["seconds"])
    return [row["name"], f"{count(row['amount'])} {row['unit']}", seconds(row["seconds"]), rate, threads, beside]


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {_short(part)}" for name, part in value.items())
    return f"{value:.3g}" if isinstance(value, float) else count(value)


def _beside_splink(rows: Sequence[Row]) -> list[str]:
    lines = [_CLOCKS, ""]
    headings = (
        "model",
        "doses",
        "claims",
        "people",
        "pairs",
        "scored",
        "weights differ by",
        "what",
        "ours",
        "Splink",
        "times",
    )
    return lines + markdown_table(headings, [line for row in rows for line in _splink_lines(row)])


def _splink_lines(row: Row) -> list[list[str]]:
    sizes = [row["model"], *(count(row[name]) for name in ("doses", "n_left", "n_right", "n_pairs", "n_scored"))]
    ours, splink = row["our_seconds"], row["splink_seconds"]
    predict = splink[PREDICT]
    lines = [
        [*sizes, f"{row['worst']:.1e}", f"scoring, {how}, pairs a second", *_rates(row["n_pairs"], ours[how], predict)]
        for how in (BOUND, BOUND + GIVEN, EXHAUSTIVE, EXHAUSTIVE + GIVEN)
    ]
    if END_TO_END in splink:
        times = f"{splink[END_TO_END] / ours[END_TO_END]:.1f}"
        end_to_end = [seconds(ours[END_TO_END]), seconds(splink[END_TO_END]), times]
        lines.append([*sizes[:-2], count(row["n_own_pairs"]), "", "", "end to end, seconds", *end_to_end])
    return lines


def _rates(n_pairs: int, ours: float, splink: float) -> list[str]:
    return [count(n_pairs / ours), count(n_pairs / splink), f"{splink / ours:.1f}"]


def targets(rows: Sequence[Row]) -> list[tuple[str, float | None, float]]:
    """What is wanted of scoring: name, what was found, at least."""
    rates = {row["name"]: row["amount"] / row["seconds"] / 1e6 for row in rows if row["section"] == "Scoring"}
    times = {
        f"{row['model']}{given}, {count(row['doses'])} doses": row["splink_seconds"][PREDICT]
        / row["our_seconds"][BOUND + given]
        for row in rows
        if row["section"] == "Beside Splink"
        for given in ("", GIVEN)
    }
    whole = [
        ("default plan with the bound, 2 threads, million pairs a second", "scoring[own-2]", BOUND_TARGET),
        ("with the bound of 100 million people", "scoring[country-2]", BOUND_TARGET),
        ("exhaustively", "scoring[none-2]", EXHAUSTIVE_TARGET),
        ("communes of 2025, with the bound", "scoring_2025[own]", BOUND_TARGET),
        ("communes of 2025, with the bound of 100 million people", "scoring_2025[country]", BOUND_TARGET),
        ("communes of 2025, exhaustively", "scoring_2025[none]", EXHAUSTIVE_TARGET),
    ]
    return [
        *((what, rates.get(name), least) for what, name, least in whole),
        *((f"times Splink, {which}", found, SPLINK_TARGET) for which, found in times.items()),
    ]


def _target_line(target: tuple[str, float | None, float]) -> list[str]:
    name, found, least = target
    if found is None:
        return [name, "-", f"{least:g}", "not measured"]
    return [name, f"{found:.1f}", f"{least:g}", "reached" if found >= least else "**missed**"]


def _limits(rows: Sequence[Row]) -> list[str]:
    """How far from the limit, where all that is needed was measured."""
    found = limits(rows)
    if not found:
        return []
    lines = ["", "## How far from the limit", ""]
    lines += markdown_table(
        ("2 threads", "million pairs a second"), ([name, f"{rate:.1f}"] for name, rate in found.rates)
    )
    lines += ["", f"What one core takes for a pair, in nanoseconds, {found.note}:", ""]
    return lines + markdown_table(("part", "ns a pair"), ([name, f"{ns:.2f}"] for name, ns in found.nanoseconds))
