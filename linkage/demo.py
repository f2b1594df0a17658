"""The demo: Bảo Lâm's 14 communes simulated, linked and shown."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from linkage.errors import UsageError
from linkage.evaluate import Evaluation, evaluate
from linkage.nightly import run
from linkage.registry_files import build_from_files
from linkage.reports import write_report
from linkage.reports.evaluation import render
from linkage.reports.form import Report
from linkage.simulate import simulate
from linkage.work_folders import replacing

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


def demo(out: Path, persons: int, doses: int, threads: int, console: Console) -> DemoSummary:
    """Simulate, index, link, evaluate; prints what happens and where the files lie. Replaces an earlier demo in
    ``out``."""
    _claim(out)
    for folder in ("data", "index", "runs"):
        shutil.rmtree(out / folder, ignore_errors=True)
    with console.status("simulating Bảo Lâm district"):
        simulate(persons, doses, SEED, out / "data", area="bao-lam")
    with console.status("building the registry index"):
        build_from_files([out / "data" / "registry.parquet"], out / "index", units=out / "data" / "units")
    with console.status("linking") as status:
        summary = run(
            [out / "data" / "doses.parquet"],
            out / "index",
            out / "runs",
            n_threads=threads,
            on_progress=lambda stage, done, total: status.update(f"{stage} {done:,} of {total:,}" if total else stage),
        )
    appendix = write_report(summary.run_dir, "appendix", "xlsx", out / "appendix.xlsx")
    console.print(_table(appendix))
    console.print(_queues(summary.counts, summary.run_dir))
    evaluation = evaluate(summary.run_dir, out / "data" / "truth.parquet")
    console.print(render(evaluation))
    console.print(
        f"\nrun       {summary.run_dir}\nappendix  {out / 'appendix.xlsx'}\ninputs    {out / 'data'}", highlight=False
    )
    return DemoSummary(summary.run_dir, out / "appendix.xlsx", out / "data", summary.counts, evaluation)


def _claim(out: Path) -> None:
    """Take the folder for the demo; refuse one that holds what the demo would replace but did not write itself."""
    if not (out / MARKER).exists() and any((out / name).exists() for name in ("data", "index", "runs")):
        raise UsageError(f"{out}: holds data, index or runs that are not the demo's; give another folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    with replacing(out / MARKER) as part:
        part.touch()


def _table(report: Report) -> Table:
    table = Table(title=report.title, title_justify="left")
    for column in report.columns:
        table.add_column(column.heading, justify="right" if column.is_count else "left")
    for row in report.rows:
        table.add_row(*(_cell(value) for value in row))
    table.add_section()
    table.add_row(*(_cell(value) for value in report.total))
    return table


def _cell(value: str | int | None) -> str:
    return f"{value:,}" if isinstance(value, int) else value or ""


def _queues(counts: dict[str, int], run_dir: Path) -> Table:
    table = Table("status", "queue", title="doses by status", title_justify="left")
    table.add_column("doses", justify="right")
    table.add_column("share", justify="right")
    files = {"matched": "match", "review": "review", "unmatched": "unmatched", "excluded": "excluded"}
    total = max(1, sum(counts.values()))
    for status, n in counts.items():
        queue = f"queues/{files[status]}.parquet" if status in files else ""
        table.add_row(status, queue, f"{n:,}", f"{n / total:.2%}")
    return table
