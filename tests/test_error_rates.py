"""Error rates estimated without a truth: what they are made of, and that they hold it where it is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from linkage.comparing import Batch, prepare_batch, take, without_rows
from linkage.encode import encode
from linkage.registry import Index
from linkage.registry_files import build_from_files
from linkage.simulate import simulate
from linkage.verify import find_verified


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
    without = without_rows(batch, np.full(batch.n_subjects, -1), index)
    assert np.array_equal(without.columns["id_number.marks"], batch.columns["id_number.marks"])
