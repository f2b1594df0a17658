"""Verdicts of a night: which are new, what became of each that ever came, and what they decide.

A verdict holds until its dose makes another claim, or none any more, or the person's compared fields change: then it is
void for good, and the claim is the model's again. Of one officer the verdict of the later date takes the place of the
earlier one. Two that name different people, or a person and nobody, contradict each other: none holds, and the claim
goes to review until one of them is void. What only asks to look something up yields to what decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import REVIEW
from linkage.deciding.pins import NOT_PINNED, STATUS_OF_WORD, VerdictsInForce
from linkage.doses.verdicts import moments_of, words_of
from linkage.ingest import Ingested
from linkage.ingest.duplicates import hash_keys, hash_rows
from linkage.nights.queries import answer
from linkage.nights.versions import DoseChanges
from linkage.registry.index import Index
from linkage.state.folder import State
from linkage.state.rows import doses_of_claims, rows_in_force, versions_with
from linkage.state.tables import DOSE_VERSIONS, KEPT_VERDICTS, READ_OTHERWISE
from linkage.state.verdicts import (
    ANSWERED,
    CONTRADICTED,
    CORRECTED,
    MOVED,
    PERSON_CHANGED,
    PINS,
    REPLACED,
    VOID,
)

_SAID = ("claim_id", "dose_id", "verdict", "person_id", "unit", "decided_by", "decided_at", "note")
_UNIX = 719_163 * 86_400 * 10**6  # microseconds from the year 1, see linkage.standardise.moments


@dataclass(frozen=True)
class VerdictChanges:
    """What a night does to the verdicts.

    rows : the new rows of the state's verdicts: those that came, and those of which something else became
    known : the last row of every verdict on every claim, after the night
    counts : of verdicts that came: new, unchanged; and of all rows by what became of them this night
    """

    rows: pa.Table
    known: pa.Table
    counts: dict[str, int]
    notes: tuple[str, ...]

    @property
    def claims(self) -> NDArray[np.uint64]:
        """Compared claims on which something was said, or of whose verdicts something else became."""
        return np.unique(self.rows["claim"].to_numpy())


def verdict_changes(found: Ingested | None, state: State, changes: DoseChanges, index: Index) -> VerdictChanges:
    """Enter the verdicts that came into those known, and see what becomes of all."""
    number = len(state.nights) + 1
    before = rows_in_force(state, KEPT_VERDICTS)
    came, n_unchanged = _new_rows(found, before, state, changes, index, number)
    every = pa.concat_tables([before, came])
    became = _became(every, before.num_rows, state, changes, index)
    counts = {"new": len(came["number"].unique()), "unchanged": n_unchanged}
    return _entered(every, before.num_rows, became, number, counts)


def moved_verdicts(state: State, changes: DoseChanges, index: Index) -> VerdictChanges:
    """The verdicts go with the doses that they speak of, where these make other claims since they are read otherwise.

    changes : the doses that make other claims, though nobody corrected them
    """
    number = len(state.nights) + 1
    known = rows_in_force(state, KEPT_VERDICTS)
    names = ["dose_id", "claim_id", "claim"]
    doses = {"before": changes.before.select(names), "after": changes.after.select(["dose_id", "claim"])}
    goes = answer(_GO_ALONG, known=known, **doses)
    came = answer(f"SELECT DISTINCT * EXCLUDE (of) REPLACE ({number} AS night) FROM goes", goes=goes)
    came = came.select(known.column_names).cast(known.schema).sort_by([(n, "ascending") for n in ("number", "claim")])
    # Of a claim that it once spoke of, and does so again, it is the last row that counts.
    stays = answer("SELECT k.* FROM known k ANTI JOIN came c USING (number, claim)", known=known, came=came)
    stays = stays.cast(known.schema).sort_by([(name, "ascending") for name in KEPT_VERDICTS.sort])
    every = pa.concat_tables([stays, came])
    became = _became(every, stays.num_rows, state, changes, index)
    gone = set(zip(goes["number"].to_pylist(), goes["of"].to_pylist(), strict=True))
    is_gone = [pair in gone for pair in zip(*(every[name].to_pylist() for name in ("number", "claim")), strict=True)]
    became = pc.if_else(pc.and_(pa.array(is_gone, pa.bool_()), pc.equal(became, CORRECTED)), MOVED, became)
    return _entered(every, stays.num_rows, became, number, {"new": 0, "unchanged": 0})


# of: the claim that a verdict goes from.
_GO_ALONG = f"""
    SELECT v.* REPLACE (a.claim AS claim), v.claim AS of FROM known v
    JOIN before b ON b.claim = v.claim AND
        CASE WHEN v.claim_id IS NULL THEN b.dose_id = v.dose_id ELSE b.claim_id = v.claim_id END
    JOIN after a ON a.dose_id = b.dose_id
    WHERE v.became NOT IN {VOID} AND NOT EXISTS (
        SELECT 1 FROM known k WHERE k.number = v.number AND k.claim = a.claim AND k.became NOT IN {VOID})
"""


def _entered(every: pa.Table, n_before: int, became: pa.Array, number: int, counts: dict[str, int]) -> VerdictChanges:
    """What became of all verdicts, those behind the first n_before new."""
    is_other = pc.not_equal(every["became"], became).to_numpy()
    is_other[n_before:] = True
    nights = np.where(is_other, number, every["night"].to_numpy()).astype(np.int32)
    every = _with(every, {"became": became, "night": pa.array(nights)})
    rows = every.filter(pa.array(is_other))
    counts |= {entry["values"]: entry["counts"] for entry in pc.value_counts(rows["became"]).to_pylist()}
    return VerdictChanges(rows, every, counts, tuple(_notes(counts)))


def _notes(counts: dict[str, int]) -> list[str]:
    told = {
        CONTRADICTED: "verdicts that contradict another one on their claim, none of which holds (see verdicts.parquet)",
        CORRECTED: "verdicts that are void, as their doses were corrected or withdrawn",
        PERSON_CHANGED: "verdicts that are void, as their persons have changed in the registry",
    }
    return [f"{what}: {counts[became]:,}" for became, what in told.items() if counts.get(became)]


def _with(rows: pa.Table, columns: dict[str, pa.Array]) -> pa.Table:
    for name, values in columns.items():
        rows = rows.set_column(rows.column_names.index(name), rows.schema.field(name), values)
    return rows


def _new_rows(
    found: Ingested | None, before: pa.Table, state: State, changes: DoseChanges, index: Index, number: int
) -> tuple[pa.Table, int]:
    """The verdicts that nobody has given yet, a row for each compared claim that they speak of; and how many others
    came."""
    if found is None or not found.accepted.num_rows:
        return KEPT_VERDICTS.schema.empty_table(), 0
    said = found.accepted.read()
    said = _with(said, {"verdict": words_of(said["verdict"], said["person_id"])})
    said = said.append_column("_moment", pa.array(moments_of(said)))
    said = said.append_column("_file", found.file_names())
    said = said.append_column("_position", pa.array(found.positions()))
    said = said.append_column("_fields", pa.array(person_fields(said["person_id"].combine_chunks(), index)))
    doses = _doses_meant(said, state, changes)
    same = " AND ".join(f'k."{name}" IS NOT DISTINCT FROM s."{name}"' for name in _SAID)
    by = ", ".join(f'"{name}"' for name in _SAID)
    last = int(pc.max(before["number"]).as_py() or 0)
    query = f"""
        WITH firsts AS (
            SELECT *, row_number() OVER (ORDER BY _file, _position) AS nth FROM (
                SELECT *, row_number() OVER (PARTITION BY {by} ORDER BY _file, _position) AS repeat FROM said
            ) s WHERE repeat = 1 AND NOT EXISTS (SELECT 1 FROM known k WHERE {same})
        )
        SELECT DISTINCT {last} + s.nth AS number, d.claim, {number} AS night, '{PINS}' AS became,
            d.claim_id AS of_claim_id, {", ".join(f's."{name}"' for name in _SAID)},
            s._moment AS moment, s._fields AS person_fields, s._file AS file, s._position AS position
        FROM firsts s JOIN doses d ON (
            CASE WHEN s.claim_id IS NULL THEN d.dose_id = s.dose_id ELSE d.claim_id = s.claim_id END)
        ORDER BY number, d.claim
    """
    rows = answer(query, said=said, known=before, doses=doses)
    rows = rows.select(KEPT_VERDICTS.schema.names).cast(KEPT_VERDICTS.schema)
    return rows, said.num_rows - len(rows["number"].unique())


def _doses_meant(said: pa.Table, state: State, changes: DoseChanges) -> pa.Table:
    """Doses and claims that verdicts may speak of: as they stood before the night, and where there was nothing, as they
    came or once were. dose_id, claim_id, claim, distinct."""
    names = ["dose_id", "claim_id", "claim"]
    told = [*names, "version", "what"]
    by_claim = said["claim_id"].combine_chunks().drop_null().unique()
    by_dose = said["dose_id"].combine_chunks().drop_null().unique()
    ever = versions_with(state, by_claim, hash_keys(pa.chunked_array([by_claim])), told).select(told)
    ever = _as_read(ever).select(names)
    before = rows_in_force(state, DOSE_VERSIONS, by_dose, columns=names).select(names)
    new = changes.rows.filter(pc.invert(pc.is_in(changes.rows["dose_id"], before["dose_id"].combine_chunks())))
    return pa.concat_tables([ever, before, new.select(names)]).group_by(names).aggregate([])


def _as_read(versions: pa.Table) -> pa.Table:
    """Versions of doses but those that are read otherwise by now, as the version behind them says."""
    again = versions.filter(pc.equal(versions["what"], READ_OTHERWISE)).select(["dose_id", "version"])
    again = again.set_column(1, "version", pc.subtract(again["version"], pa.scalar(1, pa.int32())))
    return versions.join(again, ["dose_id", "version"], join_type="left anti") if again.num_rows else versions


def person_fields(persons: pa.Array, index: Index) -> NDArray[np.uint64]:
    """A hash of what a verdict's person states in the fields that are compared: uint64[n], 0 where nobody is named or
    there is no such person."""
    rows = index.rows_of(persons)
    names = sorted({column for field in index.plan.fields for column in field.right})
    columns = index.take(rows, names)
    found = hash_rows([pc.fill_null(columns[name].cast(pa.string()), "\0") for name in names])
    found[rows < 0] = 0
    return found


def _became(every: pa.Table, n_before: int, state: State, changes: DoseChanges, index: Index) -> pa.Array:
    """What becomes of each verdict on each claim."""
    became = every["became"].to_numpy().astype(object) if every.num_rows else np.zeros(0, object)
    is_open = ~np.isin(became, VOID)
    claim = every["claim"].to_numpy()
    is_new = np.arange(every.num_rows) >= n_before
    asked = is_open & (is_new | np.isin(claim, changes.claims))
    became[asked & ~_have_doses(every, asked, state, changes)] = CORRECTED
    if not state.nights or state.nights[-1]["index"] != index.manifest["content"]:
        stated = every["person_fields"].to_numpy()
        now = person_fields(every["person_id"].combine_chunks(), index)
        named = every["person_id"].is_valid().to_numpy()
        became[is_open & named & (stated != now) & (became != CORRECTED)] = PERSON_CHANGED
    is_open = ~np.isin(became, VOID)
    if is_open.any():
        open_rows = every.filter(pa.array(is_open)).append_column("_row", pa.array(np.flatnonzero(is_open)))
        decided = answer(_JUDGED, open=open_rows)
        became[decided["_row"].to_numpy()] = decided["became"].to_numpy()
    return pa.array(became, pa.string())


# Of the verdicts that are not void: one by the same officer replaces an earlier one, the others are held side by side.
_JUDGED = f"""
    WITH dated AS (
        SELECT *, max(moment) OVER (PARTITION BY claim, unit, decided_by) AS newest FROM open
    ), standing AS (
        SELECT *, unit IS NOT NULL AND decided_by IS NOT NULL AND moment >= 0 AND moment < newest AS is_replaced,
            verdict IN ('person', 'nobody', 'foreigner') AS decides
        FROM dated
    ), answers AS (
        SELECT claim, count(DISTINCT verdict || coalesce(CASE WHEN verdict = 'person' THEN person_id END, '')) AS n
        FROM standing WHERE decides AND NOT is_replaced GROUP BY claim
    )
    SELECT _row, CASE WHEN is_replaced THEN '{REPLACED}' WHEN coalesce(n, 0) = 0 THEN '{PINS}'
        WHEN NOT decides THEN '{ANSWERED}' WHEN n = 1 THEN '{PINS}' ELSE '{CONTRADICTED}' END AS became
    FROM standing LEFT JOIN answers USING (claim)
"""


def _have_doses(every: pa.Table, asked: NDArray[np.bool_], state: State, changes: DoseChanges) -> NDArray[np.bool_]:
    """Whether the verdicts asked for still have a dose that makes the claim that they speak of: bool[n]."""
    found = np.ones(every.num_rows, np.bool_)
    if not asked.any():
        return found
    names = ["dose_id", "claim_id", "claim"]
    doses = doses_after(state, changes, np.unique(every["claim"].to_numpy()[asked])).select(names)
    rows = every.filter(pa.array(asked)).append_column("_row", pa.array(np.flatnonzero(asked)))
    query = """
        SELECT _row FROM verdicts v WHERE NOT EXISTS (
            SELECT 1 FROM doses d WHERE d.claim = v.claim AND
                CASE WHEN v.claim_id IS NULL THEN d.dose_id = v.dose_id ELSE d.claim_id = v.claim_id END)
    """
    found[answer(query, verdicts=rows, doses=doses)["_row"].to_numpy()] = False
    return found


def doses_after(state: State, changes: DoseChanges, claims: NDArray[np.uint64]) -> pa.Table:
    """The doses in force of some claims after the night, in the order of dose_id."""
    kept = doses_of_claims(state, claims)
    kept = kept.filter(pc.invert(pc.is_in(kept["dose_id"], changes.touched)))
    came = changes.after.filter(pc.is_in(changes.after["claim"], pa.array(claims)))
    return pa.concat_tables([kept, came]).sort_by("dose_id")


def in_force(known: pa.Table, claims: NDArray[np.uint64] | None = None) -> VerdictsInForce:
    """What verdicts decide of claims, None of all; known: the last row of each."""
    known = known.filter(pc.not_equal(known["became"], MOVED))  # they stand under another claim
    if claims is not None:
        known = known.filter(pc.is_in(known["claim"], pa.array(claims)))
    if not known.num_rows:
        return VerdictsInForce.none()
    found = answer(_DECIDED, known=known)
    words = found["word"].to_pylist()
    contradicted = found["is_contradicted"].to_numpy()
    status = np.array([NOT_PINNED if word is None else STATUS_OF_WORD[word] for word in words], np.uint8)
    status[contradicted] = REVIEW
    return VerdictsInForce(
        found["claim"].to_numpy(),
        status,
        (status != NOT_PINNED) & ~contradicted,
        found["person_id"].combine_chunks().cast(pa.string()),
        found["told"].combine_chunks().cast(pa.list_(pa.string())),
    )


_DECIDED = f"""
    SELECT claim, bool_or(became = '{CONTRADICTED}') AS is_contradicted,
        first(verdict ORDER BY number) FILTER (became = '{PINS}') AS word,
        first(person_id ORDER BY number) FILTER (became = '{PINS}' AND verdict = 'person') AS person_id,
        list(verdict || coalesce(' ' || person_id, '') ||
            coalesce(' (' || nullif(concat_ws(', ', unit, CASE WHEN moment >= 0 THEN
                strftime(make_timestamp(moment - {_UNIX}), '%Y-%m-%d') END), '') || ')', '') ||
            ': ' || became ORDER BY number) AS told
    FROM known GROUP BY claim ORDER BY claim
"""


def published_verdicts(changes: VerdictChanges) -> pa.Table:
    """The verdicts that a night publishes: those that came, and those of which something else became."""
    names = ["file", "position", "of_claim_id", *_SAID, "became"]
    rows = changes.rows.filter(pc.not_equal(changes.rows["became"], MOVED))
    return rows.sort_by([("number", "ascending"), ("claim", "ascending")]).select(names)
