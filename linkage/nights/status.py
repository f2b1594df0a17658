"""Where the nights stand: what runs, what is unfinished, what the last night said, and how old the last check is."""

from __future__ import annotations

import os

from linkage.machine.clock import now
from linkage.nights.configuration import Configuration
from linkage.state.folder import State
from linkage.storage import versions as stored
from linkage.storage.sealed import sealed
from linkage.storage.work_folders import replacing

VERIFIED = "verified.json"  # beside the nights, when all of it was verified last


def note_verified(configuration: Configuration, state: State) -> None:
    """Remember that everything was found whole; where nothing may be written, it is not remembered."""
    if os.access(configuration.nights, os.W_OK):
        with replacing(configuration.nights / VERIFIED) as path:
            stored.write_json(path, sealed({"at": now().isoformat(timespec="seconds"), "state": state.name}))
