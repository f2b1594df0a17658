"""What a night would read, and what it would cost by the figures of earlier ones; nothing is written."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np

from linkage.machine.clock import today
from linkage.nights.configuration import Configuration
from linkage.nights.fetching import to_be_fetched
from linkage.nights.inputs import inputs_of
from linkage.nights.pruning import n_pruned
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import read_manifest
from linkage.state.compacting import is_due
from linkage.state.folder import State, open_state
from linkage.storage.work_folders import folder_there

_LOOKED_AT = 28  # of the last nights
_KINDS = ("doses", "withdrawals", "registry_changes", "verdicts")


def look_ahead(configuration: Configuration, date: datetime.date | None = None) -> dict[str, Any]:
    """What the night of a date would read and cost.

    Returns
    -------
    files : kind, file and bytes of each; missing : of patterns that name none
    from_postgresql : kinds that would be read from the database first, whose files are not there yet; nobody knows
        how much they are, so ``files`` and ``expected`` are without them, and ``missing`` says so
    quarantine : which files are read from there, and what waits on
    already_done : the id of the night that was done with these files on this date
    expected : from_nights, seconds, peak_rss_bytes, disk_bytes and decisions that change, by a line through what the
        last nights took for the bytes that they read; None before the first one. Of a night that makes one of all
        parts of the state ``merging`` has the bytes that it writes again and the seconds that it takes for it, None
        where no night before did; they are counted in

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
    done, unread = inputs.done_in(state), to_be_fetched(configuration, date)
    told = [f"not read from the database yet, nor counted in what is expected: {', '.join(unread)}"] if unread else []
    return {
        "date": date,
        "files": files,
        "missing": [*inputs.notes, *told],
        "from_postgresql": unread,
        "quarantine": list(inputs.chosen.notes),
        "already_done": done and done["night_id"],
        "state": state.name,
        "expected": _expected(configuration, state, inputs.n_bytes),
        "disk_free_bytes": shutil.disk_usage(folder_there(configuration.nights)).free,
    }


def _expected(configuration: Configuration, state: State, n_bytes: int) -> dict[str, Any] | None:
    nights = [night for night in state.nights[n_pruned(configuration) :] if night["kind"] == "night"][-_LOOKED_AT:]
    if not nights:
        return None
    parts = {int(part["name"]): sum(part["sums"]["bytes"].values()) for part in state.manifest["parts"]}
    figures = {int(night["number"]): _figures(configuration, night, parts) for night in nights}
    merged_last = min(parts)  # the night that made one of all parts before it, unless it is the very first
    costly = figures.pop(merged_last) if merged_last > 1 and merged_last in figures and len(figures) > 1 else None
    read = np.array([each["input_bytes"] for each in figures.values()], float)

    def by_line(name: str, n_bytes: float) -> float:
        return _on_line(read, np.array([each[name] for each in figures.values()], float), n_bytes)

    names = ("seconds", "peak_rss_bytes", "disk_bytes", "decisions")
    found = {name: by_line(name, n_bytes) for name in names}
    merging = None
    if is_due(state):
        all_bytes = sum(parts.values())
        merging = {"bytes": all_bytes, "seconds": None}
        found["disk_bytes"] += all_bytes
        if costly is not None:
            times = all_bytes / max(1, parts[merged_last])
            merging["seconds"] = max(0.0, costly["seconds"] - by_line("seconds", costly["input_bytes"])) * times
            found["seconds"] += merging["seconds"]
            more = max(0.0, costly["peak_rss_bytes"] - by_line("peak_rss_bytes", costly["input_bytes"])) * times
            found["peak_rss_bytes"] += more
    whole = {name: value if name == "seconds" else round(value) for name, value in found.items()}
    return {"from_nights": len(nights), **whole, "merging": merging}


def _figures(configuration: Configuration, night: Mapping[str, Any], parts: Mapping[int, int]) -> dict[str, float]:
    """What a night read and cost; parts: bytes of those of the state by the night that made them."""
    needed = ("input_bytes", "seconds", "peak_rss_bytes", "outputs", "changes")
    told = read_manifest(configuration.nights / str(night["night_id"]), *needed, like=PublishedManifest)
    published = sum(output["bytes"] for output in told["outputs"].values())
    return {
        "input_bytes": told["input_bytes"],
        "seconds": sum(told["seconds"].values()),
        "peak_rss_bytes": told["peak_rss_bytes"],
        "disk_bytes": published + parts.get(int(night["number"]), 0),
        "decisions": sum(told["changes"].values()),
    }


def _on_line(read: np.ndarray, cost: np.ndarray, n_bytes: float) -> float:
    """What so many bytes cost by the line through what others did, which does not fall; by the dearest where all were
    alike."""
    spread = float(np.var(read))
    slope = max(0.0, float(np.mean((read - read.mean()) * (cost - cost.mean())))) / spread if spread else 0.0
    if slope == 0.0:
        return float(cost.max())
    return max(float(cost.min()), float(cost.mean()) + slope * (n_bytes - float(read.mean())))
