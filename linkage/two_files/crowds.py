"""Crowds: one person typed a dozen times or more, each time with slips of its own.

A thousand such entries are half a million pairs, and training would take what they show for what all matches are. So
ten of a crowd, drawn by chance, stand for it as ten copies stand for copies: they are trained on and everybody is
compared with them, the others of the crowd with these first, and only who is none of theirs with all. That says which
pairs are compared, not who is one person: the model judges every record that it joins.

Many records of one name and date, or of one name and a station's phone, may be as many people. A crowd has a core, more
than ten records that say the same in three fields that tell people apart, two of them a person's own; what says the
same as it in two of these fields is of the crowd as long as most who say so are of the core.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from blocking.keys import mix
from linkage.encode.columns import has_value
from linkage.encode.dictionaries import Columns
from linkage.encode.keys import record_key
from linkage.plan.sections import Plan
from linkage.training.train import SEED
from linkage.two_files.copies import MOST_KEPT, Copies, places_in_runs
from linkage.two_files.entities import components

FEWEST_VALUES = 300  # of a field that tells people apart
FEWEST_PAIRS = 100  # of values of two fields, for each record, so that chance makes no two the same
OF_CORE = 0.5  # of those who say the same in two fields

Numbers = NDArray[np.int64]
Keys = NDArray[np.uint64]


def crowds_by_keys(copies: Copies, columns: Columns, plan: Plan) -> Numbers:
    """The crowd of each group of copies, int64[n_groups], -1 for none; columns: of the records kept, encoded."""
    groups, first = np.unique(copies.groups[copies.kept], return_index=True)
    n_copies = copies.sizes(groups)
    values, own = _telling_values({name: column[first] for name, column in columns.items()}, plan)
    none = np.full(groups.size, -1)
    triples = [three for three in combinations(values, 3) if len(own.intersection(three)) > 1]
    edges = _edges([_key(values, three) for three in triples], n_copies, np.ones(groups.size, np.bool_))
    core = joined(none, edges[0], edges[1], n_copies, of_one_group=True)
    if np.all(core < 0):
        return core
    n_values = {name: np.unique(of).size for name, of in values.items()}
    pairs = [
        (a, b)
        for a, b in combinations(values, 2)
        if own & {a, b} and n_values[a] * n_values[b] >= FEWEST_PAIRS * groups.size
    ]
    edges = _edges([_key(values, pair) for pair in pairs], n_copies, core >= 0)
    return joined(core, edges[0], edges[1], n_copies)


def joined(crowds: Numbers, left: Numbers, right: Numbers, n_copies: Numbers, *, of_one_group: bool = False) -> Numbers:
    """Crowds, each named after its first group of copies, with what links between groups join to them; n_copies:
    int64[n_groups].

    of_one_group: whatever has more records than are kept is a crowd, one group of copies too; else what had none
    before, or is one group, is none.
    """
    is_in = np.flatnonzero(crowds >= 0)
    found = components(crowds.size, np.append(left, is_in), np.append(right, crowds[is_in]))
    if of_one_group:
        return np.where(np.bincount(found, weights=n_copies, minlength=crowds.size)[found] > MOST_KEPT, found, -1)
    has_crowd = np.bincount(found, weights=crowds >= 0, minlength=crowds.size) > 0
    n_groups = np.bincount(found, minlength=crowds.size)
    return np.where(has_crowd[found] & (n_groups[found] > 1), found, -1)


def thinned(copies: Copies, crowds: Numbers) -> Copies:
    """The copies with ten records kept of each crowd, drawn from all of its records; crowds: int64[n_groups]."""
    of_record = crowds[copies.groups]
    drawn = np.random.default_rng(SEED).permutation(np.flatnonzero(of_record >= 0))
    drawn = drawn[np.argsort(of_record[drawn], kind="stable")]
    drawn = drawn[places_in_runs(of_record[drawn]) < MOST_KEPT]
    alone = copies.kept[of_record[copies.kept] < 0]
    return replace(copies, kept=np.sort(np.append(alone, drawn)))


def people_of(copies: Copies, crowds: Numbers) -> Numbers:
    """The records kept, but of each crowd only one, of the group that most of it are copies of."""
    of_kept = crowds[copies.groups[copies.kept]]
    order = np.lexsort((copies.kept, -copies.sizes(copies.groups[copies.kept]), of_kept))
    is_first = np.append(True, np.diff(of_kept[order]) != 0)
    return np.sort(copies.kept[order[is_first | (of_kept[order] < 0)]])


def _telling_values(columns: Columns, plan: Plan) -> tuple[dict[str, Keys], set[str]]:
    """The compared fields that tell people apart, each as one number by record, 0 where it is missing; and those of
    them that are a person's own."""
    fields = {c.left[0].partition(".")[0]: not c.is_of_household for c in plan.comparisons}
    values = {name: _values(columns, name) for name in fields}
    telling = {name: of for name, of in values.items() if np.unique(of).size >= FEWEST_VALUES}
    return telling, {name for name in telling if fields[name]}


def _values(columns: Columns, name: str) -> Keys:
    names = [name] if name in columns else [part for part in columns if part.startswith(f"{name}.")]
    return np.where(has_value(columns, name), record_key(columns, names, 0), 0)


def _key(values: Mapping[str, Keys], names: Sequence[str]) -> Keys:
    """Several fields as one number, 0 where one is missing."""
    key = np.zeros(1, np.uint64)
    for name in names:
        key = mix(key ^ values[name], 1)
    return np.where(np.all([values[name] > 0 for name in names], axis=0), key, 0)


def _edges(keys: Iterable[Keys], n_copies: Numbers, is_core: NDArray[np.bool_]) -> Numbers:
    """Links between records of one key with the first of it, int64[2, n], where the key has more records than are kept
    and the core most of them."""
    edges = [np.empty((2, 0), np.int64)]
    for key in keys:
        stated = np.flatnonzero(key)
        _, first, place = np.unique(key[stated], return_index=True, return_inverse=True)
        n_records = np.bincount(place, weights=n_copies[stated])
        n_of_core = np.bincount(place, weights=n_copies[stated] * is_core[stated])
        is_chosen = (n_records > MOST_KEPT) & (n_of_core >= OF_CORE * n_records)
        edges.append(np.stack([stated, stated[first[place]]])[:, is_chosen[place]])
    return np.concatenate(edges, axis=1)
