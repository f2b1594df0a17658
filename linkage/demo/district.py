"""The demo: Bảo Lâm's 14 communes simulated and linked."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from linkage.errors import UsageError
from linkage.insight.evaluate import Evaluation, evaluate
from linkage.machine.stage_clock import Progress
from linkage.night.run import run
from linkage.registry.from_files import build_from_files
from linkage.reports import write_report
from linkage.simulate import simulate
from linkage.storage.output_paths import check_folder
from linkage.storage.work_folders import make_folder, replacing

MARKER = ".linkage-demo"  # lies in a folder whose contents the demo may replace
SEED = 68_680  # province and district code of Bảo Lâm


@dataclass(frozen=True)
class DemoSummary:
    """What ``demo --json`` prints."""

    run_dir: Path
    appendix: Path
    inputs: Path
    counts: dict[str, int]
    evaluation: Evaluation


def demo(out: Path, persons: int, doses: int, threads: int, on_progress: Progress) -> DemoSummary:
    """Simulate, index, link, evaluate. Replaces an earlier demo in ``out``."""
    _claim(out)
    for folder in ("data", "index", "runs"):
        shutil.rmtree(out / folder, ignore_errors=True)
    on_progress("make up people and doses", 0, 0)
    simulate(persons, doses, SEED, out / "data", area="bao-lam")
    on_progress("build the registry's index", 0, 0)
    build_from_files([out / "data" / "registry.parquet"], out / "index", units=out / "data" / "units")
    summary = run(
        [out / "data" / "doses.parquet"],
        out / "index",
        out / "runs",
        n_threads=threads,
        on_progress=lambda _, done, total: on_progress("link the doses", done, total),
    )
    on_progress("compare with the truth", 0, 0)
    write_report(summary.run_dir, "appendix", "xlsx", out / "appendix.xlsx")
    evaluation = evaluate(summary.run_dir, out / "data" / "truth.parquet")
    return DemoSummary(summary.run_dir, out / "appendix.xlsx", out / "data", summary.counts, evaluation)


def _claim(out: Path) -> None:
    """Take the folder for the demo; refuse one that holds what the demo would replace but did not write itself."""
    check_folder(out)
    if not (out / MARKER).exists() and any((out / name).exists() for name in ("data", "index", "runs")):
        raise UsageError(f"{out}: holds data, index or runs that are not the demo's; give another folder with --out")
    make_folder(out)
    with replacing(out / MARKER) as part:
        part.touch()
