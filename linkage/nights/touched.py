"""Claims in force that changes of the registry touch.

Whoever was changed has an old row and a new one; a claim is touched when such a pair reaches the floor, for then it
adds to the claim's sum, before or after. The rows are made a small index of their own, against which the claims in
force are searched and scored by the same code and the same tables as in a run. Touched are, too, claims that are kept
under the name of somebody changed, whose number somebody changed has or had (whether a number is anybody's weighs on
every candidate, and exact agreement goes by it), and claims that ask for a block that was over-full and no longer is,
or is by now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blocking.keys import Keys
from blocking.lookup import PassIndex, build_few, find
from blocking.neighbours import NumberFilter, filter_words, no_numbers
from blocking.parts import PartedColumn, PartedPass, find_in_parts, n_living
from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.keys import KeyParts, pass_keys
from linkage.ingest.duplicates import hash_keys
from linkage.night.stages import Work
from linkage.nights.encoded import are_of, can_be_kept, kept_rows, restored, units_key
from linkage.nights.reading import read_versions
from linkage.nights.registry import Registry
from linkage.plan.sections import Plan
from linkage.published.decided import ReadDoses
from linkage.registry.index import Index, stored_passes
from linkage.registry.person_keys import encode_persons
from linkage.registry.persons_by_id import PERSON_KEY, living_rows
from linkage.scoring.batch import Batch, prepare_batch
from linkage.scoring.tiles import link_batch
from linkage.state.folder import State
from linkage.state.rows import claims_of_persons, doses_of_claims, rows_in_force
from linkage.state.tables import BEST, BY_ITSELF, CANDIDATE, DOSE_VERSIONS, WITHDRAWN
from linkage.training.model_file import Model

_ANY_SIZE = np.iinfo(np.int64).max
_NO_ROWS = np.empty(0, np.uint32)
_AT_ONCE = 1 << 14  # claims
_KEPT_AT_ONCE = 1 << 19  # claims whose columns are in memory


@dataclass(frozen=True)
class Touched:
    """claims: uint64[n] keys of compared claims, ascending; subjects: uint64[k], theirs; n_persons: how many persons
    changed, those included whose date of birth is read since the registry is of a later day."""

    claims: Keys
    subjects: Keys
    n_persons: int


NOTHING = Touched(np.zeros(0, np.uint64), np.zeros(0, np.uint64), 0)


def touched_by(registry: Registry, index: Index, state: State, model: Model, work: Work) -> Touched:
    """The claims in force that the changes of a night's registry touch; index: the registry after, as the night links
    with it."""
    persons = np.union1d(hash_keys(pa.chunked_array([registry.persons])), _read_since(registry))
    if not persons.size or state.folder is None:
        return NOTHING
    with work.clock.stage("touched"):
        rows = _changed_rows(registry, index, persons)
        if rows is None:
            return NOTHING
        found = [claims_of_persons(state, persons, CANDIDATE | BY_ITSELF | BEST)]
        # What the numbers of claims are goes by the registry after, not by the few rows.
        reading = replace(index, dictionaries=rows.index.dictionaries)
        looked = _LookedThrough(rows, registry, reading, model, work)
        found += looked.kept(state) or [looked.read(state)]
        # Persons may be named by claims that are theirs no longer.
        claims = np.unique(np.concatenate(found))
        subjects = np.unique(doses_of_claims(state, claims)["subject"].to_numpy())
    return Touched(claims, subjects[subjects > 0], persons.size)


def _read_since(registry: Registry) -> Keys:
    """Keys of persons among the changes so far whose date of birth is read otherwise by now, as the registry is of a
    later day: all of these are encoded anew whenever something changes."""
    before, after = registry.before.changes, registry.after.changes
    if before is None or after is None:
        return np.zeros(0, np.uint64)
    persons, at, at_after = np.intersect1d(
        before.columns[PERSON_KEY], after.columns[PERSON_KEY], assume_unique=True, return_indices=True
    )
    plan = registry.after.plan
    births = [spec.name for spec in plan.fields if spec.kind == "birth_date" and spec.name in after.columns]
    differs = np.zeros(persons.size, np.bool_)
    for name in births:
        differs |= before.columns[name][at] != after.columns[name][at_after]
    return persons[differs].astype(np.uint64)


@dataclass(frozen=True)
class _ChangedRows:
    """A small index of the old and new rows of the persons changed. keys: of the rows in each stored pass."""

    index: Index
    keys: dict[str, Keys]


def _changed_rows(registry: Registry, index: Index, persons: Keys) -> _ChangedRows | None:
    """The rows that the changes took away, and those that they brought; each read as of the day that its index read it
    of; None where there are none, as of somebody who came and went in one night."""
    dictionaries = index.dictionaries.copy()
    parts = []
    for of in (registry.before, registry.after):
        rows = living_rows(of.files, of.person_keys.parts, of.removed.rows, persons)
        large = of.large or of
        is_large = rows < large.n_persons
        for numbers, read_as in ((rows[is_large], large), (rows[~is_large], of)):
            if numbers.size:
                dictionaries = replace(dictionaries, latest_date=read_as.dictionaries.latest_date)
                parts.append(encode_persons(of.take(numbers), index.plan, dictionaries))
    if not parts:
        return None
    dictionaries = replace(dictionaries, latest_date=index.dictionaries.latest_date)
    every = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _index_of(every, index, dictionaries)


def _index_of(columns: Columns, like: Index, dictionaries: Dictionaries) -> _ChangedRows:
    """An index of some encoded rows, with the tables of another and no over-full blocks."""
    plan = like.plan
    stored = set(stored_passes(plan).values())
    keys = {p.name: pass_keys(p, "right", columns, plan, dictionaries)[:, 0] for p in plan.passes if p.name in stored}
    passes = {name: build_few(of_rows, 0, like.passes[name].large.n_bits) for name, of_rows in keys.items()}
    kept = {name: np.ascontiguousarray(columns[name]) for name in like.columns}
    # Of one person's old and new row neither is looked up by its id: an order of rows does, and ties are told apart.
    kept[PERSON_KEY] = np.arange(1, kept[PERSON_KEY].size + 1, dtype=np.uint64)
    for column in kept.values():
        column.flags.writeable = False  # as those of an index are, for which the kernels are compiled
    small = replace(
        like,
        plan=_unbounded(plan),
        columns={name: PartedColumn(column) for name, column in kept.items()},
        passes={name: PartedPass(passes[of], _NO_ROWS, None) for name, of in stored_passes(plan).items()},
        numbers={name: NumberFilter(filter_words(kept[name].astype(np.uint64)), no_numbers()) for name in like.numbers},
        dictionaries=dictionaries,
        changes=None,
        large=None,
    )
    return _ChangedRows(small, keys)


def _unbounded(plan: Plan) -> Plan:
    """The plan without a bound on blocks."""
    passes = [msgspec.structs.replace(rule, max_block=_ANY_SIZE) for rule in plan.passes]
    return msgspec.structs.replace(plan, passes=passes)


@dataclass(frozen=True)
class _LookedThrough:
    """Looks through the claims in force for those that meet some rows: with a pair at or over the floor, by a number,
    or by a block that became over-full or stopped to be so.

    index : the registry after, with the dictionaries of the rows
    """

    rows: _ChangedRows
    registry: Registry
    index: Index
    model: Model
    work: Work

    def kept(self, state: State) -> list[Keys] | None:
        """The claims that meet, by the encoded columns that a state keeps; None where these are not of this index."""
        plan = self.index.plan
        if not can_be_kept(plan):
            return None
        units, crossing = units_key(self.index.dictionaries), _crossing(self.rows, self.registry)
        dictionaries, found = self.index.dictionaries.copy(), [np.zeros(0, np.uint64)]
        for rows in kept_rows(state, _KEPT_AT_ONCE):
            if not are_of(rows, units):
                return None
            keys, columns = restored(rows, plan, dictionaries)
            meets, touched = self._meets(columns, keys.size, dictionaries, crossing)
            found.append(keys[touched])
            at = np.flatnonzero(meets & ~touched)
            some = {name: column[at] for name, column in columns.items()}
            batch = prepare_batch(some, dictionaries, self.index, self.work.n_threads)
            found.append(keys[at[self._reach(batch, np.arange(at.size))]])
        return found

    def read(self, state: State) -> Keys:
        """The claims that meet, read from a dose of each."""
        read = _claims_in_force(state, self.index, self.work)
        batch = read.batch
        crossing = _crossing(self.rows, self.registry)
        meets, touched = self._meets(batch.columns, batch.n_claims, batch.dictionaries, crossing)
        is_compared = read.doses.excluded[read.claims.first_dose] == 0
        to_link = np.flatnonzero(meets & ~touched & is_compared)
        touched[to_link] = self._reach(batch, to_link)
        return np.asarray(read.claims.keys[touched & is_compared])

    def _meets(
        self, columns: Columns, n_claims: int, dictionaries: Dictionaries, crossing: dict[str, PassIndex]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which claims have a pair, and which are touched whatever it reaches: bool[n_claims] each."""
        plan, small = self.index.plan, self.rows.index
        by_number = _number_passes(plan)
        meets, touched = np.zeros(n_claims, np.bool_), np.zeros(n_claims, np.bool_)
        for start in range(0, n_claims, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            some = {name: column[part] for name, column in columns.items()}
            parts = KeyParts("left", some, plan, dictionaries, small.numbers)
            for rule in plan.passes:
                asked = parts.keys(rule)
                is_met = (find_in_parts(small.passes[rule.name], asked, _ANY_SIZE).sizes > 0).any(axis=1)
                meets[part] |= is_met
                if rule.name in by_number:
                    touched[part] |= is_met
                if rule.name in crossing:
                    first, last, _ = find(crossing[rule.name], asked, _ANY_SIZE)
                    touched[part] |= (last > first).any(axis=1)
        return meets, touched

    def _reach(self, batch: Batch, claims: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some claims of a batch have a pair at or over the floor: bool[n]."""
        work, parameters = self.work, self.model.parameters
        linked = link_batch(batch, self.rows.index, parameters, work.n_threads, claims=claims, scratch=work.scratch)
        return np.asarray(linked.ranked.rows[:, 0] >= 0)


def _claims_in_force(state: State, index: Index, work: Work) -> ReadDoses:
    """The claims in force, read from a dose of each."""
    doses = rows_in_force(state, DOSE_VERSIONS, columns=["dose_id", "claim", "what"])
    doses = doses.filter(pc.not_equal(doses["what"], WITHDRAWN))
    _, first = np.unique(doses["claim"].to_numpy(), return_index=True)
    ids = doses["dose_id"].combine_chunks().take(pa.array(first))
    return read_versions(rows_in_force(state, DOSE_VERSIONS, ids), index, work)


def _number_passes(plan: Plan) -> set[str]:
    """The passes that say whose number a claim states, and those by which exact agreement is found."""
    numbers = [comparison.left[:1] for comparison in plan.comparisons if comparison.kind == "person_number"]
    by_number = {rule.name for rule in plan.passes if rule.left in numbers}
    return by_number | set(plan.verified.passes if plan.verified else ())


def _crossing(rows: _ChangedRows, registry: Registry) -> dict[str, PassIndex]:
    """By pass, the blocks that hold more rows than it takes after the changes and did not before, or the other way."""
    found = {}
    stored = stored_passes(registry.after.plan)
    for rule in registry.after.plan.passes:
        keys = rows.keys[stored[rule.name]]
        both = (registry.before, registry.after)
        was_over, is_over = (n_living(of.passes[rule.name], keys) > rule.max_block for of in both)
        if (was_over != is_over).any():
            n_bits = registry.after.passes[rule.name].large.n_bits
            found[rule.name] = build_few(keys[was_over != is_over], 0, n_bits)
    return found
