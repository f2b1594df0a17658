"""What was decided in a night, as rows of the state's tables."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import NO_RIVALS
from linkage.nights.deciding import Batch
from linkage.published.claims import candidate_columns, have_candidates, with_comparisons
from linkage.published.decided import DecidedDoses
from linkage.published.decisions import PersonIds, decision_parts
from linkage.published.faults import Faults
from linkage.published.queues import ToQueue, queue_parts
from linkage.schema import CANDIDATES, DECISIONS, STATUSES
from linkage.state.tables import BEST, BY_ITSELF, CANDIDATE, CLAIMS_OF_PERSONS
from linkage.training.model_file import Model

_NO_STATUS = 255  # of doses that stand in no queue


def decision_rows(batch: Batch, doses: DecidedDoses, ids: PersonIds, faults: Faults) -> pa.Table:
    """The decisions of the doses of the claims taken, by dose_id; see schema.DECISIONS."""
    plan = batch.index.plan
    parts = list(decision_parts(batch.read, batch.claims.decided, doses, faults, ids, plan))
    rows = pa.concat_tables([DECISIONS.arrow().empty_table(), *parts])
    return rows.filter(pa.array(batch.taken[batch.read.claims.of_dose]))


def queue_rows(batch: Batch, doses: DecidedDoses, faults: Faults, list_date: datetime.date) -> dict[str, pa.Table]:
    """The items of the queues of the claims taken, by queue; each row with the key of its claim in ``claim``."""
    is_taken = batch.taken[batch.read.claims.of_dose]
    only_taken = DecidedDoses(np.where(is_taken, doses.status, np.uint8(_NO_STATUS)), doses.conflicts)
    queues = queue_parts(ToQueue(batch.read, batch.claims, only_taken, faults, batch.index, list_date))
    dose_ids = batch.versions["dose_id"].combine_chunks()
    of_dose = pa.array(batch.keys[batch.read.claims.of_dose])
    found = {}
    for name, (schema, parts) in queues.items():
        rows = pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()
        first = pc.list_element(rows["dose_ids"], 0) if rows.num_rows else pa.chunked_array([], pa.string())
        claim = of_dose.take(pc.index_in(first.combine_chunks(), dose_ids))
        found[name] = rows.append_column("claim", claim)
    return found


def claim_rows(batch: Batch, ids: PersonIds) -> pa.Table:
    """What is decided of the claims taken, by key: the columns of the state's claims but night and is_gone."""
    at, decided = np.flatnonzero(batch.taken), batch.claims.decided
    place = decided.place[at]
    ranked = np.full((at.size, decided.ranked.rows.shape[1]), -1, np.int32)
    ranked[place != NO_RIVALS] = decided.ranked.rows[place[place != NO_RIVALS]]
    which, rank = np.nonzero(ranked >= 0)
    ends = pa.array(np.append(0, np.cumsum((ranked >= 0).sum(axis=1))), pa.int32())
    statuses = pa.array(STATUSES)
    kept = ids.of(place[which], rank)
    return pa.table(
        {
            "claim": pa.array(batch.keys[at]),
            "by_itself": statuses.take(pa.array(batch.by_itself.status[at])),
            "by_itself_person": pa.array(batch.decided_by_itself(at)),
            "status": statuses.take(pa.array(decided.status[at])),
            "best": pa.array(batch.best(at)),
            "candidate_ids": pa.ListArray.from_arrays(ends, kept),
        }
    )


def candidate_rows(batch: Batch, ids: PersonIds) -> pa.Table:
    """The candidates of the claims taken, by key and rank: the columns of the state's candidates but night and is_gone,
    and those of the plan's comparisons."""
    schema = candidate_schema(batch.claims.model)
    at = np.flatnonzero(batch.taken & have_candidates(batch.claims.decided)).astype(np.int32)
    which, columns = candidate_columns(at, batch.claims, ids)
    columns["claim"] = pa.array(batch.keys[at[which]])
    return pa.table([columns[name] for name in schema.names], schema=schema)


def candidate_schema(model: Model) -> pa.Schema:
    """The columns of `candidate_rows`."""
    schema = with_comparisons(CANDIDATES, model.parameters)
    return schema.remove(schema.get_field_index("claim_id")).append(pa.field("claim", pa.uint64()))


def person_links(batch: Batch, claims: NDArray[np.uint64]) -> pa.Table:
    """By whom some claims of the batch are found, see linkage.state.tables."""
    at, decided = batch.at(claims), batch.claims.decided
    place = decided.place[at]
    linked = np.flatnonzero(place != NO_RIVALS)
    ranked = decided.ranked.rows[place[linked]]
    which, rank = np.nonzero(ranked >= 0)
    persons = [batch.persons(ranked[which, rank]), batch.decided_by_itself(at), batch.best(at)]
    owners = [at[linked[which]], at, at]
    kinds = [np.full(n.size, kind, np.uint8) for n, kind in zip(owners, (CANDIDATE, BY_ITSELF, BEST), strict=True)]
    person, kind = np.concatenate(persons), np.concatenate(kinds)
    claim = batch.keys[np.concatenate(owners)]
    is_one = person > 0
    rows = pa.table({"person": person[is_one], "claim": claim[is_one], "kinds": kind[is_one]})
    # A kind stands once for each pair, so that their sum has a bit for each.
    added = rows.group_by(["person", "claim"]).aggregate([("kinds", "sum")])
    return pa.table(
        [added["person"], added["claim"], added["kinds_sum"].cast(pa.uint8())], schema=CLAIMS_OF_PERSONS.schema
    )
