"""Tables of platform subjects, of doses that are read as a run reads them and whose decisions are given."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from linkage.doses.batch import doses_of, read_records
from linkage.encode.dictionaries import Dictionaries
from linkage.ingest.records import Records
from linkage.plan.reading import load_plan
from linkage.published.subjects import open_subject_parts, platform_subjects, subject_counts
from linkage.schema import DOSES, ISSUES, STATUSES, SUBJECTS
from linkage.scoring.batch import Batch
from linkage.standardise.places import Units

_STATED = ("subject_id", "commune_code", "phone")


@dataclass(frozen=True)
class DecidedDose:
    """What a dose states, its status, and the issue of its claim: doses that state the same are of one claim."""

    subject_id: str | None
    status: str
    issue: str | None
    commune_code: str | None
    phone: str

    def __post_init__(self) -> None:
        assert self.issue is None or self.status not in ("verified", "excluded"), "a claim that is right has no issue"


@dataclass(frozen=True)
class SubjectTables:
    """The open subjects, the counts of all, and the claim that stands for each dose's subject where it names none."""

    subjects: pa.Table
    counts: pa.Table
    claim_ids: list[str]


def subject_tables(rows: Sequence[DecidedDose], units: Units | None = None) -> SubjectTables:
    """Of doses in the order of their ids; units: of the country, None is one with the communes that they state."""
    stated = [{"dose_id": f"D{i:08}"} | {name: getattr(row, name) for name in _STATED} for i, row in enumerate(rows)]
    schema = DOSES.arrow()
    table = pa.table([pa.array([row.get(name) for row in stated], pa.string()) for name in schema.names], schema=schema)
    if units is None:
        units = Units.none([row.commune_code for row in rows if row.commune_code])
    dictionaries = Dictionaries(units, "2025", datetime.date(2026, 3, 14))
    plan = load_plan()
    typed = read_records(Records.of(table), plan, dictionaries, 1, None)
    nothing = np.zeros(len(rows), np.uint8)
    doses, claims = doses_of(typed, nothing, nothing, None)
    of_claims = {name: column[doses.rows[claims.first_dose]] for name, column in typed.columns.items()}
    batch = Batch(claims.keys.size, of_claims, dictionaries)
    places = np.array([len(ISSUES) if row.issue is None else ISSUES.index(row.issue) for row in rows], np.uint8)
    issues = places[claims.first_dose]
    has_issue = np.array([row.status not in ("verified", "excluded") for row in rows], np.bool_)
    assert np.array_equal(issues[claims.of_dose][has_issue], places[has_issue]), "doses of one claim have its issue"
    status = np.array([STATUSES.index(row.status) for row in rows], np.uint8)
    platform = platform_subjects(doses, claims.of_dose, status, issues)
    parts = list(open_subject_parts(platform, doses, claims.of_dose, batch, plan))
    return SubjectTables(
        pa.concat_tables([SUBJECTS.arrow().empty_table(), *parts]),
        subject_counts(platform, claims.of_dose, batch, plan),
        doses.typed.hex(doses.typed.least_of(claims.of_dose)).to_pylist(),
    )
