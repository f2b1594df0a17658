"""What is the same for all nights of an epoch: the model, how rare it takes values to be, and up to which day dates of
birth that doses state are read."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from linkage.errors import UsageError
from linkage.plan.sections import Plan
from linkage.registry.frequencies import Frequencies
from linkage.registry.index import Index
from linkage.registry.pinned import frequency_files, open_frequencies, with_pinned
from linkage.state.folder import Epoch, State
from linkage.training.drift import pin_notes
from linkage.training.model_file import Model

_LATEST = "latest_date"
PINNED = "index"  # of what the state says of an epoch: the content of the index whose frequencies it has


@dataclass(frozen=True)
class EpochInForce:
    """The epoch that a night is of.

    frequencies : of the registry when its model was adopted; latest: the day that this was of
    kept : as the state is to keep it; None where it is in force already
    notes : of a first night, what the operator should know of it
    """

    frequencies: Mapping[str, Frequencies]
    latest: datetime.date
    kept: Epoch | None
    notes: tuple[str, ...]

    def pinned(self, index: Index) -> Index:
        """An index as this epoch decides with it."""
        return with_pinned(index, dict(self.frequencies), self.latest)


def complete_model(path: Path, plan: Plan) -> Model:
    """A model that decides every night alike; the configuration's before the first night, and then the state's.

    Raises UsageError where it is of another plan, or has no threshold and rates of its own; and as `Model.load`.
    """
    model = Model.load(path, plan)
    if model.threshold is None or model.rates is None:
        raise UsageError(
            f"{path}: has no threshold and rates of its own, so each night would be decided otherwise; "
            "train one with 'linkage train'"
        )
    return model


def epoch_of(state: State, index: Index, model: Model) -> EpochInForce:
    """The epoch of a state, or that which begins now: index: in force before the changes of the night.

    Raises VerificationError where what the state keeps is damaged.
    """
    if state.folder is None:
        return new_epoch(index, model)
    latest = datetime.date.fromisoformat(state.epoch[_LATEST])
    return EpochInForce(open_frequencies(state.epoch_files), latest, None, ())


def new_epoch(index: Index, model: Model) -> EpochInForce:
    """The epoch that begins with a model, when an index is in force."""
    latest = index.dictionaries.latest_date
    told = {_LATEST: latest.isoformat(), PINNED: index.manifest["content"]}
    kept = Epoch(model.document(), frequency_files(index), told)
    return EpochInForce(index.frequencies, latest, kept, pin_notes(model.training, index.manifest["term_frequencies"]))
