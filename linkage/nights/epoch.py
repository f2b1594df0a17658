"""What is the same for all nights of an epoch: the model, how rare it takes values to be, and up to which day dates of
birth that doses state are read."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from linkage.registry.frequencies import Frequencies
from linkage.registry.index import Index
from linkage.registry.pinned import frequency_files, open_frequencies, with_pinned
from linkage.state.folder import Epoch, State
from linkage.training.drift import pin_notes
from linkage.training.model_file import Model

_LATEST = "latest_date"


@dataclass(frozen=True)
class EpochInForce:
    """The epoch that a night is of.

    frequencies : of the registry when its model was adopted; latest: the day that this was of
    kept : as the state keeps it
    notes : of a first night, what the operator should know of it
    """

    frequencies: Mapping[str, Frequencies]
    latest: datetime.date
    kept: Epoch
    notes: tuple[str, ...]

    def pinned(self, index: Index) -> Index:
        """An index as this epoch decides with it."""
        return with_pinned(index, dict(self.frequencies), self.latest)


def epoch_of(state: State, index: Index, model: Model) -> EpochInForce:
    """The epoch of a state, or that which begins now: index: in force before the changes of the night.

    Raises VerificationError where what the state keeps is damaged.
    """
    document = model.document()
    if state.folder is None:
        latest = index.dictionaries.latest_date
        kept = Epoch(document, frequency_files(index), {_LATEST: latest.isoformat()})
        notes = pin_notes(model.training, index.manifest["term_frequencies"])
        return EpochInForce(index.frequencies, latest, kept, notes)
    latest = datetime.date.fromisoformat(state.epoch[_LATEST])
    return EpochInForce(open_frequencies(state.epoch_files), latest, Epoch(document, {}, {}), ())
