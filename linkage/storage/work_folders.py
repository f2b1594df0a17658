"""Work folders: where a command writes what takes its place when it is whole, and how files are replaced.

A work folder lies beside what is made in it, under a name that nobody can foresee and open to its owner alone, so that
nothing planted is followed. Its owner holds a lock on it, which the system lets go of however a process ends: one that
nobody holds was left by a command that was killed, and the next that works in the same place removes it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from linkage.errors import LinkageError, UsageError, disk_reason

PREFIX = ".linkage-work-"
STANDING = ".linkage-stages-"  # see linkage.storage.standing
# Folders that this process has made, and not filled or removed yet.
_UNFINISHED: list[Path] = []
# What waits until something undivided is over.
_POSTPONED: list[list[Callable[[], None]]] = []
_FOLDER_ONLY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def work_folder(place: Path) -> Iterator[Path]:
    """A new folder in ``place`` that is gone afterwards; what killed commands left there goes first. It is locked: what
    locks the folder that it works in needs one inside it.

    Raises OSError when it cannot be made.
    """
    sweep(place)
    folder, lock = _made(place)
    _UNFINISHED.append(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():  # else memory was too short to remove it: it is tried again when some is free
            _UNFINISHED.remove(folder)
        os.close(lock)


@contextmanager
def removed_when_ended(folder: Path) -> Iterator[None]:
    """Remove a folder at the end, however this process ends, unless it is killed."""
    _UNFINISHED.append(folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _UNFINISHED.remove(folder)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there.

    Raises UsageError where none can be there, LinkageError where the disk or the rights refuse it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileNotFoundError, NotADirectoryError, FileExistsError) as error:
        above = folder_there(folder.absolute().parent)
        why = f"no folder can be made in {above}" if above.is_dir() else f"{above} is no folder"
        raise UsageError(f"{folder}: cannot be made ({why}); name another place") from error
    except OSError as error:
        raise LinkageError(f"{folder}: cannot be made ({disk_reason(error)}); free space or rights there") from error


def folder_there(place: Path) -> Path:
    """A place, or the first above it that is there."""
    return next(folder for folder in (place, *place.absolute().parents) if folder.exists())


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Make a folder where there is none; one in which nothing was left goes again.

    Raises UsageError where it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder")
    if folder.exists():
        yield
        return
    make_folder(folder)
    _UNFINISHED.append(folder)
    try:
        yield
    finally:
        _remove_empty(folder)
        _UNFINISHED.remove(folder)


def remove_unfinished() -> None:
    """Remove what this process has made and not finished; for one that ends at once, in the midst of anything, or had
    no memory left to do so before."""
    for folder in sorted(_UNFINISHED, key=lambda made: len(made.parts), reverse=True):  # what lies in others first
        if folder.name.startswith((PREFIX, STANDING)):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def sweep(place: Path) -> None:
    """Remove what killed commands left in ``place``."""
    with abandoned(place):
        pass


@contextmanager
def abandoned(place: Path) -> Iterator[list[Path]]:
    """The work folders that killed commands left in ``place``; they are removed when the context ends well."""
    with ExitStack() as held:
        found = [path for path in sorted(place.glob(f"{PREFIX}*")) if _is_abandoned(path, held)]
        yield found
        for path in found:
            shutil.rmtree(path, ignore_errors=True)


def is_at_work(folder: Path) -> bool:
    """Whether a command is at work in a work folder, rather than left it when it was killed.

    Raises OSError where the folder is gone or of another user.
    """
    descriptor = os.open(folder, _FOLDER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def place_beside(folder: Path) -> Path:
    """Where work on what lies in ``folder`` is done: beside it, or where this user may not write, in the system's
    folder for it."""
    beside = folder.absolute().parent
    return beside if os.access(beside, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to; the file takes the place of ``path`` when it is whole and on the disk, or never does.

    Raises
    ------
    UsageError : ``path`` is a folder, a device or the like
    LinkageError : the file cannot be written
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is {'a folder' if path.is_dir() else 'no plain file'}; name another file")
    try:
        with work_folder(path.parent) as folder:
            part = folder / path.name
            yield part
            put_in_place(part, path)
    except OSError as error:
        named = str(error.filename or path)
        if PREFIX not in named and Path(named) != path:
            raise  # of another file, which was worked on while this one was open
        reason = error.strerror or str(error)
        raise LinkageError(
            f"{path}: cannot be written ({reason}); name another file, or free space or rights"
        ) from error


@contextmanager
def undivided() -> Iterator[None]:
    """What a signal does not stop halfway: several files that are one whole are put in place. It takes milliseconds."""
    _POSTPONED.append([])
    try:
        yield
    finally:
        for act in _POSTPONED.pop():
            act()


def postpone(act: Callable[[], None]) -> bool:
    """Do something as soon as what is undivided is over; False where nothing is."""
    if not _POSTPONED:
        return False
    _POSTPONED[0].append(act)
    return True


def moved_away(folder: Path, work: Path) -> None:
    """A folder disappears at once, into a work folder, and then goes bit by bit."""
    if folder.is_dir():
        folder.rename(work / folder.name)
        shutil.rmtree(work / folder.name, ignore_errors=True)


def put_in_place(made: Path, path: Path) -> None:
    """Let a finished file or folder appear as ``path``, in the place of a file of that name; a power cut takes neither
    it nor its name."""
    flush(made)
    made.replace(path)
    flush(path.parent.resolve())  # a folder that was given by a link is followed


def flush(path: Path) -> None:
    """Bring a file, or a folder with all that lies in it, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_all(folder: Path) -> None:
    """Bring a folder and every file and folder in it to the disk."""
    for path in [*folder.rglob("*"), folder]:
        flush(path)


def _made(place: Path) -> tuple[Path, int]:
    """A new folder and the lock on it."""
    while True:
        folder = place / f"{PREFIX}{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        lock = os.open(folder, _FOLDER_ONLY)
        # Who sweeps may have taken the folder for one left behind before it was locked.
        if _is_locked(lock) and folder.exists():
            return folder, lock
        os.close(lock)


def _is_abandoned(path: Path, held: ExitStack) -> bool:
    """Whether nobody is at work in a folder of this user; it is then held."""
    try:
        lock = os.open(path, _FOLDER_ONLY)
    except OSError:  # of another user, no folder, or gone meanwhile
        return False
    if os.fstat(lock).st_uid != os.geteuid() or not _is_locked(lock):
        os.close(lock)
        return False
    held.callback(os.close, lock)
    return True


def _is_locked(descriptor: int) -> bool:
    """Whether the lock was free and is now held."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
