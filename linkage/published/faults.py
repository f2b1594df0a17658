"""What is wrong with what claims state: why each is not verified, and which basic fields are to be mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linkage.deciding.decide import EXCLUDED, UNMATCHED, VERIFIED, Decided
from linkage.doses.batch import unread_of_claims
from linkage.plan.sections import Plan
from linkage.published.decided import ReadDoses
from linkage.schema import BASIC_ROLES, ISSUES
from linkage.scoring.batch import pattern_space
from linkage.standardise import identifiers
from models.comparators import digits

# The levels at which a dose's value counts as right, by the kind of its comparison: not the first, "same", alone.
_RIGHT_LEVELS = {"person_number": digits.SHARED, "date": (1, 2)}


@dataclass(frozen=True)
class Faults:
    """Faults of all claims.

    issues : uint8[n_claims], place in schema.ISSUES of why each claim is not verified, their number for the verified
        and the excluded; the reasons exclude one another
    wrong_fields : uint8[n_claims], a bit for each basic comparison of the plan in which a claim does not agree with its
        best candidate, missing being no agreement unless the file does not give the field, or whose field was read
        otherwise than typed; 0 for whom there is none
    """

    issues: NDArray[np.uint8]
    wrong_fields: NDArray[np.uint8]

    @classmethod
    def of(cls, read: ReadDoses, decided: Decided, plan: Plan) -> Faults:
        """The faults of the claims of a batch that was decided."""
        unread = unread_of_claims(read.doses, read.claims)
        wrong_fields = _wrong_fields(read, decided, unread, plan)
        fault = read.batch.columns[f"{plan.field_as('number').name}.fault"]
        return cls(_issues(fault, decided.status, unread, wrong_fields), wrong_fields)


def basic_comparisons(plan: Plan) -> list[tuple[int, str]]:
    """The comparisons of the plan that are about basic fields: place and role of each, one for a role."""
    roles = {plan.field_as(role).name: role for role in BASIC_ROLES}
    found = [(c, roles.pop(comparison.left[0], None)) for c, comparison in enumerate(plan.comparisons)]
    return [(c, role) for c, role in found if role is not None]


def _issues(
    fault: NDArray[Any], status: NDArray[np.uint8], unread: NDArray[np.uint8], wrong_fields: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    place = np.full(fault.size, ISSUES.index("wrong_info"), np.uint8)
    has_number = unread & 1 << BASIC_ROLES.index("number") == 0
    place[has_number & (fault == identifiers.MISSING)] = ISSUES.index("no_id")
    place[has_number & (fault == identifiers.BAD_FORMAT)] = ISSUES.index("bad_id_format")
    # What a file does not give is nobody's wrong information.
    is_silent = (unread > 0) & (wrong_fields == 0) & (place == ISSUES.index("wrong_info"))
    place[is_silent] = len(ISSUES)
    place[(status == VERIFIED) | (status == EXCLUDED)] = len(ISSUES)
    return place


def _wrong_fields(read: ReadDoses, decided: Decided, unread: NDArray[np.uint8], plan: Plan) -> NDArray[np.uint8]:
    space = pattern_space(plan)
    bits = np.zeros(decided.status.size, np.uint8)
    misread = read.doses.misread[read.claims.first_dose]
    for bit, (c, role) in enumerate(basic_comparisons(plan)):
        is_right = np.isin(np.arange(space.n_levels[c]), _RIGHT_LEVELS.get(plan.comparisons[c].kind, (1,)))
        levels = space.level_of(decided.best.codes, c)
        field = 1 << BASIC_ROLES.index(role)
        is_typed_right = is_right[levels] & (misread & field == 0)
        bits |= (~is_typed_right & (unread & field == 0)).astype(np.uint8) << bit
    bits[(decided.status == EXCLUDED) | (decided.status == UNMATCHED)] = 0
    return bits
