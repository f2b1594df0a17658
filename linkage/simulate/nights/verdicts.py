"""What officers decide on doses of earlier nights: mostly right, some wrong or against what another one said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from linkage.simulate.claims import Rows, Source
from linkage.simulate.nights.dose_events import Ledger
from linkage.simulate.nights.shares import divided
from linkage.simulate.population import Population
from linkage.simulate.randomness import Ints

RIGHT, WRONG, OPEN, CONTRADICTING = "verdict_right", "verdict_wrong", "verdict_open", "verdict_contradicting"
KINDS = {RIGHT: 0.8, WRONG: 0.08, OPEN: 0.06, CONTRADICTING: 0.06}
# What was said last of a dose, as Ledger.reviewed has it.
_SAID_RIGHT, _SAID_WRONG, _SAID_NOTHING = 1, 2, 3
_OPEN_WORDS = (("field_check", "hẹn gặp tại nhà"), ("registry_wrong", "sổ hộ tịch ghi khác"))
_NOTES = ("", "đã xem giấy tờ", "gọi điện xác nhận")
_OFFICERS_PER_UNIT = 3


@dataclass(frozen=True)
class Verdict:
    """One verdict: its kind, on which dose, and the cells of its row."""

    kind: str
    dose: int
    verdict: str
    person: int  # row of the population, -1 none
    unit: str
    officer: str
    decided_at: str
    note: str


def draw_kinds(rng: np.random.Generator, total: int) -> list[str]:
    """The kinds of all verdicts in their order; nobody contradicts before something was said."""
    kinds = np.repeat(list(KINDS), divided(total, KINDS))
    drawn: list[str] = rng.permutation(kinds).tolist()
    return drawn


def verdicts_of_night(
    rng: np.random.Generator, source: Source, known: Population, ledger: Ledger, night: int, date: str, kinds: list[str]
) -> list[Verdict]:
    """A verdict of each kind in ``kinds``, as far as there are doses for it.

    known : the people as the registry knows them after the night; only whom it knows is named
    """
    earlier = (ledger.night < night) & ~ledger.withdrawn
    fresh = iter(_shuffled(rng, earlier & (ledger.reviewed == 0), ledger))
    said = []
    for kind in kinds:
        dose = _reviewed(rng, ledger) if kind == CONTRADICTING else next(fresh, None)
        if dose is None and kind == CONTRADICTING:
            kind, dose = RIGHT, next(fresh, None)
        if dose is None:
            continue
        was_right = kind == RIGHT or (kind == CONTRADICTING and ledger.reviewed[dose] == _SAID_WRONG)
        said.append(_verdict(rng, source, known, kind, dose, was_right, date))
        ledger.reviewed[dose] = _SAID_NOTHING if kind == OPEN else _SAID_RIGHT if was_right else _SAID_WRONG
    return said


def _shuffled(rng: np.random.Generator, able: np.ndarray, ledger: Ledger) -> Iterator[int]:
    """Doses in random order, those that were typed with an error first."""
    rows: Rows = rng.permutation(np.flatnonzero(able))
    yield from rows[np.argsort(~ledger.faulty[rows], kind="stable")].tolist()


def _reviewed(rng: np.random.Generator, ledger: Ledger) -> int | None:
    said: Ints = np.flatnonzero(np.isin(ledger.reviewed, (_SAID_RIGHT, _SAID_WRONG)) & ~ledger.withdrawn)
    return int(rng.choice(said)) if len(said) else None


def _verdict(
    rng: np.random.Generator, source: Source, known: Population, kind: str, dose: int, is_right: bool, date: str
) -> Verdict:
    person = int(source.doses.persons[dose])
    is_known = bool(known.registered[person])
    unit = source.communes.codes[source.doses.communes[dose]]
    note = _NOTES[int(rng.integers(len(_NOTES)))]
    if kind == OPEN:
        (word, note), person = _OPEN_WORDS[int(rng.integers(len(_OPEN_WORDS)))], -1
    elif is_right:
        word = "person" if is_known else "foreigner" if source.population.countries[person] else "nobody"
    elif is_known and rng.random() < 0.5:
        word = "nobody"
    else:
        word, person = "person", _neighbour(known, person)
    minute = int(rng.integers(7 * 60, 17 * 60))
    return Verdict(
        kind,
        dose,
        word,
        person if word == "person" else -1,
        unit,
        f"cb.{unit}.{1 + int(rng.integers(_OFFICERS_PER_UNIT))}",
        f"{date}T{minute // 60:02d}:{minute % 60:02d}:00",
        note,
    )


def _neighbour(known: Population, person: int) -> int:
    """The next one whom the registry knows: of the household, or of the house beside."""
    rows = np.flatnonzero(known.registered)
    return int(rows[np.searchsorted(rows, person, side="right") % len(rows)])
