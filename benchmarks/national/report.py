"""The results of the national benchmark as JSON, as Markdown and as pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.national import pictures
from benchmarks.national.findings import (
    LEAST_FITTED,
    MOST_FITTED,
    Judged,
    Result,
    as_json,
    growth,
    judge,
    registries,
    runs_of,
    stage_seconds,
)
from benchmarks.national.night_findings import growth_as_json, judge_nights, night_lines
from benchmarks.tables import count, gib, markdown_table, seconds

_NOTES = """\
Every line is a command of its own, watched from outside: *seconds* are from its start to its end, Python's start
included; *CPU* is of all its threads and processes; *anonymous* is the highest sum of RssAnon, the memory that the
processes hold themselves, and *mapped* that of RssFile and RssShmem, which the system takes back when it needs it, both
read five times a second; *disk* is the space taken at the worst moment, *left* the size of what stays; *read* came from
the disk and not from the system's cache. A step measured several times shows its median. Runs are given a model trained
before. Batches of less than a night are random doses of the night in the order of its file, so they have fewer doses of
one subject: compare *subjects* too."""


def write_report(results: Sequence[Result], out: Path) -> None:
    """national.json, national.md and the pictures that can be drawn, into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    drawn = pictures.draw(results)
    for name, svg in drawn.items():
        (out / f"{name}.svg").write_text(svg, encoding="utf-8")
    found = as_json(results, judge_nights(results)) | {"nights": growth_as_json(results)}
    content = json.dumps(found, ensure_ascii=False, indent=1)
    (out / "national.json").write_text(content + "\n", encoding="utf-8")
    (out / "national.md").write_text(markdown(results, list(drawn)), encoding="utf-8")


def markdown(results: Sequence[Result], drawn: Sequence[str] = ()) -> str:
    """The whole report; drawn: names of the pictures beside it."""
    done = [result for result in results if not result["failure"]]
    lines = ["# The size of the country", "", *_headings(results), "", _NOTES, "", "## Targets", ""]
    lines += markdown_table(
        ("what", "seconds", "at most", "anonymous GiB", "at most", ""),
        map(_target, [*judge(results), *judge_nights(results)]),
    )
    lines += ["", "## Runs", "", *_runs(done), "", "## Seconds by stage", "", *_stages(done), "", "## Growth", ""]
    lines += [*_growth(done), *(f"\n![{name}]({name}.svg)" for name in drawn)]
    lines += ["", *night_lines(results), "## Data and index", "", *_others(done), "", *_accuracy(done)]
    failed = [f"- {result['step']}: {result['failure']}" for result in results if result["failure"]]
    lines += ["## Not measured", "", *failed, ""] if failed else []
    lines += ["## Commands", "", *(f"- {result['step']}: `{result['command']}`" for result in results)]
    return "\n".join(lines) + "\n"


def _headings(results: Sequence[Result]) -> list[str]:
    """Machine, code and command of every part of the results, and which steps they hold for."""
    steps: dict[str, list[str]] = {}
    for result in results:
        heading = result["heading"]
        told = f"{heading['date'][:10]}, commit {heading['commit']}, {heading['machine']}: `{heading['command']}`"
        steps.setdefault(told, []).append(result["step"])
    if len(steps) == 1:
        return [f"- {told}" for told in steps]
    return [f"- {told} ({', '.join(names)})" for told, names in steps.items()]


def _target(judged: Judged) -> list[str]:
    if judged.seconds is None or judged.anon_bytes is None:
        found, memory, verdict = "-", "-", "not measured"
    else:
        found, memory = seconds(judged.seconds), gib(judged.anon_bytes)
        verdict = "reached" if judged.is_reached else "**missed**"
    most = "-" if judged.most_gib is None else f"{judged.most_gib:g}"
    return [judged.name, found, f"{judged.most_seconds:g}", memory, most, verdict]


def _all_runs(done: Sequence[Result]) -> list[Result]:
    kinds = ("first", "run", "run-csv", "run-backlog")
    runs = [result for result in done if result["kind"] in kinds]
    return sorted(runs, key=lambda run: (run["persons"], run["doses"], kinds.index(run["kind"])))


_KINDS = {"first": " (first, compiles)", "run-csv": " (CSV)", "run": "", "run-backlog": ""}


def _label(run: Result) -> list[str]:
    return [count(run["persons"]), count(run["doses"]) + _KINDS[run["kind"]]]


def _runs(done: Sequence[Result]) -> list[str]:
    headings = ("people", "doses", "seconds", "of all", "CPU", "doses a second", "subjects", "pairs per subject")
    return markdown_table((*headings, *_MEMORY), map(_run, _all_runs(done)))


_MEMORY = ("anonymous GiB", "mapped GiB", "disk GiB", "read GiB")


def _run(run: Result) -> list[str]:
    of_all = " ".join(map(seconds, run["wall_seconds_of_all"])) if len(run["wall_seconds_of_all"]) > 1 else ""
    rate = count(run["doses"] / run["wall_seconds"])
    pairs = f"{run['candidate_pairs'] / max(run['subjects'], 1):.0f}"
    cpu = seconds(run["cpu_seconds"])
    return [*_label(run), seconds(run["wall_seconds"]), of_all, cpu, rate, count(run["subjects"]), pairs, *_memory(run)]


def _memory(result: Result) -> list[str]:
    return [gib(result[name]) for name in ("peak_anon_bytes", "peak_file_bytes", "peak_disk_bytes", "read_bytes")]


def _stages(done: Sequence[Result]) -> list[str]:
    runs = _all_runs(done)
    names = list(dict.fromkeys(name for run in runs for name in stage_seconds(run)))
    rows = ([*_label(run), *(seconds(stage_seconds(run).get(name, 0.0)) for name in names)] for run in runs)
    return markdown_table(("people", "doses", *names), rows)


def _growth(done: Sequence[Result]) -> list[str]:
    """The exponents by batch, then the time by registry."""
    lines = [
        f"Seconds grow as doses to the power *exponent*, fitted from {count(LEAST_FITTED)} to {count(MOST_FITTED)} "
        "doses; *steepest* is the largest between two neighbours there. At most 1.05 is wanted of both.",
        "",
    ]
    rows = ([count(g.persons), _exponent(g.exponent), _exponent(g.steepest)] for g in growth(done))
    lines += [*markdown_table(("people", "exponent", "steepest"), rows), ""]
    sizes = sorted({run["doses"] for run in _all_runs(done) if run["kind"] == "run"})
    lines += markdown_table(
        ("doses", *(f"{count(n)} people" for n in registries(done))),
        ([count(size), *(_seconds_at(done, persons, size) for persons in registries(done))] for size in sizes),
    )
    return lines


def _exponent(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _seconds_at(done: Sequence[Result], persons: int, doses: int) -> str:
    found = [run["wall_seconds"] for run in runs_of(done, persons) if run["doses"] == doses]
    return seconds(found[0]) if found else "-"


def _others(done: Sequence[Result]) -> list[str]:
    headings = ("people", "step", "seconds", "CPU", *_MEMORY, "left GiB")
    told = ("first", "evaluate", "quiet", "full", "known")
    others = [result for result in done if "run" not in result["kind"] and result["kind"] not in told]
    return markdown_table(headings, map(_other, others))


def _other(result: Result) -> list[str]:
    name, output = result["step"].partition(".")[2], result["output"] or {}
    if "doses" in result:
        name += f" ({count(result['doses'])} doses)"
    if "open_seconds" in output:
        name += f" (opening alone {output['open_seconds']} s)"
    times = [seconds(result["wall_seconds"]), seconds(result["cpu_seconds"])]
    return [count(result["persons"]), name, *times, *_memory(result), gib(result.get("made_bytes", 0))]


def _accuracy(done: Sequence[Result]) -> list[str]:
    """What the truth says of the night."""
    found = [result for result in done if result["kind"] == "evaluate"]
    if not found:
        return []
    parts: dict[str, Any] = found[0]["output"]
    shares = ", ".join(f"{name} {parts[name]['share']:.5%}" for name in ("precision", "recall", "reachable"))
    doses = f"{count(found[0]['doses'])} doses against {count(found[0]['persons'])} people"
    return [f"Of {doses}, automatic decisions: {shares}; {parts['false_match_doses']} doses were matched wrongly.", ""]
