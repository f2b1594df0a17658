"""What the doses say beside the comparisons: claims of one platform subject, and conflicts of schedule and product.

Claims are decided one by one first; what these decisions say of each other's candidates is added to the weights, once,
and all are decided again. So the result depends on no order. A weight is the sum of that of the pair, the bits of what
undecided claims of the subject state (linkage.deciding.stated_elsewhere), the bits of a decided one (models.sibling)
and the bits of conflicts (linkage.doses.schedule_evidence); verified claims stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.deciding.decide import MATCHED, NO_RIVALS, VERIFIED, Decided
from linkage.deciding.stated_elsewhere import weigh_stated_elsewhere
from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.doses.evidence_rates import EvidenceRates
from linkage.doses.schedule import Injections
from linkage.doses.schedule_evidence import Given, conflicts_with
from linkage.doses.siblings import Siblings, filed_claims, find_siblings
from linkage.machine.parts import parts_of
from linkage.plan.sections import Plan
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, pattern_space
from linkage.scoring.given_pairs import weigh_given
from linkage.scoring.ranking import Ranking
from models.parameters import Parameters
from models.posterior import posterior
from models.sibling import sibling_odds_log2, weight_with_sibling

# Candidates under this probability are not weighed by what could only lower it.
_LEAST_WEIGHED = 1e-6


@dataclass(frozen=True)
class Evidence:
    """Bits by claim and person, ascending by both: claim, row: int32[n]; sibling, of the subject's other claims, and
    schedule: float64[n], 0 for none.

    rates: by which they were weighed.
    """

    claim: NDArray[np.int32]
    row: NDArray[np.int32]
    sibling: NDArray[np.float64]
    schedule: NDArray[np.float64]
    rates: EvidenceRates

    @classmethod
    def joined(cls, siblings: tuple[_Bits, ...], schedule: _Bits, rates: EvidenceRates) -> Evidence:
        """Of both kinds, that of siblings being the sum of some; each has distinct pairs."""
        keys = np.unique(np.concatenate([bits.keys for bits in (*siblings, schedule)]))
        columns = np.zeros((2, keys.size))
        for number, kind in enumerate((siblings, (schedule,))):
            for bits in kind:
                columns[number, np.searchsorted(keys, bits.keys)] += bits.bits
        claim, row = (keys >> np.uint64(32)).astype(np.int32), (keys & np.uint64(0xFFFFFFFF)).astype(np.int32)
        return cls(claim, row, columns[0], columns[1], rates)

    def of_pairs(
        self, claims: NDArray[np.integer[Any]], rows: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The bits of pairs, both float64[n]: sibling, schedule."""
        if self.claim.size == 0:
            return np.zeros(claims.size), np.zeros(claims.size)
        keys, wanted = _keys(self.claim, self.row), _keys(claims, rows)
        place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        is_there = keys[place] == wanted
        return np.where(is_there, self.sibling[place], 0.0), np.where(is_there, self.schedule[place], 0.0)


@dataclass(frozen=True)
class _Bits:
    """Bits of pairs: keys: uint64[n], see `_keys`, bits: float64[n]."""

    keys: NDArray[np.uint64]
    bits: NDArray[np.float64]


def _keys(claims: NDArray[np.integer[Any]], rows: NDArray[np.integer[Any]]) -> NDArray[np.uint64]:
    """Claim and registry row as one number."""
    return claims.astype(np.uint64) << np.uint64(32) | rows.astype(np.uint64)


def sibling_pass(plan: Plan) -> np.uint16:
    """The bit of the pass that a decided sibling is, behind those of the plan."""
    return np.uint16(1 << len(plan.passes))


def weigh_doses(
    base: Decided,
    linked: Ranking,
    doses: Doses,
    claims: Claims,
    batch: Batch,
    index: Index,
    parameters: Parameters,
    rates: EvidenceRates,
    n_threads: int,
    scratch: Path | None,
) -> Evidence:
    """Weigh the candidates of the linked claims, whose ranking is changed, by what ``base`` decides of the others."""
    person = decided_people(base)
    filed = filed_claims(doses.subject_ids, claims.of_dose, person.size)
    found = find_siblings(filed, person, np.minimum(base.best_probabilities, 1.0))
    reliability = rates.siblings.reliability()
    beside = base, filed, linked, batch, index, parameters, reliability, _LEAST_WEIGHED, n_threads, scratch
    claim, row, bits = weigh_stated_elsewhere(*beside)
    stated = _Bits(_keys(claim, row), bits)
    sibling = _weigh_siblings(base, found, linked, batch, index, parameters, reliability, n_threads, scratch)
    given = Given.of(person[claims.of_dose], claims.of_dose, doses.injections)
    schedule = _weigh_schedule(linked, given, doses.injections, claims, rates, parameters)
    return Evidence.joined((stated, sibling), schedule, rates)


def decided_people(decided: Decided) -> NDArray[np.int32]:
    """The row that each claim is decided for without a reviewer, -1 for none: int32[n_claims]."""
    is_decided = (decided.status == VERIFIED) | (decided.status == MATCHED)
    return np.where(is_decided, decided.best.rows, np.int32(-1))


def _weigh_siblings(
    base: Decided,
    found: Siblings,
    linked: Ranking,
    batch: Batch,
    index: Index,
    parameters: Parameters,
    reliability: NDArray[np.float64],
    n_threads: int,
    scratch: Path | None,
) -> _Bits:
    """Add the bits of decided siblings; their person becomes a candidate of claims that had no such candidate."""
    is_linked = base.place[found.claim] != NO_RIVALS
    claim, row = found.claim[is_linked], found.person[is_linked]
    place = base.place[claim]
    ranked = linked.candidates
    is_candidate = ranked.rows[place] == row[:, None]
    column, is_known = is_candidate.argmax(axis=1), is_candidate.any(axis=1)
    weight, code, ratio = (values[place, column] for values in (ranked.weights, ranked.codes, ranked.ratios))
    new = np.flatnonzero(~is_known)
    no_pass = np.zeros(new.size, np.uint16)
    added = weigh_given(batch, claim[new].astype(np.int64), row[new], no_pass, index, parameters, n_threads, scratch)
    weight[new], code[new], ratio[new] = added.weights[:, 0], added.codes[:, 0], added.ratios[:, 0]
    of_claim, of_source = map(pattern_space(index.plan).levels_of, (code, base.best.codes[found.source[is_linked]]))
    files = reliability[found.size[is_linked]], found.chance[is_linked]
    odds = sibling_odds_log2(of_claim, of_source, *files, parameters)
    own = np.where(is_known, np.exp2(weight), 0.0)
    others = np.maximum(0.0, ranked.sums[place] - own)
    raised = weight_with_sibling(weight, others, ranked.outside[place], odds, parameters)
    gains = np.flatnonzero(raised > weight)
    n_kept = ranked.rows.shape[1]
    wider = ranked.at(place[gains]).wider(n_kept + 1)
    n = np.arange(gains.size)
    at = n, np.where(is_known[gains], column[gains], n_kept)
    wider.rows[at], wider.weights[at], wider.codes[at] = row[gains], raised[gains], code[gains]
    wider.ratios[at] = ratio[gains]
    wider.passes[at] |= sibling_pass(index.plan)
    wider.sums[:] += np.exp2(raised[gains]) - own[gains]
    ranked.put(place[gains], wider.reordered(n_kept))
    return _Bits(_keys(claim[gains], row[gains]), raised[gains] - weight[gains])


def _weigh_schedule(
    linked: Ranking,
    given: Given,
    injections: Injections,
    claims: Claims,
    rates: EvidenceRates,
    parameters: Parameters,
) -> _Bits:
    """Add the bits of conflicts between a claim's doses and those that other claims give a candidate: the worst of the
    claim's doses counts, for they are not independent."""
    by_conflicts = rates.schedule.weights()
    doses = np.argsort(claims.of_dose, kind="stable").astype(np.int32)
    first = np.searchsorted(claims.of_dose[doses], np.arange(claims.keys.size + 1))
    keys, bits = [np.empty(0, np.uint64)], [np.empty(0)]
    ranked = linked.candidates
    for part in parts_of(linked.claims.size):
        rows, owners = ranked.rows[part], linked.claims[part]
        of_claims = ranked.weights[part], ranked.sums[part], ranked.outside[part]
        chances = posterior(*of_claims, parameters).candidates
        place, column = np.nonzero((chances >= _LEAST_WEIGHED) & (rows >= 0) & np.isin(rows, given.person))
        n_doses = np.diff(first)[owners[place]]
        pair = np.repeat(np.arange(place.size), n_doses)
        start = np.cumsum(n_doses) - n_doses
        dose = doses[np.arange(pair.size) + np.repeat(first[owners[place]] - start, n_doses)]
        owner = owners[place][pair].astype(np.int32)
        conflicts = conflicts_with(rows[place, column][pair], owner, injections[dose], given)
        against = np.minimum.reduceat(by_conflicts[conflicts], start) if start.size else np.empty(0)
        is_against = against < 0
        place, column, against = place[is_against], column[is_against], against[is_against]
        if place.size == 0:
            continue
        keys.append(_keys(owners[place], rows[place, column]))
        bits.append(against)
        touched, number = np.unique(place, return_inverse=True)
        lists = ranked.at(part.start + touched)
        before = np.exp2(lists.weights).sum(axis=1)
        lists.weights[number, column] += against
        lists.sums[:] += np.exp2(lists.weights).sum(axis=1) - before
        ranked.put(part.start + touched, lists.reordered(rows.shape[1]))
    return _Bits(np.concatenate(keys), np.concatenate(bits))
