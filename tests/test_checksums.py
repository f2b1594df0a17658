"""Sums of chunks and sealed documents: what is damaged is told, and only what is asked for is read."""

from __future__ import annotations

import itertools
import json
import os
import random
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from linkage.errors import LinkageError, VerificationError
from linkage.storage import checksums
from linkage.storage.checksums import CheckedFile, CheckedReader, ChunkSums, n_chunks, sums_of, unreadable
from linkage.storage.sealed import check_seal, read_sealed, sealed

SIZE = 10 * 64 + 17


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "CHUNK_BYTES", 64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(np.random.default_rng(1).bytes(SIZE))
    return path


def checked(path: Path) -> CheckedFile:
    return CheckedFile(path, SIZE, sums_of(path)[1], "mend it")


def flip(path: Path, place: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


@pytest.mark.parametrize("place", [0, 63, 64, 639, 640, SIZE - 1])
@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_is_told_with_its_place_and_the_remedy(path: Path, place: int, bit: int) -> None:
    file = checked(path)
    flip(path, place, bit)
    with pytest.raises(VerificationError, match=rf"file: is damaged .*from {place // 64 * 64} on\); mend it"):
        file.check()


@pytest.mark.parametrize("size", [0, 64, SIZE - 1, SIZE + 1])
def test_another_length_is_told(path: Path, size: int) -> None:
    file = checked(path)
    path.write_bytes(path.read_bytes()[:size].ljust(size, b"\0"))
    with pytest.raises(VerificationError, match=f"{size} bytes, {SIZE} were written"):
        file.check_size()
    if size < SIZE:
        with pytest.raises(VerificationError, match="is damaged"):
            file.check()


def test_what_is_asked_for_is_checked_and_nothing_else(path: Path) -> None:
    file = checked(path)
    flip(path, 5 * 64)
    file.check(0, 5 * 64)
    file.check(6 * 64)
    file.check_spans(np.array([0, 600, 320]), np.array([320, 650, 320]))  # the last is empty
    for start, stop in ((300, 321), (383, 400), (100, 500)):
        with pytest.raises(VerificationError):
            checked_spans(file, start, stop)
    with pytest.raises(VerificationError):
        file.check(383, 384)


def checked_spans(file: CheckedFile, start: int, stop: int) -> None:
    file.check_spans(np.array([start]), np.array([stop]))


def test_a_chunk_is_read_once(path: Path) -> None:
    file = checked(path)
    file.check()
    with mock.patch("os.open", side_effect=AssertionError):
        file.check()


def test_what_points_behind_the_end_is_damage(path: Path) -> None:
    with pytest.raises(VerificationError, match="points behind its end"):
        checked_spans(checked(path), SIZE, 10 * SIZE)


def test_sparing_reads_are_the_same(path: Path) -> None:
    checked(path).check_chunks(np.arange(n_chunks(SIZE)), is_sparing=True)
    file = checked(path)
    flip(path, 300)
    with pytest.raises(VerificationError):
        file.check_chunks(np.arange(n_chunks(SIZE)), is_sparing=True)


def test_not_permitted_missing_and_unreadable_differ(tmp_path: Path) -> None:
    found = {
        kind: unreadable(tmp_path / "x", OSError(*kind), "mend it")  # type: ignore[arg-type]
        for kind in ((13, "Permission denied"), (2, "No such file or directory"), (5, "Input/output error"))
    }
    (denied, missing, broken) = found.values()
    assert (type(denied), denied.exit_code) == (LinkageError, 1)
    assert str(denied).endswith("x: may not be read by this user; ask for the right to read it")
    assert (missing.exit_code, str(missing).partition("x: ")[2]) == (4, "cannot be read (it is missing); mend it")
    assert (broken.exit_code, "Input/output error" in str(broken)) == (4, True)


def test_every_flipped_bit_of_a_sealed_document_is_told_or_means_nothing(tmp_path: Path) -> None:
    path, content = tmp_path / "manifest.json", sealed({"a": [1, 2.5, None], "b": {"ố": "v000001"}})
    text = json.dumps(content, ensure_ascii=False).encode()
    for place in range(len(text) * 8):
        damaged = bytearray(text)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            found = read_sealed(path, "mend it")
        except VerificationError:
            continue
        assert {name: found[name] for name in ("a", "b")} == {name: content[name] for name in ("a", "b")}


def test_a_document_without_a_seal_is_taken_as_it_is(tmp_path: Path) -> None:
    check_seal({"a": 1}, tmp_path, "mend it")
    with pytest.raises(VerificationError):
        check_seal({"a": 1, "digest": "0"}, tmp_path, "mend it")


def test_sums_of_pieces_are_those_of_the_whole(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(3 * 64 + 17)
    (tmp_path / "file").write_bytes(content)
    for cuts in ([], [1], [64], [5, 64 + 1, 3 * 64]):
        pieces = ChunkSums()
        for start, stop in itertools.pairwise([0, *cuts, len(content)]):
            pieces.update(content[start:stop])
        assert np.array_equal(pieces.sums(), sums_of(tmp_path / "file")[1])
    assert ChunkSums().sums().size == 0


def test_a_reader_hands_out_nothing_unchecked(tmp_path: Path) -> None:
    path, content = tmp_path / "file", bytearray(random.Random(2).randbytes(3 * 64))
    path.write_bytes(content)
    _, sums = sums_of(path)
    content[2 * 64 + 9] ^= 4
    path.write_bytes(content)
    with CheckedReader(CheckedFile(path, len(content), sums, "mend it")) as reader:
        assert reader.read(10) == content[:10]
        assert reader.tell() == 10
        reader.seek(-1, os.SEEK_END)
        with pytest.raises(VerificationError, match="mend it"):
            reader.read()
    path.write_bytes(content[:-1])
    with pytest.raises(VerificationError, match="bytes"):
        CheckedReader(CheckedFile(path, len(content), sums, "mend it"))


def test_what_a_library_says_in_lines_is_told_in_one() -> None:
    found = unreadable(Path("a.parquet"), OSError("Invalid data\n"), "restore it")
    assert str(found) == "a.parquet: cannot be read (Invalid data); restore it"
