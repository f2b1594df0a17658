"""Damage of stored files: a flipped bit, a tail cut off, a page of zeros, a file of another version or run, anywhere in
an index or a published run, under every command that reads them.

The index is tried as it is, small, where every open checks all files whole, and as a large one, with small chunks and
none of them checked at the open: what kernels read at random is then seen by the share of the night or by ``verify``,
and a trial in which only ``verify`` sees it counts as told, and says so.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.faults.in_process import CommandProcess
from benchmarks.faults.processes import Ended
from benchmarks.faults.town import FIRST_NIGHT, SECOND_NIGHT, Town
from benchmarks.faults.trials import RIGHT, TOLD, WRONG, Trial, broken, error_lines, files_in, leftover
from linkage.exports.forms import FORM_NAMES, STATISTICS

KIND = "bit_flips"

_ACCEPT = ("--accept", "a trial")
_PAGE = 4096
_ANYWHERE = 0.2  # of the faults in an index; the others are in the version in force
_NIGHTS = 7
_AS_LARGE = {"linkage.storage.checksums.CHUNK_BYTES": 512, "linkage.registry.sums.OPEN_BYTES": 0}
# Files that are read from other places, too, where a JSON that is none is an unusable input.
_UNUSABLE = {"model show": (2, 4)}
_OF_INDEX = ("run", "index apply", "index compact", "explain", "train", "verify", "rejects of index")
_OF_NIGHTS = ("night", "state export", "explain of state", "history", "verify nights")
_OF_RUN = ("run again", "evaluate", "explain", *FORM_NAMES, STATISTICS, "rejects", "model show", "verify run")


@dataclass
class _Place:
    """A sound index of two versions with a published run, its other version and another run, and a process that runs
    commands with them."""

    name: str
    town: Town
    folder: Path
    process: CommandProcess
    references: dict[tuple[str, int], str] = field(default_factory=dict)

    @property
    def index(self) -> Path:
        return self.folder / "work" / "index"

    @property
    def runs(self) -> Path:
        return self.folder / "work" / "runs"

    @property
    def run(self) -> Path:
        return min(self.runs.iterdir())

    @property
    def nights(self) -> Path:
        return self.folder / "work" / "nights"

    @property
    def of_nights(self) -> tuple[str, Path]:
        """The option that names the configuration of the nights."""
        return "--config", self.nights / "night.toml"

    @property
    def dose_of_state(self) -> str:
        """A dose of the first night."""
        return str(pq.read_table(self.nights / "in" / FIRST_NIGHT / "doses.parquet", columns=["dose_id"])[0][0])

    @property
    def out(self) -> Path:
        return self.folder / "work" / "out"

    def renew(self) -> None:
        """Put the sound files back, at the same place, so that what commands print is the same."""
        shutil.rmtree(self.folder / "work", ignore_errors=True)
        shutil.copytree(self.folder / "sound", self.folder / "work")
        self.out.mkdir()


def trials(town: Town, n: int, rng: random.Random) -> Iterator[Trial]:
    """n trials, as many of a small index as of one taken for large."""
    with ExitStack() as stack:
        places = [
            _make(town, name, stack.enter_context(CommandProcess(settings)))
            for name, settings in (("small", {}), ("large", _AS_LARGE))
        ]
        for number in range(n):
            yield _trial(places[number % len(places)], rng)


def _make(town: Town, name: str, process: CommandProcess) -> _Place:
    """Build, change and run, with the process's own idea of what is large."""
    place = _Place(name, town, town.folder / KIND / name, process)
    sound = place.folder / "sound"
    shutil.rmtree(place.folder, ignore_errors=True)
    sound.mkdir(parents=True)
    header, *rows = town.changes.read_text("utf-8").splitlines()
    more = [f"{row.rpartition(',')[0]},03{number:08}" for number, row in enumerate(rows)]
    (place.folder / "more.csv").write_text("\n".join([header, *more]) + "\n", "utf-8")
    # Made where the trials find it: a run remembers the paths of its inputs.
    (place.folder / "work").mkdir()
    _must(place, "index", "build", town.data("registry"), "--units", town.units, "--out", place.index)
    _must(place, "index", "apply", town.changes, "--partial", "--index", place.index)
    for out in (place.runs, place.folder / "other"):
        day = "2026-03-01" if out == place.runs else "2026-03-02"
        _must(place, *_run_command(place, out), "--list-date", day)
    shutil.copytree(town.nights, place.nights, ignore=shutil.ignore_patterns("state", "index", "nights"))
    shutil.copytree(place.index, place.nights / "index")
    _must(place, "night", *place.of_nights, "--date", FIRST_NIGHT)
    place.folder.joinpath("work").rename(place.folder / "made")
    shutil.copytree(place.folder / "made", sound, dirs_exist_ok=True)
    place.renew()
    return place


def _must(place: _Place, *arguments: object) -> None:
    ended = place.process.call(arguments)
    if ended.code != 0:
        raise RuntimeError(f"{arguments[0]} failed without a fault: {ended.err.strip()[-400:]}")


def _run_command(place: _Place, out: Path) -> list[object]:
    inputs = ("--doses", place.town.data("doses"), "--index", place.index, "--model", place.town.model)
    return ["run", *inputs, "--out", out, *_ACCEPT]


def _command(place: _Place, name: str, night: int) -> list[object]:
    """The words of a command on the files of the work folder."""
    town, out = place.town, place.out
    if name in FORM_NAMES:
        return ["report", place.run, "--form", name, "--format", "csv", "--out", out / f"{name}.csv"]
    commands: dict[str, Callable[[], list[object]]] = {
        "run": lambda: [*_run_command(place, out / "runs"), "--list-date", f"2026-04-{night + 1:02d}"],
        "run again": lambda: [*_run_command(place, place.runs), "--list-date", "2026-03-01"],
        "index apply": lambda: ["index", "apply", place.folder / "more.csv", "--partial", "--index", place.index],
        "index compact": lambda: ["index", "compact", "--index", place.index],
        "train": lambda: ["train", "--doses", town.data("doses"), "--index", place.index, "--out", out / "m", *_ACCEPT],
        "explain": lambda: ["explain", place.run, town.a_dose],
        "evaluate": lambda: ["evaluate", place.run, "--truth", town.data("truth"), "--json"],
        STATISTICS: lambda: ["report", place.run, "--form", STATISTICS, "--out", out / "s.html"],
        "rejects": lambda: ["rejects", place.run, "--json"],
        "rejects of index": lambda: ["rejects", place.index, "--json"],
        "model show": lambda: ["model", "show", place.run / "model.json", "--json"],
        "verify": lambda: ["verify", place.index],
        "verify run": lambda: ["verify", place.run],
        "night": lambda: ["night", *place.of_nights, "--date", SECOND_NIGHT],
        "state export": lambda: ["state", "export", *place.of_nights, "--out", out / "all"],
        "explain of state": lambda: ["explain", place.nights / "night.toml", place.dose_of_state],
        "history": lambda: ["history", place.dose_of_state, *place.of_nights],
        "verify nights": lambda: ["verify", place.nights / "night.toml"],
    }
    return commands[name]()


def _trial(place: _Place, rng: random.Random) -> Trial:
    """One fault and one command."""
    what = rng.choices(("index", "run", "nights"), (4, 3, 3))[0]
    command = rng.choice({"index": _OF_INDEX, "run": _OF_RUN, "nights": _OF_NIGHTS}[what])
    night = rng.randrange(_NIGHTS)
    expected = _reference(place, command, night)
    place.renew()
    damaged, fault = _damage(place, what, rng)
    before = files_in([place.folder / "work"])
    ended = place.process.call(_command(place, command, night))
    may_write = (place.out, place.index / "checked.json", *((place.index,) if command.startswith("index") else ()))
    of_nights = [place.nights / name for name in ("state", "index", "nights")]
    may_write += tuple(of_nights) if command == "night" else tuple(f / "verified.json" for f in of_nights)
    problem = broken(ended) or leftover(ended, before, files_in([place.folder / "work"]), may_write)
    outcome, detail = (WRONG, problem) if problem else _judged(place, command, ended, expected)
    return Trial(KIND, command, f"{place.name} index: {damaged}: {fault}", outcome, detail)


def _reference(place: _Place, command: str, night: int) -> str:
    """What a command gives without a fault."""
    if (command, night) not in place.references:
        place.renew()
        ended = place.process.call(_command(place, command, night))
        if ended.code != 0:
            raise RuntimeError(f"{command} failed without a fault: {ended.err.strip()[-400:]}")
        place.references[command, night] = _result(place, command, ended)
    return place.references[command, night]


def _result(place: _Place, command: str, ended: Ended) -> str:
    """What counts of a result: every byte but times and memory."""
    if command == "run again":
        return "already published" if "already published" in ended.err else "published anew"
    if command.startswith("index"):
        return next(line for line in ended.out.splitlines() if line.startswith("content"))
    if command == "night":
        (night,) = (place.nights / "nights").glob(f"{SECOND_NIGHT.replace('-', '')}-*")
        return repr([(path.name, digest) for path, digest in files_in([night]).items() if path.name != "manifest.json"])
    if command == "run":
        out = {path.name: digest for path, digest in files_in([place.out]).items() if path.name != "manifest.json"}
    else:
        out = {path.name: digest for path, digest in files_in([place.out]).items()}
    printed = "" if command in ("run", "train") else ended.out
    return hashlib.sha256(f"{printed}{sorted(out.items())}".encode()).hexdigest()


def _judged(place: _Place, command: str, ended: Ended, expected: str) -> tuple[str, str]:
    if ended.code == 0:
        if _result(place, command, ended) == expected:
            return RIGHT, ""
        seen = place.process.call(_command(place, "verify nights" if command in _OF_NIGHTS else "verify", 0))
        if place.name == "large" and seen.code == 4:
            return TOLD, f"by verify, not by {command}: {error_lines(seen.err)[0]}"
        return WRONG, "another result, and nobody told"
    line = error_lines(ended.err)[0]
    if ended.code not in _UNUSABLE.get(command, (4,)):
        return WRONG, f"exit {ended.code}: {line}"
    return (TOLD, line) if " again" in line or "restore" in line else (WRONG, f"no remedy: {line}")


def _damage(place: _Place, what: str, rng: random.Random) -> tuple[str, str]:
    """Damage a file of the work folder; its name, and what was done to it. what: it is of, "nights" are those of the
    state, their index and what they published."""
    of_nights = place.nights / rng.choice(("state", "state", "index", "nights"))
    folder = {"index": place.index, "run": place.run, "nights": of_nights}[what]
    has_versions = (folder / "current").is_file()
    is_anywhere = not has_versions or rng.random() < _ANYWHERE
    among = folder if is_anywhere else folder / (folder / "current").read_text().strip()
    path = rng.choice(sorted(path for path in among.rglob("*") if path.is_file()))
    fault = rng.choice(sorted(FAULTS))
    named = str(path.relative_to(folder.parent))
    return named, FAULTS[fault](path, _counterpart(place, path, what, rng), rng) or f"{fault}, nothing to do"


def _counterpart(place: _Place, path: Path, what: str, rng: random.Random) -> Path | None:
    """The file of the same name of another version, or run; of the pointer and of nights none."""
    if what == "nights":
        return None
    if what == "run":
        return next((place.folder / "other").iterdir()) / path.relative_to(place.run)
    versions = [version for version in place.index.glob("v*") if version not in path.parents]
    inner = path.relative_to(place.index)
    return None if len(inner.parts) == 1 else rng.choice(versions) / Path(*inner.parts[1:])


def _flip(path: Path, other: Path | None, rng: random.Random) -> str:
    content = bytearray(path.read_bytes())
    if not content:
        return ""
    place, bit = rng.randrange(len(content)), rng.randrange(8)
    content[place] ^= 1 << bit
    _write(path, bytes(content))
    return f"bit {bit} of byte {place} flipped"


def _cut(path: Path, other: Path | None, rng: random.Random) -> str:
    content = path.read_bytes()
    if not content:
        return ""
    size = rng.randrange(len(content))
    _write(path, content[:size])
    return f"cut off at {size} of {len(content)} bytes"


def _zero(path: Path, other: Path | None, rng: random.Random) -> str:
    content = bytearray(path.read_bytes())
    if not content:
        return ""
    start = rng.randrange(len(content)) // _PAGE * _PAGE
    stop = min(start + _PAGE, len(content))
    content[start:stop] = bytes(stop - start)
    _write(path, bytes(content))
    return f"bytes {start} to {stop} zeroed"


def _swap(path: Path, other: Path | None, rng: random.Random) -> str:
    """The file of another version in its place."""
    if other is None or not other.is_file():
        return ""
    _write(path, other.read_bytes())
    return "that of another version or run"


def _add(path: Path, other: Path | None, rng: random.Random) -> str:
    """A file that lies beside it by mistake."""
    stale = path.with_name(f"stale{path.suffix}")
    _write(stale, path.read_bytes())
    return "a copy beside it"


def _write(path: Path, content: bytes) -> None:
    """Into a file of its own: versions share files by hard links."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


FAULTS: dict[str, Callable[[Path, Path | None, random.Random], str]] = {
    "flip": _flip,
    "cut": _cut,
    "zero": _zero,
    "swap": _swap,
    "add": _add,
}
