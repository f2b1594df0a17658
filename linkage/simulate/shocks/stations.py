"""Whole stations that do one thing wrong in every dose."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from linkage.simulate import wording
from linkage.simulate.claims import EXCEL_SERIAL, MISSING_SEX, PLAIN, TEN_DIGITS, Claims, Rows
from linkage.simulate.doses import LEVELS
from linkage.simulate.randomness import Int32s
from linkage.simulate.shocks.local import facilities, inhabitants, struck
from linkage.simulate.shocks.shock import Shock

STATION_SHARE = 0.2  # of the stations; each kind of error has as many as the others
KINDS = (
    "day_and_month_swapped",
    "sex_inverted",
    "clerks_phone",
    "clerks_number",
    "phone_and_number_swapped",
    "columns_shifted",
)
# Each of these columns has what belongs to the one before, the first what belongs to the last.
SHIFTED_COLUMNS = ("id_number", "nationality", "phone", "insurance_number")


def kinds_by_station(claims: Claims) -> Int32s:
    """The number in ``KINDS`` of the error of each station, commune by level; -1 none."""
    n = len(claims.source.communes) * len(LEVELS)
    chosen = struck(claims.source.chance, "stations", n, STATION_SHARE)
    kinds = np.full(n, -1, np.int32)
    kinds[chosen] = np.arange(len(chosen)) % len(KINDS)
    return kinds


def _rows_of(claims: Claims, first: int) -> dict[str, Rows]:
    """The claims of the stations of each kind."""
    kinds = kinds_by_station(claims)[facilities(claims, first)]
    return {kind: np.flatnonzero(kinds == number) for number, kind in enumerate(KINDS)}


def do_one_thing_wrong(claims: Claims, first: int) -> None:
    """The errors that change a value."""
    source, rows_of = claims.source, _rows_of(claims, first)
    rows = rows_of["day_and_month_swapped"]
    rows = rows[claims.date_forms[rows] != EXCEL_SERIAL]
    claims.days[rows], claims.months[rows] = claims.months[rows], claims.days[rows]
    rows = rows_of["sex_inverted"]
    rows = rows[claims.sexes[rows] != MISSING_SEX]
    claims.sexes[rows] = 1 - claims.sexes[rows]
    people = source.population
    clerks = inhabitants(source.chance, people, people.communes.astype(np.int64), len(source.communes))
    clerks = clerks[source.doses.communes[first : first + len(claims)]]
    rows = rows_of["clerks_phone"]
    rows = rows[clerks[rows] >= 0]
    claims.phones[rows], claims.phone_forms[rows] = people.phones[clerks[rows]], TEN_DIGITS
    rows = rows_of["clerks_number"]
    rows = rows[clerks[rows] >= 0]
    claims.ids[rows], claims.id_widths[rows], claims.id_forms[rows] = people.id_numbers[clerks[rows]], 12, PLAIN


def mistake_columns(table: pa.Table, claims: Claims, first: int) -> pa.Table:
    """The errors that put a text into another column."""
    rows_of = _rows_of(claims, first)
    table = _put_into_next(table, rows_of["phone_and_number_swapped"], ("id_number", "phone"))
    return _put_into_next(table, rows_of["columns_shifted"], SHIFTED_COLUMNS)


def _put_into_next(table: pa.Table, rows: Rows, columns: tuple[str, ...]) -> pa.Table:
    """In some rows each of the columns has the text of the one before it, the first that of the last."""
    texts = {name: table[name].combine_chunks() for name in columns}
    for name, before in zip(columns, (columns[-1], *columns[:-1]), strict=True):
        changed = wording.put(texts[name], rows, texts[before].take(pa.array(rows)))
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), changed)
    return table


SHOCK = Shock(
    says=f"one station in five does one thing wrong in every dose: {', '.join(KINDS)}",
    shares={"stations": STATION_SHARE},
    claims=do_one_thing_wrong,
    rows=mistake_columns,
)
