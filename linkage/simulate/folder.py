"""The folder of a simulation: its files appear when all are whole, and what other programs wrote stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linkage.errors import LinkageError, UsageError, disk_reason
from linkage.schema import REGISTRY, TRUTH
from linkage.simulate.dose_table import SIMULATED
from linkage.storage.locks import made_and_locked
from linkage.storage.output_paths import check_folder
from linkage.storage.work_folders import (
    abandoned,
    flush_all,
    make_folder,
    put_in_place,
    undivided,
    work_folder,
)

TABLES = {"registry": REGISTRY, "doses": SIMULATED, "truth": TRUTH}
# Comes last and goes first: without it what is there is no whole simulation.
ASSUMPTIONS, UNITS = "assumptions.json", "units"


@contextmanager
def simulation_folder(out: Path) -> Iterator[Path]:
    """A work folder to be filled with TABLES, UNITS and ASSUMPTIONS, which take their places in ``out`` at the end.

    Raises
    ------
    UsageError : ``out`` is a file, or holds such tables that no simulation made
    TryLaterError : another simulation is at work there
    """
    check_folder(out)
    with made_and_locked(out):
        _check(out)
        try:
            with work_folder(out) as work:
                yield work
                with undivided():
                    _put_in_place(work, out)
        except OSError as error:
            reason = disk_reason(error)
            raise LinkageError(f"{out}: cannot be written ({reason}); free space or rights there") from error


def _check(out: Path) -> None:
    """What another program wrote is not replaced; what a simulation put in place before it was killed is."""
    there = [f"{name}.parquet" for name in TABLES if (out / f"{name}.parquet").exists()]
    with abandoned(out) as left:
        was_cut_off = any((work / ASSUMPTIONS).exists() for work in left)
        if there and not was_cut_off and not (out / ASSUMPTIONS).exists():
            raise UsageError(
                f"{out}: holds {', '.join(there)} and no {ASSUMPTIONS}, so no finished simulation made them; "
                "remove them or name another folder"
            )


def _put_in_place(work: Path, out: Path) -> None:
    (out / UNITS).mkdir(exist_ok=True)
    (out / ASSUMPTIONS).unlink(missing_ok=True)
    for path in sorted((work / UNITS).iterdir()):
        put_in_place(path, out / UNITS / path.name)
    for name in (*(f"{name}.parquet" for name in TABLES), ASSUMPTIONS):
        put_in_place(work / name, out / name)


@contextmanager
def nights_folder(out: Path) -> Iterator[Path]:
    """A work folder that becomes ``out`` at the end, with all that was put into it.

    Raises
    ------
    UsageError : ``out`` is a file, or holds something
    """
    check_folder(out)
    target = Path(os.path.realpath(out))
    _check_empty(target, out)
    make_folder(target.parent)
    try:
        with work_folder(target.parent) as work:
            made = work / "made"
            made.mkdir(mode=0o700)
            yield made
            flush_all(made)
            _check_empty(target, out)
            with undivided():
                put_in_place(made, target)
    except OSError as error:
        raise LinkageError(f"{out}: cannot be written ({disk_reason(error)}); free space or rights there") from error


def _check_empty(target: Path, out: Path) -> None:
    if target.exists() and not target.is_dir():
        raise UsageError(f"{out}: is a file; name a folder")
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{out}: is not empty; name a new folder")
