"""Links any two files with a plan of their own: labelled sets, censuses, lists."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.comparing import prepare_batch
from linkage.decide import decide
from linkage.encode import encode
from linkage.errors import InputError
from linkage.ingest import Ingested, ingest
from linkage.link import Scorer, link_batch
from linkage.model_file import Model
from linkage.version import code_version
from linkage.plan import POSITION, Plan
from linkage.publish import staged
from linkage.registry import build_index
from linkage.schema import LINKS, Column, TableSchema
from linkage.train import train


@dataclass(frozen=True)
class LinkSummary:
    """What ``link --json`` prints."""

    folder: Path
    left: int
    right: int
    links: int
    match_threshold: float
    expected_false_match_rate: float


def link_files(
    left: Sequence[Path], right: Sequence[Path], plan: Plan, out: Path, *, n_threads: int = 2
) -> LinkSummary:
    """Link every record of the left file with at most one of the right; writes links.parquet, model.json,
    manifest.json.

    Links are the pairs that the plan's thresholds decide without a person. Rejected rows stand in
    rejected_left.parquet and rejected_right.parquet.

    Raises
    ------
    InputError, UsageError : a file or the plan cannot be used; nothing is written
    """
    sides = {side: ingest(paths, _table_of(plan, side)) for side, paths in (("left", left), ("right", right))}
    for side, ingested in sides.items():
        if ingested.accepted.num_rows == 0:
            raise InputError(
                f"{ingested.files[0].file}: no record was accepted for the {side} side; see the rejected rows"
            )
    tables = {side: _with_id(ingested, getattr(plan, f"{side}_id")) for side, ingested in sides.items()}
    with staged(out.parent, out.name) as stage, tempfile.TemporaryDirectory(prefix="linkage-") as scratch:
        index = build_index(tables["right"], plan, Path(scratch) / "index")
        records = tables["left"].sort_by(plan.left_id).combine_chunks()
        dictionaries = index.dictionaries.copy()
        batch = prepare_batch(encode(records, plan, "left", dictionaries), dictionaries, index)
        parameters, training = train(batch, index, n_threads)
        model = Model(parameters, plan, training.to_dict())
        linked = link_batch(Scorer(batch, index, parameters), n_threads)
        nobody = np.zeros(batch.n_subjects, np.bool_)
        decided = decide(linked.ranked, nobody, parameters, index.n_persons, plan.decision)
        is_link = decided.probabilities[:, 0] >= decided.threshold
        links = pa.table(
            [
                records.column(plan.left_id).filter(pa.array(is_link)),
                index.take(decided.ranked.rows[is_link, 0], [plan.right_id]).column(0),
                pa.array(decided.probabilities[is_link, 0]),
                pa.array(decided.ranked.weights[is_link, 0]),
            ],
            schema=LINKS.arrow(),
        )
        stage.write_table("links", links)
        for side, ingested in sides.items():
            stage.write_table(f"rejected_{side}", ingested.rejected)
        stage.write_json("model", model.to_dict())
        manifest = {
            "code_version": code_version(),
            "plan": plan.digest(),
            "inputs": {side: _counts(ingested) for side, ingested in sides.items()},
            "links": links.num_rows,
            "match_threshold": decided.threshold,
            "expected_false_match_rate": decided.expected_false_match_rate,
        }
        stage.write_json("manifest", manifest | {"outputs": stage.outputs})
        folder = stage.commit()
    return LinkSummary(
        folder, batch.n_subjects, index.n_persons, links.num_rows, decided.threshold, decided.expected_false_match_rate
    )


def _table_of(plan: Plan, side: str) -> TableSchema:
    """The table that a side of the plan reads: its id and the columns of its fields."""
    key = plan.left_id if side == "left" else plan.right_id
    names = [name for name in plan.columns(side) if name != key]
    columns = [] if key == POSITION else [Column(key, pa.string(), "the record", key=True)]
    columns += [Column(name, pa.string(), "read by the plan", "not stated") for name in names]
    return TableSchema(side, tuple(columns))


def _with_id(ingested: Ingested, name: str) -> pa.Table:
    """The accepted records with their id column."""
    if name in ingested.accepted.column_names:
        return ingested.accepted
    return ingested.accepted.append_column(name, pa.array(ingested.origin_position).cast(pa.string()))


def _counts(ingested: Ingested) -> list[dict[str, object]]:
    return [
        {
            "file": f.file,
            "sha256": f.sha256,
            "physical_records": f.physical_records,
            "accepted": f.accepted,
            "rejected": f.rejected,
        }
        for f in ingested.files
    ]
