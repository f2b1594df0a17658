"""Pairs of persons of the registry, from which the model learns what non-matches are like that look like matches (see
models.estimate_registry): persons linked as if they were claims, each without the own row.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.encode.columns import encode
from linkage.plan.sections import Pass, Plan
from linkage.registry.index import Index
from linkage.scoring.batch import Batch, pattern_space, prepare_batch
from linkage.scoring.scorer import Scorer
from linkage.scoring.tiles import run_tiles
from models.comparators import date, digits
from models.comparators.place import SHARED_COMMUNE
from models.estimate_registry import Counted, RegistryPairs
from models.parameters import Parameters

PERSONS = 30_000  # persons whose pairs are looked at: some hundred twins, and all near numbers of a small registry
_STRETCH = 50

_NEIGHBOURS = ".neighbours"
_SLIPS = (digits.SLIP_NOBODYS, digits.SLIP_OWNED)
_SAME_DATE, _SAME_YEAR = date.LEVELS.index("same"), date.LEVELS.index("same year")
_HELD_BY_NUMBER = (
    "category",
    "date",
    "place",
)  # kinds of comparisons; sex, year and province stand in a number's digits


def neighbour_pass(plan: Plan) -> tuple[Pass, int] | None:
    """The pass that finds numbers one slip apart, and the place of the comparison of these numbers; None without."""
    for rule in plan.passes:
        for place, comparison in enumerate(plan.comparisons):
            if comparison.kind == "person_number" and rule.left == [comparison.left[0] + _NEIGHBOURS]:
                return rule, place
    return None


def registry_pairs(
    rng: np.random.Generator, index: Index, parameters: Parameters, n_threads: int
) -> RegistryPairs | None:
    """The pairs of a sample of persons; None for a plan without a comparison of numbers whose slips a pass finds.
    parameters are needed for their shape only."""
    plan = index.plan
    known = neighbour_pass(plan)
    if known is None:
        return None
    number = known[1]
    kinds = [comparison.kind for comparison in plan.comparisons]
    sample = persons_as_claims(index, sampled_persons(rng, index), n_threads)
    born, at = (kinds.index(kind) if kind in kinds else None for kind in ("date", "place"))
    has_twins = born is not None and at is not None and any(c.twin is not None for c in plan.comparisons)
    scorer, space = Scorer(sample, index, parameters, floor_log2=-np.inf), pattern_space(plan)

    def work(part: slice) -> NDArray[np.uint32]:
        tile = scorer.tile(part)
        found, _ = scorer.candidates(tile)
        codes = scorer.score(tile, found).codes

        wanted = np.isin(space.level_of(codes, number), _SLIPS)
        if born is not None and at is not None and has_twins:
            wanted |= np.isin(space.level_of(codes, born), (_SAME_DATE, _SAME_YEAR)) & np.isin(
                space.level_of(codes, at), SHARED_COMMUNE
            )
        return codes[wanted]

    codes = np.concatenate([found for _, found in run_tiles(work, sample.n_claims, n_threads)])
    distinct, n = np.unique(codes, return_counts=True)
    levels, counts = space.levels_of(distinct), n.astype(np.float64)

    def counted(is_wanted: NDArray[np.bool_]) -> Counted:
        return Counted(levels[is_wanted], counts[is_wanted])

    same_date = same_year = None
    if born is not None and at is not None and has_twins:
        is_near_by = np.isin(levels[:, at], SHARED_COMMUNE)
        same_date, same_year = (counted(is_near_by & (levels[:, born] == on)) for on in (_SAME_DATE, _SAME_YEAR))
    stated = sample.columns[plan.comparisons[number].left[0]].astype(np.uint64)
    has_neighbours = stated >> np.uint64(digits.N_DIGITS_SHIFT) == digits.PERSONAL_DIGITS
    return RegistryPairs(
        same_date,
        same_year,
        sample.n_claims,
        counted(np.isin(levels[:, number], _SLIPS)),
        float(has_neighbours.sum()) * index.n_persons,
        number,
        _SLIPS,
        digits.SHARED,
        tuple(i for i, kind in enumerate(kinds) if kind in _HELD_BY_NUMBER),
        tuple(i for i in (born, at) if i is not None),
        tuple(i for i, kind in enumerate(kinds) if kind == "vietnamese_name"),
    )


def sampled_persons(rng: np.random.Generator, index: Index) -> NDArray[np.int64]:
    """Rows of persons, ascending: all, or stretches at random, which lie together on the disk."""
    n = index.n_persons
    if n <= PERSONS:
        return index.nth(np.arange(n))
    starts = np.sort(rng.choice(n // _STRETCH, PERSONS // _STRETCH, replace=False)).astype(np.int64) * _STRETCH
    return index.nth((starts[:, None] + np.arange(_STRETCH)).ravel())


def persons_as_claims(index: Index, rows: NDArray[np.int64], n_threads: int) -> Batch:
    """Persons as a batch of claims that state what the registry holds of them."""
    plan, dictionaries = index.plan, index.dictionaries.copy()
    registered = index.take(rows, plan.columns("right"))
    texts: dict[str, pa.ChunkedArray | pa.Array] = {}
    for field in plan.fields:
        for place, name in enumerate(field.left):
            has_it = place < len(field.right)
            texts[name] = registered.column(field.right[place]) if has_it else pa.nulls(rows.size, pa.string())
    columns = encode(pa.table(texts), plan, "left", dictionaries)
    for field in plan.fields:
        # A code of the registry's date need not be one that a dose of that time could state.
        if field.kind == "commune" and field.left and field.right:
            columns[field.name] = _stated_places(index)[index.columns[field.name][rows].astype(np.int64)]
    return replace(prepare_batch(columns, dictionaries, index, n_threads), own_rows=rows)


def _stated_places(index: Index) -> NDArray[np.uint16]:
    """By commune of the registry the place that a dose states for it, uint16[n + 1]: of several the one that may mean
    the fewest communes."""
    units, as_of = index.dictionaries.units, index.dictionaries.commune_date
    targets = units.registry_targets(as_of)
    sizes = np.diff(targets.offsets)
    places = np.repeat(np.arange(sizes.size), sizes)
    order = np.argsort(-sizes[places], kind="stable")  # the last one assigned stays
    stated = np.zeros(len(units.registry(as_of)) + 1, np.uint16)
    stated[targets.members[order]] = places[order]
    return stated
