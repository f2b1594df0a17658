"""What a run checks of its inputs before it works on them, and what an operator is told of them."""

from __future__ import annotations

import datetime

import numpy as np

from linkage.errors import InputError, QualityGateError, UsageError, VerificationError
from linkage.ingest import Ingested, reading_notes
from linkage.machine.clock import clock_notes
from linkage.registry.index import Index
from linkage.standardise.dates import FIRST_YEAR, LAST_YEAR, n_births_outside
from linkage.training.model_file import Model
from linkage.wording.counted import counted

MOST_SET_ASIDE = 0.05  # of the files of a batch, those that may be unusable
FEWEST_WITH_SET_ASIDE = 20  # files of a batch; of fewer each has to be usable
_REASONS_SHOWN = 5  # of such files
FEW_SUBJECTS = 1000  # a model trained on fewer rests mostly on the plan's starting values


def run_notes(
    ingested: Ingested,
    counts: dict[str, int],
    model: Model,
    index: Index,
    newest: datetime.date,
    drawn_up: datetime.date,
) -> tuple[str, ...]:
    """What an operator should look at before trusting the run; newest: day of the newest dose; drawn_up: of the
    lists."""
    latest = index.dictionaries.latest_date
    notes = [
        *reading_notes(ingested, "'linkage rejects'"),
        *clock_notes(newest, "the doses"),
    ]
    if drawn_up < newest:
        notes.append(f"the lists are of {drawn_up}, before the newest dose, of {newest}: correct --list-date")
    birth = index.plan.field_as("birth")
    births, column = ingested.accepted.chunks(birth.left), birth.left[0]
    outside = [n_births_outside(chunk.column(0), birth.first_year, latest) for chunk in births]
    n_early, n_late = np.reshape(np.array(outside, np.int64), (-1, 2)).sum(axis=0).tolist()
    if n_late:
        notes.append(
            f"{column}: {n_late:,} doses state a birth after {latest}, as of which the index reads dates; it is "
            "read as unknown: apply the registry's changes, or build the index with --as-of"
        )
    if n_early:
        doses = counted(n_early, "dose", ("states", "state"))
        notes.append(f"{column}: {doses} a birth before {birth.first_year}, which is read as unknown")
    if not sum(counts.values()):
        are_rejected = ingested.rejected.num_rows > 0
        notes.append(f"no dose was read: {'every record was rejected' if are_rejected else 'an empty transfer?'}")
    n_trained = int(model.training.get("subjects", 0))
    if n_trained < FEW_SUBJECTS:
        claims = counted(n_trained, "subject")
        notes.append(f"the model was trained on {claims} only; give --model, trained on a larger batch")
    return tuple(notes)


def check_set_aside(ingested: Ingested, accept: str | None) -> None:
    """InputError where one of few files cannot be used; QualityGateError where too many of many cannot: a transfer
    went wrong, unless accepted."""
    n_aside = len(ingested.set_aside)
    n_files = n_aside + len(ingested.files)
    shown = "; ".join(found.reason for found in ingested.set_aside[:_REASONS_SHOWN])
    more = f"; and {n_aside - _REASONS_SHOWN:,} more" if n_aside > _REASONS_SHOWN else ""
    if n_aside and n_files < FEWEST_WITH_SET_ASIDE:
        raise InputError(
            f"{shown}{more}; or leave {'the file' if n_aside == 1 else 'these files'} out (one is set aside only of "
            f"{FEWEST_WITH_SET_ASIDE} or more); nothing was published"
        )
    if n_aside > MOST_SET_ASIDE * n_files and accept is None:
        raise QualityGateError(
            f"{n_aside:,} of {n_files:,} files cannot be used, more than {MOST_SET_ASIDE:.0%}: {shown}{more}; mend "
            "them or leave them out, or --accept; nothing was published"
        )


def check_list_date(date: datetime.date) -> None:
    """A deadline counts from it, and birthdays are compared with it."""
    if not FIRST_YEAR <= date.year <= LAST_YEAR:
        raise UsageError(f"--list-date {date.isoformat()}: must be from {FIRST_YEAR} to {LAST_YEAR}")


def check_sum(ingested: Ingested, n_decided: int) -> None:
    """physical records = decided + rejected, over all files."""
    physical = sum(file.physical_records for file in ingested.files)
    if physical != n_decided + ingested.rejected.num_rows:
        raise VerificationError(
            f"run: {physical} records came in, {n_decided} were decided and "
            f"{ingested.rejected.num_rows} rejected; nothing was published"
        )
