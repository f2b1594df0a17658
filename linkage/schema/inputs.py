"""The tables that come in, as text as typed: nothing is parsed before linkage.standardise sees it."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from linkage.schema.columns import PERSONAL, Column, TableSchema

PERSON_STATUSES = ("alive", "deceased", "emigrated")  # of a person in the registry

UPDATED_AT = "updated_at"  # tells versions of a row apart


def _date(name: str, meaning: str, *, missing: str = "not stated") -> Column:
    return Column(name, pa.string(), meaning, missing, required=False, is_date=True, personal=name in PERSONAL)


def _text(name: str, meaning: str, *, required: bool = False, missing: str = "not stated", key: bool = False) -> Column:
    stated = "never missing" if key else missing
    return Column(name, pa.string(), meaning, stated, required, key, personal=name in PERSONAL)


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
        _date(UPDATED_AT, "when the row was last changed, with its time; of rows with one key the newest is taken"),
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

# Changes name people by their id alone; new ones need the columns that the registry does.
CHANGES_OF_REGISTRY = replace(
    REGISTRY, columns=tuple(replace(column, required=column.key) for column in REGISTRY.columns)
)

TRUTH = TableSchema(
    "truth",
    (
        _text("dose_id", "the dose", required=True, key=True),
        _text("person_id", "the person it belongs to", required=True, missing="the subject is not in the registry"),
    ),
)

WITHDRAWALS = TableSchema(
    "withdrawals",
    (
        _text("dose_id", "the dose that is taken back", required=True, key=True),
        _text("reason", "why"),
    ),
)

VERDICT_WORDS = ("person", "nobody", "foreigner", "field_check", "registry_wrong")
VERDICTS = TableSchema(
    "verdicts",
    (
        _text("claim_id", "the claim decided on", missing="dose_id says which"),
        _text("dose_id", "a dose of the claim decided on", missing="claim_id says which"),
        _text(
            "verdict",
            f"{', '.join(VERDICT_WORDS[:-1])} or {VERDICT_WORDS[-1]}",
            missing="person where person_id is stated, else nobody",
        ),
        _text("person_id", "whom the claim means", missing="nobody in the registry, or not decided yet"),
        _text("unit", "code of the unit that decided"),
        _text("decided_by", "the officer"),
        _text("decided_at", "when"),
        _text("note", "what else was found"),
    ),
)

# Inputs by the name used on the command line and in mappings.
INPUTS = {table.name: table for table in (DOSES, WITHDRAWALS, REGISTRY, TRUTH, VERDICTS)}
