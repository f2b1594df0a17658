"""The model file: parameters, the plan they belong to, and what they were trained on, as JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from linkage.errors import InputError, UsageError
from linkage.evidence_rates import EvidenceRates
from linkage.plan import Plan, plan_from
from linkage.work_folders import replacing
from models.parameters import ComparisonParameters, Parameters

FORMAT = 3


@dataclass(frozen=True)
class Model:
    """Parameters with their plan. training: counts and convergence of the training, free of personal data; rates: of
    conflicts and of the platform's subjects, None where there was too little to learn them and those of a batch hold.
    """

    parameters: Parameters
    plan: Plan
    training: dict[str, Any]
    rates: EvidenceRates | None = None

    def to_dict(self) -> dict[str, Any]:
        """The content of the model file. Floats are written so that they read back to the same bits."""
        p = self.parameters
        comparisons = [
            {
                "name": c.name,
                "monotone": c.monotone,
                "absent_level": c.absent_level,
                "ordered": bool(c.closer),
                "levels": [
                    {
                        "label": label,
                        "m": float(c.m[i]),
                        "u": float(c.u[i]),
                        "household": float(c.household[i]),
                        "shared": i in c.shared_levels,
                        "neighbour": None if c.neighbour is None else float(c.neighbour[i]),
                        "twin": None if c.twin is None else float(c.twin[i]),
                        "namesake": None if c.namesake is None else float(c.namesake[i]),
                    }
                    for i, label in enumerate(c.labels)
                ],
            }
            for c in p.comparisons
        ]
        return {
            "format": FORMAT,
            "plan": msgspec.to_builtins(self.plan),
            "plan_digest": self.plan.digest(),
            "comparisons": comparisons,
            "share_in_registry": p.share_in_registry,
            "blocking_recall": p.blocking_recall,
            "household_rate": p.household_rate,
            "neighbour_share": p.neighbour_share,
            "twin_rate": p.twin_rate,
            "namesake_rate": p.namesake_rate,
            "n_persons": p.n_persons,
            "training": self.training,
            "evidence": None if self.rates is None else self.rates.to_dict(),
        }

    def digest(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write the model file, whole or not at all."""
        with replacing(path) as part:
            part.write_text(json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path, plan: Plan | None = None) -> Model:
        """Read a model file; with a plan, refuse a model of another one.

        Raises
        ------
        InputError : the file cannot be read or is no model
        UsageError : another format or another plan
        """
        try:
            content = json.loads(path.read_bytes())
            found = content["format"]
            if found != FORMAT:
                raise UsageError(f"{path}: model format {found}, this version reads {FORMAT}; train it again")
            own = plan_from(content["plan"], str(path))
            parameters = _parameters(content, own)
            learnt = content.get("evidence")
            rates = None if learnt is None else EvidenceRates.of_dict(learnt)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read ({error.strerror}); give a file made by 'linkage train'"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not a model file ({error!r}); give a file made by 'linkage train'") from error
        for problem in _problems(parameters, own):
            raise InputError(f"{path}: {problem}; give a file as made by 'linkage train'")
        if plan is not None and own.digest() != plan.digest():
            raise UsageError(
                f"{path}: trained with plan {own.name!r} that differs from the index's; train it on this index"
            )
        return cls(parameters, own, content["training"], rates)


def _parameters(content: dict[str, Any], plan: Plan) -> Parameters:
    comparisons = []
    order = {comparison.name: comparison.closer for comparison in plan.comparisons}
    for c in content["comparisons"]:
        m, u, household = (
            np.array([level[key] for level in c["levels"]], np.float64) for key in ("m", "u", "household")
        )
        labels = tuple(level["label"] for level in c["levels"])
        shared = tuple(i for i, level in enumerate(c["levels"]) if level["shared"])
        neighbour, twin, namesake = (
            _optional([level[key] for level in c["levels"]]) for key in ("neighbour", "twin", "namesake")
        )
        marks = bool(c["monotone"]), bool(c["absent_level"])
        estimated = ComparisonParameters(c["name"], labels, m, u, household, shared, *marks, neighbour)
        closer = order.get(c["name"], ()) if c["ordered"] else ()  # a model made elsewhere keeps its weights
        comparisons.append(replace(estimated, twin=twin, namesake=namesake, closer=closer))
    return Parameters(
        tuple(comparisons),
        float(content["share_in_registry"]),
        float(content["blocking_recall"]),
        float(content["household_rate"]),
        int(content["n_persons"]),
        float(content["neighbour_share"]),
        float(content["twin_rate"]),
        float(content["namesake_rate"]),
    )


def _optional(shares: list[float | None]) -> NDArray[np.float64] | None:
    """Shares of a class that a comparison may not tell from strangers: none, or one for each level."""
    return None if shares[0] is None else np.array(shares, np.float64)


def _problems(parameters: Parameters, plan: Plan) -> list[str]:
    """What keeps parameters from fitting their plan; weights made of them would be wrong or no numbers."""
    problems = []
    if [c.name for c in parameters.comparisons] != [c.name for c in plan.comparisons]:
        return ["its comparisons are not those of its plan, in their order"]
    for estimated, spec in zip(parameters.comparisons, plan.comparisons, strict=True):
        if estimated.labels != spec.labels:
            problems.append(f"comparison {spec.name!r}: its levels are not those of the plan")
        for name in ("m", "u", "household"):
            shares = getattr(estimated, name)
            if not (np.isfinite(shares).all() and (shares > 0).all() and (shares <= 1 + 1e-9).all()):
                problems.append(f"comparison {spec.name!r}: {name} must be over 0 and at most 1 at every level")
        if estimated.absent_level and estimated.share_with_value <= 0:
            problems.append(
                f"comparison {spec.name!r}: u of {spec.labels[-1]!r} must be under 1, or nobody has a value"
            )
        classes = {
            "neighbour": estimated.among_neighbours,
            "twin": estimated.among_twins,
            "namesake": estimated.among_namesakes,
        }
        for name, shares in classes.items():
            if not ((shares >= 0) & (shares <= 1 + 1e-9)).all():
                problems.append(f"comparison {spec.name!r}: {name} must be from 0 to 1 at every level")
    p = parameters
    rates = p.household_rate, p.twin_rate, p.namesake_rate
    numbers = p.share_in_registry, p.blocking_recall, p.neighbour_share, *rates
    if not np.isfinite(numbers).all() or min(numbers) < 0 or numbers[0] == 0 or max(numbers[1:3]) > 1:
        problems.append("share_in_registry, blocking_recall, neighbour_share or a rate is out of its range")
    if plan.decision.has_rivals and parameters.share_in_registry >= 1:
        problems.append("share_in_registry must be under 1")
    return problems
