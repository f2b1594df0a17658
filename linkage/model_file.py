"""The model file: parameters, the plan they belong to, and what they were trained on, as JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from linkage.errors import InputError, UsageError
from linkage.plan import Plan, plan_from
from models.parameters import ComparisonParameters, Parameters

FORMAT = 1


@dataclass(frozen=True)
class Model:
    """Parameters with their plan. training: counts and convergence of the training, free of personal data."""

    parameters: Parameters
    plan: Plan
    training: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The content of the model file. Floats are written so that they read back to the same bits."""
        p = self.parameters
        comparisons = [
            {
                "name": c.name,
                "monotone": c.monotone,
                "levels": [
                    {"label": label, "m": float(m), "u": float(u), "household": float(h), "shared": bool(shared)}
                    for label, m, u, h, shared in zip(c.labels, c.m, c.u, c.household, c.is_shared(), strict=True)
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
            "n_persons": p.n_persons,
            "training": self.training,
        }

    def digest(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write the model file, whole or not at all."""
        new = path.with_name(path.name + ".new")
        new.write_text(json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n", "utf-8")
        new.rename(path)

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
            parameters = _parameters(content)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be read ({error.strerror}); give a file made by 'linkage train'"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: not a model file ({error!r}); give a file made by 'linkage train'") from error
        if plan is not None and own.digest() != plan.digest():
            raise UsageError(
                f"{path}: trained with plan {own.name!r} that differs from the index's; train it on this index"
            )
        return cls(parameters, own, content["training"])


def _parameters(content: dict[str, Any]) -> Parameters:
    comparisons = []
    for c in content["comparisons"]:
        m, u, household = (np.array([level[key] for level in c["levels"]]) for key in ("m", "u", "household"))
        labels = tuple(level["label"] for level in c["levels"])
        shared = tuple(i for i, level in enumerate(c["levels"]) if level["shared"])
        comparisons.append(ComparisonParameters(c["name"], labels, m, u, household, shared, bool(c["monotone"])))
    return Parameters(
        tuple(comparisons),
        float(content["share_in_registry"]),
        float(content["blocking_recall"]),
        float(content["household_rate"]),
        int(content["n_persons"]),
    )
