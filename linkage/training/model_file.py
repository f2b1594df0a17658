"""The model file: parameters, the plan they belong to, and what they were trained on, as JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from linkage.doses.evidence_rates import EvidenceRates
from linkage.errors import InputError, UsageError
from linkage.plan.reading import plan_from
from linkage.plan.sections import Plan
from linkage.storage.edited_files import read_json
from linkage.storage.sealed import check_seal, digest_of, sealed
from linkage.storage.typed_content import shaped
from linkage.storage.work_folders import replacing
from linkage.training.model_shape import MatchThreshold, ModelFile, shape_problems
from models.parameters import ComparisonParameters, Parameters

FORMAT = 6
ACCEPTED = "accepted"  # in the training of a model, the reason
_REMEDY = "give a file as made by 'linkage train'"
_LEAST_SHARE = 1e-30  # of smaller ones products leave the range of numbers, see models.parameters
_MOST_RATE = 1000.0  # relatives, twins or namesakes of one person
_MOST_TIMES = 1e12  # that anything is likelier than another, of what is no share of a level


@dataclass(frozen=True)
class Model:
    """Parameters with their plan. training: counts and convergence of the training, free of personal data; rates: of
    conflicts and of the platform's subjects; threshold: from which probability on claims are matched. A model made
    elsewhere has neither, and those of a batch hold.
    """

    parameters: Parameters
    plan: Plan
    training: dict[str, Any]
    rates: EvidenceRates | None = None
    threshold: MatchThreshold | None = None

    def for_persons(self, n_persons: int) -> Model:
        """The model with the number of records at hand: of two lists, which are no registry that grows by a few."""
        return replace(self, parameters=replace(self.parameters, n_persons=n_persons))

    def to_dict(self) -> dict[str, Any]:
        """The content of the model file. Floats are written so that they read back to the same bits."""
        p = self.parameters
        comparisons = [
            {
                "name": c.name,
                "absent_level": c.absent_level,
                "ordered": bool(c.closer),
                "namesakes_missing": c.namesakes_missing,
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
            "numberless_m": p.numberless_m,
            "numberless_u": p.numberless_u,
            "n_persons": p.n_persons,
            "training": self.training,
            "evidence": None if self.rates is None else self.rates.to_dict(),
            "match_threshold": None if self.threshold is None else asdict(self.threshold),
        }

    def document(self) -> dict[str, Any]:
        """What is written, sealed, wherever a model is."""
        return sealed(self.to_dict())

    def digest(self) -> str:
        """SHA-256 of the content."""
        return digest_of(self.to_dict())

    def save(self, path: Path) -> None:
        """Write the model file, whole or not at all."""
        with replacing(path) as part:
            part.write_text(json.dumps(self.document(), ensure_ascii=False, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path, plan: Plan | None = None) -> Model:
        """Read a model file; with a plan, refuse a model of another one.

        Raises
        ------
        InputError : the file cannot be read or is no model
        UsageError : another format or another plan
        VerificationError : it is not what was written
        LinkageError : this user may not read it
        """
        content = read_json(path, _REMEDY, is_edited=False)
        found = content.get("format")
        if not isinstance(found, int):
            raise InputError(f"{path}: not a model file (it has no format); {_REMEDY}")
        if found != FORMAT:
            raise UsageError(f"{path}: model format {found}, this version reads {FORMAT}; train it again")
        stated = shaped(content, ModelFile, str(path), InputError, _REMEDY)
        own = plan_from(stated.plan, str(path))
        # Of the plan as it stands: one of an older version lacks keys that plans have today.
        if hashlib.sha256(msgspec.json.encode(stated.plan, order="sorted")).hexdigest() != stated.plan_digest:
            raise InputError(f"{path}: plan: was changed after the training; train a model with the plan as it is now")
        for problem in shape_problems(stated, own):
            raise InputError(f"{path}: {problem}; {_REMEDY}")
        parameters = _parameters(stated, own)
        try:
            rates = None if stated.evidence is None else EvidenceRates.of_dict(stated.evidence)
        except (ValueError, KeyError, OverflowError) as error:
            raise InputError(f"{path}: evidence: {error}; {_REMEDY}") from error
        for problem in _problems(parameters, own):
            raise InputError(f"{path}: {problem}; {_REMEDY}")
        check_seal(content, path, "restore it from a copy, or train it again")
        if plan is not None and own.digest() != plan.digest():
            raise UsageError(
                f"{path}: trained with plan {own.name!r} that differs from the index's; train it on this index"
            )
        training = {name: entry for name, entry in content["training"].items() if entry is not None}
        return cls(parameters, own, training, rates, stated.match_threshold)


def _parameters(stated: ModelFile, plan: Plan) -> Parameters:
    comparisons = []
    for each, spec in zip(stated.comparisons, plan.comparisons, strict=True):
        m, u, household = (
            np.array([getattr(level, key) for level in each.levels], np.float64) for key in ("m", "u", "household")
        )
        shared = tuple(i for i, level in enumerate(each.levels) if level.shared)
        neighbour, twin, namesake = (
            _optional([getattr(level, key) for level in each.levels]) for key in ("neighbour", "twin", "namesake")
        )
        # A model made elsewhere keeps its weights.
        closer, alike = (spec.closer, spec.alike) if each.ordered else ((), ())
        comparisons.append(
            ComparisonParameters(
                each.name,
                spec.labels,
                m,
                u,
                household,
                shared,
                each.absent_level,
                neighbour,
                twin=twin,
                namesake=namesake,
                closer=closer,
                alike=alike,
                namesakes_missing=each.namesakes_missing,
            )
        )
    return Parameters(
        tuple(comparisons),
        stated.share_in_registry,
        stated.blocking_recall,
        stated.household_rate,
        stated.n_persons,
        stated.neighbour_share,
        stated.twin_rate,
        stated.namesake_rate,
        stated.numberless_m,
        stated.numberless_u,
    )


def _optional(shares: list[float | None]) -> NDArray[np.float64] | None:
    """Shares of a class that a comparison may not tell from strangers: none, or one for each level."""
    return None if shares[0] is None else np.array(shares, np.float64)


def _problems(parameters: Parameters, plan: Plan) -> list[str]:
    """What keeps parameters from fitting their plan; weights made of them would be wrong or no numbers."""
    problems, least = [], 1.0 / _MOST_TIMES
    for estimated, spec in zip(parameters.comparisons, plan.comparisons, strict=True):
        for name in ("m", "u", "household"):
            shares = getattr(estimated, name)
            if not ((shares >= _LEAST_SHARE).all() and (shares <= 1 + 1e-9).all()):
                problems.append(f"comparison {spec.name!r}: {name} must be over 0 and at most 1 at every level")
            elif shares[0] != 1.0:
                problems.append(f"comparison {spec.name!r}: {name} of {spec.labels[0]!r} must be 1: it has no weight")
        if estimated.absent_level and estimated.share_with_value <= 0:
            problems.append(
                f"comparison {spec.name!r}: u of {spec.labels[-1]!r} must be under 1, or nobody has a value"
            )
        classes = {
            "neighbour": estimated.among_neighbours,
            "twin": estimated.among_twins,
            "namesake": estimated.among_namesakes[1:],
        }
        for name, shares in classes.items():
            if not ((shares >= 0) & (shares <= 1 + 1e-9)).all():
                problems.append(f"comparison {spec.name!r}: {name} must be from 0 to 1 at every level")
        if not least <= estimated.namesakes_missing <= _MOST_TIMES:
            problems.append(f"comparison {spec.name!r}: namesakes_missing is out of its range")
    p = parameters
    rates = p.household_rate, p.twin_rate, p.namesake_rate
    numbers = p.share_in_registry, p.blocking_recall, p.neighbour_share, *rates
    is_in_range = np.isfinite(numbers).all() and min(numbers) >= 0 and numbers[0] >= least
    if not is_in_range or max(numbers[1:3]) > 1 or max(numbers) > _MOST_RATE:
        problems.append("share_in_registry, blocking_recall, neighbour_share or a rate is out of its range")
    if not all(least <= share <= 1.0 - least for share in (p.numberless_m, p.numberless_u)):
        problems.append("numberless_m and numberless_u must be over 0 and under 1")
    if plan.decision.has_rivals and parameters.share_in_registry >= 1:
        problems.append("share_in_registry must be under 1")
    return problems
