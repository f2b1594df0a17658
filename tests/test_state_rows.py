"""Rows of a state by their keys, and what nights wrote."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.state.folder import NO_STATE, Epoch, State, next_version, open_state
from linkage.state.rows import versions_of, written_between
from linkage.state.tables import CLAIMS_OF_SUBJECTS, DECIDED_CLAIMS, PUBLISHED_DECISIONS, StateTable

EPOCH = Epoch({"digest": "d"}, {}, {})


def rows(table: StateTable, given: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(given, schema=table.schema)


def after(folder: Path, state: State, night: int, claims: dict[int, bool]) -> State:
    """The state after a night that decides some claims, or says that they are gone."""
    decided = [{"claim": claim, "night": night, "is_gone": gone, "best": night} for claim, gone in claims.items()]
    doses = [{"dose_id": f"D{claim}", "night": night, "is_gone": gone} for claim, gone in claims.items()]
    links = [{"subject": claim % 3 + 1, "claim": claim} for claim in claims]
    tables = {
        table.name: rows(table, given)
        for table, given in ((DECIDED_CLAIMS, decided), (PUBLISHED_DECISIONS, doses), (CLAIMS_OF_SUBJECTS, links))
        if given
    }
    with next_version(folder, state, tables, None if state.nights else EPOCH, {"counts": {}}) as written:
        written.put_in_force(lambda: None, lambda: None)
    return open_state(folder)


def test_what_nights_wrote_is_found(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    state, written = NO_STATE, list[tuple[str, int]]()
    for night in range(1, 6):
        claims = {number: number % 5 == 0 for number in range(night, 3 * night)}
        state = after(tmp_path / "state", state, night, claims)
        written += [(f"D{claim}", night) for claim in claims]
    for first, last in itertools.combinations(range(6), 2):
        ids = {dose for dose, night in written if first < night <= last}
        assert sorted(written_between(state, PUBLISHED_DECISIONS, first, last).to_pylist()) == sorted(ids)


def test_groups_apart_from_what_is_asked_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.state.folder.ROW_GROUP_ROWS", 10)
    (tmp_path / "state").mkdir()
    state = after(tmp_path / "state", NO_STATE, 1, dict.fromkeys(range(1, 101), False))
    read: list[int] = []
    own = pq.ParquetFile.read_row_group

    def counted(file: Any, number: int, columns: Any = None) -> pa.Table:
        read.append(number)
        return own(file, number, columns)

    monkeypatch.setattr("pyarrow.parquet.ParquetFile.read_row_group", counted)
    # Two of the four lie in the third group, one in the fifth.
    found = versions_of(state, DECIDED_CLAIMS, pa.array([500, 28, None, 26, 45, 26], pa.uint64()))
    assert sorted(found["claim"].to_pylist()) == [26, 28, 45]
    assert set(read) == {2, 4}
    read.clear()
    assert versions_of(state, DECIDED_CLAIMS, pa.array([500, 600, 700], pa.uint64())).num_rows == 0
    assert versions_of(state, DECIDED_CLAIMS, pa.array([], pa.uint64())).num_rows == 0
    assert read == []
    # A column without bounds is looked through, for all that is asked for.
    found = versions_of(state, PUBLISHED_DECISIONS, pa.array([1], pa.int32()), by="night")
    assert found.num_rows == 100
    found = versions_of(state, PUBLISHED_DECISIONS, pa.array(["D7", "D70", "D8", "D", "E"]))
    assert sorted(found["dose_id"].to_pylist()) == ["D7", "D70", "D8"]
