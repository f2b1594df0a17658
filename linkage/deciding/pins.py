"""Verdicts in force: what officers decided of claims, which takes the place of what the model would decide.

A claim that somebody is stated for is decided for that person with the probability that the model gives it, and stands
before all others among its candidates. For other claims it counts as decided with certainty: what officers decided is
evidence as what exact agreement decides is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.deciding.decide import EXCLUDED, MATCHED, NO_RIVALS, REVIEW, UNMATCHED, Decided
from linkage.registry.index import Index
from linkage.scoring.batch import Batch
from linkage.scoring.given_pairs import weigh_given
from linkage.scoring.ranking import Ranked, Ranking
from models.parameters import Parameters

NOT_PINNED = 255  # no status: the model decides

STATUS_OF_WORD = {
    "person": MATCHED,
    "nobody": UNMATCHED,
    "foreigner": EXCLUDED,
    "field_check": REVIEW,
    "registry_wrong": REVIEW,
}


@dataclass(frozen=True)
class VerdictsInForce:
    """What is known of some claims, by key; ascending.

    claims : uint64[n]
    status : uint8[n], what a verdict decides, NOT_PINNED where none is in force
    is_officers : bool[n], whether an officer decided so; verdicts that contradict each other leave a claim to review
    person_ids : string[n], of those matched, else null
    told : list<string>[n], every verdict on the claim and what became of it
    """

    claims: NDArray[np.uint64]
    status: NDArray[np.uint8]
    is_officers: NDArray[np.bool_]
    person_ids: pa.Array
    told: pa.Array

    @classmethod
    def none(cls) -> VerdictsInForce:
        """Nobody has said anything."""
        told = pa.array([], pa.list_(pa.string()))
        empty = np.zeros(0, np.uint8)
        return cls(empty.astype(np.uint64), empty, empty.astype(np.bool_), pa.array([], pa.string()), told)

    def digest(self) -> str:
        """A hash of all of it."""
        text = repr([column.tolist() for column in (self.claims, self.status, self.is_officers)])
        return hashlib.sha256(f"{text}{self.person_ids.to_pylist()}{self.told.to_pylist()}".encode()).hexdigest()


@dataclass(frozen=True)
class Pins:
    """The same of all claims of a batch: status, is_officers, told as of `VerdictsInForce`; rows: int32[n_claims], the
    person of those matched, -1 for the others."""

    status: NDArray[np.uint8]
    is_officers: NDArray[np.bool_]
    rows: NDArray[np.int32]
    told: pa.Array

    @classmethod
    def of(cls, verdicts: VerdictsInForce, claims: NDArray[np.uint64], index: Index) -> Pins:
        """Of claims by their keys, ascending. A person who is not in the index pins nothing."""
        n = claims.size
        found = pc.index_in(pa.array(claims), pa.array(verdicts.claims))
        place = found.fill_null(0).to_numpy()
        is_there = found.is_valid().to_numpy(zero_copy_only=False)
        status, is_officers = np.full(n, NOT_PINNED, np.uint8), np.zeros(n, np.bool_)
        status[is_there] = verdicts.status[place[is_there]]
        is_officers[is_there] = verdicts.is_officers[place[is_there]]
        rows = np.full(n, -1, np.int32)
        matched = np.flatnonzero(status == MATCHED)
        if matched.size:
            rows[matched] = index.rows_of(verdicts.person_ids.take(pa.array(place[matched])))
        status[(status == MATCHED) & (rows < 0)] = NOT_PINNED
        nothing = pa.array([[]], verdicts.told.type)  # to take it is many times quicker than to fill nulls with it
        told = pa.concat_arrays([verdicts.told, nothing]).take(found.fill_null(len(verdicts.told)))
        return cls(status, is_officers, rows, told)

    @property
    def are_set(self) -> NDArray[np.bool_]:
        """Which claims are decided by a verdict: bool[n_claims]."""
        return np.asarray(self.status != NOT_PINNED)

    def leave(self, agreed: NDArray[np.bool_], rows: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Of claims that agree exactly with a person those that stay verified: no verdict says otherwise."""
        return np.asarray(agreed & (~self.are_set | (self.rows == rows)))

    def exclude(self, excluded: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which claims are not compared, of those that would not be by rule: bool[n_claims]."""
        return np.where(self.are_set, self.status == EXCLUDED, excluded)

    def put_first(
        self,
        linked: Ranking,
        batch: Batch,
        index: Index,
        parameters: Parameters,
        n_threads: int,
        scratch: Path | None,
        *,
        is_summed: bool,
    ) -> None:
        """Let the persons stated stand first among the candidates of the linked claims, which are changed.

        is_summed : whether they are in the sums of all candidates already, though others have displaced them
        """
        at = np.flatnonzero(self.rows[linked.claims] >= 0)
        if not at.size:
            return
        claims = linked.claims[at]
        lists, rows = linked.candidates.at(at), self.rows[claims]
        n_kept = lists.rows.shape[1]
        is_it = lists.rows == rows[:, None]
        first = np.where(is_it.any(axis=1), is_it.argmax(axis=1), n_kept)
        new = np.flatnonzero(first == n_kept)
        wider = lists.wider(n_kept + 1)
        if new.size:
            no_pass = np.zeros(new.size, np.uint16)
            added = weigh_given(batch, claims[new], rows[new], no_pass, index, parameters, n_threads, scratch)
            for name in ("rows", "weights", "passes", "codes", "ratios"):
                getattr(wider, name)[new, n_kept] = getattr(added, name)[:, 0]
            if not is_summed:
                wider.sums[new] += np.exp2(added.weights[:, 0])
        order = np.argsort(np.arange(n_kept + 1)[None, :] != first[:, None], axis=1, kind="stable")[:, :n_kept]
        ordered = {
            name: np.take_along_axis(getattr(wider, name), order, axis=1)
            for name in ("rows", "weights", "passes", "codes", "ratios")
        }
        sums = np.maximum(wider.sums, np.exp2(ordered["weights"]).sum(axis=1))
        linked.candidates.put(at, Ranked(**ordered, sums=sums, outside=wider.outside))

    def doubtful(self, linked: NDArray[np.int64], doubtful: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which linked claims are not the model's to match; doubtful: those that the plan leaves to a person."""
        return doubtful | self.are_set[linked]

    def entered(self, decided: Decided) -> Decided:
        """Decisions with the verdicts in the place of what the model says. A claim without candidates is nobody's,
        whatever is to be looked up about it."""
        here = np.flatnonzero(self.are_set & (decided.place != NO_RIVALS))
        if not here.size:
            return decided
        here = here[(self.status[here] != REVIEW) | (decided.best.rows[here] >= 0)]
        status = decided.status.copy()
        status[here] = self.status[here]
        return replace(decided, status=status)

    def certain(self, decided: Decided) -> Decided:
        """Decisions with probabilities as if what officers decided were certain."""
        is_person = (self.status == MATCHED) & (decided.status == MATCHED)
        is_nobody = (self.status == UNMATCHED) & (decided.status == UNMATCHED)
        if not (is_person.any() or is_nobody.any()):
            return decided
        return replace(
            decided,
            best_probabilities=np.where(is_person, 1.0, decided.best_probabilities),
            none=np.where(is_nobody, 1.0, decided.none),
        )
