"""What a model file holds: its entries, their types, and what keeps them from fitting each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from linkage.plan.sections import Plan
from linkage.registry.frequencies import LOCAL, PEOPLE

_MOST_PERSONS = 2**31 - 1  # rows of an index


class _Level(msgspec.Struct, frozen=True):
    label: str
    m: float
    u: float
    household: float
    shared: bool
    neighbour: float | None
    twin: float | None
    namesake: float | None


class _Comparison(msgspec.Struct, frozen=True):
    name: str
    absent_level: bool
    ordered: bool
    namesakes_missing: float
    levels: list[_Level]


class _Table(msgspec.Struct, frozen=True):
    """What a term frequency table was at the training, see linkage.training.drift."""

    sha256: str
    values: int
    bearers: int
    mean_share: float | None = None
    mean_shares: dict[str, float] | None = None


class _Training(msgspec.Struct, frozen=True):
    """The entries of a training that something rests on; a model made elsewhere has none."""

    subjects: Annotated[int, msgspec.Meta(ge=0)] | None = None
    random_pairs: Annotated[int, msgspec.Meta(ge=0)] | None = None
    converged: bool | None = None
    not_identified: list[str] | None = None
    residual_correlation: list[list[float]] | None = None
    term_frequencies: dict[str, _Table] | None = None
    best_candidates: dict[str, dict[str, Annotated[int, msgspec.Meta(ge=0)]]] | None = None


@dataclass(frozen=True)
class MatchThreshold:
    """The probability from which on claims are matched without a person: learnt with the model and a part of it.

    A decision is a function of claim, candidates and model. So the threshold is that of the claims that the model was
    trained on, and not of the batch at hand: a claim is decided alike among a hundred others and among five million.
    What another batch expects at it is reported, and refused where it leaves the plan's rate (linkage.deciding.gates).

    probability: of the match; by_itself: the same before what other doses say is weighed; claims: how many it rests on,
    matched: how many of them are; expected_false_match_rate: mean of 1 - p over these.
    """

    probability: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
    by_itself: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]
    claims: Annotated[int, msgspec.Meta(ge=0)]
    matched: Annotated[int, msgspec.Meta(ge=0)]
    expected_false_match_rate: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class ModelFile(msgspec.Struct, frozen=True):
    """The entries of a model file, of the types that they must have."""

    plan: dict[str, Any]
    plan_digest: str
    comparisons: list[_Comparison]
    share_in_registry: float
    blocking_recall: float
    household_rate: float
    neighbour_share: float
    twin_rate: float
    namesake_rate: float
    numberless_m: float
    numberless_u: float
    n_persons: Annotated[int, msgspec.Meta(ge=1, le=_MOST_PERSONS)]
    training: _Training
    evidence: dict[str, list[int]] | None = None
    match_threshold: MatchThreshold | None = None


def shape_problems(stated: ModelFile, plan: Plan) -> list[str]:
    """What keeps the entries of a model file from fitting each other and its plan."""
    if [c.name for c in stated.comparisons] != [c.name for c in plan.comparisons]:
        return ["comparisons: are not those of its plan, in their order"]
    problems = []
    for each, spec in zip(stated.comparisons, plan.comparisons, strict=True):
        where = f"comparison {spec.name!r}"
        if tuple(level.label for level in each.levels) != spec.labels or each.absent_level != spec.absent_level:
            problems.append(f"{where}: its levels are not those of the plan")
        for name in ("neighbour", "twin", "namesake"):
            if len({getattr(level, name) is None for level in each.levels}) > 1:
                problems.append(f"{where}: {name} must stand at every level or at none")
    training = stated.training
    n = len(stated.comparisons)
    table = training.residual_correlation
    if table is not None and table and [len(row) for row in table] != [n] * n:
        problems.append(f"training.residual_correlation: must be {n} lists of {n} numbers")
    for name, described in (training.term_frequencies or {}).items():
        if name.endswith((LOCAL, PEOPLE)):
            continue
        means = [described.mean_share] if described.mean_shares is None else described.mean_shares.values()
        if not all(mean is not None and 0 < mean <= 1 for mean in means):
            problems.append(f"training.term_frequencies.{name}: mean shares must be over 0 and at most 1")
    return problems
