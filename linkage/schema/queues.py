"""The queues that people work through: what is to be corrected, looked at, searched for, and left out."""

from __future__ import annotations

import pyarrow as pa

from linkage.schema.claims import BITS, CLAIM_ID
from linkage.schema.columns import PERSONAL, Column, TableSchema
from linkage.schema.decisions import AGREES

# The queues have a row per identity claim, in the review queue a row per claim and candidate.
_COMPARED = ("full_name", "gender", "date_of_birth", "id_number", "phone", "insurance_number", "ethnicity")
STATED = (*_COMPARED, "province", "district", "commune", "address")
REGISTERED = (*_COMPARED, "old_id_number", "commune_code", "residence_commune_code", "status")

# Who is asked about, in which doses, and who keyed them in.
_ASKED = (
    CLAIM_ID,
    Column("subject_id", pa.string(), "the platform's id of the subject, as typed in the dose shown", "not stated"),
    Column("dose_ids", pa.list_(pa.string()), "doses of the claim that have this status, ascending"),
    Column("n_doses", pa.int32(), "how many these are"),
    Column("facility_code", pa.string(), "station that keyed in the dose shown", "not stated"),
    Column("facility_level", pa.string(), "its level, as typed", "not stated"),
    Column(
        "verdicts",
        pa.list_(pa.string()),
        "every verdict on the claim and what became of it, the first one first",
        "never null; may be empty",
    ),
)
_STATED = tuple(
    Column(f"stated_{name}", pa.string(), f"{name} as typed in the dose shown", "not stated", personal=True)
    for name in STATED
)
_REGISTERED = tuple(
    Column(
        f"registered_{name}",
        pa.string(),
        f"{name} of person_id in the registry",
        "not in the registry",
        personal=name in PERSONAL,
    )
    for name in REGISTERED
)
_COMMUNE = Column("commune_code", pa.string(), "commune of the claim, 2021 code where known", "not known")
_COMMUNE_NOW = Column("commune_code_now", pa.string(), "the same in the registry's codes", "not known, or split")
_LIST_DATE = Column("list_date", pa.date32(), "day the list is drawn up")
_DEADLINE = Column("deadline", pa.date32(), "day the list is due back")

MATCH_QUEUE = TableSchema(
    "queues/match",
    (
        *_ASKED,
        Column("person_id", pa.string(), "the person decided"),
        Column("match_probability", pa.float64(), "posterior of person_id"),
        Column("match_weight", pa.float64(), "match weight of person_id, log2 Bayes factor"),
        Column("issue", pa.string(), "no_id, bad_id_format or wrong_info"),
        Column("wrong_fields", pa.list_(pa.string()), "fields to be corrected", "never null; may be empty"),
        _COMMUNE,
        _COMMUNE_NOW,
        _LIST_DATE,
        *_STATED,
        *_REGISTERED,
    ),
)

REVIEW_QUEUE = TableSchema(
    "queues/review",
    (
        *_ASKED,
        Column("rank", pa.int16(), "1 for the best candidate"),
        Column("priority", pa.int32(), "place of the claim in the list of its commune: 1 is looked at first"),
        Column("settle_probability", pa.float64(), "posterior that the person is among the candidates shown"),
        Column("person_id", pa.string(), "the candidate"),
        Column("match_probability", pa.float64(), "posterior of person_id"),
        Column("match_weight", pa.float64(), "match weight of person_id, log2 Bayes factor"),
        *BITS,
        Column("found_by", pa.list_(pa.string()), "passes that found person_id"),
        Column("issue", pa.string(), "no_id, bad_id_format or wrong_info", AGREES),
        Column("conflicts", pa.list_(pa.string()), "what contradicts the best candidate", "never null; may be empty"),
        _COMMUNE,
        _COMMUNE_NOW,
        Column(
            "in_police_list",
            pa.bool_(),
            "whether a dose was keyed in where clean-up is done: not by a facility of "
            "central, province or district level",
        ),
        _LIST_DATE,
        _DEADLINE,
        *_STATED,
        *_REGISTERED,
    ),
)

UNMATCHED_QUEUE = TableSchema(
    "queues/unmatched",
    (
        *_ASKED,
        _COMMUNE,
        _COMMUNE_NOW,
        _LIST_DATE,
        _DEADLINE,
        *_STATED,
        Column(
            "candidate_ids",
            pa.list_(pa.string()),
            "people to begin the search with, too unlikely for a review, best first",
            "never null; may be empty",
        ),
        Column("candidate_probabilities", pa.list_(pa.float64()), "posterior of each", "never null; may be empty"),
    ),
)

EXCLUDED_QUEUE = TableSchema(
    "queues/excluded",
    (
        *_ASKED,
        Column("reason", pa.string(), "why the claim is not compared with the registry"),
        _COMMUNE,
        _COMMUNE_NOW,
        _LIST_DATE,
        *_STATED,
    ),
)
