"""A dose as it is typed in: the first time, repaired, or anew with other errors."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.simulate.claims import Rows, Source, faithful_claims
from linkage.simulate.dose_table import SIMULATED, Wordings, dose_tile
from linkage.simulate.errors import WRONG, ErrorKind, make_errors
from linkage.simulate.randomness import Ints, Mask

FIRST, REPAIRED, DAMAGED = range(3)
MORE_ERRORS = 5  # times as many that contradict the registry when a dose is typed anew


@dataclass(frozen=True)
class Typist:
    """Types doses; what it types of a dose depends on the dose and the version alone."""

    source: Source
    errors: tuple[ErrorKind, ...]
    texts: Wordings
    changed: Counter[str] = field(default_factory=Counter)  # doses by kind of error, of those typed by ``first``

    def first(self, rows: Rows) -> pa.Table:
        """Doses as they come in first, with the columns of dose_table.SIMULATED."""
        claims = faithful_claims(self.source, rows)
        self.changed.update(make_errors(claims, self.errors))
        return dose_tile(claims, self.source.doses, rows, self.texts)

    def versions(self, rows: Rows, versions: Ints) -> pa.Table:
        """Each dose in the version given for it."""
        made, order = [], []
        for version in range(3):
            at = np.flatnonzero(versions == version)
            made.append(self._version(rows[at], version))
            order.append(at)
        return pa.concat_tables(made).take(pa.array(np.argsort(np.concatenate(order))))

    def _version(self, rows: Rows, version: int) -> pa.Table:
        claims = faithful_claims(self.source, rows)
        if version == FIRST:
            make_errors(claims, self.errors)
        elif version == DAMAGED:
            own = claims.dose_keys, claims.subject_keys
            claims.dose_keys = claims.subject_keys = self.source.chance.keys("typed anew", rows)
            make_errors(claims, _more(self.errors))
            claims.dose_keys, claims.subject_keys = own
        return dose_tile(claims, self.source.doses, rows, self.texts)


def _more(table: tuple[ErrorKind, ...]) -> tuple[ErrorKind, ...]:
    return tuple(replace(row, share=row.share * MORE_ERRORS) if row.effect == WRONG else row for row in table)


def differing(one: pa.Table, other: pa.Table) -> Mask:
    """Which doses differ in anything typed."""
    differs = np.zeros(one.num_rows, bool)
    for name in SIMULATED.names:
        here, there = (pc.fill_null(table[name], "") for table in (one, other))
        differs |= pc.not_equal(here, there).to_numpy()
    return differs
