"""Accepted records in their work file: any chunk length, columns and rows in any order give the same records."""

from __future__ import annotations

import errno
import os
import resource
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.errors import LinkageError
from linkage.ingest.duplicates import duplicate_faults
from linkage.ingest.key_kernels import hash_texts
from linkage.ingest.records import Records, RecordsWriter, nth_absent
from tests import naive

pytestmark = pytest.mark.kernel

TEXT = st.one_of(st.none(), st.text(st.sampled_from("aếĐ 😀"), max_size=3))
TABLES = st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=20).map(
    lambda rows: pa.table({name: pa.array([row[c] for row in rows], pa.string()) for c, name in enumerate("kvw")})
)


@settings(max_examples=200)
@given(TABLES, st.integers(1, 7), st.data())
def test_records_are_the_rows_of_the_table(table: pa.Table, chunk_rows: int, data: st.DataObject) -> None:
    records = Records.of(table, chunk_rows)
    n = table.num_rows
    dropped = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1)))) if n else [], np.int64)
    first = dropped[::2]
    again = np.flatnonzero(np.isin(np.delete(np.arange(n), first), dropped[1::2]))
    kept = table.take(pa.array(np.delete(np.arange(n), dropped)))
    for found, expected in ((records, table), (records.without(first).without(again), kept)):
        assert found.num_rows == expected.num_rows
        assert found.read().equals(expected)
        assert found.read(["w", "k"]).equals(expected.select(["w", "k"]))
        assert found.column("v").equals(expected.column("v"))
        assert all(chunk.num_rows <= chunk_rows for chunk in found.chunks())
        rows = data.draw(st.lists(st.integers(0, found.num_rows - 1), max_size=8)) if found.num_rows else []
        taken = np.array(rows, np.int64)
        assert found.take(taken).equals(expected.take(pa.array(taken)))
        assert found.take(taken, ["w", "k"]).equals(expected.select(["w", "k"]).take(pa.array(taken)))


def test_tables_of_any_length_become_chunks_of_one(tmp_path: Path) -> None:
    table = pa.table({"k": [str(n) for n in range(50)]})
    with RecordsWriter(table.schema, tmp_path, chunk_rows=8) as writer:
        for start, end in ((0, 3), (3, 3), (3, 20), (20, 21), (21, 50)):
            writer.append(table.slice(start, end - start))
        records = writer.finish()
    assert [chunk.num_rows for chunk in records.chunks()] == [8] * 6 + [2]
    assert records.read().equals(table)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ingest.records._OPTIONS", pa.ipc.IpcWriteOptions())
    table = pa.table({"k": ["x" * 1000] * 1000})
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with RecordsWriter(table.schema, tmp_path) as writer:
            writer.append(table)
            with pytest.raises(LinkageError, match=os.strerror(errno.EFBIG)) as caught:
                writer.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert "\n" not in str(caught.value)


@given(st.sets(st.integers(0, 30)), st.lists(st.integers(0, 30)))
def test_nth_absent_counts_what_is_not_there(present: set[int], ranks: list[int]) -> None:
    absent = [n for n in range(100) if n not in present]
    found = nth_absent(np.array(sorted(present), np.int64), np.array(ranks, np.int64))
    assert found.tolist() == [absent[rank] for rank in ranks]


@given(st.lists(st.binary(max_size=20)))
def test_hash_of_keys_equals_its_twin(keys: list[bytes]) -> None:
    offsets = np.cumsum([0, *map(len, keys)]).astype(np.int32)
    hashes = np.empty(len(keys), np.uint64)
    hash_texts(np.frombuffer(b"".join(keys), np.uint8), offsets, hashes)
    assert hashes.tolist() == naive.hash_texts(keys)


def test_keys_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ingest.duplicates.hash_keys", lambda keys: np.zeros(len(keys), np.uint64))
    records = Records.of(pa.table({"k": ["a", "b", "a", "c"]}), 3)
    rows, _ = duplicate_faults(records, "k")
    assert rows.tolist() == [2]
