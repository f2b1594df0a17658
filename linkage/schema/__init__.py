"""Every table that goes in or comes out: columns, types, units, meaning, and what missing means.

Readers validate against these, writers build their Arrow schemas from them, and the tables of docs/input.md and
docs/output.md are checked against them.
"""

from linkage.schema.claims import CANDIDATES, CLAIMS, compared_columns
from linkage.schema.columns import PERSONAL, Column, TableSchema
from linkage.schema.decisions import (
    BASIC_ROLES,
    COMMUNES,
    DECIDED_BY,
    DECISIONS,
    ISSUES,
    READINGS,
    REJECTED,
    STATUSES,
    SUBJECT_COUNTS,
    SUBJECTS,
)
from linkage.schema.inputs import (
    CHANGES_OF_REGISTRY,
    DOSES,
    INPUTS,
    PERSON_STATUSES,
    REGISTRY,
    TRUTH,
    UPDATED_AT,
    VERDICT_WORDS,
    VERDICTS,
    WITHDRAWALS,
)
from linkage.schema.links import ENTITIES, LINKS, PAIRS
from linkage.schema.queues import EXCLUDED_QUEUE, MATCH_QUEUE, REGISTERED, REVIEW_QUEUE, STATED, UNMATCHED_QUEUE

__all__ = [
    "BASIC_ROLES",
    "CANDIDATES",
    "CHANGES_OF_REGISTRY",
    "CLAIMS",
    "COMMUNES",
    "DECIDED_BY",
    "DECISIONS",
    "DOSES",
    "ENTITIES",
    "EXCLUDED_QUEUE",
    "INPUTS",
    "ISSUES",
    "LINKS",
    "MATCH_QUEUE",
    "PAIRS",
    "PERSONAL",
    "PERSON_STATUSES",
    "READINGS",
    "REGISTERED",
    "REGISTRY",
    "REJECTED",
    "REVIEW_QUEUE",
    "STATED",
    "STATUSES",
    "SUBJECTS",
    "SUBJECT_COUNTS",
    "TRUTH",
    "UNMATCHED_QUEUE",
    "UPDATED_AT",
    "VERDICTS",
    "VERDICT_WORDS",
    "WITHDRAWALS",
    "Column",
    "TableSchema",
    "compared_columns",
]
