"""The pairs that a run compared, counted by pass and agreement pattern."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from linkage.plan.sections import Plan
from linkage.scoring.batch import pattern_space
from linkage.scoring.scorer import PassCounts
from linkage.scoring.tiles import LinkedBatch


@dataclass(frozen=True)
class PairCounts:
    """n_pairs: candidate pairs, each once; by_pass: what each pass found; patterns: (pass, pattern) -> pairs at or over
    the floor."""

    n_pairs: int
    by_pass: PassCounts
    patterns: dict[tuple[int, int], int]

    @classmethod
    def of(cls, linked: LinkedBatch) -> PairCounts:
        return cls(linked.n_pairs, linked.counts, linked.patterns)

    def entries(self, plan: Plan) -> dict[str, dict[str, int]]:
        """What the manifest says of each pass."""
        counts = zip(plan.passes, self.by_pass.pairs, self.by_pass.narrowed, self.by_pass.largest, strict=True)
        return {
            rule.name: {"pairs": int(pairs), "narrowed_blocks": int(narrowed), "largest_block": int(largest)}
            for rule, pairs, narrowed, largest in counts
        }


def patterns_table(counts: PairCounts, plan: Plan) -> pa.Table:
    """Agreement patterns of the pairs at or over the floor, by pass; a null pattern counts the pairs under it."""
    names = [rule.name for rule in plan.passes]
    keys = list(counts.patterns)
    over = np.zeros(len(names), np.int64)
    for (number, _), n in counts.patterns.items():
        over[number] += n
    codes = np.array([code for _, code in keys], np.uint32)
    levels = pattern_space(plan).levels_of(codes)
    rest = counts.by_pass.pairs - over
    columns = {"pass": pa.array([names[number] for number, _ in keys] + names)}
    for c, comparison in enumerate(plan.comparisons):
        labels = pa.array(comparison.labels).take(pa.array(levels[:, c]))
        columns[comparison.name] = pa.concat_arrays([labels, pa.nulls(len(names), pa.string())])
    columns["pairs"] = pa.array([*counts.patterns.values(), *rest.tolist()], pa.int64())
    return pa.table(columns)
