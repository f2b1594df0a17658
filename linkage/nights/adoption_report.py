"""What an adoption would change, counted: by status, by kind of the change and by commune, and held against limits."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from linkage.nights.configuration import AdoptionLimits
from linkage.nights.queries import answer
from linkage.nights.results import Results
from linkage.schema import DECISIONS
from linkage.state.folder import State
from linkage.state.rows import rows_in_force
from linkage.state.tables import PUBLISHED_DECISIONS, READ_OTHERWISE

# Of a decision that differs, from the gravest on; automatic: verified or matched. The last one is no other decision.
OTHER_PERSON = "other_person"  # automatic before and now, for somebody else
LOST = "lost"  # automatic before, and no longer
GAINED = "gained"  # automatic by now
STATUS = "status"  # another status otherwise
CANDIDATE = "candidate"  # of a review, another best candidate
EVIDENCE = "evidence"  # the same status and person: probabilities, runners-up or conflicts alone
KINDS = (OTHER_PERSON, LOST, GAINED, STATUS, CANDIDATE, EVIDENCE)
_ORDER = (
    *("doses", "changed", "changed_share", "other_person_share", "lost_share", "by_status", "by_kind", "by_commune"),
    *("decisions_differ", READ_OTHERWISE, "items", "counts", "matched", "expected_false_matches"),
)


def report_of(state: State, results: Results, doses: dict[str, int]) -> dict[str, Any]:
    """Count what differs of the decisions in force.

    Parameters
    ----------
    results : of the adoption; doses: what it does to the doses, by name

    Returns
    -------
    doses : in force; decisions_differ: of which any column differs; changed: those of another status or person
    by_status : of those changed, by status before and after; by_kind : of all that differ, see KINDS
    by_commune : of each where something changed, the most first: commune_code (now; None where none is known), doses,
        changed, by_kind
    changed_share : of the doses in force; other_person_share, lost_share : of those automatic before
    items : of the queues, by what becomes of them; matched, expected_false_matches : as of a night
    read_otherwise : doses that make other claims
    """
    names = ["dose_id", "status", "person_id", "commune_code", "commune_code_now"]
    before = rows_in_force(state, PUBLISHED_DECISIONS, columns=names).select(names)
    now = results.published[DECISIONS.name].select(names)
    told = answer(_TOLD, before=before, now=now)
    counted = answer("SELECT kind, count(*) AS n FROM told WHERE kind IS NOT NULL GROUP BY kind", told=told)
    of_kind = dict(zip(counted["kind"].to_pylist(), counted["n"].to_pylist(), strict=True))
    by_kind = {kind: of_kind.get(kind, 0) for kind in KINDS}
    n_doses, n_changed = told.num_rows, sum(n for kind, n in by_kind.items() if kind != EVIDENCE)
    n_automatic = answer("SELECT count(*) FILTER (was) AS n FROM told", told=told)["n"][0].as_py()
    found = {
        "doses": n_doses,
        "decisions_differ": sum(by_kind.values()),
        "changed": n_changed,
        "changed_share": n_changed / max(1, n_doses),
        "other_person_share": by_kind[OTHER_PERSON] / max(1, n_automatic),
        "lost_share": by_kind[LOST] / max(1, n_automatic),
        "by_status": _by_status(told),
        "by_kind": by_kind,
        "by_commune": answer(_BY_COMMUNE, told=told).to_pylist(),
        "items": results.items,
        "counts": results.counts,
        "matched": results.n_matched,
        "expected_false_matches": results.expected_false_matches,
        READ_OTHERWISE: doses[READ_OTHERWISE],
    }
    return in_order(found)


def in_order(report: dict[str, Any]) -> dict[str, Any]:
    """A report that a manifest, which sorts all names, has kept, as it was told."""
    communes = [{**row, "by_kind": _by_kind(row["by_kind"])} for row in report["by_commune"]]
    statuses = dict(sorted(report["by_status"].items(), key=lambda entry: (-entry[1], entry[0])))
    told = {"by_kind": _by_kind(report["by_kind"]), "by_commune": communes, "by_status": statuses}
    return {name: told.get(name, report[name]) for name in _ORDER}


def _by_kind(counts: dict[str, int]) -> dict[str, int]:
    return {kind: counts[kind] for kind in KINDS}


def _by_status(told: pa.Table) -> dict[str, int]:
    found = answer(
        "SELECT status_before || ' -> ' || status AS what, count(*) AS n FROM told "
        f"WHERE kind <> '{EVIDENCE}' GROUP BY what ORDER BY n DESC, what",
        told=told,
    )
    return dict(zip(found["what"].to_pylist(), found["n"].to_pylist(), strict=True))


def passed_limits(report: dict[str, Any], limits: AdoptionLimits) -> list[str]:
    """The limits that a report passes, each with its value."""
    found = msgspec.to_builtins(limits)
    return [f"{name} is {report[name]:.4g}, over {limit:g}" for name, limit in found.items() if report[name] > limit]


_AUTOMATIC = "('verified', 'matched')"
_TOLD = f"""
    WITH paired AS (
        SELECT b.status AS status_before, coalesce(n.status, b.status) AS status, b.person_id AS person_before,
            CASE WHEN n.dose_id IS NULL THEN b.person_id ELSE n.person_id END AS person,
            n.dose_id IS NOT NULL AS differs,
            coalesce(n.commune_code_now, n.commune_code, b.commune_code_now, b.commune_code) AS commune_code
        FROM before b LEFT JOIN now n USING (dose_id)
    ), was AS (
        SELECT *, status_before IN {_AUTOMATIC} AS was, status IN {_AUTOMATIC} AS is_now,
            person IS DISTINCT FROM person_before AS is_other FROM paired
    )
    SELECT status_before, status, commune_code, was, CASE WHEN NOT differs THEN NULL
        WHEN was AND is_now AND is_other THEN '{OTHER_PERSON}' WHEN was AND NOT is_now THEN '{LOST}'
        WHEN is_now AND NOT was THEN '{GAINED}' WHEN status <> status_before THEN '{STATUS}'
        WHEN is_other THEN '{CANDIDATE}' ELSE '{EVIDENCE}' END AS kind
    FROM was
"""
_PARTS = ", ".join(f"'{kind}': count(*) FILTER (kind = '{kind}')" for kind in KINDS)
_BY_COMMUNE = f"""
    SELECT commune_code, count(*) AS doses, count(*) FILTER (kind <> '{EVIDENCE}') AS changed, {{{_PARTS}}} AS by_kind
    FROM told GROUP BY commune_code HAVING changed > 0 ORDER BY changed DESC, commune_code NULLS LAST
"""
