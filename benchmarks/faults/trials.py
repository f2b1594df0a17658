"""A trial: one command under one fault, in a process of its own, and what became of it."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.commands import Command
from benchmarks.faults.processes import Ended, Fault, start

RIGHT, TOLD, WRONG = OUTCOMES = ("right", "told", "wrong")

DOCUMENTED_CODES = (0, 1, 2, 3, 4, 75, 130)
_GATE = 3  # some commands publish and then say that a gate stands against the result
# What a library says of itself where it breaks, or Python of our own code.
_BROKEN = re.compile(
    r"Traceback \(most recent call last\)|terminate called|std::bad_alloc|LLVM ERROR|panicked at|Fatal Python error"
    r"|double free|Assertion .* failed|Exception ignored|\w+Warning: "
)

_EMPTY = "empty folder"
Files = dict[Path, str]


@dataclass(frozen=True)
class Trial:
    """What a command under a fault did: the right result, a refusal in one clear line, or something wrong."""

    kind: str
    command: str
    fault: str
    outcome: str
    detail: str = ""


Check = Callable[[Ended], str | None]


def tried(kind: str, command: Command, fault: Fault, work: Path, check: Check = lambda ended: None) -> Trial:
    """Start a command under a fault and judge it.

    work : the folder whose files are watched: whatever is new or changed in it and no result is a leftover
    check : what is wrong with the result of a command that ended well, None where nothing is
    """
    before = files_in([work])
    ended = start(command.arguments, fault)
    problem = broken(ended) or leftover(ended, before, files_in([work]), command.writes)
    if problem is None and ended.code == 0:
        problem = check(ended)
    return Trial(kind, command.name, fault.name, *outcome_of(ended, problem))


def outcome_of(ended: Ended, problem: str | None) -> tuple[str, str]:
    """Outcome and detail of a command of which ``problem`` is known."""
    if problem is not None:
        return WRONG, problem
    return (RIGHT, "") if ended.code == 0 else (TOLD, error_lines(ended.err)[0])


def broken(ended: Ended) -> str | None:
    """What is wrong with the way a command ended and with what it said; None where nothing is."""
    last = _last(ended)
    if ended.code is None:
        return f"hangs; last said: {last}"
    if ended.code < 0:
        return f"ended by signal {signal.Signals(-ended.code).name}; last said: {last}"
    if found := _BROKEN.search(ended.err):
        return f"{found.group()} (exit {ended.code}): {last}"
    if ended.code not in DOCUMENTED_CODES:
        return f"undocumented exit code {ended.code}: {last}"
    lines = error_lines(ended.err)
    if ended.code != 0 and len(lines) != 1:
        return f"{len(lines)} lines of error with exit {ended.code}; last said: {last}"
    if ended.code == 0 and lines:
        return f"exit 0 with an error: {lines[0]}"
    return None


def error_lines(err: str) -> list[str]:
    """The lines that say why a command failed; notes and progress are others. Typer's words for a wrong option are
    one, however many lines its frame takes."""
    return [line for line in err.splitlines() if line.startswith("linkage: ") or re.match("[Uu]sage: ", line)]


def files_in(folders: Iterable[Path]) -> Files:
    """Every file below the folders with the sum of its bytes, empty folders too."""
    found: Files = {}
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        if path.is_symlink():
            found[path] = f"link to {os.readlink(path)}"
        elif path.is_file():
            found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.is_dir() and not any(path.iterdir()):
            found[path] = _EMPTY
    return found


def leftover(ended: Ended, before: Files, after: Files, results: Sequence[Path]) -> str | None:
    """A file that a command left though it is no result, or changed though it failed; None where there is none."""
    may_write = results if ended.code in (0, _GATE) else ()
    new = [path for path, digest in after.items() if before.get(path) != digest]
    gone = [path for path, digest in before.items() if path not in after and digest != _EMPTY]
    for path in (*new, *gone):
        if not any(path == result or result in path.parents for result in may_write):
            what = "changed" if path in before else "left"
            return f"exit {ended.code}, {what} {path.name}; last said: {_last(ended)}"
    return None


def _last(ended: Ended) -> str:
    return (ended.err.strip().splitlines() or ["nothing on standard error"])[-1]
