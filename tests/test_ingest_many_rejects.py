"""Millions of rejected or equal records: some are in memory at a time, and the result is that of few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from linkage.ingest import duplicates, ingest, rejecting
from linkage.ingest.duplicates import duplicate_faults
from linkage.ingest.records import Records
from linkage.schema import DOSES


@pytest.mark.parametrize("seed", range(8))
def test_a_key_of_many_records_is_judged_part_by_part(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    keys = rng.choice(["a", "b", "c", *(str(n) for n in range(20))], 400, p=[0.4, 0.2, 0.2, *[0.01] * 20])
    names = np.where(rng.random(400) < 0.995, np.char.add("An ", keys), "Bình")
    records = Records.of(pa.table({"dose_id": keys, "full_name": names}), 64)
    rows, faults = duplicate_faults(records, "dose_id")
    takes: list[int] = []
    take = Records.take
    monkeypatch.setattr(Records, "take", lambda self, rows, *rest: takes.append(rows.size) or take(self, rows, *rest))
    monkeypatch.setattr(duplicates, "_GROUP_ROWS", 32)
    in_parts = duplicate_faults(records, "dose_id")
    assert max(takes) == 32
    assert [part.tolist() for part in in_parts] == [rows.tolist(), faults.tolist()]


def test_rejected_records_are_looked_for_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        lines = [f"{n % 40},An,{path.stem}" if n % 3 else f"{n},An" for n in range(300)]
        path.write_text("\n".join(["dose_id,full_name,lot", *lines]) + "\n", "utf-8")
    whole = ingest(paths, DOSES, scratch=tmp_path)
    assert whole.rejected.num_rows == sum(file.rejected for file in whole.files) > 400
    monkeypatch.setattr(rejecting, "_REJECTED_AT_ONCE", 7)
    in_parts = ingest(paths, DOSES, scratch=tmp_path)
    assert in_parts.rejected.column(0).num_chunks > whole.rejected.num_rows // 10
    assert in_parts.rejected.equals(whole.rejected, check_metadata=True)
    assert in_parts.files == whole.files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.csv"]


def test_what_is_rejected_lies_in_a_work_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("dose_id,full_name,lot\n" + f"1,{'x' * 5000}\n" * 2000, "utf-8")
    before = pa.total_allocated_bytes()
    rejected = ingest([path], DOSES, scratch=tmp_path).rejected
    assert rejected.nbytes > 10_000_000
    assert pa.total_allocated_bytes() - before < 2_000_000
