"""The peak of anonymous memory: what is allocated counts, what is mapped does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from linkage.memory import AnonymousPeak, anonymous_bytes
from linkage.scratch import scratch_array

SIZE = 64 << 20


def test_memory_that_is_freed_again_counts() -> None:
    with AnonymousPeak() as peak:
        taken = np.ones(SIZE, np.uint8)
        while_taken = anonymous_bytes()
        peak.look()
        del taken
    assert peak.bytes >= while_taken - SIZE // 4 >= SIZE // 2


def test_work_files_do_not_count(tmp_path: Path) -> None:
    before = anonymous_bytes()
    work = scratch_array(tmp_path, SIZE, np.uint8)
    work[:] = 1
    assert anonymous_bytes() < before + SIZE // 2
