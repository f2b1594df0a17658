"""What comes in during one night, written and noted."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.simulate.claims import Rows
from linkage.simulate.nights import dose_events, files, registry_events, verdicts
from linkage.simulate.nights.journal import Journal
from linkage.simulate.nights.shares import Shares, at_least_one
from linkage.simulate.nights.world import World
from linkage.simulate.randomness import Ints
from linkage.storage.work_folders import make_folder

WITHDRAWN, WITHDRAWN_UNKNOWN = "dose_withdrawn", "dose_withdrawn_unknown"
REPEATS_SHARE = 0.3  # of nights, with a file of an earlier night once more
_REASONS = ("nhập trùng", "nhập nhầm đối tượng", "chưa tiêm")
_UNKNOWN_EVERY = 7  # nights
_ROWS_CUT_OFF = 40
_NO_ROWS: Rows = np.zeros(0, np.intp)


@dataclass
class Arrivals:
    """Night after night into ``folder``/{date}/; each stands on those before.

    starts : first dose of each night, and their number
    """

    world: World
    starts: Ints
    shares: Shares
    journal: Journal
    folder: Path
    ledger: dose_events.Ledger = field(init=False)
    _repeats: frozenset[int] = field(init=False)
    _bad: Counter[tuple[int, str]] = field(init=False)
    _verdict_kinds: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = dose_events.Ledger.of(self.starts)
        chance, n_nights = self.world.source.chance, len(self.journal.dates)
        rng = chance.stream("which nights")
        n_repeats = at_least_one(REPEATS_SHARE if self.shares.corrections else 0.0, n_nights - 1)
        self._repeats = frozenset((1 + rng.permutation(n_nights - 1)[:n_repeats]).tolist())
        nights = rng.permutation(n_nights)[: at_least_one(self.shares.bad_files, n_nights)].tolist()
        self._bad = Counter(zip(nights, islice(cycle(files.BAD_KINDS), len(nights)), strict=True))
        n_verdicts = sum(self._n_verdicts(night) for night in range(n_nights))
        self._verdict_kinds = verdicts.draw_kinds(rng, n_verdicts)

    def _n_verdicts(self, night: int) -> int:
        n_new = int(self.starts[night + 1] - self.starts[night])
        return at_least_one(self.shares.verdicts, n_new) if night else 0

    def write(self, night: int) -> None:
        """Write the folder of a night and note what it tells of."""
        date = self.journal.dates[night]
        folder = self.folder / date
        make_folder(folder)
        chance = self.world.source.chance
        rng = chance.stream(f"night {night}")
        sent = dose_events.new_doses(self.world.typist, self.ledger, night)
        kept = self._repeat(rng, night, folder) if night in self._repeats else _NO_ROWS
        largest = max(sent, key=lambda file: len(file.doses))
        again = dose_events.corrections(rng, self.world.typist, self.ledger, night, kept, self.shares)
        files.write_doses(folder, date, [*sent, *again], chance)
        for file in (*sent, *again):
            self.journal.wrote(night, file.name, len(file.doses))
            for kind in dict.fromkeys(file.kinds):
                rows = file.doses[np.array(file.kinds) == kind]
                self.journal.happened(night, kind, self.world.dose_ids(rows), file.name)
        self._withdraw(rng, night, folder, kept)
        self._change_registry(night, folder)
        self._decide(rng, night, folder)
        for bad_night, kind in self._bad:
            if bad_night == night:
                name = files.write_bad_file(folder, date, kind, largest.rows.slice(0, _ROWS_CUT_OFF))
                self.journal.happened(night, kind, pa.array([name]), name)
                self.journal.wrote(night, name, 0, files.BAD_KINDS[kind])

    def _repeat(self, rng: np.random.Generator, night: int, folder: Path) -> Rows:
        """A file of an earlier night once more, byte for byte; its doses."""
        found = dose_events.file_to_repeat(rng, self.ledger, night)
        if found is None:
            return _NO_ROWS
        came, name, rows = found
        stem, _, form = name.rpartition(".")
        date = self.journal.dates[came]
        again = f"{stem}_{date}.{form}"
        shutil.copyfile(self.folder / date / name, folder / again)
        self.journal.wrote(night, again, len(rows))
        self.journal.happened(night, dose_events.CAME_AGAIN, self.world.dose_ids(rows), again)
        return rows

    def _withdraw(self, rng: np.random.Generator, night: int, folder: Path, kept: Rows) -> None:
        rows = dose_events.withdrawals(rng, self.ledger, night, kept, self.shares)
        known = self.world.dose_ids(rows)
        # A dose that nobody has sent, as where a station withdraws before it sends.
        last = len(self.journal.dates) - 1
        is_unknown = self.shares.withdrawals > 0 and night % _UNKNOWN_EVERY == min(1, last)
        unknown = self.world.dose_ids(self.starts[-1:] + night) if is_unknown else known.slice(0, 0)
        ids = [*known.to_pylist(), *unknown.to_pylist()]
        if not ids:
            return
        name = "withdrawals.csv"
        reasons = [_REASONS[number] for number in rng.integers(0, len(_REASONS), len(ids))]
        files.write_csv(folder / name, files.WITHDRAWAL_COLUMNS, zip(ids, reasons, strict=True))
        self.journal.wrote(night, name, len(ids))
        self.journal.happened(night, WITHDRAWN, known, name)
        self.journal.happened(night, WITHDRAWN_UNKNOWN, unknown, name)

    def _change_registry(self, night: int, folder: Path) -> None:
        """The whole rows of whom something happened to; those of merged communes in a file of their own."""
        by_kind = {kind: self.world.changes.of(night, kind) for kind in registry_events.KINDS}
        for name, kinds in (
            ("registry_changes.parquet", by_kind),
            ("registry_merged.parquet", {registry_events.MERGED: self.world.changes.recoded(night)}),
        ):
            rows = np.concatenate(list(kinds.values()))
            rows = rows[np.argsort(self.world.numbers[rows])]
            if not len(rows):
                continue
            files.write_parquet(folder / name, self.world.registry_rows(rows, night))
            self.journal.wrote(night, name, len(rows))
            for kind, some in kinds.items():
                self.journal.happened(night, kind, self.world.person_ids(some), name)

    def _decide(self, rng: np.random.Generator, night: int, folder: Path) -> None:
        n = self._n_verdicts(night)
        kinds, self._verdict_kinds = self._verdict_kinds[:n], self._verdict_kinds[n:]
        source, name = self.world.source, "verdicts.csv"
        known, date = self.world.changes.at(night), self.journal.dates[night]
        said = verdicts.verdicts_of_night(rng, source, known, self.ledger, night, date, kinds)
        if not said:
            return
        doses = self.world.dose_ids(np.array([one.dose for one in said]))
        persons = self.world.person_ids(np.array([one.person for one in said]))
        rows = [
            (dose, one.verdict, person or "", one.unit, one.officer, one.decided_at, one.note)
            for dose, person, one in zip(doses.to_pylist(), persons.to_pylist(), said, strict=True)
        ]
        files.write_csv(folder / name, files.VERDICT_COLUMNS, rows)
        self.journal.wrote(night, name, len(said))
        for kind in verdicts.KINDS:
            at = [place for place, one in enumerate(said) if one.kind == kind]
            self.journal.happened(night, kind, doses.take(pa.array(at, pa.int64())), name)
