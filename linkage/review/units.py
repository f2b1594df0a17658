"""Names of communes, and the districts and provinces that they are in, for who looks at more than one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from linkage.review.store import Store
from linkage.review.tables import units
from linkage.standardise.places import AS_OF, Units


def take_units(store: Store, folder: Path) -> int:
    """Take the communes of a folder of units, of today where a code was another commune's before; returns how many.

    Raises InputError where the folder cannot be used.
    """
    known = Units.load(folder)
    rows = {}
    for communes in (known.doses, *(known.registry(date) for date in AS_OF)):
        names = (communes.code, communes.name, communes.district_code, communes.province_name)
        texts = zip(*(column.to_pylist() for column in names), strict=True)
        for (code, name, district, province_name), province in zip(texts, communes.province.tolist(), strict=True):
            if code:
                place = {
                    "district": district or "",
                    "province": f"{province:02d}",
                    "province_name": province_name or "",
                }
                rows[code] = {"code": code, "name": name or code, **place}
    with store.writing() as connection:
        connection.execute(delete(units))
        if rows:
            connection.execute(insert(units), list(rows.values()))
    return len(rows)


def name_of(connection: Connection, code: str) -> str:
    """The name of a commune; its code where none is known."""
    found = connection.execute(select(units.c.name).where(units.c.code == code)).scalar_one_or_none()
    return str(found or code)
