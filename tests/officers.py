"""What verdicts decide, by the rules alone: night after night, verdict after verdict, from the history of the doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from linkage.deciding.decide import EXCLUDED, MATCHED, REVIEW, UNMATCHED
from linkage.deciding.pins import NOT_PINNED, VerdictsInForce
from tests.nights import Row

_VOID = ("corrected", "replaced", "person_changed")
_NOT_COMPARED = ("status", "date_of_death")
_STATUS = {"person": MATCHED, "nobody": UNMATCHED, "foreigner": EXCLUDED}


@dataclass
class Said:
    """A verdict by a dose; night: in which it came, from 1."""

    night: int
    row: Row
    claim: int = 0
    became: str = "pins"


def settle(said: Sequence[Said], versions: Sequence[Row], people: Sequence[dict[str, Row]]) -> VerdictsInForce:
    """What the verdicts decide after some nights.

    versions : the rows of the state's doses; people : the registry by person_id after each night
    """
    history: dict[str, list[Row]] = {}
    for row in sorted(versions, key=lambda row: int(row["version"])):
        history.setdefault(row["dose_id"], []).append(row)

    def claim_after(dose: str, night: int) -> int | None:
        rows = [row for row in history[dose] if row["night"] <= night]
        return None if not rows or rows[-1]["what"] == "withdrawn" else int(rows[-1]["claim"])

    for night in range(1, len(people) + 1):
        for one in said:
            if one.night == night:
                before = [row for row in history[one.row["dose_id"]] if row["night"] < night]
                one.claim = int((before[-1] if before else history[one.row["dose_id"]][0])["claim"])
        known = [one for one in said if one.night <= night and one.became not in _VOID]
        for one in known:
            # Nobody corrected the dose: with another epoch it is read otherwise.
            read = [row for row in history[one.row["dose_id"]] if row["night"] == night]
            if read and read[0]["what"] == "read_otherwise":
                one.claim = int(read[0]["claim"])
        for one in known:
            if claim_after(one.row["dose_id"], night) != one.claim:
                one.became = "corrected"
        known = [one for one in known if one.became != "corrected"]
        for one in known:
            person = one.row["person_id"]
            if person and _compared(people[one.night - 1][person]) != _compared(people[night - 1].get(person)):
                one.became = "person_changed"
        known = [one for one in known if one.became != "person_changed"]
        for one in known:
            same = [other for other in known if _officer(other) == _officer(one)]
            if any(other.row["decided_at"] > one.row["decided_at"] for other in same):
                one.became = "replaced"
        known = [one for one in known if one.became != "replaced"]
        for one in known:
            beside = [other for other in known if other.claim == one.claim]
            answers = {_answer(other) for other in beside if other.row["verdict"] in _STATUS}
            if not answers or (len(answers) == 1 and one.row["verdict"] in _STATUS):
                one.became = "pins"
            else:
                one.became = "contradicted" if one.row["verdict"] in _STATUS else "answered"
    return _in_force(said)


def _compared(person: Row | None) -> Row | None:
    return person and {name: value for name, value in person.items() if name not in _NOT_COMPARED}


def _officer(one: Said) -> tuple[object, ...]:
    return one.claim, one.row["unit"], one.row["decided_by"]


def _answer(one: Said) -> tuple[str, str | None]:
    return one.row["verdict"], one.row["person_id"] if one.row["verdict"] == "person" else None


def _in_force(said: Sequence[Said]) -> VerdictsInForce:
    claims = sorted({one.claim for one in said})
    status, is_officers, persons, told = [], [], [], []
    for claim in claims:
        of_claim = [one for one in said if one.claim == claim]
        pins = [one for one in of_claim if one.became == "pins"]
        is_contradicted = any(one.became == "contradicted" for one in of_claim)
        word = pins[0].row["verdict"] if pins else None
        status.append(REVIEW if is_contradicted else NOT_PINNED if word is None else _STATUS.get(word, REVIEW))
        is_officers.append(bool(pins) and not is_contradicted)
        persons.append(pins[0].row["person_id"] if word == "person" else None)
        told.append([_text(one) for one in of_claim])
    return VerdictsInForce(
        np.array(claims, np.uint64),
        np.array(status, np.uint8),
        np.array(is_officers, np.bool_),
        pa.array(persons, pa.string()),
        pa.array(told, pa.list_(pa.string())),
    )


def _text(one: Said) -> str:
    row = one.row
    person = f" {row['person_id']}" if row["person_id"] else ""
    return f"{row['verdict']}{person} ({row['unit']}, {row['decided_at']}): {one.became}"
