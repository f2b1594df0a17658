"""Every table that goes in or comes out: columns, types, units, meaning, and what missing means.

Readers validate against these, writers build their Arrow schemas from them, and README's tables are checked against
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

PERSON_STATUSES = ("alive", "deceased", "emigrated")  # of a person in the registry


@dataclass(frozen=True)
class Column:
    """One column of a table.

    ``missing`` says what a null (or an empty string in an input) means. ``required`` is about the column, not the
    value: a file without a required column is unusable; ``key`` columns may not be empty in any row. ``is_date``: an
    input's text is a date. ``personal``: it says who or where somebody is, so its values stand in tables alone, never
    in a manifest, a model, an error or a note; keys, ids, codes and statuses may be named there.
    """

    name: str
    type: pa.DataType
    meaning: str
    missing: str = "never missing"
    required: bool = True
    key: bool = False
    is_date: bool = False
    personal: bool = False


@dataclass(frozen=True)
class TableSchema:
    """A named, ordered set of columns; remedy: what helps where a file calls one otherwise; derives_key: a file
    without the key column that has one of these gets keys from its content and the place of each record in it."""

    name: str
    columns: tuple[Column, ...]
    remedy: str = "map its name with --columns"
    derives_key: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def key(self) -> str | None:
        """The name of the key column; None for a table whose records are known by their position only."""
        return next((column.name for column in self.columns if column.key), None)

    def arrow(self) -> pa.Schema:
        """The Arrow schema of the table, columns in their order."""
        return pa.schema([pa.field(c.name, c.type, nullable=not c.key) for c in self.columns])


# Columns of the inputs that say who or where somebody is.
PERSONAL = frozenset(
    (
        *("full_name", "gender", "date_of_birth", "id_number", "old_id_number", "nationality", "phone"),
        *("insurance_number", "ethnicity", "province", "district", "commune", "address", "date_of_death"),
    )
)


def _date(name: str, meaning: str, *, missing: str = "not stated") -> Column:
    return Column(name, pa.string(), meaning, missing, required=False, is_date=True, personal=name in PERSONAL)


def _text(name: str, meaning: str, *, required: bool = False, missing: str = "not stated", key: bool = False) -> Column:
    stated = "never missing" if key else missing
    return Column(name, pa.string(), meaning, stated, required, key, personal=name in PERSONAL)


# ---------------------------------------------------------------------------------------------------------- inputs
# Inputs are strings as typed; nothing is parsed before linkage.standardise sees it.

DOSES = TableSchema(
    "doses",
    (
        _text("dose_id", "identifies the row of the platform", required=True, key=True),
        _text("subject_id", "the platform's own id of the vaccinated person"),
        _text("full_name", "family, middle and given name as typed", required=True),
        _text("gender", "Nam/Nữ, M/F, 1/0 and the like"),
        _date("date_of_birth", "dd/mm/yyyy, ISO, a year, an Excel serial"),
        _text("id_number", "12-digit personal number, 9-digit CMND, passport"),
        _text("nationality", "country by name or code", missing="taken as Vietnamese"),
        _text("phone", "mobile number"),
        _text("insurance_number", "health insurance card or social insurance number"),
        _text("ethnicity", "one of the 54 groups by name or code"),
        _text("commune_code", "GSO code valid at the dose date"),
        _text("province", "province as typed"),
        _text("district", "district as typed"),
        _text("commune", "commune as typed"),
        _text("address", "street or hamlet"),
        _text("vaccine", "product name"),
        _text("dose_number", "1, 2, 3 …"),
        _date("dose_date", "date of the injection"),
        _text("lot", "lot number"),
        _text("facility_code", "the station that keyed the dose in"),
        _text("facility_level", "central, province, district or commune"),
    ),
    derives_key=("dose_date", "vaccine", "dose_number"),
)

REGISTRY = TableSchema(
    "registry",
    (
        _text("person_id", "identifies the person in the registry", required=True, key=True),
        _text("id_number", "12-digit personal number", missing="not assigned yet"),
        _text("old_id_number", "9-digit CMND once held"),
        _text("full_name", "family, middle and given name", required=True),
        _text("gender", "Nam/Nữ, M/F, 1/0 and the like"),
        _date("date_of_birth", "YYYY-MM-DD, YYYY-MM or YYYY"),
        _text("phone", "mobile number"),
        _text("insurance_number", "health insurance card or social insurance number"),
        _text("ethnicity", "one of the 54 groups by name or code"),
        _text("commune_code", "permanent residence, GSO code of the snapshot's date"),
        _text("residence_commune_code", "current residence when elsewhere", missing="lives at the permanent residence"),
        _text("status", f"{', '.join(PERSON_STATUSES[:-1])} or {PERSON_STATUSES[-1]}", missing=PERSON_STATUSES[0]),
        _date("date_of_death", "ISO date", missing="alive, or date unknown"),
    ),
)

TRUTH = TableSchema(
    "truth",
    (
        _text("dose_id", "the dose", required=True, key=True),
        _text("person_id", "the person it belongs to", required=True, missing="the subject is not in the registry"),
    ),
)

# Inputs by the name used on the command line and in mappings.
INPUTS = {table.name: table for table in (DOSES, REGISTRY, TRUTH)}

# ---------------------------------------------------------------------------------------------------------- outputs

DECIDED_BY = ("rule", "model")
STATUSES = ("verified", "matched", "review", "unmatched", "excluded")
# The basic data that the ministry's procedure names (2262/BYT-CNTT, step 1), by field of the plan.
BASIC_FIELDS = ("id_number", "full_name", "birth_date", "sex")
ISSUES = ("no_id", "bad_id_format", "wrong_info")  # the gravest first
_AGREES = "agrees with the registry"

DECISIONS = TableSchema(
    "decisions",
    (
        Column("dose_id", pa.string(), "the dose", key=True),
        Column("subject_id", pa.string(), "the platform's id of the subject, as typed", "not stated"),
        Column("claim_id", pa.string(), "c1- and 32 hex digits: the distinct identity as typed, see docs/claim-id.md"),
        Column("status", pa.string(), "verified, matched, review, unmatched or excluded"),
        Column("decided_by", pa.string(), "rule (exact agreement, exclusion, a date of death) or model"),
        Column("person_id", pa.string(), "the person decided, or the best candidate of a review", "no candidate"),
        Column("match_probability", pa.float64(), "posterior of person_id", "no candidate"),
        Column("match_weight", pa.float64(), "match weight of person_id, log2 Bayes factor", "no candidate"),
        Column("runner_up_person_id", pa.string(), "the second candidate", "no second candidate"),
        Column("runner_up_probability", pa.float64(), "its posterior", "no second candidate"),
        Column("others_probability", pa.float64(), "posterior of all other candidates", "excluded"),
        Column("none_probability", pa.float64(), "posterior of 'not in the registry'", "excluded"),
        Column(
            "unsearched_probability", pa.float64(), "posterior of 'in the registry, not found by any pass'", "excluded"
        ),
        Column("found_by", pa.list_(pa.string()), "passes that found person_id", "no candidate"),
        Column("issue", pa.string(), "no_id, bad_id_format or wrong_info", f"{_AGREES}, or excluded"),
        Column(
            "wrong_fields", pa.list_(pa.string()), "fields that differ from person_id's row", "never null; may be empty"
        ),
        Column("conflicts", pa.list_(pa.string()), "what contradicts the match", "never null; may be empty"),
        Column("commune_code", pa.string(), "commune of the subject, 2021 code where known", "not known"),
        Column("commune_code_now", pa.string(), "the same in the registry's codes", "not known, or split"),
    ),
)

# What the platform calls a subject: a person as its own id tells them apart. A claim_id is one identity claim, of
# which one subject may make several.
SUBJECTS = TableSchema(
    "subjects",
    (
        Column(
            "subject_id",
            pa.string(),
            "the platform's id of the subject, or a claim_id where none is stated",
            key=True,
        ),
        Column("commune_code", pa.string(), "commune of the dose where the issue stands", "not known"),
        Column("commune_code_now", pa.string(), "the same in the registry's codes", "not known, or split"),
        Column("issue", pa.string(), "the gravest issue: no_id, then bad_id_format, then wrong_info", _AGREES),
        Column("n_doses", pa.int32(), "doses of the subject that are neither verified nor excluded"),
    ),
)

SUBJECT_COUNTS = TableSchema(
    "subject_counts",
    (
        Column("commune_code", pa.string(), "commune of the subjects, as in subjects", "not known"),
        Column("commune_code_now", pa.string(), "the same in the registry's codes", "not known, or split"),
        Column("status", pa.string(), "what is left to do: review, then unmatched, matched, verified, excluded"),
        Column("n_subjects", pa.int64(), "subjects of the platform"),
    ),
)

# Where the doses' subjects live, for whoever takes out the rows of a commune, a district or a province.
COMMUNES = TableSchema(
    "communes",
    (
        Column("commune_code", pa.string(), "commune as the other tables have it", key=True),
        Column("commune_code_now", pa.string(), "the same in the registry's codes", "not known, or split"),
        Column("commune_name", pa.string(), "name of commune_code", "no units folder"),
        Column("district_code", pa.string(), "district of 2021", "not known, or a commune of 2025"),
        Column("district_name", pa.string(), "its name", "not known, or a commune of 2025"),
        Column("province_code", pa.string(), "province of commune_code", "no units folder"),
        Column("province_name", pa.string(), "its name", "no units folder"),
        Column("province_code_now", pa.string(), "province in the registry's codes", "not known"),
    ),
)

# What linkage.stations read otherwise than typed.
READINGS = TableSchema(
    "readings",
    (
        Column("dose_id", pa.string(), "a dose that was read otherwise than typed", key=True),
        Column("field", pa.string(), "the column of the doses"),
        Column("reading", pa.string(), "not stated, the other sex, day and month exchanged, or in column and its name"),
    ),
)

# The queues have a row per identity claim, in the review queue a row per claim and candidate.
_COMPARED = ("full_name", "gender", "date_of_birth", "id_number", "phone", "insurance_number", "ethnicity")
STATED = (*_COMPARED, "province", "district", "commune", "address")
REGISTERED = (*_COMPARED, "old_id_number", "commune_code", "residence_commune_code", "status")

_CLAIM = Column("claim_id", pa.string(), "the identity claim, as in decisions", key=True)
# Who is asked about, in which doses, and who keyed them in.
_ASKED = (
    _CLAIM,
    Column("subject_id", pa.string(), "the platform's id of the subject, as typed in the dose shown", "not stated"),
    Column("dose_ids", pa.list_(pa.string()), "doses of the claim that have this status, ascending"),
    Column("n_doses", pa.int32(), "how many these are"),
    Column("facility_code", pa.string(), "station that keyed in the dose shown", "not stated"),
    Column("facility_level", pa.string(), "its level, as typed", "not stated"),
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

CLAIMS = TableSchema(
    "claims",
    (
        _CLAIM,
        Column("compared_as", pa.string(), "the least claim_id of those equal after standardising, compared once"),
        Column("status", pa.string(), "what is decided of the claim, before the conflicts of a dose"),
        Column("n_doses", pa.int32(), "doses that state the claim"),
    ),
)

# What makes up a match weight beside the comparisons, whose weights stand in columns of their own.
_BITS = (
    Column("rarity_bits", pa.float64(), "part of match_weight: how rare the values are that agree"),
    Column("near_number_bits", pa.float64(), "part of match_weight: others whose number is near"),
    Column("household_bits", pa.float64(), "part of match_weight: relatives, twins and namesakes agree by chance"),
    Column(
        "subject_bits",
        pa.float64(),
        "part of match_weight: another claim of the platform's subject is decided for person_id",
    ),
    Column(
        "schedule_bits",
        pa.float64(),
        "part of match_weight, at most 0: conflicts with doses decided for person_id",
    ),
)
# Every candidate kept of the claims that the model decided. Behind these columns stand level_ and weight_ of each
# comparison of the plan; these weights and all bits add up to match_weight.
CANDIDATES = TableSchema(
    "candidates",
    (
        _CLAIM,
        Column("rank", pa.int8(), "1 for the best candidate"),
        Column("person_id", pa.string(), "the candidate"),
        Column("match_probability", pa.float64(), "posterior of person_id"),
        Column("match_weight", pa.float64(), "match weight of person_id, log2 Bayes factor"),
        Column("found_by", pa.list_(pa.string()), "passes that found person_id"),
        *_BITS,
    ),
)

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
        Column("rank", pa.int8(), "1 for the best candidate"),
        Column("priority", pa.int32(), "place of the claim in the list of its commune: 1 is looked at first"),
        Column("settle_probability", pa.float64(), "posterior that the person is among the candidates shown"),
        Column("person_id", pa.string(), "the candidate"),
        Column("match_probability", pa.float64(), "posterior of person_id"),
        Column("match_weight", pa.float64(), "match weight of person_id, log2 Bayes factor"),
        *_BITS,
        Column("found_by", pa.list_(pa.string()), "passes that found person_id"),
        Column("issue", pa.string(), "no_id, bad_id_format or wrong_info", _AGREES),
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

REJECTED = TableSchema(
    "queues/rejected",
    (
        Column("file", pa.string(), "name of the input file (no folder)", key=True),
        Column("position", pa.int64(), "physical record in the file, the header not counted, from 1"),
        Column(
            "raw",
            pa.binary(),
            "the bytes of the record as they stood (Parquet and Excel: JSON of the cells)",
            personal=True,
        ),
        Column("reasons", pa.list_(pa.string()), "reason codes, see linkage.ingest"),
    ),
)

_PAIR = (
    Column("left_id", pa.string(), "id of the left record", key=True),
    Column("right_id", pa.string(), "id of the right record"),
    Column("match_probability", pa.float64(), "posterior of right_id among all candidates and none"),
    Column("match_weight", pa.float64(), "log2 Bayes factor"),
)

LINKS = TableSchema("links", _PAIR)

# All pairs with at least decision.lowest_review_probability, the links among them.
PAIRS = TableSchema("candidates", _PAIR)

ENTITIES = TableSchema(
    "entities",
    (
        Column("record_id", pa.string(), "id of the record", key=True),
        Column("entity_id", pa.string(), "the smallest record id among the records linked with it, directly or not"),
    ),
)
