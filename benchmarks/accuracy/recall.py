"""The true blocking recall of a run: of the claims with a person in the registry, for how many some pass finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.candidates import Found
from linkage.ingest import ingest
from linkage.night.stages import read_doses
from linkage.published.reader import read_table
from linkage.registry.index import open_index
from linkage.schema import DOSES
from linkage.scoring.batch import take
from linkage.scoring.scorer import Scorer
from linkage.training.model_file import Model
from models.intervals import wilson_interval

SAMPLE, SEED = 20_000, 1
_AT_ONCE = 1000

# The first dose of a claim speaks for it, as in a run. Verified claims are not looked for by passes.
_PERSONS = """
SELECT t.person_id FROM first_doses f
LEFT JOIN truth t ON t.dose_id = f.dose_id AND t.person_id IS NOT NULL
    AND EXISTS (FROM decisions d WHERE d.dose_id = f.dose_id AND d.status NOT IN ('verified', 'excluded'))
ORDER BY f.place
"""


def true_blocking_recall(doses: Path, truth: Path, index_folder: Path, run_dir: Path) -> dict[str, Any]:
    """Share of the linkable claims that exact agreement did not settle whose person is a candidate, of a sample."""
    index = open_index(index_folder)
    read = read_doses(ingest([doses], DOSES), index)
    with duckdb.connect() as connection:
        ids = read.doses.take(read.claims.first_dose, ["dose_id"])
        connection.register("first_doses", ids.append_column("place", pa.array(np.arange(ids.num_rows))))
        connection.register("decisions", read_table(run_dir, "decisions", ["dose_id", "status"]))
        connection.execute("CREATE TEMP TABLE truth AS FROM read_parquet(?)", [str(truth)])
        persons = connection.sql(_PERSONS).to_arrow_table().column("person_id").combine_chunks()
    rows = index.rows_of(persons.fill_null("")).astype(np.int64)
    linkable = np.flatnonzero(rows >= 0)
    sample = np.sort(np.random.default_rng(SEED).permutation(linkable)[:SAMPLE])
    scorer = Scorer(take(read.batch, sample), index, Model.load(run_dir / "model.json", index.plan).parameters)
    found = 0
    for start in range(0, sample.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        candidates, _ = scorer.candidates(scorer.tile(part))
        found += int(_holds(candidates, rows[sample[part]]).sum())
    if not sample.size:
        return {"share": None, "low": None, "high": None, "of": 0}
    low, high = wilson_interval(found / sample.size, sample.size)
    return {"share": found / sample.size, "low": low, "high": high, "of": int(sample.size)}


def _holds(found: Found, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a row is among the candidates of each subject: bool[n_claims]; rows: int64[n_claims]."""
    in_runs = ((found.first <= rows[:, None]) & (rows[:, None] < found.last)).any(axis=1)
    sizes = np.diff(found.others.offsets)
    subject = np.repeat(np.arange(sizes.size), sizes)
    listed = np.bincount(subject[found.others.rows == rows[subject]], minlength=sizes.size) > 0
    return np.asarray(in_runs | listed)
