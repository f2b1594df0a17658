"""Trains a model on a batch: u from random pairs, the rest by EM over the candidates of a sample of its claims."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.plan.sections import Plan
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, take
from linkage.scoring.number_levels import number_comparison, said_of_number
from linkage.scoring.scorer import Scorer
from linkage.scoring.tiles import run_tiles
from linkage.training.blocking_recall import FEWEST_SURE, SURE, missed_by_passes
from linkage.training.drift import Shares, Tables, describe_best, describe_tables
from linkage.training.lookalikes import lookalike_pairs
from linkage.training.non_matches import NonMatches, random_pairs
from linkage.training.registry_pairs import registry_pairs
from linkage.training.sample import NO_VERDICT, SettledClaims, drawn, settled_patterns, training_sample
from models.comparators import digits
from models.estimate import Convergence, estimate_m
from models.estimate_namesakes import NamesakePlan, estimate_namesakes
from models.estimate_outside import outside_by_sort
from models.parameters import NOT_ASKED, STATED, ComparisonParameters, Parameters
from models.posterior import posterior
from models.starting_share import starting_share

SEED = 20210708  # the day the campaign started; any fixed number gives the same model at every run
ROUNDS = 2
N_SORTS = STATED + digits.N_MARKS  # of claims, by what their number says: see _number_sorts

RECALL_RANGE = (0.9, 0.9999)


@dataclass(frozen=True)
class Training:
    """What a model was trained on and how it went; part of the model file.

    registry: content hash of the index; term_frequencies: what its tables were, best_candidates: what the best
    candidates were like, see linkage.training.drift for both; not_identified: parameters that nothing in the sample
    tells.
    """

    registry: str
    term_frequencies: Tables
    n_claims: int
    n_random_pairs: int
    n_candidates: int
    convergence: Convergence
    best_candidates: Shares
    not_identified: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "registry": self.registry,
            "term_frequencies": self.term_frequencies,
            "best_candidates": self.best_candidates,
            "subjects": self.n_claims,
            "random_pairs": self.n_random_pairs,
            "candidates": self.n_candidates,
            "converged": self.convergence.converged,
            "iterations": self.convergence.n_iterations,
            "log2_likelihood": self.convergence.log2_likelihood,
            "not_identified": list(self.not_identified),
            "residual_correlation": self.convergence.residual_correlation.round(4).tolist(),
        }


def starting_parameters(plan: Plan, n_persons: int) -> Parameters:
    """The plan's starting values; u is even over the levels until random pairs are drawn."""
    comparisons = []
    for spec in plan.comparisons:
        m = np.array([1.0, *spec.starting_m])
        household = np.array([1.0, *spec.starting_household])
        u = np.full(m.size, 1.0 / (m.size - 1))
        u[0] = 1.0
        u[1:] = u[1:] if spec.fixed_u is None else spec.fixed_u
        comparisons.append(
            ComparisonParameters(
                spec.name,
                spec.labels,
                m,
                u,
                household,
                spec.shared_levels,
                spec.absent_level,
                twin=None if spec.twin is None else np.array([1.0, *spec.twin]),
                namesake=None if spec.namesake is None else np.array([1.0, *spec.namesake]),
                closer=spec.closer,
                alike=spec.alike,
                fixed=spec.fixed,
            )
        )
    start = plan.training
    return Parameters(
        tuple(comparisons), start.share_in_registry, start.blocking_recall, plan.household_rate, n_persons
    )


def train(
    batch: Batch,
    index: Index,
    n_threads: int,
    verdicts: NDArray[np.int64] | None = None,
    settled: SettledClaims | None = None,
) -> tuple[Parameters, Training]:
    """Parameters of a batch.

    Deterministic: claims must stand in an order that the rows of the input do not change. verdicts:
    int64[n_claims], the registry row that a person has decided on, NOBODY or NO_VERDICT; claims with a verdict
    are all trained on. settled: the claims beside these that exact agreement settled.
    """
    plan, rng = index.plan, np.random.default_rng(SEED)
    parameters = start = starting_parameters(plan, index.n_persons)
    namesakes = _namesake_plan(plan)
    chosen = drawn(rng, batch.n_claims, plan.training.subjects)
    known = np.full(chosen.size, NO_VERDICT) if verdicts is None else verdicts[chosen]
    sample = take(batch, chosen)
    known_matches, n_settled = None, 0.0
    if settled is not None:
        n_settled = settled.rows.size * sample.n_claims / batch.n_claims
        known_matches = settled_patterns(rng, settled, n_settled, index, parameters, n_threads)
    sorts = _number_sorts(sample, plan)
    non_matches = _non_matches(rng, sample, sorts, index, parameters, n_threads)
    rivals, choice = plan.decision.has_rivals, _choice(plan, parameters)
    # Matches and relatives among the random pairs, and which claims are outside the registry, are known only as well as
    # m is: so u, m, and again.
    first = non_matches if plan.training.household_rate is not None else non_matches.without_shared(parameters)
    outside = np.ones(N_SORTS)
    for number in range(ROUNDS):
        parameters = (non_matches if number else first).estimate(parameters, outside, index.n_persons)
        candidates, n_candidates = training_sample(sample, index, parameters, known, known_matches, n_threads)
        if not number and not rivals:
            share = starting_share(parameters, candidates, index.n_persons)
            parameters = replace(parameters, share_in_registry=share)
        parameters, convergence = estimate_m(parameters, candidates, index.n_persons, **choice)
        if namesakes is not None:
            parameters = estimate_namesakes(parameters, start, candidates, namesakes, index.n_persons)
        if rivals:
            outside = outside_by_sort(parameters, candidates, sorts, N_SORTS, index.n_persons)
    best = _best_candidates(Scorer(sample, index, parameters), n_threads)
    is_named = best.names_a_number(plan)
    missed = missed_by_passes(best.passes, best.chances, plan, n_settled) if is_named else None
    if missed is not None:
        recall = _blocking_recall(missed[1] + n_settled, missed[0].count)
        parameters = replace(parameters, blocking_recall=recall)
    parameters = non_matches.estimate(parameters, outside, index.n_persons)
    parameters, convergence = estimate_m(parameters, candidates, index.n_persons, **choice)
    return parameters, Training(
        index.manifest["content"],
        describe_tables(index.frequencies, index.manifest["term_frequencies"]),
        sample.n_claims,
        int(non_matches.random.counts.sum()),
        n_candidates,
        convergence,
        describe_best(best.levels[best.chances > 0], plan),
        _not_identified(share_in_registry=is_named, blocking_recall=missed is not None),
    )


def _choice(plan: Plan, start: Parameters) -> dict[str, Any]:
    """What a plan asks of `estimate_m`; start: the plan's starting values."""
    return {
        "household": plan.household_rate > 0,
        "rivals": plan.decision.has_rivals,
        "borrowed": number_comparison(plan) is not None,
        "prior": start,
        "anchors": plan.named_by("anchors"),
    }


def _blocking_recall(n_found: float, n_missed: float) -> float:
    """The share of matches that the passes find, within what a batch can tell."""
    return float(np.clip(n_found / (n_found + n_missed), *RECALL_RANGE))


def _not_identified(**is_known: bool) -> tuple[str, ...]:
    """The parameters that nothing in the sample tells."""
    return tuple(name for name, known in is_known.items() if not known)


def _non_matches(
    rng: np.random.Generator,
    sample: Batch,
    sorts: NDArray[np.uint8],
    index: Index,
    parameters: Parameters,
    n_threads: int,
) -> NonMatches:
    """Pairs that show what non-matches are like: random ones, neighbours in the registry, and lookalikes."""
    return NonMatches(
        random_pairs(rng, sample, sorts, index, parameters, n_threads),
        registry_pairs(rng, index, parameters, n_threads),
        lookalike_pairs(rng, index, parameters, n_threads),
        parameters,
    )


def untrained(batch: Batch, index: Index, n_threads: int) -> Parameters:
    """The plan's starting values with u of random pairs: what can be said of a batch before its matches are looked
    at."""
    parameters = starting_parameters(index.plan, index.n_persons)
    rng = np.random.default_rng(SEED)
    sample = take(batch, drawn(rng, batch.n_claims, index.plan.training.subjects))
    random = random_pairs(rng, sample, _number_sorts(sample, index.plan), index, parameters, n_threads)
    return (
        NonMatches(random, None, None, parameters)
        .without_shared(parameters)
        .estimate(replace(parameters, share_in_registry=1.0 / index.n_persons), np.ones(N_SORTS), index.n_persons)
    )


def _namesake_plan(plan: Plan) -> NamesakePlan | None:
    """How namesakes are told from matches; None for a plan that has no such class, or no number to tell by."""
    numbers = [i for i, comparison in enumerate(plan.comparisons) if comparison.kind == "person_number"]
    if not numbers or all(comparison.namesake is None for comparison in plan.comparisons):
        return None
    return NamesakePlan(
        numbers[0],
        digits.NOBODYS,
        tuple(i for i, comparison in enumerate(plan.comparisons) if comparison.kind == "digits"),
        tuple(i for i, comparison in enumerate(plan.comparisons) if comparison.kind == "date"),
    )


def _number_sorts(batch: Batch, plan: Plan) -> NDArray[np.uint8]:
    """What a claim's number says by itself, see `said_of_number`; where it is stated, with its marks added:
    uint8[n_claims]."""
    said, place = said_of_number(batch.columns, plan), number_comparison(plan)
    if said is None or place is None:
        return np.full(batch.n_claims, NOT_ASKED, np.uint8)
    marks = batch.columns[plan.comparisons[place].marks]
    return np.where(said == STATED, STATED + marks, said).astype(np.uint8)


@dataclass(frozen=True)
class _Best:
    """The best candidate of each claim of the sample.

    chances: float64[n], 0 for none; passes: uint16[n] bits; levels: uint8[n, n_comparisons].
    """

    chances: NDArray[np.float64]
    passes: NDArray[np.uint16]
    levels: NDArray[np.uint8]

    def names_a_number(self, plan: Plan) -> bool:
        """Whether enough sure ones hold the number that the claim states, where the plan compares one; without, nothing
        tells a claim of somebody not registered from one that was not found."""
        place = number_comparison(plan)
        if place is None:
            return True
        has_own = np.isin(self.levels[:, place], digits.SHARED) & (self.chances >= SURE)
        return int(has_own.sum()) >= FEWEST_SURE


def _best_candidates(scorer: Scorer, n_threads: int) -> _Best:
    n_best = 1

    def work(part: slice) -> tuple[NDArray[Any], ...]:
        ranked = scorer.rank(scorer.link(part)[0], n_best)
        chances = posterior(ranked.weights, ranked.sums, ranked.outside, scorer.parameters)
        return chances.candidates[:, 0], ranked.passes[:, 0], scorer.space.levels_of(ranked.codes[:, 0])

    tiles = [result for _, result in run_tiles(work, scorer.batch.n_claims, n_threads)]
    chances, passes, levels = (np.concatenate(parts) for parts in zip(*tiles, strict=True))
    return _Best(chances, passes, levels)
