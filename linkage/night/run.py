"""The nightly run: doses in, one decision per dose and the queues out, published whole or not at all."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from linkage.deciding.gates import check_accept, expected_of, gate_notes, refuse
from linkage.ingest import Ingested, in_order, ingest
from linkage.machine.clock import today
from linkage.machine.memory import AnonymousPeak
from linkage.machine.scratch import writing_work_files
from linkage.machine.stage_clock import Clock, Progress
from linkage.night.checks import check_list_date, check_plan, check_set_aside, check_sum, run_notes
from linkage.night.manifest import cost_entries, input_entries, result_entries, run_id, status_counts
from linkage.night.stages import STAGES, reconcile
from linkage.night.standing import RunStages, stages_key
from linkage.published.claims import candidate_parts, claim_parts, with_comparisons
from linkage.published.decisions import Outcome, communes_table, decision_parts
from linkage.published.folders import Stage, new_stage
from linkage.published.groups import GROUPS, groups_table
from linkage.published.patterns import PairCounts, patterns_table
from linkage.published.queues import queue_parts
from linkage.published.reader import already_published, check_published, published_runs
from linkage.published.subjects import open_subject_parts, platform_subjects, subject_counts
from linkage.published.unequal import UnequalGroup, unequal_groups, unequal_notes
from linkage.registry.as_of import as_of
from linkage.registry.index import Index, open_index
from linkage.registry.rolling_check import NightlyCheck, damage_told
from linkage.schema import (
    CANDIDATES,
    CLAIMS,
    COMMUNES,
    DECISIONS,
    DOSES,
    READINGS,
    REJECTED,
    STATUSES,
    SUBJECT_COUNTS,
    SUBJECTS,
)
from linkage.stations import reading_parts, station_notes
from linkage.storage.locks import made_and_locked
from linkage.storage.output_paths import check_folder
from linkage.storage.standing import Standing, standing
from linkage.storage.work_folders import work_folder
from linkage.training.drift import drift_notes
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
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> RunSummary:
    """Link dose files with an index and publish the run under ``runs``.

    Parameters
    ----------
    dose_files : CSV, Excel or Parquet, see schema.DOSES
    model_file : a trained model; None trains on the batch
    columns : schema names by the files' column names, where they differ
    list_date : the day the review list is drawn up, None is the newest dose's; the deadline counts from it
    accept : why to decide even so where the training is doubtful or the batch unlike it, in a person's words, which the
        manifest keeps
    strict : whether one file that cannot be used stops the run; else it is set aside and told
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
        check_plan(index)
        model = None if model_file is None else replace(Model.load(model_file, index.plan), plan=index.plan)
        asked = _Asked(dose_files, runs, model, dict(columns or {}), list_date, accept, strict, n_threads)
        key = stages_key(dose_files, index, model, asked.columns, list_date, accept, strict)
        with made_and_locked(runs), _room_to_work(runs, key) as (standing, scratch):
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
    n_threads: int


def _run(
    asked: _Asked, index: Index, scratch: Path, stages: RunStages, clock: Clock, memory: AnonymousPeak
) -> RunSummary:
    """Link and publish, in a folder of runs that is locked; scratch: a work folder in it."""
    runs, accept, model = asked.runs, asked.accept, asked.model

    def read(folder: Path, name: str) -> Ingested:
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

    ingested = stages.ingested(read)
    check_set_aside(ingested, accept)
    newest = _newest_dose(ingested, index) if asked.list_date is None else None
    drawn_up = asked.list_date or newest or index.dictionaries.latest_date
    name = run_id(ingested, index, model, asked.columns, drawn_up)
    if already_published(runs / name):
        return _published_before(runs / name, ingested, index, newest)
    with new_stage(runs, name) as stage, damage_told(index.files), NightlyCheck(index, drawn_up, today()) as check:
        outcome, pairs, model = reconcile(ingested, index, model, drawn_up, asked.n_threads, scratch, clock, stages)
        check_sum(ingested, outcome)
        refuse(model, outcome.moved, accept, "the run", expected_of(outcome.decided), index.n_persons)
        with clock.stage("publish"):
            groups = groups_table(outcome)
            _write_tables(stage, outcome, pairs, ingested, groups, asked.n_threads)
            stage.write_json("model", model.document())
        unequal = unequal_groups(groups, outcome.dose_status.size / max(1, outcome.batch.n_claims))
        costs = cost_entries(pairs, clock.seconds, memory.bytes)
        before = [path.name for path in published_runs(runs)]
        counts = status_counts(outcome)
        of_reading = run_notes(ingested, counts, model, index, newest)
        notes = _notes_of(outcome, model, unequal)
        manifest = {
            "run_id": name,
            "columns": asked.columns,
            "previous_run": before[-1] if before else None,
            **costs,
            **input_entries(ingested, index, model),
            **result_entries(outcome, pairs, unequal),
            "accepted": accept,
            "resumed_from": stages.standing.resumed_from,
            "notes": notes,  # but those of reading, which name columns and files as they were typed
        }
        stage.write_manifest(manifest)
        check.finish()
        folder = stage.commit()
    return RunSummary(
        name, folder, counts, clock.seconds, costs["peak_rss_bytes"], notes=(*stages.notes(), *of_reading, *notes)
    )


def _notes_of(outcome: Outcome, model: Model, unequal: list[UnequalGroup]) -> tuple[str, ...]:
    """What an operator should know of the results."""
    return (
        *station_notes(outcome.stations.findings),
        *unequal_notes(unequal),
        *drift_notes(model.training, outcome.index.frequencies),
        *gate_notes(model, outcome.moved, expected_of(outcome.decided), outcome.index.n_persons),
        *outcome.error_rates.conflicting,
    )


def _newest_dose(ingested: Ingested, index: Index) -> datetime.date:
    """The day the review list is drawn up where none is stated: the machine's clock must not decide it."""
    days = (chunk.column(0) for chunk in ingested.accepted.chunks(["dose_date"]))
    return as_of(days, otherwise=index.dictionaries.latest_date).date


def _published_before(folder: Path, ingested: Ingested, index: Index, newest: datetime.date | None) -> RunSummary:
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
        notes=(*run_notes(ingested, counts, model, index, newest), *manifest["notes"]),
    )


def _write_tables(
    stage: Stage, outcome: Outcome, pairs: PairCounts, ingested: Ingested, groups: pa.Table, n_threads: int
) -> None:
    """Every table of the run; each is written by one thread, the largest first."""
    platform = platform_subjects(outcome)
    tables: dict[str, tuple[pa.Schema, Iterable[pa.Table]]] = {
        DECISIONS.name: (DECISIONS.arrow(), decision_parts(outcome)),
        CLAIMS.name: (CLAIMS.arrow(), claim_parts(outcome)),
        CANDIDATES.name: (with_comparisons(CANDIDATES, outcome.parameters), candidate_parts(outcome)),
        **queue_parts(outcome),
        SUBJECTS.name: (SUBJECTS.arrow(), open_subject_parts(outcome, platform)),
        SUBJECT_COUNTS.name: (SUBJECT_COUNTS.arrow(), [subject_counts(outcome, platform)]),
        COMMUNES.name: (COMMUNES.arrow(), [communes_table(outcome)]),
        GROUPS.name: (GROUPS.arrow(), [groups]),
        READINGS.name: (READINGS.arrow(), reading_parts(outcome.stations, outcome.doses.records)),
    }
    with ThreadPoolExecutor(n_threads) as threads:
        list(threads.map(lambda name: stage.write_parts(name, *tables[name]), tables))
    stage.write_records(DOSES.name, ingested.accepted)
    stage.write_table(REJECTED.name, ingested.rejected, keep_metadata=True)
    stage.write_table("patterns", patterns_table(pairs, outcome.index.plan))
