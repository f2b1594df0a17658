"""Values of many arrays are read back from their folder as they were, or damage is told."""

from __future__ import annotations

import datetime
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from linkage.errors import LinkageError, VerificationError
from linkage.storage.named_tables import check_tables, read_tables, write_tables
from linkage.storage.standing import standing
from linkage.storage.work_folders import STANDING


@dataclass(frozen=True)
class Pair:
    left: Any
    right: Any


ARRAYS = (
    np.arange(7, dtype=np.int32),
    np.arange(12.0).reshape(3, 4)[:, ::2],
    np.asfortranarray(np.arange(6, dtype=np.uint16).reshape(2, 3)),
    np.zeros((0, 2), np.uint64),
    np.array(3, np.int8),
    np.array([True, False]),
    np.array([np.nan, -np.inf, 5e-324]),
)
VALUES = (
    None,
    *(True, 1 << 62, 0.1, float("inf"), "Đặng\x00\udc80", ""),
    *([1, [2]], (1, (2,)), {"a": 1, (0, 7): "b"}, frozenset({"b", "a"})),
    *(Path("a/b"), datetime.date(2022, 8, 29), np.float64(0.1), np.int64(5)),
)


def there_and_back(folder: Path, value: object, known: dict[str, object] | None = None) -> Any:
    folder.mkdir()
    write_tables(folder, value, known or {}, {})
    check_tables(folder)
    return read_tables(folder, {"Pair": Pair}, known or {})


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_come_back(tmp_path: Path, array: np.ndarray[Any, Any]) -> None:
    found = there_and_back(tmp_path / "a", {"name": array})["name"]
    assert (found.dtype, found.shape, type(found)) == (array.dtype, array.shape, np.ndarray)
    assert np.array_equal(found, array, equal_nan=array.dtype.kind == "f")
    before = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    found[...] = 1  # it may be changed, and what stands on the disk stays
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == before


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_other_values_come_back(tmp_path: Path, value: object) -> None:
    found = there_and_back(tmp_path / "a", Pair(value, [value])).right[0]
    assert (found, type(found)) == (value, type(value))


def test_what_is_one_stays_one_and_what_is_known_is_not_written(tmp_path: Path) -> None:
    array, known = np.arange(3), object()
    found = there_and_back(tmp_path / "a", Pair([array, array], known), {"index": known})
    assert found.left[0] is found.left[1]
    assert found.right is known
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["contents.json", "left.0.npy", "sums"]
    with pytest.raises(TypeError, match=r"right: object has no form"):
        there_and_back(tmp_path / "b", Pair(1, object()))


def test_tables_come_back_with_what_their_schema_says(tmp_path: Path) -> None:
    table = pa.table({"raw": [b"\xff", None]}).replace_schema_metadata({b"linkage.layouts": b"{}"})
    found = there_and_back(tmp_path / "a", Pair(table, table.slice(0, 0)))
    assert found.left.equals(table, check_metadata=True)
    assert (found.right.num_rows, found.right.schema) == (0, table.schema)


def test_damage_is_told(tmp_path: Path) -> None:
    there_and_back(tmp_path / "a", Pair(np.arange(100), pa.table({"a": [1]})))
    for path in sorted((tmp_path / "a").iterdir()):
        content = path.read_bytes()
        for damaged in (content[:-1], content[:-5] + bytes([content[-5] ^ 2]) + content[-4:], None):
            path.unlink()
            if damaged is not None:
                path.write_bytes(damaged)
            with pytest.raises(VerificationError, match="it is made again"):
                check_tables(tmp_path / "a")
            path.write_bytes(content)
    check_tables(tmp_path / "a")


def test_a_stage_is_done_once(tmp_path: Path) -> None:
    made: list[str] = []

    def make(name: str) -> Pair:
        made.append(name)
        return Pair(np.arange(5), name)

    def interrupted() -> None:
        with standing(tmp_path, "k1") as stages:
            stages.done("one", lambda folder: make("one"), {"Pair": Pair}, {})
            assert stat.S_IMODE(stages.folder.stat().st_mode) == 0o700
            raise KeyboardInterrupt  # whatever ends a command but a kill

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    folder = tmp_path / f"{STANDING}k1"
    folder.mkdir(0o700)
    with standing(tmp_path, "k1") as stages:
        for _ in range(2):
            found = stages.done("one", lambda folder: make("one"), {"Pair": Pair}, {})
            assert (found.left.tolist(), found.right) == ([0, 1, 2, 3, 4], "one")
        assert (stages.resumed_from, made) == ("one", ["one", "one"])
        (stages.folder / "one" / "left.npy").unlink()
        stages.done("one", lambda folder: make("again"), {"Pair": Pair}, {})
        assert made[-1] == "again"
        assert "of 'one' is done again" in stages.told[0]


def test_a_folder_that_others_may_fill_is_not_trusted(tmp_path: Path) -> None:
    folder = tmp_path / f"{STANDING}k1"
    (folder / "one").mkdir(parents=True)
    folder.chmod(0o777)
    with standing(tmp_path, "k1") as stages:
        assert list(stages.folder.iterdir()) == []
    folder.symlink_to(tmp_path)
    with standing(tmp_path, "k1") as stages:
        assert not stages.folder.is_symlink()
    assert issubclass(VerificationError, LinkageError)
