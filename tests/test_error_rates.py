"""Error rates estimated without a truth: what they are made of, and that they hold it where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from linkage.deciding.decide import MATCHED, VERIFIED
from linkage.deciding.error_rates import ErrorEstimate, ErrorRates
from linkage.encode.columns import encode
from linkage.ingest import ingest
from linkage.machine.stage_clock import Clock
from linkage.night.stages import Work, claims_of_doses, decide_claims, decide_doses, moved_since_training, rate_errors
from linkage.registry.from_files import build_from_files
from linkage.registry.index import Index
from linkage.schema import DOSES
from linkage.scoring.batch import Batch, prepare_batch, take, without_rows
from linkage.scoring.exact_agreement import find_verified
from linkage.simulate import simulate
from linkage.training.model_file import Model


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Index, Batch]:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(3000, 1500, 5, folder, area="bao-lam")
    index = build_from_files([folder / "registry.parquet"], folder / "index", units=folder / "units")
    return folder, index, encoded(folder, index)


def encoded(folder: Path, index: Index) -> Batch:
    dictionaries = index.dictionaries.copy()
    doses = pq.read_table(folder / "doses.parquet").sort_by("dose_id").combine_chunks()
    return prepare_batch(encode(doses, index.plan, "left", dictionaries), dictionaries, index)


def test_a_person_taken_out_owns_no_number(simulated: tuple[Path, Index, Batch], tmp_path: Path) -> None:
    """The same marks as with a registry that never held these people; another's number is still another's."""
    folder, index, batch = simulated
    rows, _ = find_verified(batch, index)
    verified = np.flatnonzero(rows >= 0)[::2]
    own = rows[verified]
    registry = pq.read_table(folder / "registry.parquet")
    gone = index.take(np.unique(own), ["person_id"])["person_id"]
    pq.write_table(registry.filter(pc.invert(pc.is_in(registry["person_id"], gone))), tmp_path / "registry.parquet")
    smaller = build_from_files([tmp_path / "registry.parquet"], tmp_path / "index", units=folder / "units")
    expected = take(encoded(folder, smaller), verified).columns["id_number.marks"]

    before = take(batch, verified)
    stated = before.columns["id_number.marks"].copy()
    found = without_rows(before, own, index).columns["id_number.marks"]
    assert np.array_equal(found, expected)
    assert np.mean(found != stated) > 0.95  # of the others, two people of the registry have the number
    assert np.array_equal(before.columns["id_number.marks"], stated)


def test_no_row_taken_out_leaves_the_marks(simulated: tuple[Path, Index, Batch]) -> None:
    _, index, batch = simulated
    without = without_rows(batch, np.full(batch.n_claims, -1), index)
    assert np.array_equal(without.columns["id_number.marks"], batch.columns["id_number.marks"])


# ------------------------------------------------------------------------------------ against the truth


@dataclass(frozen=True)
class Linked:
    """A simulation linked: its error rates, the model, and how many of the doses decided have another person."""

    rates: ErrorRates
    model: Model
    n_wrong: int

    def estimate(self, name: str) -> ErrorEstimate:
        return next(e for e in self.rates.estimates if e.name == name)

    def covers(self) -> bool:
        """Whether the estimated false-match rate's interval holds the truth."""
        found = self.estimate("estimated_false_match_rate")
        return found.low * found.of <= self.n_wrong + 1e-9 and self.n_wrong <= found.high * found.of + 1e-9


def linked(
    folder: Path,
    seed: int,
    split: str,
    shocks: tuple[str, ...] = (),
    model: Model | None = None,
    *,
    persons: int = 12_000,
) -> Linked:
    simulate(persons, persons * 3 // 2, seed, folder, split=split, shocks=shocks)
    index = build_from_files([folder / "registry.parquet"], folder / "index", units=folder / "units")
    ingested = ingest([folder / "doses.parquet"], DOSES, scratch=folder)
    work = Work(2, folder, Clock(lambda stage, done, total: None))
    ready = claims_of_doses(ingested, index, model, work)
    claims, by_itself = decide_claims(ready, index, work)
    read, doses = ready.read, decide_doses(ready.read, claims.decided, index, work.clock)
    moved = () if model is None else moved_since_training(by_itself, claims.model)
    truth = pq.read_table(folder / "truth.parquet")
    ids = read.doses.take(np.arange(doses.status.size, dtype=np.int32), ["dose_id"])["dose_id"]
    person_ids = truth["person_id"].take(pc.index_in(ids, truth["dose_id"]))
    persons_of = index.rows_of(pc.fill_null(person_ids, ""))
    is_decided = np.isin(doses.status, (VERIFIED, MATCHED))
    found = claims.decided.best.rows[read.claims.of_dose]
    rates = rate_errors(read, claims, by_itself, doses, moved, index, work)
    return Linked(rates, claims.model, int((is_decided & (found != persons_of)).sum()))


@pytest.mark.slow
def test_the_false_match_rate_holds_the_truth_where_the_model_is_from_elsewhere(tmp_path: Path) -> None:
    """Models of one spread of errors applied to doses of another, and of a registry that lacks near doubles."""
    of_default = linked(tmp_path / "a", 21, "default").model
    others = [
        linked(tmp_path / "b", 22, "id_heavy", model=of_default),
        linked(tmp_path / "c", 22, "name_heavy", model=of_default),
        linked(tmp_path / "d", 23, "date_heavy", model=of_default),
        linked(tmp_path / "e", 23, "default", ("unregistered",), of_default),
        linked(tmp_path / "f", 24, "default", ("unregistered",), of_default),
        linked(tmp_path / "g", 24, "id_heavy", ("unregistered",), of_default),
    ]
    assert sum(found.covers() for found in others) >= 5
    widths = [found.estimate("estimated_false_match_rate") for found in others[:3]]
    assert all(found.rate <= 2e-4 and found.high <= 3e-3 for found in widths)
