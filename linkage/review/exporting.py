"""Verdicts as nights take them: a CSV of all that officers decided and did not take back.

Every file has all of them: a verdict that a night knows already is nothing to it, so a lost file loses nothing.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select

from linkage.machine.clock import now
from linkage.review import audit
from linkage.review.standing import VERDICT
from linkage.review.store import Store
from linkage.review.tables import claims, event_claims, events, exports, handed
from linkage.review.taking import SYSTEM
from linkage.schema import VERDICTS
from linkage.storage.output_paths import check_file
from linkage.storage.work_folders import replacing
from linkage.wording.cell_text import csv_cell

_KEY = ("event_id", "claim_row")


@dataclass(frozen=True)
class Exported:
    """rows: of the file, one for each claim that a verdict speaks of."""

    out: str
    rows: int
    sha256: str


def export_verdicts(store: Store, out: Path, until: datetime.date | None = None) -> Exported:
    """Write the verdicts to a file, whole or not at all. What stands in it can no longer be undone, only decided anew.

    Parameters
    ----------
    until : the last day whose verdicts it has, for a night of that date, which would refuse later ones; None for all

    Raises
    ------
    UsageError : the place cannot be written to
    """
    check_file(out, [store.path])
    with store.writing() as connection:
        found = [row for row in _in_files(connection) if until is None or row["at"][:10] <= until.isoformat()]
        rows = [_row(row) for row in found]
        text = _as_csv(rows)
        digest = hashlib.sha256(text.encode()).hexdigest()
        last = max((row["event_id"] for row in found), default=0)
        number = connection.execute(select(func.coalesce(func.max(exports.c.number), 0) + 1)).scalar_one()
        at = now().isoformat(timespec="seconds")
        said = {"last_event": last, "rows": len(rows), "sha256": digest}
        connection.execute(insert(exports).values(number=number, at=at, **said))
        new = [{"number": number} | {name: row[name] for name in _KEY} for row in found if row["number"] is None]
        if new:
            connection.execute(insert(handed), new)
        audit.append(connection, "", SYSTEM, "export", at, {"number": number, **said})
    # Killed here, what was not written counts as handed over: the next file has it.
    with replacing(out) as part:
        part.write_text(text, encoding="utf-8", newline="")
    return Exported(str(out), len(rows), digest)


def verdict_rows(connection: Connection) -> list[dict[str, str]]:
    """The verdicts by claim, in the order in which they were given, in the columns of the contract.

    Left out are those taken back, and those that another one took the place of before a file had them.
    """
    return [_row(row) for row in _in_files(connection)]


def _in_files(connection: Connection) -> list[dict[str, Any]]:
    """The verdicts of a file, by claim: those in force, and those that stood in one before. number: of that one."""
    of_claim = (handed.c.event_id == event_claims.c.event_id) & (handed.c.claim_row == event_claims.c.claim_row)
    query = (
        select(events, event_claims.c.claim_id, event_claims.c.claim_row, handed.c.number)
        .join(event_claims, event_claims.c.event_id == events.c.event_id)
        .join(claims, claims.c.claim_row == event_claims.c.claim_row)
        .outerjoin(handed, of_claim)
        .where(events.c.kind == VERDICT, or_(claims.c.event_id == events.c.event_id, handed.c.number.is_not(None)))
        .order_by(events.c.event_id, event_claims.c.claim_id, event_claims.c.claim_row)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def _row(row: Mapping[str, Any]) -> dict[str, str]:
    said = {"verdict": row["word"], "decided_by": row["account"], "decided_at": row["at"]}
    values = {**{name: row.get(name) for name in ("claim_id", "person_id", "unit", "note")}, **said}
    return {name: values.get(name) or "" for name in VERDICTS.names}


def _as_csv(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, VERDICTS.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()
