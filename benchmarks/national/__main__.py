"""Runs the steps, keeps their results, and writes the report.

A step that was measured is not measured again, so a broken benchmark goes on where it stopped; a step that failed is
tried again. Results of the steps stand in WORK/results, one JSON file each.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.national.report import write_report
from benchmarks.national.steps import Sizes, Step, steps
from benchmarks.national.watching import Watched, watch
from benchmarks.origin import heading

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(prog="./run bench --national", description=__doc__)
    add = parser.add_argument
    add("--work", type=Path, required=True, metavar="DIR", help="folder for all files: 75 GB for the whole country")
    add("--persons", type=int, default=100_000_000, help="people of the largest registry")
    add("--doses", type=int, default=5_000_000, help="doses of a night")
    add("--backlog", type=int, default=60_000_000, help="doses of the backlog; 0 leaves it out")
    add("--registries", type=int, nargs="*", default=[1_000_000, 10_000_000], help="people of smaller registries")
    add("--batches", type=int, nargs="*", default=[10**3, 10**4, 10**5, 10**6], help="sizes of the samples of a night")
    add("--changes", type=int, default=100_000, help="changes applied to the index, and changes of a full night")
    add("--history", type=int, nargs="*", default=[10**6, 10**7, 5 * 10**7], help="claims that nights build on")
    add("--quiet", type=int, default=10_000, help="doses and changes of a quiet night")
    add("--seed", type=int, default=7, help="seed of the simulations")
    add("--repeats", type=int, default=5, help="how often a short step is measured; its median is told")
    add("--steps", nargs="+", default=["*"], metavar="PATTERN", help="only steps of these names, as '*.run.*'")
    add("--again", action="store_true", help="measure these steps again")
    add("--list", action="store_true", help="name the steps and which of them are done; measure nothing")
    add("--anon-limit", type=float, default=20.0, metavar="GIB", help="a step with more anonymous memory is killed")
    add("--out", type=Path, default=RESULTS, help="folder of the report")
    return parser.parse_args(argv)


def chosen(asked: argparse.Namespace) -> list[Step]:
    """The steps asked for, in their order."""
    smaller = tuple(n for n in asked.registries if n < asked.persons)
    doses = (asked.doses, asked.backlog, smaller, tuple(asked.batches))
    sizes = Sizes(asked.persons, *doses, asked.changes, asked.seed, asked.repeats, tuple(asked.history), asked.quiet)
    every = steps(sizes, asked.work.resolve())
    return [step for step in every if any(fnmatch.fnmatch(step.name, pattern) for pattern in asked.steps)]


def result_of(step: Step, work: Path) -> dict[str, Any] | None:
    """What was found when the step was last tried."""
    path = work / "results" / f"{step.name}.json"
    found: dict[str, Any] | None = json.loads(path.read_text("utf-8")) if path.is_file() else None
    return found


def is_done(step: Step, work: Path) -> bool:
    found = result_of(step, work)
    return found is not None and found["failure"] is None


def measure(step: Step, work: Path, anon_limit: int) -> dict[str, Any]:
    """A step's figures; of several repeats those of the median, beside the seconds of all."""
    command = [_shown(word, work) for word in step.command]
    result = {"step": step.name, "kind": step.kind, **step.facts, "command": " ".join(command)}
    missing = [path for path in step.needs if not path.exists()]
    if missing:
        return result | {"failure": f"{_shown(str(missing[0]), work)} is not there"}
    tries = sorted(_tries(step, work, anon_limit), key=lambda one: (one[0].failure is None, one[0].wall_seconds))
    watched, made = tries[0] if tries[0][0].failure else tries[len(tries) // 2]
    walls = [round(one.wall_seconds, 3) for one, _ in tries]
    found = json.loads(_shown(json.dumps(asdict(watched)), work))
    return result | found | made | {"wall_seconds_of_all": walls}


def _tries(step: Step, work: Path, anon_limit: int) -> Iterator[tuple[Watched, dict[str, Any]]]:
    """Run a step as often as it says, or until it fails."""
    log = work / "logs" / step.name
    log.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(step.repeats):
        if step.makes is not None and step.is_fresh:
            _remove(step.makes)
        if step.before:
            put_right = watch(list(step.before), ROOT, work, log.with_name(f"{log.name}.before"), anon_limit)
            if put_right.failure:
                yield put_right, {}
                return
        watched = watch(list(step.command), ROOT, work, log, anon_limit)
        yield watched, _made(step, watched)
        if watched.failure:
            return
    if step.makes is not None and not step.is_kept:
        _remove(step.makes)


def _made(step: Step, watched: Watched) -> dict[str, Any]:
    """Bytes that a step left, and what a run says of itself in its manifest."""
    found: dict[str, Any] = {}
    if step.makes is not None and step.makes.exists():
        found["made_bytes"] = _size(step.makes)
    if isinstance(watched.output, dict) and "run_dir" in watched.output:
        manifest = json.loads((Path(watched.output["run_dir"]) / "manifest.json").read_text("utf-8"))
        found |= {name: manifest[name] for name in ("subjects", "candidate_pairs")}
    return found


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder, each once however many names it has."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum({(found.st_dev, found.st_ino): found.st_size for found in map(os.stat, files)}.values())


def _shown(word: str, work: Path) -> str:
    """A word of a command without the folders of this machine."""
    return word.replace(sys.executable, "python").replace(str(work), "DIR")


def main(argv: list[str] | None = None) -> int:
    """Measure what is not measured yet, and write the report over all that is there."""
    asked = arguments(argv)
    work = asked.work.resolve()
    wanted = chosen(asked)
    if asked.list:
        for step in wanted:
            print(f"{'done' if is_done(step, work) else '    '}  {step.name}")
        return 0
    (work / "results").mkdir(parents=True, exist_ok=True)
    command = ["./run", "bench", "--national", *(sys.argv[1:] if argv is None else argv)]
    for step in wanted:
        if is_done(step, work) and not asked.again:
            continue
        result = measure(step, work, int(asked.anon_limit * 2**30)) | {"heading": heading(command)}
        path = work / "results" / f"{step.name}.json"
        path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(f"{step.name:32} {result['failure'] or _summary(result)}", flush=True)
    everything = argparse.Namespace(**vars(asked) | {"steps": ["*"]})
    tried = [found for step in chosen(everything) if (found := result_of(step, work)) is not None]
    write_report(tried, asked.out)
    print(f"results: {asked.out / 'national.md'}")
    return int(any(found["failure"] for found in tried))


def _summary(result: dict[str, Any]) -> str:
    return f"{result['wall_seconds']:.1f} s, {result['peak_anon_bytes'] / 2**30:.2f} GiB anonymous"


if __name__ == "__main__":
    sys.exit(main())
