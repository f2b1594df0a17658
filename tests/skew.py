"""Skewed lists: a huge commune, a phone on thousands of records, a date for the unknown, one name hundreds of times.

Simulated registry and doses are changed alike, so the truth stays what it was.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Mask = npt.NDArray[np.bool_]

PHONE, NAME = "0912607185", "Nguyễn Thị Hoa"
UNKNOWN_DATE, UNKNOWN_DATE_TYPED = "1900-01-01", "01/01/1900"


@dataclass
class Skewed:
    """Registry and doses while they are being changed, and the doses that each change falls on."""

    registry: pa.Table
    doses: pa.Table
    person_of: npt.NDArray[np.int64]  # registry row of each dose, the number of rows for none
    touched: dict[str, Mask] = field(default_factory=dict)

    def put(self, rows: Mask, name: str, value: str) -> None:
        """The same value in all these rows of the registry and, where the stations typed anything, in their doses."""
        self.registry = _put(self.registry, name, rows, value)
        self.doses = _put(self.doses, name, self.doses_of(rows) & _given(self.doses, name), value)

    def doses_of(self, rows: Mask) -> Mask:
        doses: Mask = np.append(rows, False)[self.person_of]
        return doses


def skew(
    source: Path, out: Path, *, commune: int, n_phones: int, unknown_share: float, namesakes: int
) -> dict[str, Mask]:
    """Write skewed registry and doses into ``out``.

    Parameters
    ----------
    commune : people who are moved into one commune, at least
    n_phones : people who are given one phone number
    unknown_share : of people born on 01/01/1900, which half of their doses say too
    namesakes : women of the large commune who are given one name

    Returns
    -------
    The doses of the people with the phone, the date and the name, each bool (doses,).
    """
    rng = np.random.default_rng(1)
    registry, doses, truth = (pq.read_table(source / f"{name}.parquet") for name in ("registry", "doses", "truth"))
    n = registry.num_rows
    person_of = pc.fill_null(pc.index_in(truth["person_id"], registry["person_id"]), n).to_numpy()
    tables = Skewed(registry, doses, person_of)
    in_commune = _gather(tables, commune, source / "units" / "legacy_units_2021-02-03.csv")
    chosen = {
        "phone": np.isin(np.arange(n), rng.choice(n, n_phones, replace=False)),
        "date": rng.random(n) < unknown_share,
        "name": np.isin(
            np.arange(n), rng.choice(np.flatnonzero(in_commune & _is(registry, "gender", "Nữ")), namesakes, False)
        ),
    }
    tables.put(chosen["phone"], "phone", PHONE)
    tables.put(chosen["name"], "full_name", NAME)
    tables.registry = _put(tables.registry, "date_of_birth", chosen["date"], UNKNOWN_DATE)
    typed = tables.doses_of(chosen["date"]) & (rng.random(len(person_of)) < 0.5)
    tables.doses = _put(tables.doses, "date_of_birth", typed, UNKNOWN_DATE_TYPED)
    out.mkdir(parents=True, exist_ok=True)
    pq.write_table(tables.registry, out / "registry.parquet")
    pq.write_table(tables.doses, out / "doses.parquet")
    return {name: tables.doses_of(rows) for name, rows in chosen.items()}


def _gather(tables: Skewed, people: int, units: Path) -> Mask:
    """Move the largest communes together into the largest one; returns the people who then live there."""
    codes = _values(tables.registry, "commune_code")
    names, sizes = np.unique(codes, return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    gathered = names[order][: np.searchsorted(np.cumsum(sizes[order]), people) + 1]
    rows: Mask = np.isin(codes, gathered)
    with units.open(encoding="utf-8") as source:
        unit = next(row for row in csv.DictReader(source) if row["commune_code"] == gathered[0])
    tables.put(rows, "commune_code", gathered[0])
    for column in ("province", "district", "commune"):
        typed = tables.doses_of(rows) & _given(tables.doses, column)
        tables.doses = _put(tables.doses, column, typed, unit[f"{column}_name"])
    return rows


def _put(table: pa.Table, name: str, rows: Mask, value: str) -> pa.Table:
    column = pc.if_else(pa.array(rows), pa.scalar(value), table[name])
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)


def _values(table: pa.Table, name: str) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = table[name].to_numpy(zero_copy_only=False)
    return values


def _is(table: pa.Table, name: str, value: str) -> Mask:
    same: Mask = _values(table, name) == value
    return same


def _given(table: pa.Table, name: str) -> Mask:
    given: Mask = pc.is_valid(table[name]).to_numpy()
    return given
