"""The demo: Bảo Lâm's 14 communes simulated, and three nights of their doses linked."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from linkage.demo.changed import Changed, NightTold, changed_decisions, told_of
from linkage.errors import UsageError
from linkage.insight.evaluate import Evaluation, evaluate
from linkage.insight.history import History, history
from linkage.machine.stage_clock import Progress
from linkage.night.train import train_model
from linkage.nights.configuration import Configuration, read_configuration
from linkage.nights.exporting import export_state
from linkage.nights.inputs import inputs_of
from linkage.nights.night import NightSummary, run_night
from linkage.registry.from_files import build_from_files
from linkage.reports import write_report
from linkage.simulate import simulate_nights
from linkage.state.folder import NO_STATE
from linkage.storage.output_paths import check_folder
from linkage.storage.work_folders import make_folder, replacing

MARKER = ".linkage-demo"  # lies in a folder whose contents the demo may replace
SEED = 68_680  # province and district code of Bảo Lâm
N_NIGHTS = 3
_OWN = ("district", "everything")
_EARLIER = ("data", "index", "runs")  # of a demo by a version that linked one batch


@dataclass(frozen=True)
class DemoSummary:
    """What ``demo --json`` prints. configuration: night.toml; everything: what is in force after the nights, by the
    tables of a run; changes: of decisions that were made before; story: a dose that something happened to."""

    configuration: Path
    everything: Path
    appendix: Path
    nights: tuple[NightTold, ...]
    changes: tuple[Changed, ...]
    story: History | None
    counts: dict[str, int]
    evaluation: Evaluation


def demo(out: Path, persons: int, doses: int, threads: int, on_progress: Progress) -> DemoSummary:
    """Simulate, index, train, link night after night, evaluate. Replaces an earlier demo in ``out``."""
    _claim(out)
    for folder in (*_OWN, *_EARLIER):
        shutil.rmtree(out / folder, ignore_errors=True)
    district = out / "district"
    on_progress("make up people and doses", 0, 0)
    dates = simulate_nights(persons, doses, N_NIGHTS, SEED, district, area="bao-lam").nights
    on_progress("build the registry's index", 0, 0)
    build_from_files([district / "registry.parquet"], district / "index", units=district / "units")
    configuration = read_configuration(district / "night.toml")
    on_progress("learn from the first night's doses", 0, 0)
    first = inputs_of(configuration, datetime.date.fromisoformat(dates[0]), NO_STATE)
    train_model(list(first.doses), configuration.index, n_threads=threads).save(configuration.model)
    nights = _linked(configuration, dates, threads, on_progress)
    on_progress("compare with the truth", 0, 0)
    folders = [night.night_dir for night in nights]
    changes = changed_decisions(folders)
    counts = export_state(configuration, out / "everything")
    write_report(configuration.file, "appendix", "xlsx", out / "appendix.xlsx")
    evaluation = evaluate(out / "everything", district / "truth.parquet")
    story = history(configuration, changes[0].dose_id) if changes else None
    about = configuration.file, out / "everything", out / "appendix.xlsx"
    return DemoSummary(*about, tuple(map(told_of, folders)), changes, story, counts, evaluation)


def _linked(
    configuration: Configuration, dates: Sequence[str], threads: int, on_progress: Progress
) -> list[NightSummary]:
    nights = []
    for number, date in enumerate(dates, start=1):
        what = f"link night {number} of {len(dates)}"

        def shown(_: str, done: int, total: int, what: str = what) -> None:
            on_progress(what, done, total)

        day = datetime.date.fromisoformat(date)
        nights.append(run_night(configuration, day, n_threads=threads, on_progress=shown))
    return nights


def _claim(out: Path) -> None:
    """Take the folder for the demo; refuse one that holds what the demo would replace but did not write itself."""
    check_folder(out)
    held = [name for name in (*_OWN, *_EARLIER) if (out / name).exists()]
    if held and not (out / MARKER).exists():
        raise UsageError(f"{out}: holds {held[0]}, which is not the demo's; give another folder with --out")
    make_folder(out)
    with replacing(out / MARKER) as part:
        part.touch()
