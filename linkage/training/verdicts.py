"""Reviewers' verdicts on doses, as training takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.errors import InputError
from linkage.ingest import ingest
from linkage.registry.index import Index
from linkage.schema import TRUTH
from linkage.training.sample import NO_VERDICT, NOBODY
from linkage.wording.counted import counted


def claim_verdicts(path: Path, doses: Doses, claims: Claims, index: Index) -> NDArray[np.int64]:
    """The verdict on every claim, as linkage.training.train takes it. Verdicts that differ within one claim are left
    out."""
    ingested = ingest([path], TRUTH)
    if ingested.rejected.num_rows:
        raise InputError(f"{path.name}: {counted(ingested.rejected.num_rows, 'verdict')} cannot be read; mend the file")
    accepted = ingested.accepted.read()
    dose = pc.index_in(accepted.column("dose_id"), doses.records.column("dose_id").combine_chunks())
    person = accepted.column("person_id")
    row = index.rows_of(person)
    is_unknown = pc.and_(pc.is_valid(person), pa.array(row < 0))
    for name, missing in (("dose_id", pc.is_null(dose)), ("person_id", is_unknown)):
        if pc.any(missing).as_py():
            value = accepted.column(name).filter(missing)[0]
            raise InputError(f"{path.name}: {name} {value} is not among the run's; give verdicts on these files")
    dose_of_record = np.empty_like(doses.rows)
    dose_of_record[doses.rows] = np.arange(doses.rows.size)
    claim = claims.of_dose[dose_of_record[dose.to_numpy()]]
    rows = np.where(row < 0, NOBODY, row)
    verdict = np.full(claims.keys.size, NO_VERDICT)
    verdict[claim] = rows
    verdict[claim[verdict[claim] != rows]] = NO_VERDICT
    return verdict
