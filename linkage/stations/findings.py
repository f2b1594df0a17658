"""What is found of a station: which error, in how many of its doses, how sure, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.stations.cells import Cells
from linkage.wording.counted import counted
from models.outlying import OrdinaryRate, ordinary_rate

COLUMNS_MIXED_UP, ONE_VALUE, FILLED_DOWN, SEX_INVERTED, DAY_MONTH_SWAPPED = (
    "columns_mixed_up",
    "one_value",
    "filled_down",
    "sex_inverted",
    "day_month_swapped",
)

# A finding is told from this posterior on: of those told, one in a hundred at most is expected to be chance.
TOLD_FROM = 0.99
# Fewer doses say too little of a station, and what goes wrong in fewer of them than a tenth is no habit.
LEAST_TRIALS, LEAST_RATE = 10, 0.1
# All doses of a station are read otherwise where the error is beyond doubt and at least four in five of its doses are
# expected to have it, (k + 1) / (n + 2) after k of n (Laplace): four are set right for one that is set wrong, and more
# by far as a rule, for a habit is in nearly all doses. The one is evidence against its person still, not lost.
READ_FROM, CLEAR_SHARE = 0.999, 0.8
NOTES_SHOWN = 10


@dataclass(frozen=True)
class Finding:
    """A systematic error of a facility, or of a whole file.

    question: one of the names above; fields: columns of the doses it is about; file: None where a facility is meant,
    in whatever file; facility: None for a whole file.
    hits: of ``trials`` doses (pairs of neighbouring doses, people) that could show the error those that do;
    ordinary_rate: their share at ordinary stations; probability: that the station is unlike the others; n_read: doses
    that were read otherwise for it, 0 where no reading is clear.
    """

    question: str
    fields: tuple[str, ...]
    file: str | None
    facility: str | None
    hits: int
    trials: int
    ordinary_rate: float
    probability: float
    n_read: int = 0


@dataclass(frozen=True)
class Judged:
    """A finding with the cells it is about, bool[n_cells], and whether it is clear enough to read them otherwise."""

    finding: Finding
    cells: NDArray[np.bool_]
    is_clear: bool


def judge(
    question: str,
    fields: tuple[str, ...],
    hits: NDArray[np.int64],
    trials: NDArray[np.int64],
    cells: Cells,
    usual: OrdinaryRate | None = None,
    least_rate: float = LEAST_RATE,
) -> list[Judged]:
    """Whole files in which the error is clear, and facilities beyond these, whose rate of hits is unlike the others'.

    Doses without a facility code are of many stations, or of one, who knows: they are judged neither by themselves nor
    with their file.

    Parameters
    ----------
    hits, trials : int64[n_cells]
    usual : the rates of ordinary stations; None learns them from these
    least_rate : what goes wrong in a smaller share of a station's doses is no habit
    """
    is_open = cells.is_coded.copy()
    hits, trials = hits * is_open, trials * is_open
    if not hits.any():
        return []
    usual = usual or ordinary_rate(hits, trials)
    found = []
    for file, k, n, probability in _outlying(cells.file, hits, trials, usual, least_rate):
        members = (cells.file == file) & cells.is_coded
        # A file of one facility is better called by that facility.
        if members.sum() > 1 and is_clear_share(k, n, probability):
            finding = Finding(question, fields, cells.files[file], None, k, n, usual.mean, probability)
            found.append(Judged(finding, members, True))
            is_open &= ~members
    for facility, k, n, probability in _outlying(cells.facility, hits * is_open, trials * is_open, usual, least_rate):
        finding = Finding(question, fields, None, cells.facilities[facility], k, n, usual.mean, probability)
        members = (cells.facility == facility) & is_open
        found.append(Judged(finding, members, is_clear_share(k, n, probability)))
    return found


def is_clear_share(hits: int, trials: int, probability: float) -> bool:
    """Whether nearly all doses of a station have the error."""
    return probability >= READ_FROM and (hits + 1) / (trials + 2) >= CLEAR_SHARE


def _outlying(
    unit_of_cell: NDArray[np.int32],
    hits: NDArray[np.int64],
    trials: NDArray[np.int64],
    usual: OrdinaryRate,
    least_rate: float,
) -> Iterable[tuple[int, int, int, float]]:
    """(unit, hits, trials, probability) of the units that are told."""
    k, n = (np.bincount(unit_of_cell, counts).astype(np.int64) for counts in (hits, trials))
    told = np.flatnonzero((n >= LEAST_TRIALS) & (k >= least_rate * n))
    probabilities = usual.outlying(k[told], n[told])
    for unit, probability in zip(told.tolist(), probabilities.tolist(), strict=True):
        if probability >= TOLD_FROM:
            yield unit, int(k[unit]), int(n[unit]), probability


_SHOWN = {
    COLUMNS_MIXED_UP: "columns are mixed up ({fields}) in {hits:,} of {trials:,} doses looked at",
    ONE_VALUE: "{fields} is shared by more people than a household has, for {hits:,} of {trials:,} people",
    FILLED_DOWN: "{fields} is that of the person in a row beside, not of the row's, in {hits:,} of {trials:,} rows",
    SEX_INVERTED: "{fields} is not the registry's in {hits:,} of {trials:,} doses whose person is known",
    DAY_MONTH_SWAPPED: "{fields} has day and month swapped in {hits:,} of {trials:,} doses whose person is known",
}
_READ = {
    COLUMNS_MIXED_UP: "read in the right columns",
    ONE_VALUE: "read as not stated there",
    SEX_INVERTED: "read the other way round",
    DAY_MONTH_SWAPPED: "read with day and month exchanged",
}


def where(finding: Finding) -> str:
    """The station or file in words."""
    return f"facility {finding.facility}" if finding.file is None else f"file {finding.file}"


def what(finding: Finding) -> str:
    """The error in words, with its counts."""
    fields = " and ".join(finding.fields)
    if finding.question == COLUMNS_MIXED_UP:
        places = (*finding.fields[1:], finding.fields[0])
        fields = ", ".join(f"{name} in {place}" for name, place in zip(finding.fields, places, strict=True))
    return _SHOWN[finding.question].format(fields=fields, hits=finding.hits, trials=finding.trials)


def reading_of(finding: Finding) -> str:
    """What was done about it, in words."""
    if finding.n_read:
        return f"{counted(finding.n_read, 'dose')} {_READ[finding.question]}"
    return "left as typed"


def station_notes(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """A note for each finding, the ones of most doses first, and one for those that are too many to be told here."""
    ordered = sorted(findings, key=lambda finding: -max(finding.n_read, finding.hits))
    notes = [
        f"{where(finding)}: {what(finding)} (usual {finding.ordinary_rate:.2%}; probability of a systematic error "
        f"{finding.probability:.4f}); {reading_of(finding)}; have the station mend its export"
        for finding in ordered[:NOTES_SHOWN]
    ]
    if len(ordered) > NOTES_SHOWN:
        notes.append(
            f"{len(ordered) - NOTES_SHOWN:,} more systematic errors of stations; see 'stations' in manifest.json"
        )
    return tuple(notes)
