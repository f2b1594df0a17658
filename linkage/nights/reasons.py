"""Why a night changed decisions: what came of the dose itself, or of whom and what it was decided beside."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from linkage.nights.deciding import Batch, Night
from linkage.nights.difference import Difference
from linkage.nights.queries import answer
from linkage.state.rows import rows_in_force
from linkage.state.tables import DECIDED_CLAIMS, WITHDRAWN
from linkage.state.why import CLAIM, CONFLICT, MODEL, REGISTRY, SIBLING, VERDICT

_REASONS = pa.schema(
    [("dose_id", pa.string()), ("why", pa.list_(pa.string())), ("changed_persons", pa.list_(pa.string()))]
)


def reasons_of(night: Night, batch: Batch | None, found: Difference, claims: pa.Table, before: pa.Table) -> pa.Table:
    """Why each decision differs: dose_id, why (see linkage.state.why) and changed_persons, ids.

    found : of decisions; claims : the rows of the claims decided, see `linkage.nights.rows.claim_rows`
    before : the decisions in force before the night
    """
    written = found.written
    if batch is None or not (written.num_rows or found.removed.num_rows):
        return _REASONS.empty_table()
    asked = pa.array(night.touched.claims)
    kept = rows_in_force(night.state, DECIDED_CLAIMS, asked, columns=["candidate_ids"])
    considered = pa.concat_tables([each.select(["claim", "candidate_ids"]) for each in (kept, claims)])
    names = ["dose_id", "person_id", "runner_up_person_id", "conflicts"]
    return answer(
        _WHY,
        now=written.select(names),
        before=before.select(names),
        gone=found.removed.select(["dose_id"]),
        doses=night.changes.rows.select(["dose_id", "version", "what"]),
        of_claim=batch.versions.select(["dose_id", "claim"]),
        changed_claims=pa.table({"claim": night.changes.claims}),
        touched=pa.table({"claim": asked}),
        said=pa.table({"claim": night.verdicts.claims}),
        considered=considered,
        persons=pa.table({"person_id": night.persons}),
        for_all=pa.table({"word": pa.array([MODEL] if night.has_other_model else [], pa.string())}),
    ).cast(_REASONS)


def with_reasons(decisions: pa.Table, reasons: pa.Table) -> pa.Table:
    """Decisions with why they differ in their last two columns, or where these stand already."""
    place = pc.index_in(decisions["dose_id"].combine_chunks(), reasons["dose_id"].combine_chunks())
    for name in ("why", "changed_persons"):
        values = reasons[name].combine_chunks().take(place)
        at = decisions.schema.get_field_index(name)
        field = _REASONS.field(name)
        decisions = decisions.append_column(field, values) if at < 0 else decisions.set_column(at, field, values)
    return decisions


_WHY = f"""
    WITH changed AS (
        SELECT n.dose_id, c.claim, (b.dose_id IS NOT NULL AND n.conflicts IS DISTINCT FROM b.conflicts) AS conflicts,
            d.what, [n.person_id, n.runner_up_person_id, b.person_id, b.runner_up_person_id] AS named,
            changed_claims.claim IS NOT NULL AS has_dose, touched.claim IS NOT NULL AS is_touched,
            said.claim IS NOT NULL AS is_said
        FROM now n JOIN of_claim c USING (dose_id) LEFT JOIN before b USING (dose_id)
        LEFT JOIN (SELECT dose_id, arg_max(what, version) AS what FROM doses GROUP BY dose_id) d USING (dose_id)
        LEFT JOIN changed_claims USING (claim) LEFT JOIN touched USING (claim) LEFT JOIN said USING (claim)
    ), told AS (
        SELECT *, list_filter([what, (SELECT word FROM for_all),
            CASE WHEN is_touched THEN '{REGISTRY}' END, CASE WHEN is_said THEN '{VERDICT}' END,
            CASE WHEN has_dose AND what IS NULL THEN '{CLAIM}' END,
            CASE WHEN conflicts THEN '{CONFLICT}' END], lambda word: word IS NOT NULL) AS words
        FROM changed
    ), people AS (
        SELECT dose_id, list(DISTINCT person_id ORDER BY person_id) AS changed_persons FROM (
            SELECT dose_id, unnest(named) AS person_id FROM changed WHERE is_touched
            UNION SELECT dose_id, unnest(candidate_ids) FROM changed JOIN considered USING (claim) WHERE is_touched
        ) SEMI JOIN persons USING (person_id) GROUP BY dose_id
    )
    SELECT dose_id, CASE WHEN len(words) = 0 THEN ['{SIBLING}'] ELSE words END AS why,
        coalesce(changed_persons, []) AS changed_persons
    FROM told LEFT JOIN people USING (dose_id)
    UNION ALL SELECT dose_id, ['{WITHDRAWN}'], [] FROM gone
"""
