"""Which share of the matches in a file linked with itself the links hold, as the run itself expects.

The rate that a plan promises decides how sure a link must be. Where the fields say little, many matches are not as sure
and no link; who takes the links for all the duplicates that there are must be told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.plan.sections import Plan
from linkage.training.blocking_recall import FEWEST_SURE
from linkage.two_files.lists import Lists
from linkage.two_files.pairs import Decided, FilePairs, Found, best_of_each, n_standing
from models.captures import missed_by_both
from models.intervals import predicted_count_interval

TOLD, FEWEST_MISSED = 0.95, 5.0  # under this share, from so many missed on, the user is told
LIKELY = 0.5


@dataclass(frozen=True)
class ShareFound:
    """The expected share of the matches that are links, its 95 % interval, and the matches that are none."""

    share: float
    low: float
    high: float
    missed: float

    def text(self, plan: Plan) -> str:
        """In plain words."""
        return (
            f"at highest_false_match_rate = {plan.decision.highest_false_match_rate:g} the links are expected to hold "
            f"{100 * self.share:.0f} % of the matches (95 % interval {100 * self.low:.0f} to {100 * self.high:.0f} %): "
            "the others are less sure, or no pass finds them; compare more fields, add passes, or allow more false "
            "matches"
        )

    @property
    def is_told(self) -> bool:
        return self.share < TOLD and self.missed >= FEWEST_MISSED


def share_found(found: Found, decided: Decided, lists: Lists) -> ShareFound | None:
    """The share expected from the probabilities of all candidates and, where the plan has passes on identifiers and
    others, from what both find (see models.captures); None without a link.

    The matches missed are known about as well as the false ones that a model expects, see
    `models.intervals.predicted_count_interval`; of pairs that are less likely matches than not, none may be one.
    """
    linked = _expected(decided.links.pairs, lists) + _of_crowds(decided.links)
    if linked == 0.0:
        return None
    # As `decide` takes them: a record's copies once.
    unsure = found.pairs.where(~np.isin(_ends(found.pairs, lists), _ends(decided.links.pairs, lists)))
    of_crowds = max(0.0, _of_crowds(found) - _of_crowds(decided.links))
    missed = _expected(unsure, lists) + of_crowds + _missed_by_passes(found.pairs, lists)
    likely = _expected(unsure.where(unsure.probabilities >= LIKELY), lists)
    fewest, most = predicted_count_interval(likely)[0], predicted_count_interval(missed)[1]
    low, high = linked / (linked + max(most, missed)), linked / (linked + min(fewest, missed))
    return ShareFound(linked / (linked + missed), low, high, missed)


def _expected(pairs: FilePairs, lists: Lists) -> float:
    """The expected matches among pairs of groups of copies."""
    return float((pairs.probabilities * n_standing(pairs, lists)).sum())


def _of_crowds(found: Found) -> float:
    """The expected records of crowds that are of them."""
    return float(best_of_each(found.crowds, 1).probabilities.sum())


def _ends(pairs: FilePairs, lists: Lists) -> NDArray[np.int64]:
    """Both groups of each pair as one number."""
    return pairs.left * (lists.right.copies.starts.size - 1) + pairs.right


def _missed_by_passes(pairs: FilePairs, lists: Lists) -> float:
    """The matches of different groups of copies that no pass finds; 0 where nothing tells."""
    expected = pairs.probabilities * n_standing(pairs, lists) * (pairs.left != pairs.right)
    by_identifier, by_demographic = (
        pairs.passes & np.uint16(sum(1 << i for i, rule in enumerate(lists.plan.passes) if rule.evidence == kind)) > 0
        for kind in ("identifier", "demographic")
    )
    both, first, second = (
        float(expected[of].sum())
        for of in (by_identifier & by_demographic, by_identifier & ~by_demographic, by_demographic & ~by_identifier)
    )
    return missed_by_both(first, second, both).count if both >= FEWEST_SURE else 0.0
