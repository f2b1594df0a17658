"""A night that is watched: its events go to a log, and where it stands when it ended to a file for Prometheus."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from linkage.errors import LinkageError, UsageError
from linkage.machine.clock import now, today
from linkage.machine.faults import fault_of
from linkage.machine.stage_clock import Progress
from linkage.machine.version import code_version
from linkage.nights.configuration import Configuration
from linkage.nights.log import Log, StageEvents
from linkage.nights.metrics import Ended, write_metrics
from linkage.nights.night import NightSummary, run_night
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import already_published, read_manifest

_INTERRUPTED = 130


def watch_night(
    configuration: Configuration,
    date: datetime.date | None = None,
    *,
    log: Path | None = None,
    accepted: Mapping[str, str] = MappingProxyType({}),
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> NightSummary:
    """`run_night`, and tell it as the configuration says; parameters and errors are of that.

    log : takes the place of the configuration's; UsageError where it cannot be written
    """
    events = Log(log or configuration.log)
    _check_metrics(configuration)
    stages = StageEvents(events)
    at, start = now().timestamp(), time.monotonic()
    events.tell("start", pid=os.getpid(), version=code_version(), date=str(date or today()))

    def told(stage: str, done: int, total: int) -> None:
        stages(stage, done, total)
        on_progress(stage, done, total)

    def end(exit_code: int, **said: Any) -> list[str]:
        took = time.monotonic() - start
        events.tell("end", exit_code=exit_code, seconds=round(took, 3), **said)
        return _metrics(configuration, Ended(at, took, exit_code))

    try:
        done = run_night(configuration, date, accepted=accepted, n_threads=n_threads, on_progress=told)
    except BaseException as error:
        exit_code, kind = _meaning(error)
        end(exit_code, kind=kind)
        raise
    stages.end()
    notes = end(0, kind="already_done" if done.already_done else "done", **_events(done))
    notes += [f"lines that the log could not take: {events.lost}"] if events.lost else []
    return replace(done, notes=(*done.notes, *notes))


def _events(done: NightSummary) -> dict[str, Any]:
    """What the log says of a night, of its manifest the counts alone."""
    said: dict[str, Any] = {"night_id": done.night_id, "changes": done.changes, "counts": done.counts}
    if already_published(done.night_dir):
        names = ("doses", "gates", "accepted_gates", "set_aside", "peak_rss_bytes")
        manifest = read_manifest(done.night_dir, *names, like=PublishedManifest)
        said |= {name: manifest[name] for name in ("doses", "gates", "peak_rss_bytes")}
        said |= {"accepted_gates": sorted(manifest["accepted_gates"]), "set_aside": len(manifest["set_aside"])}
    return said


def _meaning(error: BaseException) -> tuple[int, str]:
    """Exit code and kind of an error, as the command line tells them."""
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED, "interrupted"
    told = fault_of(error) or error
    if not isinstance(told, LinkageError):
        told = LinkageError()
    return told.exit_code, told.kind


def _check_metrics(configuration: Configuration) -> None:
    path = configuration.metrics
    if path is not None and not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it, or mend [metrics]")


def _metrics(configuration: Configuration, ended: Ended) -> list[str]:
    """Write the metrics; a note where they cannot be, for the night is what it is."""
    if configuration.metrics is not None:
        try:
            write_metrics(configuration.metrics, configuration, ended)
        except (LinkageError, OSError) as error:
            return [f"metrics were not written: {error}"]
    return []
