"""The tables of a state: what each row is known by, and which of the rows of a key is in force.

Every night adds a part to each table. A later row of a key takes the place of an earlier one, and one that ``is_gone``
takes the key out. Four tables are but ways to find claims and doses: what stands in them may have become untrue, and
whoever looks something up there looks at the claim or the dose itself then.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from linkage.schema import (
    CANDIDATES,
    DECISIONS,
    DOSES,
    EXCLUDED_QUEUE,
    MATCH_QUEUE,
    REVIEW_QUEUE,
    UNMATCHED_QUEUE,
    VERDICTS,
)

# What a row of the doses is: the first version of a dose, a later one, its end, or the same that makes another claim
# since a model was adopted: dates of birth are read up to another day then.
NEW, CORRECTED, WITHDRAWN, READ_OTHERWISE = "new", "corrected", "withdrawn", "read_otherwise"
QUEUES = (MATCH_QUEUE, REVIEW_QUEUE, UNMATCHED_QUEUE, EXCLUDED_QUEUE)

# By which a claim is found from a person: kept candidate, decided for the person by itself, best candidate.
CANDIDATE, BY_ITSELF, BEST = 1, 2, 4


@dataclass(frozen=True)
class StateTable:
    """A table of a state.

    key : columns that a row, or several that stand together, are known by
    schema : without those of the plan's comparisons, which queues have too
    order : the column by which of several rows of a key the last is told; None where there are no later rows
    sort : columns that a part is sorted by
    """

    name: str
    key: tuple[str, ...]
    schema: pa.Schema
    order: str | None
    sort: tuple[str, ...]


_NIGHT = pa.field("night", pa.int32())  # the number of the night that wrote the row, from 1
_GONE = pa.field("is_gone", pa.bool_())
_CLAIM = pa.field("claim", pa.uint64())  # the key of the compared claim, see linkage.doses.claims

# Every version of every dose as it was accepted, and how it is read; a withdrawn one keeps what it stated.
DOSE_VERSIONS = StateTable(
    "doses",
    ("dose_id",),
    pa.schema(
        [
            pa.field("dose_id", pa.string()),
            pa.field("version", pa.int32()),  # of the dose, from 1
            _NIGHT,
            pa.field("what", pa.string()),
            pa.field("reason", pa.string()),  # of a withdrawal, as stated
            pa.field("file", pa.string()),
            pa.field("position", pa.int64()),
            pa.field("claim_id", pa.string()),
            _CLAIM,
            pa.field("subject", pa.uint64()),  # a hash of the platform's id of the subject, 0 where none is stated
            pa.field("unread", pa.uint8()),  # see linkage.doses.batch.Doses
            pa.field("readings", pa.string()),  # see linkage.stations.given
            *(field.with_nullable(True) for field in DOSES.arrow() if field.name != "dose_id"),
        ]
    ),
    "version",
    ("dose_id", "version"),
)

# Every compared claim with a dose in force: what is decided of it by itself and in the end, and its candidates.
DECIDED_CLAIMS = StateTable(
    "claims",
    ("claim",),
    pa.schema(
        [
            _CLAIM,
            _NIGHT,
            _GONE,
            pa.field("by_itself", pa.string()),  # the status, before other doses were weighed
            pa.field("by_itself_person", pa.uint64()),  # the key of whom it is decided for then, 0 for nobody
            pa.field("status", pa.string()),
            pa.field("best", pa.uint64()),  # the key of the best candidate, 0 where there is none to speak of
            pa.field("candidate_ids", pa.list_(pa.string())),  # of those kept, best first
        ]
    ),
    "night",
    ("claim",),
)

# The candidates of a claim that a run publishes, of a verified one the one person that it agrees with.
KEPT_CANDIDATES = StateTable(
    "candidates",
    ("claim",),
    pa.schema([*(f.with_nullable(True) for f in CANDIDATES.arrow() if f.name != "claim_id"), _CLAIM, _NIGHT, _GONE]),
    "night",
    ("claim", "rank"),
)

CLAIMS_OF_PERSONS = StateTable(
    "claims_of_persons",
    ("person", "claim"),
    pa.schema([pa.field("person", pa.uint64()), _CLAIM, pa.field("kinds", pa.uint8())]),
    None,
    ("person", "claim"),
)

CLAIMS_OF_SUBJECTS = StateTable(
    "claims_of_subjects",
    ("subject", "claim"),
    pa.schema([pa.field("subject", pa.uint64()), _CLAIM]),
    None,
    ("subject", "claim"),
)

DOSES_OF_CLAIMS = StateTable(
    "doses_of_claims",
    ("claim", "dose_id"),
    pa.schema([_CLAIM, pa.field("dose_id", pa.string())]),
    None,
    ("claim", "dose_id"),
)

# By hashes of what somebody has at hand, of the claim_id as typed and of numbers: see linkage.nights.finding.
CLAIMS_TO_FIND = StateTable(
    "claims_to_find",
    ("key", "claim"),
    pa.schema([pa.field("key", pa.uint64()), _CLAIM]),
    None,
    ("key", "claim"),
)

# The encoded columns of every compared claim, see linkage.nights.encoded, and those of the plan's fields, which this
# schema does not name. What a claim is never changes, but for what its doses do not ask; a row too many costs time.
ENCODED_CLAIMS = StateTable(
    "encoded", ("claim",), pa.schema([_CLAIM, _NIGHT, pa.field("units", pa.uint64())]), "night", ("claim",)
)

# Every decision that a dose ever had, and why it took the place of the one before.
PUBLISHED_DECISIONS = StateTable(
    "decisions",
    ("dose_id",),
    pa.schema(
        [
            *(field.with_nullable(True) for field in DECISIONS.arrow()),
            pa.field("why", pa.list_(pa.string())),  # what came of the dose, or a word of linkage.state.why
            pa.field("changed_persons", pa.list_(pa.string())),  # ids, where the registry is why
            _NIGHT,
            _GONE,
        ]
    ),
    "night",
    ("dose_id", "night"),
)

# An item is a claim as typed and as compared: files and stations may make what was typed alike to be read otherwise.
ITEM_KEY = ("claim_id", "claim")
QUEUE_ITEMS = tuple(
    StateTable(
        queue.name,
        ITEM_KEY,
        pa.schema([*(field.with_nullable(True) for field in queue.arrow()), _CLAIM, _NIGHT, _GONE]),
        "night",
        (*ITEM_KEY, "rank") if queue is REVIEW_QUEUE else ITEM_KEY,
    )
    for queue in QUEUES
)

# Every verdict that ever came, a row for each compared claim that it speaks of. A later row says what else became.
KEPT_VERDICTS = StateTable(
    "verdicts",
    ("number", "claim"),
    pa.schema(
        [
            pa.field("number", pa.int64()),  # of the verdict, from 1, in the order in which they came
            _CLAIM,
            _NIGHT,
            pa.field("became", pa.string()),  # see linkage.state.verdicts
            pa.field("of_claim_id", pa.string()),  # the claim as typed
            *(field.with_nullable(True) for field in VERDICTS.arrow()),
            pa.field("moment", pa.int64()),  # decided_at, see linkage.standardise.moments
            pa.field("person_fields", pa.uint64()),  # a hash of what the person stated when the verdict came
            pa.field("file", pa.string()),
            pa.field("position", pa.int64()),
        ]
    ),
    "night",
    ("claim", "number", "night"),
)

# What was counted of the doses and claims that each night brought, see linkage.nights.figures.
NIGHTS_COUNTED = 28  # the last ones, against which a night is held
FIGURES = StateTable(
    "figures",
    ("night", "kind", "key"),
    pa.schema(
        [
            _NIGHT,
            pa.field("kind", pa.string()),  # of what is counted: status, facility, commune, pattern
            pa.field("key", pa.string()),
            pa.field("n", pa.int64()),
            pa.field("undecided", pa.int64()),  # of them under review or unmatched; null of patterns
        ]
    ),
    None,
    ("night", "kind", "key"),
)

# Of these no row goes, whatever took its place.
ALL_KEPT = (DOSE_VERSIONS, PUBLISHED_DECISIONS, KEPT_VERDICTS)

TABLES = {
    table.name: table
    for table in (
        DOSE_VERSIONS,
        DECIDED_CLAIMS,
        CLAIMS_OF_PERSONS,
        CLAIMS_OF_SUBJECTS,
        DOSES_OF_CLAIMS,
        CLAIMS_TO_FIND,
        KEPT_CANDIDATES,
        ENCODED_CLAIMS,
        PUBLISHED_DECISIONS,
        KEPT_VERDICTS,
        *QUEUE_ITEMS,
        FIGURES,
    )
}
