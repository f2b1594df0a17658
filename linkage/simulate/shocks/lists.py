"""Lists as stations keep them in a spreadsheet: values filled down by a slip, fields of a household exchanged."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from linkage.simulate.claims import PLAIN, TEN_DIGITS, Claims, Rows, typed_ids
from linkage.simulate.doses import Doses
from linkage.simulate.population import Population
from linkage.simulate.randomness import Int32s, Mask, uniform
from linkage.simulate.shocks.local import facilities
from linkage.simulate.shocks.shock import Shock

FILLED_SHARE = 0.04  # of doses, of each of the fields
_LONGEST = 15  # rows below that a value is filled into, from 1 on all alike
FILLED_FIELDS = {
    "id_number": ("ids", "id_widths", "id_forms"),
    "phone": ("phones", "phone_forms"),
    "date_of_birth": ("years", "months", "days", "date_forms"),
}
SWAPPED_SHARE = 0.08  # of households, whose members two by two bear each other's fields
NUMBER_SHARE, NUMBER_AND_PHONE_SHARE = 0.4, 0.4  # of those; the others exchange their birthdays


def in_order_of_lists(doses: Doses) -> Doses:
    """The doses station by station and day by day, as files that stations send are."""
    order = np.lexsort((doses.days, doses.levels, doses.communes))
    return replace(doses, **{field.name: getattr(doses, field.name)[order] for field in fields(doses)})


def mistake_rows(claims: Claims, first: int) -> None:
    """Exchange the fields of households, then fill down."""
    _exchange(claims)
    stations = facilities(claims, first)
    for use, columns in enumerate(FILLED_FIELDS.values(), start=211):
        filled, above = _filled(claims, stations, use)
        for name in columns:
            values = getattr(claims, name)
            values[filled] = values[above]


def _filled(claims: Claims, stations: Rows, use: int) -> tuple[Rows, Rows]:
    """Rows that are filled from above, and the row whose value each of them gets: one of the same station."""
    n = len(claims)
    lot = uniform(claims.dose_keys, use)
    start_share = FILLED_SHARE / ((1 + _LONGEST) / 2)
    begins = lot < start_share
    rows = np.arange(n)
    above = np.maximum.accumulate(np.where(begins, rows, 0))
    # The lots of the rows that begin are uniform below their share, so each tells how far its value goes.
    reach = np.ceil(lot[above] / start_share * _LONGEST)
    filled: Mask = begins[above] & (rows > above) & (rows - above <= reach) & (stations == stations[above])
    return rows[filled], above[filled]


def _exchange(claims: Claims) -> None:
    """Give each member of the chosen households the fields of another one."""
    source = claims.source
    people = source.population
    partners = _partners(people)[claims.persons]
    lot = uniform(source.chance.keys("exchanged", people.households[claims.persons]))
    lot = np.where(partners >= 0, lot / SWAPPED_SHARE, 1.0)
    rows = np.flatnonzero(lot < NUMBER_SHARE + NUMBER_AND_PHONE_SHARE)
    claims.ids[rows], claims.id_widths[rows] = typed_ids(source, partners[rows], claims.dose_days[rows])
    claims.id_forms[rows] = PLAIN
    rows = rows[lot[rows] >= NUMBER_SHARE]
    claims.phones[rows], claims.phone_forms[rows] = people.phones[partners[rows]], TEN_DIGITS
    rows = np.flatnonzero((lot >= NUMBER_SHARE + NUMBER_AND_PHONE_SHARE) & (lot < 1.0))
    for name, part in zip(("years", "months", "days"), source.births, strict=True):
        getattr(claims, name)[rows] = part[partners[rows]]


def _partners(people: Population) -> Int32s:
    """The other one of a pair of each household's members, two by two in their order; -1 for who is left over."""
    n = len(people)
    rows = np.arange(n)
    start = np.flatnonzero(np.diff(people.households, prepend=-1))
    place = rows - start[np.searchsorted(start, rows, side="right") - 1]
    other = np.where(place % 2 == 0, rows + 1, rows - 1)
    together = (other < n) & (people.households[np.minimum(other, n - 1)] == people.households)
    return np.where(together, other, -1).astype(np.int32)


SHOCK = Shock(
    says="values are filled down a station's list; members of a household have each other's number, phone or birthday",
    shares={
        "filled_each_field": FILLED_SHARE,
        "exchanging_households": SWAPPED_SHARE,
        "exchange_number": NUMBER_SHARE,
        "exchange_number_and_phone": NUMBER_AND_PHONE_SHARE,
    },
    doses=in_order_of_lists,
    claims=mistake_rows,
)
