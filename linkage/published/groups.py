"""Counts of a run by age, sex, ethnicity, birthday and province: what its reports break down, no dose touched again."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import MATCHED, UNMATCHED, VERIFIED, Decided
from linkage.machine.parts import parts_of
from linkage.plan.kinds import ROLES
from linkage.plan.sections import Plan
from linkage.schema import STATUSES, Column, TableSchema
from linkage.scoring.batch import Batch
from linkage.standardise import dates
from linkage.standardise.categories import FEMALE, MALE, SEX_UNKNOWN
from linkage.standardise.categories_ethnicity import GROUPS as ETHNIC_GROUPS
from linkage.standardise.places import Units

GROUPS = TableSchema(
    "groups",
    (
        Column("attribute", pa.string(), "age, sex, ethnicity, birthday or province, as the dose states it"),
        Column("value", pa.string(), "the group", "not stated, or not understood"),
        Column("status", pa.string(), "verified, matched, review, unmatched or excluded"),
        Column("n_doses", pa.int64(), "doses of the group that have the status"),
        Column(
            "expected_errors",
            pa.float64(),
            "how many of them the posterior expects to be decided wrongly: linked to another person, or unmatched "
            "although registered; 0 for review and excluded, which nobody has decided",
        ),
    ),
)

# First years of the bands: the vaccination campaigns were held for 5-11, 12-17 and from 18 on, boosters first from 50
# and from 65 on.
_BAND_STARTS = (0, 5, 12, 18, 30, 50, 65, 80)
MAJORITY = "Kinh"
_SEX_NAMES = {SEX_UNKNOWN: None, MALE: "Nam", FEMALE: "Nữ"}


@dataclass(frozen=True)
class _Grouping:
    """labels: names of the groups, None for not known; codes: uint8[n_claims], the group of each claim."""

    labels: list[str | None]
    codes: NDArray[np.unsignedinteger[Any]]


def groups_table(
    of_dose: NDArray[np.int32],
    dose_status: NDArray[np.uint8],
    decided: Decided,
    batch: Batch,
    plan: Plan,
    day: datetime.date,
) -> pa.Table:
    """Doses by attribute, value and status, see GROUPS; what does not occur has no row.

    Parameters
    ----------
    of_dose, dose_status : int32[n_doses], uint8[n_doses], the claim and the status of each dose
    day : on which ages are counted
    """
    groupings = _groupings(batch, plan, day)
    parts = [_count(of_dose, dose_status, decided, name, grouping) for name, grouping in groupings.items()]
    return pa.concat_tables(parts) if parts else GROUPS.arrow().empty_table()


def _count(
    of_dose: NDArray[np.int32], dose_status: NDArray[np.uint8], decided: Decided, attribute: str, grouping: _Grouping
) -> pa.Table:
    n_cells = len(grouping.labels) * len(STATUSES)
    counts, expected = np.zeros(n_cells, np.int64), np.zeros(n_cells)
    for part in parts_of(dose_status.size):
        claims, status = of_dose[part], dose_status[part]
        cell = grouping.codes[claims].astype(np.intp) * len(STATUSES) + status
        counts += np.bincount(cell, minlength=n_cells)
        # Added dose by dose, for the last bits of the sums must not depend on the parts.
        np.add.at(expected, cell, _expected_errors(decided, claims, status))
    present = np.flatnonzero(counts)
    columns = {
        "attribute": pa.array([attribute] * present.size, pa.string()),
        "value": pa.array(grouping.labels, pa.string()).take(pa.array(present // len(STATUSES))),
        "status": pa.array(STATUSES).take(pa.array(present % len(STATUSES))),
        "n_doses": pa.array(counts[present], pa.int64()),
        "expected_errors": pa.array(expected[present]),
    }
    return pa.table([columns[name] for name in GROUPS.names], schema=GROUPS.arrow())


def _expected_errors(decided: Decided, claims: NDArray[np.int32], status: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Probability that doses of some claims, with the status of each, are decided wrongly: float64[n]."""
    false_link = np.maximum(0.0, 1.0 - decided.best_probabilities[claims])
    missed = np.maximum(0.0, 1.0 - decided.none[claims])
    is_linked = (status == VERIFIED) | (status == MATCHED)
    return np.asarray(np.where(is_linked, false_link, np.where(status == UNMATCHED, missed, 0.0)))


def _groupings(batch: Batch, plan: Plan, day: datetime.date) -> dict[str, _Grouping]:
    """The attributes whose role a field of the plan has."""
    stated = {role: batch.columns[plan.field_as(role).name] for role in ROLES if plan.has_role(role)}
    groupings = {}
    if "birth" in stated:
        groupings["age"] = _age_bands(stated["birth"].astype(np.uint32), day)
    if "sex" in stated:
        groupings["sex"] = _Grouping(list(_SEX_NAMES.values()), stated["sex"].astype(np.uint8))
    if "ethnicity" in stated:
        names = [None, *(spellings[0] for spellings in ETHNIC_GROUPS)]
        groupings["ethnicity"] = _Grouping(names, stated["ethnicity"].astype(np.uint8))
        if "birth" in stated:
            groupings["birthday"] = _birthdays(stated["birth"].astype(np.uint32), groupings["ethnicity"])
    if "commune" in stated:
        groupings["province"] = _provinces(stated["commune"].astype(np.uint16), batch.dictionaries.units)
    return groupings


def _age_bands(birth: NDArray[np.uint32], day: datetime.date) -> _Grouping:
    """Completed years on a day; of a birth date without month or day as on 1 January."""
    today = int(dates.pack_day(day))
    below_year = (1 << dates.YEAR_SHIFT) - 1
    had_birthday = (birth & below_year) <= (today & below_year)
    years = day.year - dates.year_of(birth).astype(np.int16) - ~had_birthday
    bands = np.searchsorted(_BAND_STARTS, years, side="right").astype(np.uint8)
    last = _BAND_STARTS[-1]
    labels = [f"{start}–{after - 1}" for start, after in pairwise(_BAND_STARTS)]
    return _Grouping([None, *labels, f"{last}+"], np.where(birth == 0, 0, bands))


def _birthdays(birth: NDArray[np.uint32], ethnicity: _Grouping) -> _Grouping:
    """The majority and the minorities by whether the day of birth is known: where births were registered late, 1
    January stands for it."""
    day = birth & np.uint32((1 << dates.YEAR_SHIFT) - 1)
    is_vague = (dates.day_of(birth) == 0) | (day == 1 << dates.MONTH_SHIFT | 1)
    is_minority = ethnicity.codes != ethnicity.labels.index(MAJORITY)
    codes = 1 + 2 * is_minority.astype(np.uint8) + is_vague.astype(np.uint8)
    labels = [f"{people}, {day}" for people in (MAJORITY, "minority") for day in ("day known", "1 January or no day")]
    return _Grouping([None, *labels], np.where((birth == 0) | (ethnicity.codes == 0), 0, codes))


def _provinces(communes: NDArray[np.uint16], units: Units) -> _Grouping:
    """By name, in the order of the names' code points."""
    names = units.doses.province_name
    distinct = pc.unique(names.drop_null()).sort()
    codes = pc.fill_null(pc.add(pc.index_in(names, value_set=distinct, skip_nulls=True), 1), 0)
    of_place = codes.to_numpy(zero_copy_only=False).astype(np.uint8)
    return _Grouping([None, *distinct.to_pylist()], of_place[communes])
