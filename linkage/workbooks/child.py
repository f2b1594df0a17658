"""The process that parses workbooks for its parent.

It reads requests from its standard input, a line of JSON each, and answers each by a pickle behind its length: an
Answer. It imports little, so that it starts at once.
"""

from __future__ import annotations

import json
import pickle
import resource
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from linkage.errors import InputError
from linkage.machine.memory import memory_bytes
from linkage.workbooks.archive import MAX_CELLS, Findings, check_archive, check_old_format, unpacked_bytes
from linkage.workbooks.sheets import Sheet, StrayCellsError, read_sheets

LENGTH = struct.Struct("<Q")
MOST_ADDRESS_BYTES = 8 << 30
_LEAST_ADDRESS_BYTES, _ADDRESSES_A_BYTE = 1 << 30, 12  # for any workbook, and for what it unpacks to
_GIVEN_ADDRESS_BYTES = resource.getrlimit(resource.RLIMIT_AS)[0]


@dataclass(frozen=True)
class Answer:
    """The sheets of a workbook with what the parser does not tell, or why there are none."""

    sheets: list[Sheet]
    findings: Findings
    refusal: str | None = None


def main() -> None:
    """Answer requests until the parent closes the input."""
    answers = sys.stdout.buffer
    for line in sys.stdin.buffer:
        _send(answers, _answer(json.loads(line)))


def _answer(request: dict[str, Any]) -> Answer:
    path, file = Path(request["path"]), request["file"]
    try:
        _limit(request["cpu_seconds"], _LEAST_ADDRESS_BYTES)
        is_old = path.suffix.lower() == ".xls"
        n_bytes = path.stat().st_size if is_old else unpacked_bytes(path, file)
        # In a container with less memory than that the system would end the process without a word.
        most = min(MOST_ADDRESS_BYTES, max(memory_bytes(), _LEAST_ADDRESS_BYTES))
        _limit(None, min(_LEAST_ADDRESS_BYTES + _ADDRESSES_A_BYTE * n_bytes, most))
        findings = (check_old_format if is_old else check_archive)(path, file)
        return Answer(read_sheets(str(path), request["n_head"], MAX_CELLS, n_bytes), findings)
    except InputError as error:
        refusal = str(error)
    except StrayCellsError as error:
        refusal = f"{file}: {error}, too many for its size: delete stray cells, or save as CSV"
    except MemoryError:
        refusal = (
            f"{file}: needs more memory than a workbook of its size may: delete stray cells and sheets, or save as CSV"
        )
    except BaseException as error:
        # The parser is compiled code: on some damaged files it panics, and a panic is not an Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        refusal = f"{file}: not a readable workbook ({reason}): save it again, without a password"
    return Answer([], Findings(), refusal)


def _limit(cpu_seconds: int | None, address_bytes: int) -> None:
    """Let the process end when a request takes more: the system does it, whatever the parser is at."""
    if cpu_seconds is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(used.ru_utime + used.ru_stime) + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    if _GIVEN_ADDRESS_BYTES != resource.RLIM_INFINITY:
        address_bytes = min(address_bytes, _GIVEN_ADDRESS_BYTES)
    resource.setrlimit(resource.RLIMIT_AS, (address_bytes, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _send(answers: BinaryIO, answer: Answer) -> None:
    try:
        content = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    finally:
        del answer
    answers.write(LENGTH.pack(len(content)))
    answers.write(content)
    answers.flush()


if __name__ == "__main__":
    main()
