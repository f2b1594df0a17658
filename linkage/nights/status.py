"""Where the nights stand: what runs, what is unfinished, what the last night said, and how old the last check is."""

from __future__ import annotations

import datetime
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from linkage.errors import VerificationError
from linkage.machine.clock import moment, now, today
from linkage.machine.stage_clock import Progress
from linkage.nights.configuration import Configuration
from linkage.nights.gates import last_values
from linkage.nights.inputs import missed_dates
from linkage.nights.prepared import prepared, prepared_names
from linkage.nights.quarantine import waiting_files
from linkage.nights.unfinished import INTENT, waiting_nights
from linkage.state.folder import REMEDY, State, open_state
from linkage.storage import versions as stored
from linkage.storage.locks import holder_of
from linkage.storage.sealed import read_sealed, sealed
from linkage.storage.work_folders import PREFIX, folder_there, is_at_work, replacing

VERIFIED = "verified.json"  # beside the nights, when all of it was verified last
_AT_WORK = "at_work.json"  # in the work folder of a night


def note_verified(configuration: Configuration, state: State) -> None:
    """Remember that everything was found whole; where nothing may be written, it is not remembered."""
    if os.access(configuration.nights, os.W_OK):
        with replacing(configuration.nights / VERIFIED) as path:
            stored.write_json(path, sealed({"at": now().isoformat(timespec="seconds"), "state": state.name}))


def telling(work: Path, on_progress: Progress, what: str = "a night") -> Progress:
    """Progress that is written down too, by stage, in the work folder of a night, with which it goes."""
    said = {"what": what, "pid": os.getpid(), "since": now().isoformat(timespec="seconds"), "stage": ""}

    def told(stage: str, done: int, total: int) -> None:
        if stage != said["stage"]:
            said["stage"] = stage
            (work / _AT_WORK).write_bytes(msgspec.json.encode(said))
        on_progress(stage, done, total)

    return told


def status(configuration: Configuration) -> dict[str, Any]:
    """Where the nights stand; nothing is written or waited for.

    Returns
    -------
    running : what, pid, since and stage of the night, or adoption, at work, of another user's no stage; None where none
        is
    unfinished : what was killed and is finished by the next start
    last_night : None before the first one; gates : their limits, and what the last night had of each
    missed : dates before this day that have files and had no night, see `linkage.nights.inputs.missed_dates`
    quarantine : how many files wait there
    adoption : what was prepared last, whether it stands on the state in force, and in ``damage`` what is wrong with it,
        if anything is; None where nothing is prepared
    verified : when everything was found whole last, and days since; None where it never was
    disk_free_bytes : of the disks of index, state and nights

    Raises VerificationError where the state, or the last night, is damaged.
    """
    state = open_state(configuration.state)
    running, killed = _work(configuration.nights)
    unfinished = [*killed, *([] if running else _unfinished(configuration, state))]
    last = state.nights[-1] if state.nights else None
    places = {name: getattr(configuration, name) for name in ("index", "state", "nights")}
    return {
        "running": running,
        "unfinished": unfinished,
        "nights": len(state.nights),
        "last_night": last and {name: last[name] for name in ("night_id", "date", "doses", "changes", "counts")},
        "missed": missed_dates(configuration, today(), state),
        "quarantine": len(waiting_files(state)),
        "gates": last_values(state.nights, configuration.gates),
        "adoption": _adoption(configuration, state),
        "verified": _verified(configuration.nights / VERIFIED),
        "disk_free_bytes": {name: shutil.disk_usage(folder_there(place)).free for name, place in places.items()},
        "state_bytes": sum(file.n_bytes for file in state.files.values()),
    }


def _work(nights: Path) -> tuple[dict[str, Any] | None, list[str]]:
    """The night at work, and those that were killed in the midst of it."""
    running, killed = None, []
    for folder in sorted(nights.glob(f"{PREFIX}*")):
        try:
            said = msgspec.json.decode((folder / _AT_WORK).read_bytes())
            if is_at_work(folder):
                running = said
                continue
        except PermissionError:
            running = running or _of_another_user(folder)
            continue
        except (OSError, msgspec.DecodeError):
            continue  # of another command, ended meanwhile, or being written
        killed.append(f"{said['what']} begun at {said['since']} was killed at the stage {said['stage']}")
    return running, killed


def _of_another_user(folder: Path) -> dict[str, Any] | None:
    """A command of another user at work in a work folder, of which no more can be seen; None where it was killed."""
    pid = holder_of(folder)
    if pid is None:
        return None
    since = moment(folder.stat().st_mtime)
    return {"what": "a command", "pid": pid, "since": since.isoformat(timespec="seconds"), "stage": None}


def _unfinished(configuration: Configuration, state: State) -> list[str]:
    waiting = waiting_nights(configuration, state.nights)
    found = [f"{night.name} was published, and its state is not in force yet" for night in waiting]
    if (configuration.nights / INTENT).exists():
        found.append("nights are being taken back")
    return found


def _adoption(configuration: Configuration, state: State) -> dict[str, Any] | None:
    names = prepared_names(configuration.state)
    if not names:
        return None
    try:
        ready = prepared(configuration.state, names[0])
    except VerificationError as error:  # which concerns nothing that is in force
        return {"adoption": names[0], "is_current": False, "damage": str(error)}
    return {"adoption": names[0], "is_current": ready is not None and ready.stands_on(state), "damage": None}


def _verified(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    said = read_sealed(path, REMEDY)
    days = (now() - datetime.datetime.fromisoformat(said["at"])).total_seconds() / 86_400
    return {"at": said["at"], "state": said["state"], "days": round(days, 1)}
