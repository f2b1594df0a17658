"""What stands against the automatic decisions of a run: nothing is published then unless a person answers for it.

A training that made matches of something else (models.identifiability), and a batch unlike the one that the model was
trained on (linkage.training.drift). A reason given with --accept passes both; with `train` it is kept in the model and
passes the first for every run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linkage.deciding.decide import EXCLUDED, MATCHED, Decided
from linkage.errors import QualityGateError, UsageError
from linkage.plan.sections import Plan
from linkage.training.checks import refusal_of, training_problems
from linkage.training.drift import FEWEST_REFUSED, REFUSED, Moved
from linkage.training.model_file import ACCEPTED, Model

# Times the plan's highest false-match rate that a batch may expect at the model's threshold: told from the first on,
# refused from the second. The threshold was set for the claims of the training, and what others expect there scatters.
TOLD_TIMES, REFUSED_TIMES = 1.0, 2.0
# Of the odds that nobody in the registry is a claim's person, and of chance: told from the first on, refused from the
# second where there are more. At 3.5 times, 2 of 10,000 matched without a person were wrong, for one that is allowed.
OUTSIDE_TOLD, OUTSIDE_REFUSED, OUTSIDE_DEVIATIONS = 2.0, 3.0, 4.0
# Times the persons that the model was trained among, more or fewer: told from the first on, refused from the second
# where there are more, for then every match is so many times likelier to be a stranger's than the model takes it to be.
SIZE_TOLD, SIZE_REFUSED = 1.05, 2.0
NOTABLE_CORRELATION = 0.2  # on sound simulations up to 0.1 is seen


def check_accept(accept: str | None) -> None:
    """UsageError for a reason of blanks."""
    if accept is not None and not accept.strip():
        raise UsageError("--accept needs a reason in writing; it is kept beside the result")


def is_unlike(moved: tuple[Moved, ...]) -> bool:
    """Whether a batch is so unlike the model's training that nothing which the model expects of it holds."""
    return any(found.is_grave and found.distance >= REFUSED for found in moved)


@dataclass(frozen=True)
class Expected:
    """What a batch expects at the model's threshold, the share of wrong ones among so many matched claims; and of how
    many of all claims nobody in the registry is the person."""

    rate: float
    matched: int
    outside: float
    claims: int

    def leaves(self, plan: Plan, times: float) -> bool:
        """Whether it is more than some times the plan's rate; of a few claims it says nothing."""
        return self.matched >= FEWEST_REFUSED and self.rate > times * plan.decision.highest_false_match_rate

    def text(self, plan: Plan) -> str:
        most = plan.decision.highest_false_match_rate
        return (
            f"of {self.matched:,} claims matched at the model's threshold {self.rate:.2g} are expected to be wrong, "
            f"where the plan allows {most:.2g}"
        )

    def strays(self, outside_then: float, times: float) -> bool:
        """Whether far more, or fewer, are outside the registry than the model takes them to be: a claim without a good
        candidate shows it whatever the model expects, so the posterior tells (Saerens et al. 2002)."""
        odds, odds_then = (share / max(1.0 - share, 1e-9) for share in (self.outside, outside_then))
        apart = max(odds, odds_then) >= times * min(odds, odds_then)
        scatter = np.sqrt(max(self.outside, outside_then) / max(1, self.claims))
        is_sure = abs(self.outside - outside_then) > OUTSIDE_DEVIATIONS * scatter
        return self.claims >= FEWEST_REFUSED and apart and bool(is_sure)


def expected_of(decided: Decided) -> Expected:
    is_sought = decided.status != EXCLUDED
    claims = int(is_sought.sum())
    outside = float(decided.none[is_sought].sum()) / max(1, claims)
    return Expected(decided.expected_false_match_rate, int((decided.status == MATCHED).sum()), outside, claims)


def refuse(
    model: Model,
    moved: tuple[Moved, ...],
    accept: str | None,
    what: str,
    expected: Expected | None = None,
    n_persons: int | None = None,
) -> None:
    """QualityGateError where something stands against what is to be made, unless accepted. moved: of the batch at hand,
    none when the model was trained on it; expected: what it expects, and n_persons: of the registry that it is linked
    with, None where no batch is decided."""
    if accept is not None:
        return
    training = None if ACCEPTED in model.training else refusal_of(training_problems(model))
    # A few dozen claims of one station may all lack what most have; that is no training, and its notes say so.
    if training is not None and model.training["subjects"] >= FEWEST_REFUSED:
        raise QualityGateError(
            f"{what} was not made, for {training}; train on a larger batch or mend the plan, "
            'or give --accept "why it holds"'
        )
    if is_unlike(moved):
        raise QualityGateError(
            f"{what} was not made, for the batch is unlike the one that the model was trained on: {moved[0].text}; "
            'train a model on such doses, or give --accept "why this model holds"'
        )
    if expected is not None and expected.leaves(model.plan, REFUSED_TIMES):
        raise QualityGateError(
            f"{what} was not made: {expected.text(model.plan)}; train a model on such doses, "
            'or give --accept "why this model holds"'
        )
    if n_persons is not None and n_persons >= SIZE_REFUSED * model.parameters.n_persons:
        raise QualityGateError(
            f'{what} was not made: {_size(model, n_persons)[0]}, or give --accept "why this model holds"'
        )
    then = _outside_then(model)
    if expected is not None and expected.outside > then and expected.strays(then, OUTSIDE_REFUSED):
        raise QualityGateError(f'{what} was not made: {_outside(model, expected)[0]}, or give --accept "why it holds"')


def gate_notes(
    model: Model, moved: tuple[Moved, ...], expected: Expected | None = None, n_persons: int | None = None
) -> tuple[str, ...]:
    """What of this was passed, or is not grave."""
    return (
        *([expected.text(model.plan)] if expected is not None and expected.leaves(model.plan, TOLD_TIMES) else []),
        *([] if expected is None else _outside(model, expected)),
        *([] if n_persons is None else _size(model, n_persons)),
        *_threshold(model),
        *(f"the training is doubtful: {found.text}" for found in training_problems(model)),
        *_not_identified(model),
        *_dependences(model),
        *(f"unlike the model's training: {found.text}" for found in moved),
    )


def _threshold(model: Model) -> list[str]:
    """That the model matches what its plan leaves to a person, as one does that was edited by hand."""
    lowest = model.plan.decision.lowest_match_probability
    if model.threshold is None or model.threshold.probability >= lowest:
        return []
    return [
        f"the model matches from a probability of {model.threshold.probability:g} on, and its plan nothing under "
        f"{lowest:g}: train it again"
    ]


def _outside_then(model: Model) -> float:
    """The share of the training's claims that nobody in the registry made."""
    return 1.0 - model.parameters.share_in_registry


def _outside(model: Model, expected: Expected) -> list[str]:
    """That more, or fewer, are not in the registry. The posterior of every claim rests on the model's share."""
    then = _outside_then(model)
    if not expected.strays(then, OUTSIDE_TOLD):
        return []
    too = "high, and more are wrong than is expected" if expected.outside > then else "low"
    return [
        f"of {expected.claims:,} claims {expected.outside:.1%} are of people not in the registry, and of those that "
        f"the model was trained on {then:.1%}: what is promised under review is too {too}; train a model on such doses"
    ]


def _size(model: Model, n_persons: int) -> list[str]:
    """That the registry has far more, or fewer, persons than the model decides by."""
    then = model.parameters.n_persons
    if max(n_persons, then) < SIZE_TOLD * min(n_persons, then):
        return []
    too = "high" if n_persons > then else "low"
    return [
        f"the index has {n_persons:,} persons and the model decides as among {then:,}: probabilities are too {too}; "
        "train a model on this index"
    ]


def _not_identified(model: Model) -> list[str]:
    """Parameters that no claim of the training tells."""
    return [
        f"{name} is not identified: too few claims of the training have a number and other data that agree, so what "
        "rests on it is not estimated"
        for name in model.training.get("not_identified", ())
    ]


def _dependences(model: Model) -> list[str]:
    """Pairs of comparisons that agree together more, or less, than the model takes them to. Numbers are left out among
    each other: who gives a relative's number gives the relative's phone as well."""
    table = np.array(model.training.get("residual_correlation", []))
    compared = model.plan.comparisons
    return [
        f"{compared[j].name} and {compared[i].name} {'agree' if table[i, j] > 0 else 'disagree'} together among "
        f"matches (correlation {table[i, j]:.2f}), which the model takes as independent: probabilities that rest on "
        f"both are too {'sure' if table[i, j] > 0 else 'timid'}"
        for i, j in zip(*np.nonzero(np.abs(np.tril(table, -1)) >= NOTABLE_CORRELATION), strict=True)
        if not (compared[i].shared_number and compared[j].shared_number)
    ]
