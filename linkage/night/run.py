"""The nightly run: doses in, one decision per dose and the queues out, published whole or not at all."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.deciding.gates import check_accept, expected_of, gate_notes, refuse
from linkage.errors import InputError, QualityGateError, UsageError, VerificationError
from linkage.ingest import Ingested, in_order, ingest, reading_notes
from linkage.machine.clock import clock_notes, today
from linkage.machine.memory import AnonymousPeak
from linkage.machine.stage_clock import Clock, Progress
from linkage.night.manifest import cost_entries, input_entries, result_entries, run_id, status_counts
from linkage.night.stages import STAGES, claims_of, decide_batch, reconcile
from linkage.published.claims import candidate_parts, claim_parts, with_comparisons
from linkage.published.decisions import Outcome, communes_table, decision_parts
from linkage.published.folders import Stage, staged
from linkage.published.groups import GROUPS, groups_table
from linkage.published.patterns import PairCounts, patterns_table
from linkage.published.queues import queue_parts
from linkage.published.reader import already_published, check_published, published_runs
from linkage.published.subjects import open_subject_parts, platform_subjects, subject_counts
from linkage.published.unequal import unequal_groups, unequal_notes
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
from linkage.standardise.dates import FIRST_YEAR, LAST_YEAR, n_births_outside
from linkage.stations import reading_parts, station_notes
from linkage.storage.output_paths import check_folder
from linkage.storage.work_folders import sweep
from linkage.training.drift import drift_notes
from linkage.training.model_file import Model
from linkage.training.verdicts import claim_verdicts
from linkage.wording.counted import counted

MOST_SET_ASIDE = 0.05  # of the files of a batch, those that may be unusable
FEWEST_WITH_SET_ASIDE = 20  # files of a batch; of fewer each has to be usable
FEW_SUBJECTS = 1000  # a model trained on fewer rests mostly on the plan's starting values


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
        _check_list_date(list_date)
    with AnonymousPeak() as memory:
        index = open_index(index_folder)
        _check_plan(index)
        scratch = _nearest_folder(runs)
        with clock.stage("ingest"):
            ingested = ingest(
                in_order(dose_files),
                DOSES,
                columns=columns,
                scratch=scratch,
                strict=strict,
                on_read=clock.reading,
            )
        _check_set_aside(ingested, accept)
        model = None if model_file is None else Model.load(model_file, index.plan)
        newest = _newest_dose(ingested, index) if list_date is None else None
        drawn_up = list_date or newest or index.dictionaries.latest_date
        name = run_id(ingested, index, model, columns, drawn_up)
        if already_published(runs / name):
            sweep(runs)
            return _published_before(runs / name, ingested, index, newest)
        with staged(runs, name) as stage, damage_told(index.files), NightlyCheck(index, drawn_up, today()) as check:
            outcome, pairs, model = reconcile(ingested, index, model, drawn_up, n_threads, scratch, clock)
            _check_sum(ingested, outcome)
            refuse(model, outcome.moved, accept, "the run", expected_of(outcome.decided))
            with clock.stage("publish"):
                groups = groups_table(outcome)
                _write_tables(stage, outcome, pairs, ingested, groups, n_threads)
                stage.write_json("model", model.document())
            unequal = unequal_groups(groups, outcome.dose_status.size / max(1, outcome.batch.n_claims))
            costs = cost_entries(pairs, clock.seconds, memory.bytes)
            before = [path.name for path in published_runs(runs)]
            counts = status_counts(outcome)
            of_reading = _notes(ingested, counts, model, index, newest)
            notes = (
                *station_notes(outcome.stations.findings),
                *unequal_notes(unequal),
                *drift_notes(model.training, index.frequencies),
                *gate_notes(model, outcome.moved, expected_of(outcome.decided)),
                *outcome.error_rates.conflicting,
            )
            manifest = {
                "run_id": name,
                "columns": dict(columns or {}),
                "previous_run": before[-1] if before else None,
                **costs,
                **input_entries(ingested, index, model),
                **result_entries(outcome, pairs, unequal),
                "accepted": accept,
                "notes": notes,  # but those of reading, which name columns and files as they were typed
            }
            stage.write_manifest(manifest)
            check.finish()
            folder = stage.commit()
    return RunSummary(name, folder, counts, clock.seconds, costs["peak_rss_bytes"], notes=(*of_reading, *notes))


def _newest_dose(ingested: Ingested, index: Index) -> datetime.date:
    """The day the review list is drawn up where none is stated: the machine's clock must not decide it."""
    days = (chunk.column(0) for chunk in ingested.accepted.chunks(["dose_date"]))
    return as_of(days, otherwise=index.dictionaries.latest_date).date


def _nearest_folder(runs: Path) -> Path:
    """Where work files lie: beside the runs, whose disk has to hold the results anyway."""
    return next(folder for folder in (runs, *runs.absolute().parents) if folder.is_dir())


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
        notes=(*_notes(ingested, counts, model, index, newest), *manifest["notes"]),
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
    stage.write_table(REJECTED.name, ingested.rejected, keep_metadata=True)
    stage.write_table("patterns", patterns_table(pairs, outcome.index.plan))


def _notes(
    ingested: Ingested, counts: dict[str, int], model: Model, index: Index, newest: datetime.date | None
) -> tuple[str, ...]:
    """What an operator should look at before he trusts the run; newest: day of the newest dose, where it was asked
    for."""
    latest = index.dictionaries.latest_date
    notes = [
        *reading_notes(ingested, "'linkage rejects'"),
        *([] if newest is None else clock_notes(newest, "the doses")),
    ]
    births = ingested.accepted.chunks(["date_of_birth"])
    outside = [n_births_outside(chunk.column(0), FIRST_YEAR, latest) for chunk in births]
    n_early, n_late = np.reshape(np.array(outside, np.int64), (-1, 2)).sum(axis=0).tolist()
    if n_late:
        notes.append(
            f"date_of_birth: {n_late:,} doses state a birth after {latest}, as of which the index reads dates; it is "
            "read as unknown: apply the registry's changes, or build the index with --as-of"
        )
    if n_early:
        doses = counted(n_early, "dose", ("states", "state"))
        notes.append(f"date_of_birth: {doses} a birth before {FIRST_YEAR}, which is read as unknown")
    if not sum(counts.values()):
        are_rejected = ingested.rejected.num_rows > 0
        notes.append(f"no dose was read: {'every record was rejected' if are_rejected else 'an empty transfer?'}")
    n_trained = int(model.training.get("subjects", 0))
    if n_trained < FEW_SUBJECTS:
        claims = counted(n_trained, "subject")
        notes.append(f"the model was trained on {claims} only; give --model, trained on a larger batch")
    return tuple(notes)


def _check_set_aside(ingested: Ingested, accept: str | None) -> None:
    """InputError where one of few files cannot be used; QualityGateError where too many of many cannot: a transfer
    went wrong, unless accepted."""
    n_aside = len(ingested.set_aside)
    n_files = n_aside + len(ingested.files)
    if n_aside and n_files < FEWEST_WITH_SET_ASIDE:
        raise InputError(
            f"{ingested.set_aside[0].reason}; or leave the file out (one is set aside only of "
            f"{FEWEST_WITH_SET_ASIDE} or more); nothing was published"
        )
    if n_aside > MOST_SET_ASIDE * n_files and accept is None:
        raise QualityGateError(
            f"{n_aside:,} of {n_files:,} files cannot be used, more than {MOST_SET_ASIDE:.0%}; the first: "
            f"{ingested.set_aside[0].reason}; mend them or leave them out, or --accept; nothing was published"
        )


def _check_list_date(date: datetime.date) -> None:
    """A deadline counts from it, and birthdays are compared with it."""
    if not FIRST_YEAR <= date.year <= LAST_YEAR:
        raise UsageError(f"--list-date {date.isoformat()}: must be from {FIRST_YEAR} to {LAST_YEAR}")


def _check_plan(index: Index) -> None:
    """A plan may leave much open, but decisions and queues are about these fields."""
    missing = {"commune", "id_number", "birth_date", "sex", "full_name"} - {field.name for field in index.plan.fields}
    if missing:
        raise UsageError(
            f"{index.folder}: its plan has no field {', '.join(sorted(missing))}, which a run needs; "
            "build the index with these, or use 'linkage link'"
        )


def train_model(
    dose_files: Sequence[Path],
    index_folder: Path,
    *,
    verdicts: Path | None = None,
    columns: Mapping[str, str] | None = None,
    accept: str | None = None,
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> Model:
    """Train a model on dose files, on the claims that do not agree exactly with anybody, as ``run`` does.

    verdicts: what reviewers decided, in the form of schema.TRUTH: a person_id, or empty for nobody in the registry.
    accept: why the model is to decide though its training is doubtful; it keeps the reason, and runs ask for no other.
    QualityGateError without one.
    """
    check_accept(accept)
    index = open_index(index_folder)
    clock = Clock(on_progress)
    with clock.stage("ingest"):
        ingested = ingest(in_order(dose_files), DOSES, columns=columns, on_read=clock.reading)
    with damage_told(index.files), NightlyCheck(index, index.dictionaries.latest_date, today()) as check:
        model = _trained(ingested, index, verdicts, accept, n_threads, clock)
        check.finish()
    refuse(model, (), accept, "the model")
    return model


def _trained(
    ingested: Ingested, index: Index, verdicts: Path | None, accept: str | None, n_threads: int, clock: Clock
) -> Model:
    """The model of a batch."""
    with clock.stage("encode"):
        doses, claims, batch, _ = claims_of(ingested, index)
    known = None if verdicts is None else claim_verdicts(verdicts, doses, claims, index)
    return decide_batch(
        doses, claims, batch, index, None, n_threads, None, clock, verdicts=known, accepted=accept
    ).model


def _check_sum(ingested: Ingested, outcome: Outcome) -> None:
    """physical records = decided + rejected, over all files."""
    physical = sum(file.physical_records for file in ingested.files)
    n_decided = outcome.dose_status.size
    if physical != n_decided + ingested.rejected.num_rows:
        raise VerificationError(
            f"run: {physical} records came in, {n_decided} were decided and "
            f"{ingested.rejected.num_rows} rejected; nothing was published"
        )
