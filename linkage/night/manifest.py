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

from linkage.deciding.error_rates import ErrorRates
from linkage.ingest import Ingested, file_entries, set_aside_entries
from linkage.ingest.hive_folders import folder_values
from linkage.machine.memory import peak_rss_bytes
from linkage.machine.version import code_version
from linkage.plan.sections import Plan
from linkage.published.decided import DecidedClaims, DecidedDoses, ReadDoses
from linkage.published.decisions import stated_communes
from linkage.published.patterns import PairCounts
from linkage.published.unequal import UnequalGroup
from linkage.registry.index import Index
from linkage.schema import STATUSES
from linkage.scoring.batch import Batch
from linkage.training.drift import Moved
from linkage.training.model_file import Model


def run_id(
    ingested: Ingested,
    index: Index,
    model: Model | None,
    columns: Mapping[str, str] | None,
    drawn_up: datetime.date,
    verdicts: str | None = None,
) -> str:
    """The list date and a hash of all that decides the outcome: the same inputs give the same run; verdicts: a hash of
    those in force."""
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
        **({} if verdicts is None else {"verdicts": verdicts}),
    }
    # What the folders of a file state is a part of what it holds.
    stated = [(file.sha256, sorted(folder_values(file.path, ()).items())) for file in ingested.files]
    if folders := sorted((digest, values) for digest, values in stated if values):
        content["folders"] = folders
    return f"{drawn_up:%Y%m%d}-{hashlib.sha256(msgspec.json.encode(content, order='sorted')).hexdigest()[:12]}"


def input_entries(ingested: Ingested, index: Index, model: Model) -> dict[str, Any]:
    """What the manifest says about what went in."""
    linked_with = {
        "path": str(index.folder.resolve().parent),
        "content": index.manifest["content"],
        "persons": index.n_persons,
        "term_frequencies": index.manifest["term_frequencies"],
    }
    return {
        "code_version": code_version(),
        "inputs": file_entries(ingested.files),
        "set_aside": set_aside_entries(ingested.set_aside),
        "index": linked_with,
        "plan": index.plan.digest(),
        "model": model.digest(),
    }


def result_entries(
    read: ReadDoses, claims: DecidedClaims, doses: DecidedDoses, list_date: datetime.date
) -> dict[str, Any]:
    """What the manifest says about what came out."""
    decided, pairs = claims.decided, claims.pairs
    return {
        "list_date": list_date.isoformat(),
        "counts": status_counts(doses),
        "subjects": read.batch.n_claims,
        "candidate_pairs": pairs.n_pairs,
        "passes": pairs.entries(claims.model.plan),
        "match_threshold": decided.threshold,
        "evidence_rates": claims.evidence.rates.to_dict(),
        # What the threshold was set for. Of doses, as published, there is estimated_false_match_rate.
        "matched_claims_false_match_rate": decided.expected_false_match_rate,
        "stations": [asdict(finding) for finding in read.stations.findings],
        "commune_names": _commune_names(read.batch, claims.model.plan),
    }


def quality_entries(unequal: list[UnequalGroup], rates: ErrorRates, moved: tuple[Moved, ...]) -> dict[str, Any]:
    """What the manifest says about how good it is."""
    return {
        "unequal_groups": [asdict(group) for group in unequal],
        "error_estimates": [asdict(estimate) for estimate in rates.estimates],
        "unlike_training": [asdict(found) for found in moved],
        "conflicting_matches": rates.conflicting,
    }


def cost_entries(pairs: PairCounts, seconds: dict[str, float], peak_anonymous_bytes: int) -> dict[str, Any]:
    """What the manifest says about time and memory."""
    return {
        "seconds": seconds,
        "candidate_pairs_per_second": round(pairs.n_pairs / max(seconds["link"], 1e-3)),
        "peak_rss_bytes": peak_rss_bytes(),
        "peak_anonymous_bytes": peak_anonymous_bytes,
    }


def status_counts(doses: DecidedDoses) -> dict[str, int]:
    """Doses by status, every status named."""
    counts = np.bincount(doses.status, minlength=len(STATUSES))
    return dict(zip(STATUSES, counts.tolist(), strict=True))


def _commune_names(batch: Batch, plan: Plan) -> dict[str, str]:
    """Names of the communes that the batch states, by code."""
    places = batch.dictionaries.units.doses
    ids = pa.array(np.flatnonzero(np.bincount(stated_communes(batch, plan))))
    pairs = zip(places.code.take(ids).to_pylist(), places.name.take(ids).to_pylist(), strict=True)
    return {code: name for code, name in pairs if code and name}
