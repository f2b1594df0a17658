"""What becomes of doses: they come in, are typed again, come again in the same file, are withdrawn."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from linkage.simulate.claims import Rows
from linkage.simulate.doses import LEVELS
from linkage.simulate.nights.files import CSV, PARQUET, WORKBOOK, Sent
from linkage.simulate.nights.shares import Shares, at_least_one
from linkage.simulate.nights.typed import DAMAGED, REPAIRED, Typist, differing
from linkage.simulate.randomness import Ints, Mask

NEW, CAME_AGAIN = "dose_new", "dose_repeated"
KINDS_OF_CORRECTION = {REPAIRED: "dose_repaired", DAMAGED: "dose_damaged"}
SAME_NIGHT_SHARE = 0.1  # of corrections, of a dose that came the same night
REPAIRED_SHARE = 0.7  # of the others; the rest are typed anew, with new errors
CORRECTED = (
    "doses_corrected.parquet"  # comes last of its kind by name, so that what it says of a dose of tonight is later
)
CORRECTED_LIST = "corrected.csv"
_FORMS = {"commune": PARQUET, "district": CSV, "province": WORKBOOK, "central": WORKBOOK}
_LISTS_EVERY = 3  # communes, one whose district station sends lists instead of keying into the platform
_FEW_COMMUNES = 20  # of which each has a list of its own


@dataclass
class Ledger:
    """What has come in so far; arrays of shape (doses,)."""

    version: Ints  # in force, of ``typed``
    night: Ints  # in which it came
    faulty: Mask  # typed first with an error
    withdrawn: Mask
    reviewed: Ints  # 0 by nobody, else of ``verdicts``
    touched: Mask  # corrected or withdrawn
    files: list[tuple[int, str, Rows]] = field(default_factory=list)  # of new doses: night, name, doses

    @classmethod
    def of(cls, starts: Ints) -> Ledger:
        """Nothing; ``starts``: first dose of each night, and their number."""
        n = int(starts[-1])
        nights = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        return cls(np.zeros(n, np.int64), nights, np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, np.int64),
                   np.zeros(n, bool))  # fmt: skip


def new_doses(typist: Typist, ledger: Ledger, night: int) -> list[Sent]:
    """Files with the new doses of a night: the platform's by district, lists of stations, workbooks of provinces."""
    rows = np.flatnonzero(ledger.night == night)
    first = typist.first(rows)
    ledger.faulty[rows] = differing(first, typist.versions(rows, np.full(len(rows), REPAIRED)))
    communes, doses = typist.source.communes, typist.source.doses
    where, levels = doses.communes[rows], doses.levels[rows]
    each = communes.codes if len(communes) <= _FEW_COMMUNES else communes.district_codes
    senders = {
        PARQUET: [f"doses_{code}" for code in communes.district_codes],
        CSV: [f"station_{code}" for code in each],
        WORKBOOK: [f"province_{code}" for code in communes.province_codes],
    }
    form = np.array([list(senders).index(_FORMS[level]) for level in LEVELS])[levels]
    form[(form == list(senders).index(CSV)) & (where % _LISTS_EVERY > 0)] = list(senders).index(PARQUET)
    sent = []
    for number, (ending, names) in enumerate(senders.items()):
        of_form = np.flatnonzero(form == number)
        sender = np.array(names)[where[of_form]]
        for name in np.unique(sender):
            at = of_form[sender == name]
            sent.append(Sent(f"{name}.{ending}", rows[at], first.take(pa.array(at)), [NEW] * len(at)))
    ledger.files += [(night, file.name, file.doses) for file in sent]
    return sent


def file_to_repeat(rng: np.random.Generator, ledger: Ledger, night: int) -> tuple[int, str, Rows] | None:
    """Night, name and doses of an earlier file of which no dose was corrected or withdrawn since."""
    able = [file for file in ledger.files if file[0] < night and not ledger.touched[file[2]].any()]
    return able[int(rng.integers(len(able)))] if able else None


def corrections(
    rng: np.random.Generator, typist: Typist, ledger: Ledger, night: int, kept: Rows, shares: Shares
) -> list[Sent]:
    """Files with doses that come again with other content, which from then on is in force.

    kept : doses that stay as they are this night
    """
    tonight = ledger.night == night
    n = at_least_one(shares.corrections, int(tonight.sum()))
    if not n:
        return []
    free = (ledger.night <= night) & ~ledger.withdrawn
    free[kept] = False
    # Of the doses of tonight those that came in another file of the same kind.
    free &= ~tonight | (typist.source.doses.levels == LEVELS.index("commune"))
    n_tonight = n if night == 0 else at_least_one(SAME_NIGHT_SHARE, n)
    chosen, versions = [], []
    # A dose that a verdict was given on is corrected every night, if there is one.
    for among, count in ((tonight, n_tonight), (ledger.reviewed > 0, 1), (~tonight, max(0, n - n_tonight - 1))):
        n_repaired = round(REPAIRED_SHARE * count) if count > 1 else int(count and rng.random() < REPAIRED_SHARE)
        for version in (REPAIRED, DAMAGED):
            able = free & among & (ledger.version != version)
            able &= (ledger.faulty | (ledger.version == DAMAGED)) if version == REPAIRED else True
            wanted = n_repaired if version == REPAIRED else count - n_repaired
            rows = np.flatnonzero(able)
            some = rng.choice(rows, min(wanted, len(rows)), replace=False)
            free[some] = False
            chosen.append(some)
            versions.append(np.full(len(some), version))
    return _typed_again(typist, ledger, night, np.concatenate(chosen), np.concatenate(versions))


def _typed_again(typist: Typist, ledger: Ledger, night: int, rows: Rows, versions: Ints) -> list[Sent]:
    rows, versions = (values[np.argsort(rows)] for values in (rows, versions))
    again = typist.versions(rows, versions)
    # Typing anew may happen to give the same.
    other = np.flatnonzero(differing(again, typist.versions(rows, ledger.version[rows])))
    rows, versions, again = rows[other], versions[other], again.take(pa.array(other))
    ledger.version[rows], ledger.touched[rows] = versions, True
    in_list = (ledger.night[rows] < night) & (np.arange(len(rows)) % 2 == 0)
    sent = []
    for name, at in ((CORRECTED, np.flatnonzero(~in_list)), (CORRECTED_LIST, np.flatnonzero(in_list))):
        if len(at):
            kinds = [KINDS_OF_CORRECTION[int(version)] for version in versions[at]]
            sent.append(Sent(name, rows[at], again.take(pa.array(at)), kinds, is_later=True))
    return sent


def withdrawals(rng: np.random.Generator, ledger: Ledger, night: int, kept: Rows, shares: Shares) -> Rows:
    """Doses of earlier nights that are withdrawn from then on."""
    able = (ledger.night < night) & ~ledger.withdrawn
    able[kept] = False
    rows = np.flatnonzero(able)
    n = min(len(rows), at_least_one(shares.withdrawals, int((ledger.night == night).sum())))
    chosen: Rows = np.sort(rng.choice(rows, n, replace=False))
    ledger.withdrawn[chosen] = ledger.touched[chosen] = True
    return chosen
