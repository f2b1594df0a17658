"""A made-up world: people and doses, what becomes of people in the registry, and how both are put into words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from linkage.simulate.claims import Rows, Source
from linkage.simulate.dose_table import dose_ids
from linkage.simulate.errors import error_table
from linkage.simulate.nights.registry_events import Changes, as_registered
from linkage.simulate.nights.typed import Typist
from linkage.simulate.randomness import Ints
from linkage.simulate.registry_table import person_texts, registry_tile
from linkage.simulate.simulation import Texts
from linkage.simulate.wording import Texts as Ids


@dataclass(frozen=True)
class World:
    """source : people as they are in the end, and their doses; people : those whom the registry ever knows, in the
    order of their ids, who are in it on the eve first; numbers : of each person in the registry, -1 never in it."""

    source: Source
    changes: Changes
    people: Rows
    numbers: Ints
    texts: Texts

    @cached_property
    def typist(self) -> Typist:
        return Typist(self.source, error_table(), self.texts.doses)

    def registry_rows(self, rows: Rows, night: int) -> pa.Table:
        """The rows of some people as the registry knows them after a night, -1 on the eve."""
        known = as_registered(self.source, self.changes.at(night))
        return registry_tile(known, rows, self.numbers, self.texts.doses.words, self.texts.registry_codes)

    def dose_ids(self, doses: Rows) -> Ids:
        """The ids of some doses."""
        return dose_ids(self.source, doses)

    def person_ids(self, people: Ints) -> Ids:
        """The ids of some people, null for -1 and for whom the registry never knows."""
        return person_texts(np.where(people >= 0, self.numbers[people], -1))
