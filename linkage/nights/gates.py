"""When a night stops before it is published."""

from __future__ import annotations

from linkage.errors import QualityGateError
from linkage.nights.arriving import Arrived
from linkage.nights.configuration import Limits
from linkage.nights.results import Results


def check_rejected(arrived: Arrived, limits: Limits) -> None:
    """QualityGateError where too large a share of the records was rejected."""
    n_rejected, n_records = arrived.rejected.num_rows, arrived.n_physical
    if n_rejected > limits.rejected_share * n_records:
        raise QualityGateError(
            f"the night was not published: {n_rejected:,} of {n_records:,} records were rejected, more than "
            f"rejected_share = {limits.rejected_share:g}; mend the files, or raise the limit in [gates]"
        )


def check_expected(results: Results, limits: Limits) -> None:
    """QualityGateError where more matches of the night are expected to be wrong than may be. Less than one expected
    wrong match stops no night."""
    expected, n_matched = results.expected_false_matches, results.n_matched
    if expected >= 1 and expected > limits.expected_false_match_rate * n_matched:
        raise QualityGateError(
            f"the night was not published: of {n_matched:,} doses that it matches {expected:.1f} are expected to be "
            f"wrong, more than expected_false_match_rate = {limits.expected_false_match_rate:g}; look at its files, or "
            "raise the limit in [gates]"
        )
