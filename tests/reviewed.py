"""Published nights for tests of the review, made up row by row, and a store that took them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from linkage.published.folders import new_stage
from linkage.review.arriving import read_night
from linkage.review.store import Store, make_store
from linkage.review.taking import Taken, check_follows, take
from linkage.schema import DECISIONS, REVIEW_QUEUE, UNMATCHED_QUEUE, VERDICTS

Row = dict[str, Any]
FIRST = datetime.date(2026, 3, 14)
COMMUNE, OTHER = "25090", "25066"
COMPARISONS = ("sex", "birth_date", "id_number", "phone", "commune", "full_name")
STATED = {
    "full_name": "Trần Thị Hoà",
    "gender": "Nữ",
    "date_of_birth": "05/09/1990",
    "id_number": "068190001234",
    "phone": "0912345678",
    "province": "Lâm Đồng",
    "district": "Bảo Lâm",
    "commune": "Lộc Thành",
}
REGISTERED = {
    "full_name": "Trần Thị Hòa",
    "gender": "Nữ",
    "date_of_birth": "1990-09-05",
    "id_number": "068190001284",
    "phone": "0912345678",
    "commune_code": COMMUNE,
    "status": "alive",
}
_LEVELS = {"sex": "same", "birth_date": "same", "id_number": "one digit differs", "phone": "same"}
_BITS = {"sex": 0.96, "birth_date": 14.7, "id_number": 9.1, "phone": 16.3, "commune": 3.2, "full_name": 12.4}


def claim_id(number: int) -> str:
    return f"c1-{number:032x}"


def candidate(person_id: str = "P1", probability: float = 0.9, **registered: str) -> Row:
    """A person considered, as columns of the review queue."""
    values = {f"registered_{name}": value for name, value in (REGISTERED | registered).items()}
    levels = {f"level_{name}": _LEVELS.get(name, "same") for name in COMPARISONS}
    weights = {f"weight_{name}": _BITS[name] for name in COMPARISONS}
    bits = dict.fromkeys(("rarity_bits", "near_number_bits", "household_bits", "subject_bits", "schedule_bits"), 0.0)
    found = {"person_id": person_id, "match_probability": probability, "match_weight": 12.0}
    return {**values, **levels, **weights, **bits, **found, "found_by": ["id_number"]}


def claim(number: int, change: str = "opened", commune: str | None = COMMUNE, **columns: Any) -> Row:
    """The columns that rows of both queues have; more by name, and what is stated by the names of the fields."""
    stated = {name: columns.pop(name) for name in STATED if name in columns}
    row = {
        "claim_id": claim_id(number),
        "subject_id": f"S{number}",
        "dose_ids": [f"D{number}"],
        "n_doses": 1,
        "facility_code": "2509001",
        "facility_level": "commune",
        "verdicts": [],
        "commune_code": commune,
        "commune_code_now": commune,
        "change": change,
        "issue": "wrong_info",
        "conflicts": [],
        "in_police_list": True,
        "priority": number,
        "settle_probability": 0.9,
        "candidate_ids": [],
        "candidate_probabilities": [],
    }
    return row | {f"stated_{name}": value for name, value in (STATED | stated).items()} | columns


def reviewed(number: int, candidates: Sequence[Row] = (), **columns: Any) -> list[Row]:
    """The rows of a claim under review, one for each candidate."""
    of_claim = claim(number, **columns)
    return [of_claim | one | {"rank": rank} for rank, one in enumerate(candidates or [candidate()], 1)]


def write_night(
    nights: Path,
    number: int,
    review: Sequence[Row] = (),
    unmatched: Sequence[Row] = (),
    verdicts: Sequence[Row] = (),
    date: datetime.date | None = None,
) -> Path:
    """Publish a night, the first one as number 1; returns its folder."""
    nights.mkdir(exist_ok=True)
    day = date or FIRST + datetime.timedelta(days=number - 1)
    dates = {"list_date": day, "deadline": day + datetime.timedelta(days=2)}
    more = [(f"{what}_{name}", kind) for name in COMPARISONS for what, kind in _OF_COMPARISON]
    schema = pa.schema([*REVIEW_QUEUE.arrow(), *(pa.field(*one) for one in more), *_CHANGE])
    with new_stage(nights, f"2026031{number}-night") as stage:
        stage.write_table(REVIEW_QUEUE.name, _table([row | dates for row in review], schema))
        rows = [row | dates for row in unmatched]
        stage.write_table(UNMATCHED_QUEUE.name, _table(rows, pa.schema([*UNMATCHED_QUEUE.arrow(), *_CHANGE])))
        decided = [
            {"dose_id": dose, "issue": row["issue"]} for row in (*review, *unmatched) for dose in row["dose_ids"]
        ]
        stage.write_table("decisions", _table(decided, DECISIONS.arrow()))
        names = ["of_claim_id", *VERDICTS.names, "became"]
        stage.write_table("verdicts", _table(list(verdicts), pa.schema([(name, pa.string()) for name in names])))
        states = {"state_before": None if number == 1 else f"s{number - 1}", "state_after": f"s{number}"}
        stage.write_manifest({"night_id": f"2026031{number}-night", "date": day.isoformat(), **states})
        return stage.commit()


_OF_COMPARISON = (("level", pa.string()), ("weight", pa.float64()))
_CHANGE = (pa.field("change", pa.string()), pa.field("status_before", pa.string()))


def _table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    return pa.table({f.name: pa.array([row.get(f.name) for row in rows], f.type) for f in schema})


def take_night(store: Store, folder: Path) -> Taken | None:
    """Take a night, as the command does; None where it was taken before."""
    night = read_night(folder)
    return take(store, night) if check_follows(store, night) else None


def new_store(folder: Path, review: Sequence[Row] = (), unmatched: Sequence[Row] = ()) -> Store:
    """A store that took one night."""
    store = make_store(folder / "review.db")
    take_night(store, write_night(folder / "nights", 1, review, unmatched))
    return store
