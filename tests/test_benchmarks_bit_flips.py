"""The trials of damaged files: a process that is replaced when it dies, and faults that do what they say."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.faults.bit_flips import FAULTS
from benchmarks.faults.in_process import CommandProcess


def test_a_process_runs_commands_and_is_replaced_when_it_dies(tmp_path: Path) -> None:
    with CommandProcess({"linkage.storage.checksums.CHUNK_BYTES": 512}) as process:
        ended = process.call(["verify", tmp_path])
        assert (ended.code, "neither an index, a state nor a published run" in ended.err) == (2, True)
        process._process.kill()
        assert process.call(["verify", tmp_path]).code == -9
        assert process.call(["verify", tmp_path]).code == 2


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_faults_do_what_they_say(tmp_path: Path, fault: str) -> None:
    path, other = tmp_path / "file.npy", tmp_path / "other.npy"
    content = random.Random(1).randbytes(10_000)
    path.write_bytes(content)
    other.write_bytes(b"another")
    told = FAULTS[fault](path, other, random.Random(2))
    found = path.read_bytes()
    apart = [place for place, (a, b) in enumerate(zip(content, found, strict=False)) if a != b]
    if fault == "flip":
        (place,) = apart
        assert told == f"bit {(content[place] ^ found[place]).bit_length() - 1} of byte {place} flipped"
    elif fault == "cut":
        assert (told, apart) == (f"cut off at {len(found)} of 10000 bytes", [])
    elif fault == "zero":
        assert apart[0] // 4096 == apart[-1] // 4096
        assert not any(found[apart[0] : apart[-1] + 1])
    elif fault == "swap":
        assert found == b"another"
    else:
        assert (found, (tmp_path / "stale.npy").read_bytes()) == (content, content)
    path.write_bytes(b"")
    assert FAULTS[fault](path, None, random.Random(2)) in ("", "a copy beside it")
