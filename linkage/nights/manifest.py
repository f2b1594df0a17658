"""What a night says about itself: its name, its inputs and outputs, and the sums that must hold."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec

from linkage.errors import VerificationError
from linkage.ingest import file_entries, set_aside_entries
from linkage.ingest.paths import sha256_of
from linkage.machine.version import code_version
from linkage.nights.arriving import Arrived
from linkage.nights.configuration import Configuration
from linkage.nights.inputs import NightInputs
from linkage.nights.registry import Registry
from linkage.nights.results import Results
from linkage.nights.touched import Touched
from linkage.nights.versions import DoseChanges
from linkage.registry.index import Index
from linkage.state.folder import State
from linkage.training.model_file import Model


def night_id(inputs: NightInputs, state: State, index: Index, model: Model) -> str:
    """The date and a hash of all that decides the outcome: the same inputs on the same state give the same night."""
    content = {
        "inputs": inputs.digest,
        "state": state.name,
        "index": index.manifest["content"],
        "model": model.digest(),
        "code": code_version(),
    }
    if inputs.chosen.again:
        content["quarantine"] = sorted(sha256_of(path) or "" for path in inputs.chosen.paths)
    return f"{inputs.date:%Y%m%d}-{hashlib.sha256(msgspec.json.encode(content, order='sorted')).hexdigest()[:12]}"


def night_entries(
    name: str,
    inputs: NightInputs,
    arrived: Arrived,
    changes: DoseChanges,
    results: Results,
    index_folder: Path,
    index: Index,
    model: Model,
) -> dict[str, Any]:
    """What the manifest of a night says; index: of the registry after its changes."""
    return {
        "night_id": name,
        "kind": "night",
        "date": inputs.date.isoformat(),
        "code_version": code_version(),
        "inputs": file_entries(arrived.files),
        "input_bytes": inputs.n_bytes,
        "withdrawals": file_entries(arrived.others),
        "verdict_files": file_entries(arrived.verdicts),
        "set_aside": set_aside_entries(arrived.set_aside),
        "index": {
            "path": str(index_folder.resolve()),
            "content": index.manifest["content"],
            "persons": index.n_persons,
        },
        "plan": index.plan.digest(),
        "model": model.digest(),
        "doses": changes.counts,
        "changes": results.changes,
        "items": results.items,
        "counts": results.counts,
        "matched": results.n_matched,
        "expected_false_matches": results.expected_false_matches,
    }


def registry_entries(registry: Registry, touched: Touched) -> dict[str, Any]:
    """What the manifest of a night says of changes of the registry."""
    return {
        "registry_changes": [*registry.files],
        "registry": {**registry.counts, "claims_touched": int(touched.claims.size)},
        "index_before": registry.before.folder.name,
        "index_after": registry.version,
    }


def state_entries(
    name: str,
    inputs: NightInputs,
    configuration: Configuration,
    registry: Registry,
    changes: DoseChanges,
    results: Results,
) -> dict[str, Any]:
    """What the manifest of the state says of a night, and of all doses in force; index_path: from the state on, so that
    both can be moved together."""
    return {
        "night_id": name,
        "kind": "night",
        "date": inputs.date.isoformat(),
        "inputs": inputs.digest,
        "index": registry.after.manifest["content"],
        "index_before": registry.before.folder.name,
        "index_version": registry.version,
        "index_path": os.path.relpath(configuration.index, configuration.state),
        "registry": registry.counts,
        "doses": changes.counts,
        "changes": results.changes,
        "counts": results.counts,
    }


def check_doses(state: State, changes: DoseChanges, results: Results) -> None:
    """VerificationError unless every dose in force has one decision: those before, and what came, less what went."""
    n_before = sum(state.manifest["counts"].values())
    n_doses = n_before + changes.after.num_rows - changes.before.num_rows
    n_decided = sum(results.counts.values())
    if n_doses != n_decided:
        raise VerificationError(f"night: {n_doses:,} doses are in force and {n_decided:,} decisions; report this")
