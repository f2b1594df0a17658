"""What a command makes when nothing disturbs it, which its result is compared with, and how long it takes."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.commands import command_of, make_work
from benchmarks.faults.processes import Ended, start
from benchmarks.faults.town import Town
from benchmarks.faults.trials import files_in

# Of a manifest, what depends on the machine and on what was there before.
_PASSING = (
    *("seconds", "peak_rss_bytes", "peak_anonymous_bytes", "candidate_pairs_per_second", "previous_run", "index"),
    *("resumed_from", "state_before", "state_after", "index_before", "index_after", "index_version"),
    "digest",  # over all of these
)
Result = dict[str, str]


@dataclass(frozen=True)
class Undisturbed:
    """The files in ``out``, the bytes of all of them, and the seconds it took."""

    files: Result
    n_bytes: int
    seconds: float

    def check(self, work: Path, ended: Ended) -> str | None:
        """What is other in the result of a command that ended well; None where nothing is."""
        found = difference(result(work / "out"), self.files)
        return None if found is None else f"other result than without the fault: {found}"


def in_turn(names: Sequence[str], town: Town, n: int, prefix: str) -> Iterator[tuple[str, Undisturbed, Path]]:
    """``n`` times a command, one after the other: its name, what it makes undisturbed, and a work folder that is gone
    when the next is asked for."""
    known: dict[str, Undisturbed] = {}
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        for number in range(n):
            name = names[number % len(names)]
            if name not in known:
                known[name] = undisturbed(name, town, Path(folder) / "undisturbed" / name)
            work = make_work(Path(folder) / str(number))
            yield name, known[name], work
            shutil.rmtree(work)


def undisturbed(name: str, town: Town, folder: Path) -> Undisturbed:
    """Start a command once by itself; RuntimeError where it fails."""
    work = make_work(folder)
    command = command_of(name, town, work)
    began = time.monotonic()
    must(command.arguments)
    seconds, out = time.monotonic() - began, work / "out"
    n_bytes = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return Undisturbed(result(out), n_bytes, seconds)


def must(arguments: Sequence[str]) -> None:
    """A command that has to end well."""
    ended = start(arguments)
    if ended.code != 0:
        raise RuntimeError(f"{' '.join(arguments)}: fails without any fault: {ended.err}")


def result(out: Path) -> Result:
    """The sums of the files below ``out`` by their places; of an index those of the version in force, of a manifest its
    content but for times, memory and places."""
    found = {}
    for path, digest in files_in([out]).items():
        place = _place(path.relative_to(out), out)
        if place is not None:
            found[place] = _lasting(path) if path.name == "manifest.json" else digest
    return found


def _place(path: Path, out: Path) -> str | None:
    """Where a file lies, versions of an index being one; None for what is not in force, and for whose turn the rolling
    check of an index is at, which goes on with every run."""
    if path.name == "checked.json":
        return None
    for number, part in enumerate(path.parts):
        pointer = out.joinpath(*path.parts[:number], "current")
        if pointer.is_file():
            if part != pointer.read_text("ascii").strip():
                return None if part == "current" or part[:1] == "v" else str(path)
            return str(Path(*path.parts[:number], "version", *path.parts[number + 1 :]))
    return str(path)


def _lasting(manifest: Path) -> str:
    content = {key: value for key, value in json.loads(manifest.read_bytes()).items() if key not in _PASSING}
    for source in content.get("inputs", ()):
        if isinstance(source, dict):
            source.pop("path", None)  # of a copy, in the work folder
    return json.dumps(content, sort_keys=True)


def n_versions(out: Path) -> int:
    """How many versions the index in ``out`` has."""
    return len(list(out.glob("index/v*")))


def difference(found: Mapping[str, str], expected: Mapping[str, str]) -> str | None:
    """The first file that is not as expected; None where all are."""
    for place in sorted(found.keys() | expected.keys()):
        if found.get(place) != expected.get(place):
            how = "is missing" if place not in found else "was left" if place not in expected else "has other bytes"
            return f"{place} {how}"
    return None
