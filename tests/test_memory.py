"""The peak of anonymous memory: what is allocated counts, what is mapped does not."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from linkage.machine.memory import AnonymousPeak, anonymous_bytes
from linkage.machine.scratch import scratch_array

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


FAULTS = """
import resource, sys
import numpy as np
from linkage.machine.memory import reuse_freed_memory
told = sys.argv[1] == "as is" or reuse_freed_memory()
def work():
    for array in [np.empty(4 << 20, np.uint8) for _ in range(8)]:
        array[:] = 1
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    work()
print(told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library can be told so")
def test_freed_arrays_are_not_asked_of_the_system_again() -> None:
    """Eight arrays of 4 MiB, ten times: each of their 1,024 pages came anew."""
    as_is, reused = (
        subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout.split()
        for how in ("as is", "reused")
    )
    assert as_is[0] == reused[0] == "True"
    assert int(reused[1]) * 5 < int(as_is[1])
