"""A model from dose files, trained on them as a run trains on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from linkage.deciding.gates import check_accept, refuse
from linkage.ingest import Ingested, in_order, ingest
from linkage.machine.clock import today
from linkage.machine.stage_clock import Clock, Progress
from linkage.night.deciding import decide_batch
from linkage.night.stages import read_doses
from linkage.registry.index import Index, open_index
from linkage.registry.rolling_check import NightlyCheck, damage_told
from linkage.schema import DOSES
from linkage.training.model_file import Model
from linkage.training.verdicts import claim_verdicts


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

    verdicts: what reviewers decided, in the form of schema.VERDICTS.
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
        read = read_doses(ingested, index)
    known = None if verdicts is None else claim_verdicts(verdicts, read.doses, read.claims, index)
    return decide_batch(read, index, None, n_threads, None, clock, verdicts=known, accepted=accept).model
