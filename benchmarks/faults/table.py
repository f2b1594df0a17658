"""The trials counted, as JSON and as one Markdown page; kinds tried earlier stay until they are tried anew."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.faults.trials import OUTCOMES, WRONG, Trial
from benchmarks.tables import count, markdown_table

Kinds = dict[str, dict[str, Any]]

_NOTES = """\
A trial starts one command on a made-up town under one fault. *Right*: it ends well with the result that it has without
the fault. *Told*: it ends with one line that says what, where and what to do, and a documented exit code, and leaves
nothing behind. *Wrong*: a traceback, an end by a signal, no end, another result than without the fault, an undocumented
exit code, or a file left over; each stands below with its fault.
"""


def write(trials: Iterable[Trial], heading: dict[str, str], folder: Path) -> None:
    """faults.json and faults.md in ``folder``."""
    _put(folder, counted(trials, heading))


def _kinds(folder: Path) -> Kinds:
    path = folder / "faults.json"
    found: Kinds = json.loads(path.read_text("utf-8"))["kinds"] if path.is_file() else {}
    return found


def _put(folder: Path, of_kinds: Kinds) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kinds = dict(sorted((_kinds(folder) | of_kinds).items()))
    content = json.dumps({"kinds": kinds}, indent=1, ensure_ascii=False) + "\n"
    (folder / "faults.json").write_text(content, encoding="utf-8")
    (folder / "faults.md").write_text(markdown(kinds), encoding="utf-8")


def add(trials: Iterable[Trial], heading: dict[str, str], folder: Path, seed: int, done: int) -> None:
    """Count further trials of one kind into both files; done: how many of the seed's there are then, see `done_of`."""
    for kind, more in counted(trials, heading).items():
        before = _kinds(folder).get(kind, {})
        if before.get("seed") == seed:
            commands = {
                name: {
                    outcome: sum(of.get(name, {}).get(outcome, 0) for of in (before["commands"], more["commands"]))
                    for outcome in OUTCOMES
                }
                for name in sorted(before["commands"] | more["commands"])
            }
            more |= {"commands": commands, "wrong": [*before["wrong"], *more["wrong"]]}
        _put(folder, {kind: more | {"seed": seed, "done": done}})


def done_of(folder: Path, kind: str, seed: int) -> int:
    """How many numbered trials of a kind and a seed were counted already."""
    found = _kinds(folder).get(kind, {})
    return int(found["done"]) if found.get("seed") == seed else 0


def counted(trials: Iterable[Trial], heading: dict[str, str]) -> Kinds:
    """By kind: where it was tried, the outcomes by command, and each wrong trial."""
    by_kind: dict[str, list[Trial]] = {}
    for trial in trials:
        by_kind.setdefault(trial.kind, []).append(trial)
    return {
        kind: {
            "heading": heading,
            "commands": _by_command(found),
            "wrong": [asdict(trial) for trial in found if trial.outcome == WRONG],
        }
        for kind, found in by_kind.items()
    }


def _by_command(trials: list[Trial]) -> dict[str, dict[str, int]]:
    outcomes = Counter((trial.command, trial.outcome) for trial in trials)
    return {
        command: {outcome: outcomes[command, outcome] for outcome in OUTCOMES}
        for command in sorted({trial.command for trial in trials})
    }


def markdown(kinds: Kinds) -> str:
    """The page."""
    rows = [
        (kind, command, count(sum(outcomes.values())), *(count(outcomes[name]) for name in OUTCOMES))
        for kind, found in kinds.items()
        for command, outcomes in found["commands"].items()
    ]
    lines = ["# Faults", "", _NOTES, *markdown_table(("kind", "command", "trials", *OUTCOMES), rows), ""]
    wrong = [trial for found in kinds.values() for trial in found["wrong"]]
    lines += [f"Wrong: {len(wrong)}.", ""]
    lines += [f"- {one['kind']}, {one['command']}, {one['fault']}: {one['detail']}" for one in wrong]
    lines += ["", "Tried:", ""] if wrong else ["Tried:", ""]
    lines += [f"- {kind}: {'; '.join(found['heading'].values())}" for kind, found in kinds.items()]
    return "\n".join(lines) + "\n"
