"""Why two records of linked files are a link, or not: the left record scored again against its candidates."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.encode.columns import encode
from linkage.errors import UsageError
from linkage.ingest.records import Records
from linkage.insight.explanation import Candidate, texts_of
from linkage.insight.weighing import SHOWN, candidate_of, score_rows
from linkage.published.reader import find_rows, read_table
from linkage.registry.build import build_index
from linkage.registry.index import Index
from linkage.schema import LINKS, PAIRS
from linkage.scoring.batch import prepare_batch
from linkage.scoring.scorer import Scorer
from linkage.storage.work_folders import place_beside, work_folder
from linkage.two_files.folder import LinkFolder, open_link_folder
from models.posterior import pair_probability, posterior

_NO_BITS = np.zeros(2)  # of other records of the same claim and of a schedule, which two files have not


@dataclass(frozen=True)
class LinkExplanation:
    """A left record, the right records it was linked with, and its candidates, best first; one asked for stands last.

    refused: why no link was made in the whole folder, None where nothing stood against it.
    """

    left_id: str
    linked_with: list[str]
    stated: dict[str, str]
    match_threshold: float
    refused: str | None
    n_candidates: int
    candidates: list[Candidate]
    asked_for: str | None


def explain_link(folder: Path, left_id: str, right_id: str | None = None) -> LinkExplanation:
    """Explain a left record of a folder that ``link`` wrote.

    Parameters
    ----------
    right_id : a record to be weighed too, whether a pass found it or not

    Raises
    ------
    UsageError : no such record, or the folder is none of ``link``
    InputError : the files are no longer those that were linked
    """
    linked = open_link_folder(folder)
    with work_folder(place_beside(folder)) as scratch:
        as_of = datetime.date.fromisoformat(linked.manifest["as_of"])
        index = build_index(Records.of(linked.records("right")), linked.plan, scratch / "index", as_of=as_of)
        record = _record(linked, left_id)
        asked = None if right_id is None else _row_of(index, right_id)
        candidates, n_candidates = _candidates(linked, index, record, asked)
    candidates = [replace(found, probability=_as_decided(linked, left_id, found)) for found in candidates]
    found = read_table(folder, LINKS.name)
    is_here = pc.equal(found["left_id"], left_id)
    partners = found.filter(is_here)["right_id"].to_pylist()
    if linked.is_self:
        partners += found.filter(pc.equal(found["right_id"], left_id))["left_id"].to_pylist()
    return LinkExplanation(
        left_id,
        sorted(partners),
        texts_of(record),
        float(linked.manifest["match_threshold"]),
        linked.manifest.get("refused"),
        n_candidates,
        candidates,
        right_id,
    )


def _as_decided(linked: LinkFolder, left_id: str, candidate: Candidate) -> float:
    """The probability of a pair as published, with the left records that are its rivals for the right one; of a pair
    that was not published as if it had been one more of them.

    Of rivals with the odds o_j each has o_j / (1 + sum of o), so that one more with the probability p by itself has
    p (1 - sum of theirs).
    """
    ways = [("right_id", "left_id"), ("left_id", "right_id")] if linked.is_self else [("right_id", "left_id")]
    rivals = 0.0
    for side, other in ways:
        found = find_rows(linked.folder, PAIRS.name, [(side, "=", candidate.person_id)])
        published = found.filter(pc.equal(found[other], left_id))
        if published.num_rows:
            return float(published["match_probability"][0].as_py())
        rivals += float(pc.sum(found["match_probability"]).as_py() or 0.0)
    is_shared = linked.plan.decision.matches_per_record == "one_to_one"
    return candidate.probability * max(0.0, 1.0 - rivals) if is_shared else candidate.probability


def _record(linked: LinkFolder, left_id: str) -> pa.Table:
    records = linked.records("left")
    found = records.filter(pc.equal(records[linked.id_of("left")], left_id)).combine_chunks()
    if found.num_rows == 0:
        raise UsageError(f"{linked.folder}: no record of the left file has {linked.id_of('left')} {left_id!r}")
    return found


def _row_of(index: Index, right_id: str) -> int:
    row = int(index.rows_of(pa.array([right_id]))[0])
    if row < 0:
        raise UsageError(f"no record of the right file has {index.plan.right_id} {right_id!r}")
    return row


def _candidates(linked: LinkFolder, index: Index, record: pa.Table, asked: int | None) -> tuple[list[Candidate], int]:
    """The best candidates of a record and one asked for, and how many the passes found; probabilities as they were
    decided by, of one that no pass found as if one had."""
    model = linked.model.for_persons(index.n_persons)
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(record, index.plan, "left", dictionaries), dictionaries, index)
    if linked.is_self:
        batch = replace(batch, own_rows=index.rows_of(record.column(linked.id_of("left"))))
    scorer = Scorer(batch, index, model.parameters, floor_log2=-np.inf)
    everyone, _ = scorer.link(slice(0, 1))
    found_by = dict(zip(everyone.candidates.rows.tolist(), everyone.candidates.passes.tolist(), strict=True))
    ranked = scorer.rank(everyone, SHOWN)
    rows = [int(row) for row in ranked.rows[0] if row >= 0 and row != asked] + ([] if asked is None else [asked])
    if not rows:
        return [], 0
    scored = score_rows(batch, index, model, rows)
    if not linked.plan.decision.has_rivals:
        chances = pair_probability(scored.weights, model.parameters)
    else:
        is_found = np.array([row in found_by for row in rows])
        totals = ranked.sums[0] + np.where(is_found, 0.0, np.exp2(scored.weights))
        of_record = scored.weights[:, None], totals, ranked.outside
        chances = posterior(*of_record, model.parameters).candidates[:, 0]
    stated = texts_of(record)
    listed = [
        candidate_of(index, model, stated, scored, place, float(chances[place]), found_by.get(row, 0), _NO_BITS)
        for place, row in enumerate(rows)
    ]
    return listed, len(found_by)
