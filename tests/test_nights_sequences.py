"""Random sequences of everything that may happen to a state: nights of all kinds, models adopted, parts merged, nights
and adoptions taken back. Whatever is in force in the end, one run from scratch decides it so, byte for byte."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linkage.errors import UsageError
from linkage.insight.verifying import verify_nights
from linkage.nights.adopting import adopt, apply
from linkage.nights.configuration import read_configuration
from linkage.nights.taking_back import take_back
from linkage.state.folder import open_state
from linkage.stations import Stations
from linkage.training.model_file import Model
from tests.nights import Nights, Row, Town, tree
from tests.test_nights_equal import Sequence, seeds

# Of people born after the day of the town's registry, as doses and the registry may state it.
_BORN = [f"2023-{month:02d}-{day:02d}" for month in (2, 3) for day in (4, 5, 17)]
_REMEMBERED = ("waiting", "in_force", "withdrawn", "changed", "people", "gone", "n_new", "persons")


def other_models(town: Town) -> list[Path]:
    """Models of the town's plan that decide otherwise than its own: they take agreement for less, or for more."""
    own, found = Model.load(town.model), []
    for number, (power, persons, threshold) in enumerate(((1.5, 3, 0.9999), (0.6, 1, 0.8))):
        parts = [replace(part, m=np.append(1.0, part.m[1:] ** power)) for part in own.parameters.comparisons]
        parameters = replace(own.parameters, comparisons=tuple(parts), n_persons=own.parameters.n_persons * persons)
        assert own.threshold is not None
        limit = replace(own.threshold, probability=threshold, by_itself=threshold)
        model = replace(own, parameters=parameters, threshold=limit)
        found.append(town.model.with_name(f"model_{number}.json"))
        model.save(found[-1])
    return [*found, town.model]


@pytest.fixture(scope="module")
def models(town: Town) -> list[Path]:
    return other_models(town)


@pytest.fixture(autouse=True)
def _stations_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found of stations is of the files of a night."""
    monkeypatch.setattr("linkage.night.claims.read_stations", lambda *_: Stations())


class Epochs(Sequence):
    """A sequence with adoptions, any step of which may be taken back."""

    def __init__(self, nights: Nights, seed: int, models: list[Path]) -> None:
        super().__init__(nights, seed, 500)
        self.models, self.number = models, 0
        self.steps: list[dict[str, Any]] = []  # what was in force before each

    @property
    def configuration(self) -> Any:
        return read_configuration(self.nights.config)

    def corrected(self, row: Row) -> Row:
        if self.chance.random() < 0.3:
            year, month, day = self.chance.choice(_BORN).split("-")
            return row | {"date_of_birth": self.chance.choice((f"{day}/{month}/{year}", f"{day}/{month}/{year[2:]}"))}
        return super().corrected(row)

    def newborn(self) -> Row:
        return super().newborn() | {"date_of_birth": self.chance.choice(_BORN)}

    def remember(self) -> None:
        """What a rollback brings back."""
        said = {name: copy.copy(getattr(self, name)) for name in _REMEMBERED} | {"said": copy.deepcopy(self.said)}
        also = {"people_after": list(self.people_after), "epoch": self.epoch, "models": list(self.models)}
        self.steps.append(said | also)

    def do(self, event: str) -> None:
        self.number += 1
        getattr(self, f"do_{event}")()

    def do_night(self) -> None:
        self.remember()
        self.persons = {row["dose_id"]: row["person_id"] for row in self.decided() if row["person_id"]}
        n_new, n_corrected, n_withdrawn = self.chance.choice(((60, 20, 8), (5, 4, 2), (30, 30, 10)))
        if self.chance.random() < 0.7:
            self.registry(self.number, 24)
        if self.chance.random() < 0.7:
            self.verdicts(self.number, 8)
        self.night(self.number, n_new, n_corrected, n_withdrawn)
        self.run(self.number)

    def do_adoption(self) -> None:
        """Prepared beside what is in force, and then brought into force."""
        self.remember()
        before = self.without_prepared()
        prepared = self.prepare()
        assert self.without_prepared() == before
        model = self.models[0]
        self.epoch = self.nights.begun(model)
        assert apply(self.configuration, prepared).in_force
        assert not (self.nights.folder / "state" / "adoption").exists()
        self.people_after.append(dict(self.people))

    def prepare(self) -> str:
        """Another model than the last one, or the same with the registry by now."""
        if self.chance.random() < 0.8:
            self.models.append(self.models.pop(0))
        day = self.nights.date(self.number)
        told = adopt(self.configuration, self.models[0], day, accept="a small town")
        # The same model and the same registry are in force already.
        return told.adoption if not told.in_force else self.prepare()

    def do_adoption_in_vain(self) -> None:
        """A night comes in between, and it is prepared for nothing."""
        models = list(self.models)
        prepared = self.prepare()
        self.models = models
        self.do("night")
        with pytest.raises(UsageError, match="was prepared after the night"):
            apply(self.configuration, prepared)

    def do_taken_back(self) -> None:
        """The last step, or the last two, had better not been."""
        n = self.chance.choice((1, 2))
        if len(self.steps) <= n:  # of the first night nothing is left
            return
        night = open_state(self.nights.folder / "state").nights[-n]
        before = self.steps[-n]
        del self.steps[-n:]
        for name, value in before.items():
            setattr(self, name, value)
        take_back(self.configuration, night["night_id"])

    def do_stray(self) -> None:
        """An adoption that is taken back leaves no trace."""
        before = self.without_prepared()
        model = next(path for path in self.models if path != self.models[0])
        day = self.nights.date(self.number)
        prepared = adopt(self.configuration, model, day, accept="a small town").adoption
        apply(self.configuration, prepared)
        take_back(self.configuration, prepared)
        assert self.without_prepared() == before

    def without_prepared(self) -> dict[str, str]:
        """All files but those of what is prepared, and prepared in vain."""
        found = {name: tree(self.nights.folder / name) for name in ("state", "index", "nights")}
        every = {f"{name}/{path}": digest for name, of in found.items() for path, digest in of.items()}
        return {path: digest for path, digest in every.items() if not path.startswith("state/adoption/")}


def run_sequence(sequence: Epochs, n_events: int, *, is_checked_between: bool) -> None:
    """The first night, then events in any order, an adoption and a night behind it among them."""
    sequence.remember()
    sequence.night(0, 260, 0, 0)
    sequence.run(0)
    others = ("night", "night", "adoption", "adoption_in_vain", "taken_back", "stray")
    events = ["adoption", *(sequence.chance.choice(others) for _ in range(n_events - 2))]
    sequence.chance.shuffle(events)
    for number, event in enumerate([*events, "night"]):
        sequence.do(event)
        if is_checked_between and number == n_events // 2:
            sequence.check(sequence.number)
    sequence.number += 1
    sequence.check(sequence.number)
    if is_checked_between:
        verify_nights(sequence.configuration)


@pytest.mark.parametrize("seed", [*range(7), *seeds(7, 12, 200)])
def test_whatever_happened_what_is_in_force_is_what_one_run_decides(
    town: Town, models: list[Path], tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkage.state.compacting.MOST_PARTS", 2 + seed % 3)
    sequence = Epochs(town.open(tmp_path / "nights", changing=True), 3000 + seed, list(models))
    run_sequence(sequence, 3 if seed < 7 else 8, is_checked_between=seed >= 7)
