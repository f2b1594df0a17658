"""The nightly run: doses in, one decision per dose and the queues out, published whole or not at all."""

from __future__ import annotations

import datetime
import hashlib
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.candidates import Candidates
from linkage import decide as deciding
from linkage.comparing import Batch, pattern_space, prepare_batch, take
from linkage.decide import Decided, decide, merge
from linkage.drift import drift_notes
from linkage.encode import encode
from linkage.error_rates import estimate_error_rates
from linkage.errors import InputError, UsageError, VerificationError
from linkage.groups import GROUPS, groups_table
from linkage.ingest import Ingested, ingest
from linkage.link import LinkedBatch, Ranked, Scorer, link_batch
from linkage.model_file import Model
from linkage.outputs import Outcome, decisions_table
from linkage.platform_subjects import subject_tables
from linkage.publish import already_published, published_runs, read_manifest, staged
from linkage.queues import queue_tables
from linkage.registry import Index, open_index
from linkage.schedule import DEAD, find_conflicts, read_injections
from linkage.schema import DECISIONS, DOSES, REJECTED, STATUSES, SUBJECT_COUNTS, SUBJECTS, TRUTH
from linkage.standardise import dates
from linkage.standardise.categories import foreign_reason
from linkage.subjects import Subjects, distinct_subjects
from linkage.train import NO_VERDICT, NOBODY, train
from linkage.verify import find_verified
from linkage.version import code_version

FEW_SUBJECTS = 1000  # a model trained on fewer rests mostly on the plan's starting values

Progress = Callable[[str, int, int], None]


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


@dataclass
class _Clock:
    """Seconds by stage, and who is told about progress."""

    on_progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.on_progress(name, 0, 0)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def run(
    dose_files: Sequence[Path],
    index_folder: Path,
    runs: Path,
    *,
    model_file: Path | None = None,
    columns: Mapping[str, str] | None = None,
    list_date: datetime.date | None = None,
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> RunSummary:
    """Link dose files with an index and publish the run under ``runs``.

    Parameters
    ----------
    dose_files : CSV, Excel or Parquet, see schema.DOSES
    model_file : a trained model; None trains on the batch
    columns : schema names by the files' column names, where they differ
    list_date : the day the review list is drawn up, today when None; the deadline counts from it
    on_progress : called with (stage, done, total); total 0 when the length is not known

    Raises
    ------
    InputError, UsageError : the inputs cannot be used; nothing is written
    VerificationError : a sum that must hold does not
    TryLaterError : another run is publishing into the same folder
    """
    clock = _Clock(on_progress)
    drawn_up = list_date or datetime.datetime.now(datetime.UTC).astimezone().date()
    index = open_index(index_folder)
    _check_plan(index)
    with clock.stage("ingest"):
        ingested = ingest(dose_files, DOSES, columns=columns)
    model = None if model_file is None else Model.load(model_file, index.plan)
    run_id = _run_id(ingested, index, model, columns, drawn_up)
    if already_published(runs / run_id):
        manifest = read_manifest(runs / run_id)
        return RunSummary(
            run_id, runs / run_id, manifest["counts"], manifest["seconds"], manifest["peak_rss_bytes"], True
        )
    with staged(runs, run_id) as stage:
        outcome, linked, model = _link(ingested, index, model, drawn_up, n_threads, clock)
        with clock.stage("publish"):
            decisions = decisions_table(outcome)
            counts = _counts(decisions)
            _check_sum(ingested, decisions)
            stage.write_table(DECISIONS.name, decisions)
            subjects, subject_counts = subject_tables(decisions, outcome.doses.column("subject_id"))
            stage.write_table(SUBJECTS.name, subjects)
            stage.write_table(SUBJECT_COUNTS.name, subject_counts)
            stage.write_table(GROUPS.name, groups_table(outcome))
            for name, table in queue_tables(outcome).items():
                stage.write_table(name, table)
            stage.write_table(REJECTED.name, ingested.rejected, keep_metadata=True)
            stage.write_table("patterns", _patterns_table(linked, index, model))
            stage.write_json("model", model.to_dict())
        manifest = _manifest(run_id, ingested, index, model, outcome, linked, drawn_up, counts, clock)
        before = [path.name for path in published_runs(runs)]
        more = {
            "columns": dict(columns or {}),
            "previous_run": before[-1] if before else None,
            "outputs": stage.outputs,
        }
        stage.write_json("manifest", manifest | more)
        folder = stage.commit()
    notes = (*_notes(ingested, counts, model), *drift_notes(model.training, index.frequencies))
    return RunSummary(run_id, folder, counts, clock.seconds, manifest["peak_rss_bytes"], notes=notes)


def _notes(ingested: Ingested, counts: dict[str, int], model: Model) -> tuple[str, ...]:
    """What an operator should look at before he trusts the run."""
    notes = []
    if ingested.rejected.num_rows:
        notes.append(f"{ingested.rejected.num_rows:,} records were rejected; see 'linkage rejects'")
    if not sum(counts.values()):
        notes.append("no dose was read: an empty transfer?")
    n_trained = int(model.training.get("subjects", 0))
    if n_trained < FEW_SUBJECTS:
        notes.append(f"the model was trained on {n_trained:,} subjects only; give --model, trained on a larger batch")
    if not model.training.get("converged", True):
        notes.append("the training did not converge; see 'linkage model show'")
    return tuple(notes)


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
    n_threads: int = 2,
) -> Model:
    """Train a model on dose files, on the subjects that do not agree exactly with anybody, as ``run`` does.

    verdicts: what reviewers decided, in the form of schema.TRUTH: a person_id, or empty for nobody in the registry.
    """
    index = open_index(index_folder)
    doses, subjects, batch, reasons = subjects_of(ingest(dose_files, DOSES, columns=columns).accepted.read(), index)
    is_excluded = ~pc.is_null(reasons).to_numpy(zero_copy_only=False)
    rows, _ = find_verified(batch, index)
    trainees = _trainees(rows >= 0, is_excluded)
    known = None if verdicts is None else _subject_verdicts(verdicts, doses, subjects, index)[trainees]
    parameters, training = train(take(batch, trainees), index, n_threads, known)
    return Model(parameters, index.plan, training.to_dict())


def _subject_verdicts(path: Path, doses: pa.Table, subjects: Subjects, index: Index) -> NDArray[np.int64]:
    """The verdict on every subject, as linkage.train takes it. Verdicts that differ within one claim are left out."""
    ingested = ingest([path], TRUTH)
    if ingested.rejected.num_rows:
        raise InputError(f"{path.name}: {ingested.rejected.num_rows} verdicts cannot be read; mend the file")
    accepted = ingested.accepted.read()
    dose = pc.index_in(accepted.column("dose_id"), doses.column("dose_id").combine_chunks())
    person = accepted.column("person_id")
    row = index.rows_of(person)
    is_unknown = pc.and_(pc.is_valid(person), pa.array(row < 0))
    for name, missing in (("dose_id", pc.is_null(dose)), ("person_id", is_unknown)):
        if pc.any(missing).as_py():
            value = accepted.column(name).filter(missing)[0]
            raise InputError(f"{path.name}: {name} {value} is not among the run's; give verdicts on these files")
    subject = subjects.of_dose[dose.to_numpy().astype(np.int64)]
    rows = np.where(row < 0, NOBODY, row)
    verdict = np.full(subjects.keys.size, NO_VERDICT)
    verdict[subject] = rows
    verdict[subject[verdict[subject] != rows]] = NO_VERDICT
    return verdict


def _link(
    ingested: Ingested, index: Index, model: Model | None, drawn_up: datetime.date, n_threads: int, clock: _Clock
) -> tuple[Outcome, LinkedBatch, Model]:
    """Everything between the files: the decided batch, how it was linked, and the model used."""
    with clock.stage("encode"):
        doses, subjects, batch, reasons = subjects_of(ingested.accepted.read(), index)
    is_excluded = ~pc.is_null(reasons).to_numpy(zero_copy_only=False)
    with clock.stage("verify"):
        verified_rows, verified_passes = find_verified(batch, index)
        verified_rows[is_excluded] = -1
        is_verified = verified_rows >= 0
    to_link = np.flatnonzero(~is_verified & ~is_excluded)
    open_batch = take(batch, to_link)
    if model is None:
        with clock.stage("train"):
            parameters, training = train(take(batch, _trainees(is_verified, is_excluded)), index, n_threads)
            model = Model(parameters, index.plan, training.to_dict())
    with clock.stage("link"):
        scorer = Scorer(open_batch, index, model.parameters)
        linked = link_batch(scorer, n_threads, lambda done: clock.on_progress("link", done, to_link.size))
        agreed = np.flatnonzero(is_verified)
        sure = _rank_verified(take(batch, agreed), index, model, verified_rows[agreed], verified_passes[agreed])
    with clock.stage("decide"):
        n_best = index.plan.decision.candidates_kept
        ranked = merge(batch.n_subjects, [(to_link, linked.ranked), (agreed, sure)], n_best)
        decided = decide(ranked, is_verified | is_excluded, model.parameters, index.n_persons, index.plan.decision)
        decided.status[is_excluded] = deciding.EXCLUDED
        status, conflicts = _dose_status(doses, subjects, decided, index)
    with clock.stage("error_rates"):
        rates = estimate_error_rates(
            decided, subjects.of_dose, status, conflicts, batch, index, model.parameters, n_threads
        )
    outcome = Outcome(
        doses, subjects, batch, decided, status, conflicts, reasons, index, model.parameters, drawn_up, rates
    )
    return outcome, linked, model


def _trainees(is_verified: NDArray[np.bool_], is_excluded: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Subjects to train on: those that are not verified, whom the model decides; the verified ones where all are."""
    still_open = np.flatnonzero(~is_verified & ~is_excluded)
    return still_open if still_open.size else np.flatnonzero(~is_excluded)


def subjects_of(accepted: pa.Table, index: Index) -> tuple[pa.Table, Subjects, Batch, pa.StringArray]:
    """Doses sorted by id, their distinct subjects, the encoded batch of these, and why some are excluded."""
    doses = accepted.sort_by("dose_id").combine_chunks()
    dictionaries = index.dictionaries.copy()
    columns = encode(doses, index.plan, "left", dictionaries)
    reasons = foreign_reason(*(doses.column(name).combine_chunks() for name in ("nationality", "id_number")))
    is_foreign = ~pc.is_null(reasons).to_numpy(zero_copy_only=False)
    subjects = distinct_subjects(columns, is_foreign)
    first = subjects.first_dose
    batch = prepare_batch({name: column[first] for name, column in columns.items()}, dictionaries, index)
    return doses, subjects, batch, reasons.take(pa.array(first))


def _rank_verified(
    batch: Batch, index: Index, model: Model, rows: NDArray[np.int64], passes: NDArray[np.uint16]
) -> Ranked:
    """Weights of the one person each verified subject agrees with; he has no rival."""
    scorer = Scorer(batch, index, model.parameters, floor_log2=-np.inf)
    whole = slice(0, batch.n_subjects)
    offsets = np.arange(batch.n_subjects + 1, dtype=np.int64)
    scored = scorer.score(whole, Candidates(offsets, rows.astype(np.uint32), passes.copy()))
    return scorer.rank(scored, index.plan.decision.candidates_kept)


def _dose_status(
    doses: pa.Table, subjects: Subjects, decided: Decided, index: Index
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Status and conflict bits of every dose: a matched dose with a conflict, or any of a dead person, goes to
    review."""
    status = decided.status[subjects.of_dose]
    is_decided = (status == deciding.VERIFIED) | (status == deciding.MATCHED)
    person = np.where(is_decided, decided.ranked.rows[subjects.of_dose, 0], -1)
    injections = read_injections(
        *(doses.column(name).combine_chunks() for name in ("dose_date", "dose_number", "vaccine"))
    )
    distinct, place = np.unique(person, return_inverse=True)
    death = index.take(distinct, ["date_of_death"]).column(0).combine_chunks()
    death_day = dates.days(dates.standardise_dates(death))[place]
    conflicts = find_conflicts(person, injections, death_day)
    is_doubtful = (status == deciding.MATCHED) & (conflicts > 0) | (conflicts & DEAD > 0)
    return np.where(is_doubtful, deciding.REVIEW, status).astype(np.uint8), conflicts


def _counts(decisions: pa.Table) -> dict[str, int]:
    """Doses by status, every status named."""
    counted = {row["values"]: row["counts"] for row in pc.value_counts(decisions.column("status")).to_pylist()}
    return {status: int(counted.get(status, 0)) for status in STATUSES}


def _check_sum(ingested: Ingested, decisions: pa.Table) -> None:
    """physical records = decided + rejected, over all files."""
    physical = sum(file.physical_records for file in ingested.files)
    if physical != decisions.num_rows + ingested.rejected.num_rows:
        raise VerificationError(
            f"run: {physical} records came in, {decisions.num_rows} were decided and "
            f"{ingested.rejected.num_rows} rejected; nothing was published"
        )


def _patterns_table(linked: LinkedBatch, index: Index, model: Model) -> pa.Table:
    """Agreement patterns of the pairs at or over the floor, by pass; a null pattern counts the pairs under it."""
    names = [rule.name for rule in index.plan.passes]
    keys = list(linked.patterns)
    over = np.zeros(len(names), np.int64)
    for (number, _), n in linked.patterns.items():
        over[number] += n
    codes = np.array([code for _, code in keys], np.uint32)
    levels = pattern_space(index.plan).levels_of(codes)
    rest = linked.counts.pairs - over
    columns = {"pass": pa.array([names[number] for number, _ in keys] + names)}
    for c, comparison in enumerate(model.parameters.comparisons):
        labels = pa.array(comparison.labels).take(pa.array(levels[:, c]))
        columns[comparison.name] = pa.concat_arrays([labels, pa.nulls(len(names), pa.string())])
    columns["pairs"] = pa.array([*linked.patterns.values(), *rest.tolist()], pa.int64())
    return pa.table(columns)


def _run_id(
    ingested: Ingested,
    index: Index,
    model: Model | None,
    columns: Mapping[str, str] | None,
    drawn_up: datetime.date,
) -> str:
    """The list date and a hash of all that decides the outcome: the same inputs give the same run."""
    content = {
        "doses": sorted(file.sha256 for file in ingested.files),
        "columns": dict(columns or {}),
        "index": index.manifest["content"],
        "latest_date": index.manifest["latest_date"],
        "commune_date": index.manifest["commune_date"],
        "plan": index.plan.digest(),
        "model": None if model is None else model.digest(),
        "code": code_version(),
        "list_date": drawn_up.isoformat(),
    }
    return f"{drawn_up:%Y%m%d}-{hashlib.sha256(msgspec.json.encode(content, order='sorted')).hexdigest()[:12]}"


def _manifest(
    run_id: str,
    ingested: Ingested,
    index: Index,
    model: Model,
    outcome: Outcome,
    linked: LinkedBatch,
    drawn_up: datetime.date,
    counts: dict[str, int],
    clock: _Clock,
) -> dict[str, Any]:
    """What went in, what came out, and the sum that must hold."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    passes = {
        rule.name: {"pairs": int(pairs), "narrowed_blocks": int(narrowed), "largest_block": int(largest)}
        for rule, pairs, narrowed, largest in zip(
            index.plan.passes, linked.counts.pairs, linked.counts.narrowed, linked.counts.largest, strict=True
        )
    }
    return {
        "run_id": run_id,
        "code_version": code_version(),
        "list_date": drawn_up.isoformat(),
        "inputs": [
            {
                "file": file.file,
                "path": str(file.path.resolve()),
                "format": file.format,
                "sha256": file.sha256,
                "physical_records": file.physical_records,
                "decided": file.accepted,
                "rejected": file.rejected,
                "note": file.note,
            }
            for file in ingested.files
        ],
        "index": {
            "path": str(index.folder.resolve().parent),
            "content": index.manifest["content"],
            "persons": index.n_persons,
        },
        "plan": index.plan.digest(),
        "model": model.digest(),
        "counts": counts,
        "subjects": outcome.batch.n_subjects,
        "candidate_pairs": int(linked.ranked.n_candidates.sum()),
        "passes": passes,
        "match_threshold": outcome.decided.threshold,
        "expected_false_match_rate": outcome.decided.expected_false_match_rate,
        "error_estimates": [asdict(estimate) for estimate in outcome.error_estimates],
        "commune_names": _commune_names(outcome),
        "seconds": clock.seconds,
        "peak_rss_bytes": peak,
    }


def _commune_names(outcome: Outcome) -> dict[str, str]:
    """Names of the communes that the batch states, by code."""
    places = outcome.batch.dictionaries.units.doses
    ids = pa.array(np.unique(outcome.batch.columns["commune"]))
    pairs = zip(places.code.take(ids).to_pylist(), places.name.take(ids).to_pylist(), strict=True)
    return {code: name for code, name in pairs if code and name}
