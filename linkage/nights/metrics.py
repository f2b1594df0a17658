"""What Prometheus is told of the nights: a text file for the textfile collector of node_exporter, replaced whole.

Numbers by words of this program alone: no file, facility, commune or person is named.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linkage.errors import LinkageError
from linkage.machine.clock import ZONE
from linkage.nights.configuration import Configuration
from linkage.nights.status import status
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import read_manifest
from linkage.storage.work_folders import replacing

# Each gauge by its name: what it is, and the name of its label where it has one.
METRICS: dict[str, tuple[str, str | None]] = {
    "linkage_start_timestamp_seconds": ("When a night was started last.", None),
    "linkage_start_exit_code": ("How that ended: 0 done, 3 stopped by a gate, see the manual.", None),
    "linkage_start_duration_seconds": ("How long that took.", None),
    "linkage_nights": ("Nights of the state in force.", None),
    "linkage_night_date_timestamp_seconds": ("The date of the last night, at its beginning.", None),
    "linkage_night_published_timestamp_seconds": ("When the last night was published.", None),
    "linkage_night_doses": ("Records of the last night by what they were.", "what"),
    "linkage_night_decisions": ("Decisions of the last night by what became of them.", "change"),
    "linkage_night_stage_seconds": ("Seconds of the stages of the last night.", "stage"),
    "linkage_night_peak_rss_bytes": ("The most memory that the last night had.", None),
    "linkage_doses": ("Doses in force by status.", "status"),
    "linkage_gate_limit": ("Limits of the gates.", "gate"),
    "linkage_gate_value": ("What the last night had of each gate that says something.", "gate"),
    "linkage_missed_dates": ("Dates that have files and had no night.", None),
    "linkage_quarantine_files": ("Files in quarantine.", None),
    "linkage_unfinished_nights": ("What was killed, and is finished by the next start.", None),
    "linkage_verified_timestamp_seconds": ("When everything was found whole last.", None),
    "linkage_disk_free_bytes": ("Room on the disks.", "place"),
    "linkage_state_bytes": ("Bytes of the state in force.", None),
}
Samples = Mapping[str, float | Mapping[str, float | None] | None]


@dataclass(frozen=True)
class Ended:
    """A start: when, in seconds since 1970, how long it took, and its exit code."""

    at: float
    seconds: float
    exit_code: int


def write_metrics(path: Path, configuration: Configuration, ended: Ended) -> None:
    """Write the file of a start; where the state is damaged, or cannot be read, it has the start alone.

    Raises LinkageError or OSError where the file cannot be written.
    """
    found: dict[str, Any] = {
        "linkage_start_timestamp_seconds": ended.at,
        "linkage_start_exit_code": ended.exit_code,
        "linkage_start_duration_seconds": ended.seconds,
    }
    try:
        found |= _of_nights(configuration)
    except (LinkageError, OSError):
        found["linkage_nights"] = None  # which the exit code tells, and alerts on what is absent
    with replacing(path) as part:
        part.write_text("".join(metric_lines(found)), "ascii")


def metric_lines(samples: Samples) -> Iterator[str]:
    """The text format of Prometheus, version 0.0.4; what is None is left out."""
    for name, (purpose, label) in METRICS.items():
        value = samples.get(name)
        values = value if isinstance(value, Mapping) else {None: value}
        lines = [
            f"{name}{'' if key is None else _labelled(label, key)} {float(number):.17g}\n"
            for key, number in values.items()
            if number is not None
        ]
        if lines:
            yield f"# HELP {name} {purpose}\n# TYPE {name} gauge\n"
            yield from lines


def _labelled(label: str | None, key: str) -> str:
    return f'{{{label}="{key}"}}'


def _of_nights(configuration: Configuration) -> dict[str, Any]:
    told = status(configuration)
    found: dict[str, Any] = {
        "linkage_nights": told["nights"],
        "linkage_gate_limit": {name: gate["limit"] for name, gate in told["gates"].items()},
        "linkage_gate_value": {name: gate["last"] for name, gate in told["gates"].items()},
        "linkage_missed_dates": len(told["missed"]),
        "linkage_quarantine_files": told["quarantine"],
        "linkage_unfinished_nights": len(told["unfinished"]),
        "linkage_verified_timestamp_seconds": told["verified"] and _seconds(told["verified"]["at"]),
        "linkage_disk_free_bytes": told["disk_free_bytes"],
        "linkage_state_bytes": told["state_bytes"],
    }
    last = told["last_night"]
    if last is None:
        return found
    found |= {
        "linkage_night_date_timestamp_seconds": _seconds(last["date"]),
        "linkage_night_doses": last["doses"],
        "linkage_night_decisions": last["changes"],
        "linkage_doses": last["counts"],
    }
    folder = configuration.nights / str(last["night_id"])
    if folder.is_dir():
        manifest = read_manifest(folder, "seconds", "peak_rss_bytes", like=PublishedManifest)
        found |= {
            "linkage_night_published_timestamp_seconds": (folder / "manifest.json").stat().st_mtime,
            "linkage_night_stage_seconds": manifest["seconds"],
            "linkage_night_peak_rss_bytes": manifest["peak_rss_bytes"],
        }
    return found


def _seconds(moment: str) -> float:
    found = datetime.datetime.fromisoformat(moment)
    return (found if found.tzinfo else found.replace(tzinfo=ZONE)).timestamp()
