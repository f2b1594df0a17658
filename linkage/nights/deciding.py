"""Decides again what a night touches, and nothing else: the rows of these claims are those of a run on all doses.

What is decided of a claim by itself is a function of the claim, its candidates and the model. What other doses say is
added once, see linkage.deciding.dose_evidence: claims of the same subject, and those decided by themselves for one of
its candidates. So a change reaches:

1. the compared claims with a dose more, or fewer, or another one, those that changes of the registry touch, see
   linkage.nights.touched, and those of whose verdicts something else became (T);
2. claims of their subjects, and those with a kept candidate whom one of T is decided for by itself, before or after:
   what is decided of these in the end may be another thing (A);
3. claims decided in the end for a person whom one of A is decided for, or reviewed with that person as the best
   candidate, before or after: conflicts between the doses of a person are rows of theirs (B, with A).

To decide B takes the claims of their subjects and those decided by themselves for their candidates. All these claims
are linked as one batch; where it shows that others are needed, they are taken in, until none are. The state may name
too many claims, never too few; of those of B it is looked up who stands there now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.deciding.decide import EXCLUDED, MATCHED, NO_RIVALS, REVIEW, VERIFIED, Decided
from linkage.deciding.dose_evidence import decided_people
from linkage.machine.stage_clock import Clock
from linkage.night.deciding import decide_verified, verify
from linkage.night.stages import Work, decide_doses
from linkage.nights.reading import read_versions
from linkage.nights.touched import NOTHING, Touched
from linkage.nights.verdicts import VerdictChanges, doses_after, in_force
from linkage.nights.versions import DoseChanges
from linkage.published.decided import DecidedClaims, DecidedDoses, ReadDoses
from linkage.registry.index import Index
from linkage.state.folder import State
from linkage.state.rows import claims_of_persons, claims_of_subjects, rows_in_force
from linkage.state.tables import BEST, BY_ITSELF, CANDIDATE, DECIDED_CLAIMS
from linkage.training.model_file import Model

Keys = NDArray[np.uint64]
_HAS_BEST = (VERIFIED, MATCHED, REVIEW)  # statuses with a person to speak of


@dataclass(frozen=True)
class Night:
    """What a night decides with, and what it is about."""

    state: State
    changes: DoseChanges
    verdicts: VerdictChanges
    index: Index
    model: Model
    work: Work
    persons: pa.Array  # ids of who is changed, new or gone in the registry
    touched: Touched = NOTHING
    has_other_model: bool = False  # than the night before

    @property
    def claims(self) -> Keys:
        """The compared claims that have a dose more, or fewer, or another one, those that the registry touches, and
        those of whose verdicts something else became."""
        return _distinct(self.changes.claims, self.touched.claims, self.verdicts.claims)

    @property
    def subjects(self) -> Keys:
        """The subjects of these claims' doses, before and after, but for those of verdicts."""
        return np.union1d(self.changes.subjects, self.touched.subjects)


@dataclass(frozen=True)
class Batch:
    """Claims decided as one batch.

    versions : the doses, rows of the state's doses in the order of dose_id
    taken : bool[n_claims], whose rows are those of a run on everything; the others were needed to decide these
    """

    versions: pa.Table
    read: ReadDoses
    claims: DecidedClaims
    by_itself: Decided
    index: Index
    taken: NDArray[np.bool_]

    @property
    def keys(self) -> Keys:
        """Of the claims, ascending."""
        return self.read.claims.keys

    def at(self, keys: Keys) -> NDArray[np.int64]:
        """The places of those of some claims that are here."""
        place = np.minimum(np.searchsorted(self.keys, keys), max(0, self.keys.size - 1))
        return place[self.keys[place] == keys] if self.keys.size else np.zeros(0, np.int64)

    def persons(self, rows: NDArray[np.int32]) -> Keys:
        """Keys of persons by their rows, 0 for a row of -1."""
        found = np.zeros(rows.size, np.uint64)
        is_there = rows >= 0
        found[is_there] = self.index.person_keys[rows[is_there].astype(np.int64)]
        return found

    def decided_by_itself(self, at: NDArray[np.int64]) -> Keys:
        """Whom some claims are decided for by themselves, 0 for nobody."""
        return self.persons(decided_people(self.by_itself)[at])

    def best(self, at: NDArray[np.int64]) -> Keys:
        """The best candidates of some claims that are decided or under review, 0 for none."""
        decided = self.claims.decided
        return self.persons(np.where(np.isin(decided.status[at], _HAS_BEST), decided.best.rows[at], np.int32(-1)))

    def subjects(self, at: NDArray[np.int64]) -> Keys:
        """The subjects of the doses of some claims: distinct, without 0."""
        is_one = np.zeros(self.keys.size, np.bool_)
        is_one[at] = True
        found = np.unique(self.read.doses.subject_ids[is_one[self.read.claims.of_dose]])
        return np.asarray(found[found > 0])

    def candidates(self, at: NDArray[np.int64]) -> Keys:
        """The kept candidates of some claims."""
        place = self.claims.decided.place[at]
        rows = self.claims.decided.ranked.rows[place[place != NO_RIVALS]].reshape(-1)
        return self.persons(rows[rows >= 0])

    def doses(self, clock: Clock) -> DecidedDoses:
        """Decisions of the doses of the claims taken; those of others mean nothing."""
        decided = self.claims.decided
        # Whoever is decided for a person of the claims taken is taken too.
        only_taken = replace(decided, status=np.where(self.taken, decided.status, np.uint8(EXCLUDED)))
        return decide_doses(self.read, only_taken, self.index, clock)


def decide_again(night: Night) -> Batch | None:
    """Decide what the night touches; None where that is nothing. Returns the batch, whose claims taken are B."""
    if not (night.changes.rows.num_rows or night.touched.claims.size or night.verdicts.claims.size):
        return None
    asked = np.union1d(night.claims, claims_of_subjects(night.state, night.subjects))
    versions = doses_after(night.state, night.changes, asked)
    while True:
        batch = _decided(night, versions, asked)
        taken, context = _needed(night, batch)
        missing = np.setdiff1d(np.union1d(taken, context), asked)
        if not missing.size:
            return replace(batch, taken=np.isin(batch.keys, taken))
        asked = np.union1d(asked, missing)
        versions = pa.concat_tables([versions, doses_after(night.state, night.changes, missing)]).sort_by("dose_id")


def _needed(night: Night, batch: Batch) -> tuple[Keys, Keys]:
    """The claims whose rows may differ, and those that are needed to decide them, as far as a batch shows."""
    state, changes = night.state, night.changes
    touched = night.claims
    # Of changed doses the subjects before and after, and all others of their claims: whether all doses of a claim stand
    # under one subject is asked wherever it is a sibling.
    subjects = np.union1d(night.subjects, batch.subjects(batch.at(touched)))
    before = rows_in_force(state, DECIDED_CLAIMS, touched, columns=["by_itself_person"])
    by_itself = _distinct(before["by_itself_person"].to_numpy(), batch.decided_by_itself(batch.at(touched)))
    again = _distinct(
        touched,
        claims_of_subjects(state, subjects),
        claims_of_persons(state, by_itself, CANDIDATE),
    )
    before = rows_in_force(state, DECIDED_CLAIMS, again, columns=["best"])
    best = _distinct(before["best"].to_numpy(), batch.best(batch.at(again)))
    taken = _distinct(again, _decided_for(state, best))
    at = batch.at(taken)
    subjects = batch.subjects(at)
    candidates = np.unique(batch.candidates(at))
    context = _distinct(
        _arrived_of(changes, subjects),
        claims_of_subjects(state, subjects),
        claims_of_persons(state, candidates, BY_ITSELF),
    )
    return taken, context


def _decided_for(state: State, persons: Keys) -> Keys:
    """Claims of which some persons are the best candidate, and none of which they once were: the doses of whom it is
    of now, which its own may conflict with, would not be here."""
    found = claims_of_persons(state, persons, BEST)
    stand = rows_in_force(state, DECIDED_CLAIMS, found, columns=["best"])
    return np.asarray(stand["claim"].to_numpy()[np.isin(stand["best"].to_numpy(), persons)])


def _arrived_of(changes: DoseChanges, subjects: Keys) -> Keys:
    """Claims with a new row that some subjects make now."""
    arrived = changes.after
    return np.asarray(arrived["claim"].to_numpy()[np.isin(arrived["subject"].to_numpy(), subjects)])


def _distinct(*keys: Keys) -> Keys:
    """All of some keys, each once; 0 is none."""
    found = np.unique(np.concatenate([part.astype(np.uint64, copy=False) for part in keys]))
    return found[found > 0]


def _decided(night: Night, versions: pa.Table, keys: Keys) -> Batch:
    """Decide some claims with all their doses in force, the versions, as one batch."""
    with night.work.clock.stage("encode"):
        read = read_versions(versions, night.index, night.work, in_force(night.verdicts.known, keys))
    return batch_of(night, versions, read)


def batch_of(night: Night, versions: pa.Table, read: ReadDoses) -> Batch:
    """Decide the claims of some doses, none of which is taken yet; read: these doses, with the verdicts on them."""
    work, index = night.work, night.index
    verified, model = verify(read, index, night.model, work.n_threads, work.clock)
    claims, by_itself = decide_verified(read, verified, index, model, work.n_threads, work.scratch, work.clock)
    return Batch(versions, read, claims, by_itself, index, np.zeros(read.claims.keys.size, np.bool_))
