"""What is odd about the training of a model, for everything that decides by it: `link`, `run`, `train`."""

from __future__ import annotations

from collections.abc import Mapping

from linkage.training.drift import MISSING
from linkage.training.model_file import Model
from linkage.training.train import starting_parameters
from models.identifiability import Problem, problems


def training_problems(model: Model) -> tuple[Problem, ...]:
    """What is odd about a model's training, the gravest first; nothing of a model that was made elsewhere, for it
    learnt nothing here."""
    training = model.training
    if not {"subjects", "random_pairs"} <= training.keys():
        return ()
    parameters = model.parameters
    start = starting_parameters(model.plan, parameters.n_persons)
    is_whole = bool(training.get("converged", True))
    found = problems(
        parameters,
        start,
        training["subjects"],
        training["random_pairs"],
        converged=is_whole,
        unstated={comparison.name for comparison in model.plan.comparisons if comparison.m is None},
        filled=_filled(training.get("best_candidates", {})),
    )
    return tuple(found)


def _filled(best_candidates: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """Of the best candidates the share that states each comparison's value on both sides."""
    return {
        name: 1.0 - counts.get(MISSING, 0) / max(1, sum(counts.values())) for name, counts in best_candidates.items()
    }


def refusal_of(found: tuple[Problem, ...]) -> str | None:
    """The grave problems as one line; None where nothing stands against automatic decisions."""
    grave = [problem.text for problem in found if problem.is_grave]
    return "; ".join(grave) or None
