"""The nightly run: doses in, one decision per dose and the queues out, published whole or not at all."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from linkage.deciding.error_rates import ErrorRates
from linkage.deciding.gates import check_accept, expected_of, gate_notes, refuse
from linkage.deciding.pins import VerdictsInForce
from linkage.ingest import Ingested, in_order, ingest
from linkage.machine.clock import today
from linkage.machine.memory import AnonymousPeak
from linkage.machine.scratch import naming_full_disk, writing_work_files
from linkage.machine.stage_clock import Clock, Progress
from linkage.night.checks import check_list_date, check_set_aside, check_sum, run_notes
from linkage.night.manifest import cost_entries, input_entries, quality_entries, result_entries, run_id, status_counts
from linkage.night.publishing import write_tables
from linkage.night.stages import (
    STAGES,
    Work,
    claims_of_doses,
    decide_claims,
    decide_doses,
    moved_since_training,
    rate_errors,
)
from linkage.night.standing import RunStages, stages_key
from linkage.published.decided import DecidedClaims, ReadDoses
from linkage.published.folders import new_stage
from linkage.published.reader import already_published, check_published, published_runs
from linkage.published.unequal import UnequalGroup, unequal_groups, unequal_notes
from linkage.registry.as_of import as_of
from linkage.registry.index import Index, open_index
from linkage.registry.rolling_check import NightlyCheck, damage_told
from linkage.schema import DOSES, STATUSES
from linkage.stations import station_notes
from linkage.storage.locks import made_and_locked
from linkage.storage.output_paths import check_folder
from linkage.storage.standing import Standing, standing
from linkage.storage.work_folders import work_folder
from linkage.training.drift import Moved, drift_notes, pin_notes
from linkage.training.model_file import Model


@dataclass(frozen=True)
class RunSummary:
    """What ``run --json`` prints, and notes for the operator."""

    run_id: str
    run_dir: Path
    counts: dict[str, int]
    seconds: dict[str, float]
    peak_rss_bytes: int
    already_done: bool = False
    notes: tuple[str, ...] = ()


def run(
    dose_files: Sequence[Path],
    index_folder: Path,
    runs: Path,
    *,
    model_file: Path | None = None,
    columns: Mapping[str, str] | None = None,
    list_date: datetime.date | None = None,
    accept: str | None = None,
    strict: bool = False,
    verdicts: VerdictsInForce | None = None,
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> RunSummary:
    """Link dose files with an index and publish the run under ``runs``.

    Parameters
    ----------
    dose_files : see schema.DOSES; of any format that `linkage.ingest` reads
    model_file : a trained model; None trains on the batch
    columns : schema names by the files' column names, where they differ
    list_date : the day the review list is drawn up, None is the newest dose's; the deadline counts from it
    accept : why to decide even so where the training is doubtful or the batch unlike it, in a person's words, which the
        manifest keeps
    strict : whether one file that cannot be used stops the run; else it is set aside and told
    verdicts : in force on the claims, as nights have them; None is nothing
    on_progress : called with (stage, done, total); total 0 when the length is not known

    Raises
    ------
    InputError, UsageError : the inputs cannot be used; nothing is written
    QualityGateError : see linkage.deciding.gates; nothing is published
    VerificationError : a sum that must hold does not
    TryLaterError : another run is publishing into the same folder
    """
    clock = Clock(on_progress)
    check_accept(accept)
    check_folder(runs)
    if list_date is not None:
        check_list_date(list_date)
    with AnonymousPeak() as memory:
        index = open_index(index_folder)
        index.plan.check_roles(str(index_folder))
        model = None if model_file is None else replace(Model.load(model_file, index.plan), plan=index.plan)
        asked = _Asked(dose_files, runs, model, dict(columns or {}), list_date, accept, strict, verdicts, n_threads)
        key = stages_key(dose_files, index, model, asked.columns, list_date, accept, strict, asked.verdicts_digest)
        with made_and_locked(runs), naming_full_disk(runs), _room_to_work(runs, key) as (standing, scratch):
            return _run(asked, index, scratch, RunStages(standing, clock), clock, memory)


@contextmanager
def _room_to_work(runs: Path, key: str) -> Iterator[tuple[Standing, Path]]:
    """Where the stages of a run stand, and a folder for work files: beside the runs, whose disk has to hold the results
    anyway."""
    with ExitStack() as work:
        with writing_work_files(runs):
            found = work.enter_context(standing(runs, key)), work.enter_context(work_folder(runs))
        yield found


@dataclass(frozen=True)
class _Asked:
    """What `run` was asked for."""

    dose_files: Sequence[Path]
    runs: Path
    model: Model | None
    columns: dict[str, str]
    list_date: datetime.date | None
    accept: str | None
    strict: bool
    verdicts: VerdictsInForce | None
    n_threads: int

    @property
    def verdicts_digest(self) -> str | None:
        return None if self.verdicts is None else self.verdicts.digest()


def _run(
    asked: _Asked, index: Index, scratch: Path, stages: RunStages, clock: Clock, memory: AnonymousPeak
) -> RunSummary:
    """Link and publish, in a folder of runs that is locked; scratch: a work folder in it."""
    runs, accept = asked.runs, asked.accept
    work = Work(asked.n_threads, scratch, clock, stages)
    ingested = stages.ingested(lambda folder, name: _accepted_doses(asked, folder, name, clock))
    check_set_aside(ingested, accept)
    newest = _newest_dose(ingested, index)
    drawn_up = asked.list_date or newest
    name = run_id(ingested, index, asked.model, asked.columns, drawn_up, asked.verdicts_digest)
    if already_published(runs / name):
        return _published_before(runs / name, ingested, index, newest, drawn_up)
    with new_stage(runs, name) as stage, damage_told(index.files), NightlyCheck(index, drawn_up, today()) as check:
        ready = claims_of_doses(ingested, index, asked.model, work, asked.verdicts)
        claims, by_itself = decide_claims(ready, index, work)
        read = ready.read
        doses = decide_doses(read, claims.decided, index, clock)
        moved = () if asked.model is None else moved_since_training(by_itself, claims.model)
        rates = rate_errors(read, claims, by_itself, doses, moved, index, work)
        del ready, by_itself  # their pages are not needed to publish
        check_sum(ingested, doses.status.size)
        refuse(claims.model, moved, accept, "the run", expected_of(claims.decided), index.n_persons)
        with clock.stage("publish"):
            groups = write_tables(stage, ingested, read, claims, doses, index, drawn_up, asked.n_threads)
            stage.write_json("model", claims.model.document())
        unequal = unequal_groups(groups, doses.status.size / max(1, read.batch.n_claims))
        costs = cost_entries(claims.pairs, clock.seconds, memory.bytes)
        before = [path.name for path in published_runs(runs)]
        notes = _notes_of(read, claims, unequal, rates, moved, index)
        manifest = {
            "run_id": name,
            "columns": asked.columns,
            "previous_run": before[-1] if before else None,
            **costs,
            **input_entries(ingested, index, claims.model),
            **result_entries(read, claims, doses, drawn_up),
            **quality_entries(unequal, rates, moved),
            "accepted": accept,
            "resumed_from": stages.standing.resumed_from,
            "notes": notes,  # but those of reading, which name columns and files as they were typed
        }
        stage.write_manifest(manifest)
        check.finish()
        folder = stage.commit()
    counts = status_counts(doses)
    told = (*stages.notes(), *run_notes(ingested, counts, claims.model, index, newest, drawn_up), *notes)
    return RunSummary(name, folder, counts, clock.seconds, costs["peak_rss_bytes"], notes=told)


def _accepted_doses(asked: _Asked, folder: Path, name: str, clock: Clock) -> Ingested:
    """Dose files -> accepted doses, in a work file of a name in a folder."""
    with clock.stage("ingest"):
        return ingest(
            in_order(asked.dose_files),
            DOSES,
            columns=asked.columns,
            scratch=folder,
            keep=name,
            strict=asked.strict,
            on_read=clock.reading,
        )


def _notes_of(
    read: ReadDoses,
    claims: DecidedClaims,
    unequal: list[UnequalGroup],
    rates: ErrorRates,
    moved: tuple[Moved, ...],
    index: Index,
) -> tuple[str, ...]:
    """What an operator should know of the results."""
    return (
        *station_notes(read.stations.findings),
        *unequal_notes(unequal),
        *pin_notes(claims.model.training, index.manifest["term_frequencies"]),
        *drift_notes(claims.model.training, index.frequencies),
        *gate_notes(claims.model, moved, expected_of(claims.decided), index.n_persons),
        *rates.conflicting,
    )


def _newest_dose(ingested: Ingested, index: Index) -> datetime.date:
    """The day the review list is drawn up where none is stated: the machine's clock must not decide it."""
    days = (chunk.column(0) for chunk in ingested.accepted.chunks(["dose_date"]))
    return as_of(days, otherwise=index.dictionaries.latest_date).date


def _published_before(
    folder: Path, ingested: Ingested, index: Index, newest: datetime.date, drawn_up: datetime.date
) -> RunSummary:
    """What the run said when it was published, in the same order; it is still what was published."""
    manifest = check_published(folder, "counts", "seconds", "peak_rss_bytes", "notes")
    model = Model.load(folder / "model.json", index.plan)
    counts, seconds = manifest["counts"], manifest["seconds"]
    return RunSummary(
        folder.name,
        folder,
        {status: counts[status] for status in STATUSES if status in counts},
        {stage: seconds[stage] for stage in STAGES if stage in seconds},
        manifest["peak_rss_bytes"],
        already_done=True,
        notes=(*run_notes(ingested, counts, model, index, newest, drawn_up), *manifest["notes"]),
    )
