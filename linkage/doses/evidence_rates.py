"""What is learnt of doses from verified claims, and is part of the model: rates of conflicts, and of claims that are
one person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.doses.batch import Doses
from linkage.doses.claims import Claims
from linkage.doses.schedule_evidence import N_PATTERNS, ScheduleRates, learn_schedule
from linkage.doses.siblings import N_SIZES, SiblingRates, filed_claims, learn_siblings
from linkage.registry.index import Index

# Fewer doses beside others of their person, and fewer subjects with several claims, tell too little.
_FEWEST_DOSES, _FEWEST_SUBJECTS = 1000, 100


@dataclass(frozen=True)
class EvidenceRates:
    """Counts among verified claims, or where these are too few among all that are decided without a reviewer."""

    schedule: ScheduleRates
    siblings: SiblingRates

    @property
    def are_enough(self) -> bool:
        """Whether there were doses and claims enough to tell."""
        n_doses, n_claims = int(self.schedule.right.sum()), int(self.siblings.subjects.sum())
        return n_doses >= _FEWEST_DOSES and n_claims >= _FEWEST_SUBJECTS

    def to_dict(self) -> dict[str, Any]:
        """The counts as they stand in a model file."""
        return {
            "right_doses_by_conflicts": self.schedule.right.tolist(),
            "wrong_doses_by_conflicts": self.schedule.wrong.tolist(),
            "subjects_of_one_person_by_claims": self.siblings.same.tolist(),
            "subjects_by_claims": self.siblings.subjects.tolist(),
        }

    @classmethod
    def of_dict(cls, content: dict[str, Any]) -> EvidenceRates:
        """The counts of a model file; ValueError where they are none."""
        right, wrong = (_counts(content[f"{kind}_doses_by_conflicts"], N_PATTERNS) for kind in ("right", "wrong"))
        same, claims = (
            _counts(content[name], N_SIZES) for name in ("subjects_of_one_person_by_claims", "subjects_by_claims")
        )
        if (same > claims).any():
            raise ValueError("more subjects are of one person than there are")
        return cls(ScheduleRates(right, wrong), SiblingRates(same, claims))


def _counts(values: list[int], n: int) -> NDArray[np.int64]:
    counts = np.array(values, np.int64)
    if counts.shape != (n,) or (counts < 0).any():
        raise ValueError(f"{values!r} are not {n} counts")
    return counts


def learn_rates(person: NDArray[np.int32], doses: Doses, claims: Claims, index: Index) -> EvidenceRates:
    """The rates of a batch; person: int32[n_claims], the row that a claim is decided for, -1 for other claims."""
    schedule = learn_schedule(person[claims.of_dose], doses.injections, index)
    return EvidenceRates(schedule, learn_siblings(filed_claims(doses.subject_ids, claims.of_dose, person.size), person))
