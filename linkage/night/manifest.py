"""What a run says about itself: its name, its inputs and outputs, and the sums that must hold."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from linkage.ingest import Ingested, for_manifest
from linkage.machine.memory import peak_rss_bytes
from linkage.machine.version import code_version
from linkage.published.decisions import Outcome
from linkage.published.patterns import PairCounts
from linkage.published.unequal import UnequalGroup
from linkage.registry.index import Index
from linkage.schema import STATUSES
from linkage.training.model_file import Model


def run_id(
    ingested: Ingested,
    index: Index,
    model: Model | None,
    columns: Mapping[str, str] | None,
    drawn_up: datetime.date,
) -> str:
    """The list date and a hash of all that decides the outcome: the same inputs give the same run."""
    content = {
        "doses": sorted(file.sha256 for file in ingested.files),
        "set_aside": sorted((found.file, found.sha256 or "") for found in ingested.set_aside),
        "columns": dict(columns or {}),
        "index": index.manifest["content"],
        "latest_date": index.manifest["latest_date"],
        "commune_date": index.manifest["commune_date"],
        "plan": index.plan.digest(),
        "model": None if model is None else model.digest(),
        "code": code_version(),
        "list_date": drawn_up.isoformat(),
    }
    return f"{drawn_up:%Y%m%d}-{hashlib.sha256(msgspec.json.encode(content, order='sorted')).hexdigest()[:12]}"


def input_entries(ingested: Ingested, index: Index, model: Model) -> dict[str, Any]:
    """What the manifest says about what went in."""
    files = [
        {
            "file": file.file,
            "path": str(file.path.resolve()),
            "format": file.format,
            "sha256": file.sha256,
            "physical_records": file.physical_records,
            "decided": file.accepted,
            "rejected": file.rejected,
            "note": None if file.note is None else for_manifest(file.note),
        }
        for file in ingested.files
    ]
    linked_with = {
        "path": str(index.folder.resolve().parent),
        "content": index.manifest["content"],
        "persons": index.n_persons,
    }
    return {
        "code_version": code_version(),
        "inputs": files,
        "set_aside": [
            {"file": found.file, "sha256": found.sha256, "reason": for_manifest(found.reason)}
            for found in ingested.set_aside
        ],
        "index": linked_with,
        "plan": index.plan.digest(),
        "model": model.digest(),
    }


def result_entries(outcome: Outcome, pairs: PairCounts, unequal: list[UnequalGroup]) -> dict[str, Any]:
    """What the manifest says about what came out."""
    decided = outcome.decided
    return {
        "list_date": outcome.list_date.isoformat(),
        "counts": status_counts(outcome),
        "subjects": outcome.batch.n_claims,
        "candidate_pairs": pairs.n_pairs,
        "passes": pairs.entries(outcome.index.plan),
        "match_threshold": decided.threshold,
        "evidence_rates": outcome.evidence.rates.to_dict(),
        # What the threshold was set for. Of doses, as published, there is estimated_false_match_rate.
        "matched_claims_false_match_rate": decided.expected_false_match_rate,
        "unequal_groups": [asdict(group) for group in unequal],
        "stations": [asdict(finding) for finding in outcome.stations.findings],
        "error_estimates": [asdict(estimate) for estimate in outcome.error_rates.estimates],
        "unlike_training": [asdict(found) for found in outcome.moved],
        "conflicting_matches": outcome.error_rates.conflicting,
        "commune_names": _commune_names(outcome),
    }


def cost_entries(pairs: PairCounts, seconds: dict[str, float], peak_anonymous_bytes: int) -> dict[str, Any]:
    """What the manifest says about time and memory."""
    return {
        "seconds": seconds,
        "candidate_pairs_per_second": round(pairs.n_pairs / max(seconds["link"], 1e-3)),
        "peak_rss_bytes": peak_rss_bytes(),
        "peak_anonymous_bytes": peak_anonymous_bytes,
    }


def status_counts(outcome: Outcome) -> dict[str, int]:
    """Doses by status, every status named."""
    counts = np.bincount(outcome.dose_status, minlength=len(STATUSES))
    return dict(zip(STATUSES, counts.tolist(), strict=True))


def _commune_names(outcome: Outcome) -> dict[str, str]:
    """Names of the communes that the batch states, by code."""
    places = outcome.batch.dictionaries.units.doses
    ids = pa.array(np.flatnonzero(np.bincount(outcome.batch.columns["commune"])))
    pairs = zip(places.code.take(ids).to_pylist(), places.name.take(ids).to_pylist(), strict=True)
    return {code: name for code, name in pairs if code and name}
