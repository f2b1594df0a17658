"""What a disk may hold when a process ends in the midst of its work, by a kill or by a loss of power; and a disk that
refuses something.

After a kill everything written stands. After a loss of power only what was flushed is sure: the bytes of a file that
was flushed itself, and the names in a folder that was flushed itself; of the rest any part may stand. Three pictures
are taken of each moment: all of it stands; the names stand, and of the bytes only what was flushed; nothing but what
was flushed stands.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from linkage.storage.versions import CURRENT
from linkage.storage.work_folders import PREFIX

_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree")
# What is told of each event; a hook cannot be taken away again.
_LISTENERS: list[Callable[[str, tuple[Any, ...]], None]] = []
_INSIDE = threading.local()

Names = dict[str, tuple[int, bool]]  # what stands in a folder: inode, and whether it is a folder
Tree = dict[str, Any]  # names: content of a file, or a tree


@dataclass(frozen=True)
class Content:
    content: bytes
    sha256: str


NOTHING = Content(b"", "")


@dataclass
class Recorder:
    """Takes pictures of a folder.

    images : where they are put, one folder each
    only : the number of the event before which they are taken, from 0; None for all of them
    told : of each picture that differs from all others, after which event and what stands in it
    """

    root: Path
    images: Path
    only: int | None = None
    told: list[str] = field(default_factory=list)
    _n_events: int = 0
    _folders: dict[int, Names] = field(default_factory=dict)  # as flushed: by inode
    _files: dict[int, Content] = field(default_factory=dict)
    _held: dict[int, int] = field(default_factory=dict)  # open, so that no inode is given twice
    _read: dict[tuple[int, int, int], Content] = field(default_factory=dict)
    _seen: set[bytes] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """All that is there is on the disk."""
        for folder, _, files in os.walk(self.root):
            self.flushed(os.stat(folder).st_ino, Path(folder))
            for name in files:
                path = Path(folder) / name
                self.flushed(path.lstat().st_ino, path)

    def flushed(self, inode: int, path: Path) -> None:
        """A file, or the names in a folder, were brought to the disk."""
        if inode not in self._held:
            self._held[inode] = os.open(path, os.O_RDONLY)
        if path.is_dir():
            self._folders[inode] = _names(path)
        else:
            self._files[inode] = self._content(path)

    def end(self) -> None:
        for descriptor in self._held.values():
            os.close(descriptor)

    def picture(self, event: str) -> None:
        with self._lock:
            self._n_events += 1
            if self.only not in (None, self._n_events - 1):
                return
            whole, flushed = self._live(self.root)
            sure = self._sure(os.stat(self.root).st_ino)
            for what, tree in (("all", whole), ("names", flushed), ("flushed", sure)):
                found = _fingerprint(tree)
                if found not in self._seen:
                    self._seen.add(found)
                    _write(self.images / f"{len(self.told):03d}", tree, self.images.parent / "contents")
                    self.told.append(f"{event}: {what}")

    def _content(self, path: Path) -> Content:
        """What a file holds, read once for each time that it was written."""
        found = path.stat()
        key = found.st_ino, found.st_size, found.st_mtime_ns
        if key not in self._read:
            content = path.read_bytes()
            self._read[key] = Content(content, hashlib.sha256(content).hexdigest())
        return self._read[key]

    def _live(self, folder: Path) -> tuple[Tree, Tree]:
        """The names that are there, with all of their bytes, and with those that were flushed. Of a work folder, whose
        name tells that it may go, only what stands at its top."""
        whole: Tree = {}
        flushed: Tree = {}
        for name, (inode, is_folder) in _names(folder).items():
            path = folder / name
            try:
                if not is_folder:
                    whole[name], flushed[name] = self._content(path), self._files.get(inode, NOTHING)
                elif folder.name.startswith(PREFIX):
                    whole[name], flushed[name] = {}, {}
                else:
                    whole[name], flushed[name] = self._live(path)
            except FileNotFoundError:  # another thread has removed it
                continue
        return whole, flushed

    def _sure(self, inode: int) -> Tree:
        """What was flushed, from the folder of an inode down."""
        tree: Tree = {}
        for name, (inside, is_folder) in self._folders.get(inode, {}).items():
            tree[name] = self._sure(inside) if is_folder else self._files.get(inside, NOTHING)
        return tree


@contextmanager
def recorded(root: Path, images: Path, only: int | None = None) -> Iterator[Recorder]:
    """Pictures of a folder before everything that changes it, and after the last; or before one event alone."""
    recorder = Recorder(root, images, only)
    recorder.begin()

    def flushed(path: Path) -> None:
        recorder.picture(f"fsync {path.name}")
        recorder.flushed(path.stat().st_ino, path)

    with _listening(root, recorder.picture, flushed):
        yield recorder
    recorder.picture("the end")
    recorder.end()


@dataclass
class Refused:
    """n_events: how many there were; event: the one that was refused, "" where there was none."""

    n_events: int = 0
    event: str = ""


@contextmanager
def refusing(root: Path, number: int, code: int) -> Iterator[Refused]:
    """The system refuses one thing that would change a folder, the one with a number, with an error such as
    errno.ENOSPC; counted from 1, and 0 refuses nothing."""
    told = Refused()

    def happen(event: str) -> None:
        if event.startswith(("shutil.rmtree", "removed ")):  # the first asks nothing of the system yet
            return
        told.n_events += 1
        if told.n_events == number:
            told.event = event
            raise OSError(code, os.strerror(code))

    with _listening(root, happen, lambda path: happen(f"fsync {path.name}")):
        yield told


@contextmanager
def _listening(root: Path, happen: Callable[[str], None], flush: Callable[[Path], None]) -> Iterator[None]:
    """happen: called before what changes a folder; flush: before something in it is brought to the disk."""

    def heard(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and not (isinstance(given[0], (str, bytes, os.PathLike)) and given[2] & _CHANGES):
            return
        path = Path(os.fsdecode(given[0]))
        if path.is_relative_to(root):
            happen(f"{event} {path.name}")
        elif not path.is_absolute():  # what shutil removes, of a folder that it has opened
            happen(f"removed {path.name}")

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        if path.is_relative_to(root):
            with _unheard():
                flush(path)

    if not _HOOKED:
        sys.addaudithook(_hear)
        _HOOKED.append(_hear)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.fsync", fsync)
        _LISTENERS.append(heard)
        try:
            yield
        finally:
            _LISTENERS.remove(heard)


_LARGE = 100_000
_HOOKED: list[Callable[..., None]] = []


@contextmanager
def _unheard() -> Iterator[None]:
    """What is done about an event is none."""
    _INSIDE.yes = True
    try:
        yield
    finally:
        _INSIDE.yes = False


def _hear(event: str, given: tuple[Any, ...]) -> None:
    if _LISTENERS and event in _EVENTS and not getattr(_INSIDE, "yes", False):
        with _unheard():
            _LISTENERS[-1](event, given)


def _names(folder: Path) -> Names:
    try:
        with os.scandir(folder) as found:
            return {one.name: (one.inode(), one.is_dir()) for one in found}
    except FileNotFoundError:
        return {}


def _fingerprint(tree: Tree, *, is_work: bool = False) -> bytes:
    """The same for pictures that differ in nothing that the next start looks at: what a work folder is called, and what
    stands in it but for the pointer that says of a version that it was not put in force."""
    found = []
    for name, inside in tree.items():
        work = name.startswith(PREFIX)
        if isinstance(inside, dict):
            content = _fingerprint(inside, is_work=work) if not is_work else b""
        else:
            content = inside.sha256.encode() if not is_work or name == CURRENT else b""
        found.append((PREFIX if work else name).encode() + b"\0" + content)
    return hashlib.sha256(b"\1".join(sorted(found))).digest()


def _write(folder: Path, tree: Tree, contents: Path) -> None:
    """Write a picture; what is large stands on the disk once, as nothing changes a file in its place."""
    folder.mkdir(parents=True, mode=0o700)
    contents.mkdir(exist_ok=True)
    for name, inside in tree.items():
        if isinstance(inside, dict):
            _write(folder / name, inside, contents)
        elif len(inside.content) < _LARGE:
            (folder / name).write_bytes(inside.content)
        else:
            once = contents / inside.sha256
            if not once.exists():
                once.write_bytes(inside.content)
            os.link(once, folder / name)
