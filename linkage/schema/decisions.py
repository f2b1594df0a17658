"""What is decided of doses, subjects and communes, and the records that were rejected."""

from __future__ import annotations

import pyarrow as pa

from linkage.schema.columns import Column, TableSchema

DECIDED_BY = ("rule", "model", "officer")
STATUSES = ("verified", "matched", "review", "unmatched", "excluded")
# The basic data that the ministry's procedure names (2262/BYT-CNTT, step 1), by the role of the field in the plan.
BASIC_ROLES = ("number", "name", "birth", "sex")
ISSUES = ("no_id", "bad_id_format", "wrong_info")  # the gravest first
AGREES = "agrees with the registry"

DECISIONS = TableSchema(
    "decisions",
    (
        Column("dose_id", pa.string(), "the dose", key=True),
        Column("subject_id", pa.string(), "the platform's id of the subject, as typed", "not stated"),
        Column("claim_id", pa.string(), "c1- and 32 hex digits: the distinct identity as typed, see docs/claim-id.md"),
        Column("status", pa.string(), "verified, matched, review, unmatched or excluded"),
        Column(
            "decided_by",
            pa.string(),
            "rule (exact agreement, exclusion, a date of death, contradictory verdicts), model or officer",
        ),
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
        Column("issue", pa.string(), "no_id, bad_id_format or wrong_info", f"{AGREES}, or excluded"),
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
        Column("issue", pa.string(), "the gravest issue: no_id, then bad_id_format, then wrong_info", AGREES),
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

IN_COLUMN = "in column "  # a reading: the value stands in another column, whose name follows
# What linkage.stations read otherwise than typed.
READINGS = TableSchema(
    "readings",
    (
        Column("dose_id", pa.string(), "a dose that was read otherwise than typed", key=True),
        Column("field", pa.string(), "the column of the doses"),
        Column("reading", pa.string(), "not stated, the other sex, day and month exchanged, or in column and its name"),
    ),
)

REJECTED = TableSchema(
    "queues/rejected",
    (
        Column("file", pa.string(), "name of the input file (no folder)", key=True),
        Column("position", pa.int64(), "physical record in the file, the header not counted, from 1"),
        Column("line", pa.int64(), "line of the text on which it begins, or row of its sheet, from 1", "Parquet"),
        Column("sheet", pa.string(), "sheet of the workbook", "no workbook"),
        Column(
            "raw",
            pa.binary(),
            "the bytes of the record as they stood (Parquet and Excel: JSON of the cells)",
            personal=True,
        ),
        Column("reasons", pa.list_(pa.string()), "reason codes, see linkage.ingest"),
    ),
)
