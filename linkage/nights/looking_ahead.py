"""What a night would read, and what it would cost by the figures of earlier ones; nothing is written."""

from __future__ import annotations

import datetime
import shutil
from typing import Any

import numpy as np

from linkage.machine.clock import today
from linkage.nights.configuration import Configuration
from linkage.nights.inputs import inputs_of
from linkage.nights.pruning import n_pruned
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import read_manifest
from linkage.state.folder import State, open_state
from linkage.storage.work_folders import folder_there

_LOOKED_AT = 28  # of the last nights
_KINDS = ("doses", "withdrawals", "registry_changes", "verdicts")


def look_ahead(configuration: Configuration, date: datetime.date | None = None) -> dict[str, Any]:
    """What the night of a date would read and cost.

    Returns
    -------
    files : kind, file and bytes of each; missing : of patterns that name none
    quarantine : which files are read from there, and what waits on
    already_done : the id of the night that was done with these files on this date
    expected : from_nights, seconds, peak_rss_bytes, disk_bytes and decisions that change, by a line through what the
        last nights took for the bytes that they read; None before the first one

    Raises UsageError where a file or the configuration cannot be used, VerificationError where the state is damaged.
    """
    date = date or today()
    state = open_state(configuration.state)
    inputs = inputs_of(configuration, date, state)
    files = [
        {"kind": kind, "file": str(path), "bytes": path.stat().st_size}
        for kind in _KINDS
        for path in getattr(inputs, kind)
    ]
    done = inputs.done_in(state)
    return {
        "date": date,
        "files": files,
        "missing": list(inputs.notes),
        "quarantine": list(inputs.chosen.notes),
        "already_done": done and done["night_id"],
        "state": state.name,
        "expected": _expected(configuration, state, inputs.n_bytes),
        "disk_free_bytes": shutil.disk_usage(folder_there(configuration.nights)).free,
    }


def _expected(configuration: Configuration, state: State, n_bytes: int) -> dict[str, Any] | None:
    nights = [night for night in state.nights[n_pruned(configuration) :] if night["kind"] == "night"][-_LOOKED_AT:]
    needed = ("input_bytes", "seconds", "peak_rss_bytes", "outputs", "changes")
    told = [
        read_manifest(configuration.nights / str(night["night_id"]), *needed, like=PublishedManifest)
        for night in nights
    ]
    if not told:
        return None
    parts = {part["name"]: sum(part["sums"]["bytes"].values()) for part in state.manifest["parts"]}
    figures = {
        "seconds": [sum(night["seconds"].values()) for night in told],
        "peak_rss_bytes": [night["peak_rss_bytes"] for night in told],
        "disk_bytes": [
            sum(output["bytes"] for output in night["outputs"].values()) + parts.get(f"{of['number']:06d}", 0)
            for of, night in zip(nights, told, strict=True)
        ],
        "decisions": [sum(night["changes"].values()) for night in told],
    }
    read = np.array([night["input_bytes"] for night in told], float)
    found = {name: _on_line(read, np.array(values, float), n_bytes) for name, values in figures.items()}
    whole = {name: value if name == "seconds" else round(value) for name, value in found.items()}
    return {"from_nights": len(told), **whole}


def _on_line(read: np.ndarray, cost: np.ndarray, n_bytes: int) -> float:
    """What so many bytes cost by the line through what others did, which does not fall; by the dearest where all were
    alike."""
    spread = float(np.var(read))
    slope = max(0.0, float(np.mean((read - read.mean()) * (cost - cost.mean())))) / spread if spread else 0.0
    if slope == 0.0:
        return float(cost.max())
    return max(float(cost.min()), float(cost.mean()) + slope * (n_bytes - float(read.mean())))
