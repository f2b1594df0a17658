"""People made up in households that share a phone, and lists of them that `link` is to keep apart."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from linkage.plan.reading import plan_from
from linkage.plan.sections import Plan
from tests.district import Row

_FAMILIES = "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý"
_MIDDLES = "Thị Văn Hữu Đức Ngọc Kim Xuân Thanh Minh Quốc"
_GIVEN = (
    "Anh Bình Châu Dung Em Giang Hà Hạnh Hiền Hoa Hùng Khánh Lan Linh Long Mai Nam Nga Nhung Oanh Phong Phúc Quân Sơn "
    "Tâm Thảo Trang Tuấn Vinh Yến"
)
_FIELDS = ("full_name", "date_of_birth", "phone")


def plan_of(*, matches_per_record: str = "one", household_rate: float | None = None, **training: Any) -> Plan:
    """A plan that compares name, date of birth and phone, and says of households nothing but what is given."""
    columns = {"name": "full_name", "born": "date_of_birth", "phone": "phone"}
    kinds = {"name": "vietnamese_name", "born": "birth_date", "phone": "phone"}
    if household_rate is not None:
        training["household_rate"] = household_rate
    compared = [("born", "date", {}), ("phone", "digits", {}), ("name", "vietnamese_name", {"term_frequency": True})]
    content = {
        "format": 1,
        "name": "people",
        "left_id": "id",
        "right_id": "id",
        "decision": {
            "highest_false_match_rate": 1e-3,
            "lowest_match_probability": 0.9,
            "matches_per_record": matches_per_record,
        },
        "training": training,
        "field": [{"name": n, "kind": kinds[n], "left": [c], "right": [c]} for n, c in columns.items()],
        "pass": [
            {"name": "phone", "left": ["phone"], "right": ["phone"], "evidence": "identifier"},
            {"name": "date", "left": ["born.complete"], "right": ["born.complete"]},
        ],
        "comparison": [
            {"name": name, "kind": kind, "left": [name], "right": [name], **more} for name, kind, more in compared
        ],
    }
    return plan_from(content, "plan of the test")


def write_people(path: Path, people: Sequence[Row]) -> Path:
    """People as CSV, in an order that says nothing."""
    order = np.random.default_rng(0).permutation(len(people))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", *_FIELDS])
        writer.writeheader()
        writer.writerows(people[i] for i in order)
    return path


def households(rng: np.random.Generator, sizes: Sequence[int]) -> list[list[Row]]:
    """Households of these sizes: one phone each; the second is the first one's spouse, with a family name of their own,
    all others have that of the first."""
    phones = rng.choice(10**8, len(sizes), replace=False)
    made = []
    for number, size in enumerate(sizes):
        family = _drawn(rng, _FAMILIES)
        people = []
        for place in range(size):
            own = _drawn(rng, _FAMILIES) if place == 1 else family
            year = int(rng.integers(1955, 1980) if place < 2 else rng.integers(1985, 2018))
            born = f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/{year}"
            name = f"{own} {_drawn(rng, _MIDDLES)} {_drawn(rng, _GIVEN)}"
            person = {"id": f"h{number}_{place}", "full_name": name, "date_of_birth": born}
            people.append(person | {"phone": f"09{phones[number]:08d}"})
        made.append(people)
    return made


def _drawn(rng: np.random.Generator, names: str) -> str:
    return str(rng.choice(names.split()))


def children_and_mothers(rng: np.random.Generator, n: int, n_true: int) -> tuple[list[Row], list[Row]]:
    """The children of n households, and all their mothers with the first n_true of the children."""
    made = households(rng, [3] * n)
    children, mothers = [family[2] for family in made], [family[0] for family in made]
    return children, [*mothers, *children[:n_true]]


def with_slips(rng: np.random.Generator, person: Row, copy: str) -> Row:
    """The person typed again: of ten, one with another phone, one with a middle name left out, one with day and month
    a slip away."""
    again = person | {"id": f"{person['id']}_{copy}"}
    slip = rng.integers(10)
    if slip == 0:
        again["phone"] = f"09{rng.integers(10**8):08d}"
    elif slip == 1:
        family, _, given = again["full_name"].split()
        again["full_name"] = f"{family} {given}"
    elif slip == 2:
        day, rest = again["date_of_birth"].split("/", 1)
        again["date_of_birth"] = f"{int(day) % 28 + 1:02d}/{rest}"
    return again
