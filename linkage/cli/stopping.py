"""How the program is stopped: at once, at any moment, with one line, and nothing half made stays.

Not by an exception: one that is raised wherever the program happens to be is lost in a destructor, or shown by a
library with all its calls, and waits for what the threads have begun.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from functools import partial

from linkage.storage.work_folders import postpone, remove_unfinished

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\r\x1b[K\x1b[?25h"  # a progress bar had hidden it


def listen() -> None:
    """From now on a signal stops this process, unless its starter has it ignored, as a shell does in the background."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, frame: object) -> None:
    if postpone(partial(_stop, number, None)):
        return
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)  # who sends a second one will not wait for this
    remove_unfinished()
    said = f"{'interrupted' if number == signal.SIGINT else 'terminated'}; what was not finished is removed"
    with suppress(OSError):  # standard error is closed, or nobody reads it
        os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + f"linkage: {said}\n".encode())
    if "--json" in sys.argv:
        with suppress(OSError):
            told = {"error": said, "kind": "interrupted", "exit_code": INTERRUPTED}
            os.write(1, json.dumps(told).encode() + b"\n")
    os._exit(INTERRUPTED)
