"""Does what a run promises come true, overall, where it is in doubt, and in every group of people?"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from linkage.evaluate import BIN_EDGES
from linkage.published import read_table

LEAST_CLAIMS = 1000  # of a group that is judged
LEAST_MIDDLE = 100  # claims of a group in the middle, for the error there to be more than chance
MIDDLE = (0.3, 0.9)
ATTRIBUTES = ("age", "sex", "ethnicity", "province")

# As stations typed it; what cannot be read is a group too. Only full years: the rest of the date does not matter here.
_SEEN = """
CREATE TEMP TABLE seen AS
WITH typed AS (
    SELECT dose_id, 2022 - try_cast(regexp_extract(date_of_birth, '(19|20)\\d\\d') AS INTEGER) AS years, gender,
           ethnicity, u.province_name
    FROM read_parquet($doses) LEFT JOIN read_csv($units, all_varchar = true) u USING (commune_code))
SELECT d.claim_id AS claim, d.match_probability AS promised,
       coalesce(d.person_id = t.person_id, false)::DOUBLE AS came,
       len(list_filter($edges, lambda edge : d.match_probability >= edge)) AS bin,
       CASE WHEN years < 12 THEN '0-11' WHEN years < 18 THEN '12-17' WHEN years < 30 THEN '18-29'
            WHEN years < 50 THEN '30-49' WHEN years < 65 THEN '50-64' WHEN years >= 65 THEN '65-' END AS age,
       CASE WHEN lower(gender) IN ('nam', 'm', '1') THEN 'Nam' WHEN lower(gender) IN ('nữ', 'f', '0') THEN 'Nữ' END
           AS sex,
       ethnicity, province_name AS province
FROM decisions d JOIN read_parquet($truth) t USING (dose_id) JOIN typed USING (dose_id)
WHERE d.status IN ('verified', 'matched', 'review') AND d.match_probability IS NOT NULL
"""

# The gap that chance alone makes is about normal, with the variance of the claims, which come true with all their doses
# or with none; the mean of its size is the root of 2 / pi variances. Of a promise of 1 rounding leaves less than none.
_BINS = """
SELECT value, is_middle, sum(n), abs(sum(promised) - sum(came)),
       sqrt(2 / pi() * sum(n * promised * greatest(0, 1 - promised / n)))
FROM (SELECT {value} AS value, {is_middle} AS is_middle, bin, claim, count(*) AS n, sum(promised) AS promised,
             sum(came) AS came
      FROM seen GROUP BY ALL)
GROUP BY value, is_middle, bin
"""


@dataclass(frozen=True)
class _Bin:
    """Doses of a bin, how far what came is from what was promised, and how far it would be by chance."""

    is_middle: bool
    doses: int
    gap: float
    chance: float


def calibration(run_dir: Path, doses: Path, truth: Path, units: Path) -> dict[str, Any]:
    """Expected calibration errors over the doses that have a candidate, as in ``linkage.evaluate``.

    ``overall``; ``middle`` of probabilities from 0.3 to 0.9, of ``n_middle`` claims, and ``chance_middle``, what it
    would be by chance if all promises were true; ``worst_group`` and ``worst_group_middle`` among those of
    `LEAST_CLAIMS` claims or more: attribute, value, claims and error.
    """
    columns = ["dose_id", "claim_id", "status", "person_id", "match_probability"]
    given = {"doses": str(doses), "truth": str(truth), "edges": list(BIN_EDGES[1:-1])}
    given["units"] = str(next(units.glob("legacy_units_*.csv")))
    with duckdb.connect() as connection:
        connection.register("decisions", read_table(run_dir, "decisions", columns))
        connection.execute(_SEEN, given)
        everyone = errors(connection, "'all'")["all"]
        groups = [
            {"attribute": name, "value": value or "not stated", **found}
            for name in ATTRIBUTES
            for value, found in errors(connection, name).items()
            if found["claims"] >= LEAST_CLAIMS
        ]
    in_doubt = [group for group in groups if group["claims_middle"] >= LEAST_MIDDLE]
    return {
        "overall": everyone["error"],
        "middle": everyone["error_middle"],
        "n_middle": everyone["claims_middle"],
        "chance_middle": everyone["chance_middle"],
        "worst_group": max(groups, key=lambda group: group["error"], default=None),
        "worst_group_middle": max(in_doubt, key=lambda group: group["error_middle"], default=None),
    }


def errors(connection: duckdb.DuckDBPyConnection, value: str) -> dict[str | None, dict[str, Any]]:
    """Claims and errors, overall and in the middle, by the value of an expression; of the middle also the error that a
    run without any would show by chance.
    """
    is_middle = f"promised >= {MIDDLE[0]} AND promised < {MIDDLE[1]}"
    claims = connection.execute(
        f"SELECT {value}, count(DISTINCT claim), count(DISTINCT claim) FILTER ({is_middle}) FROM seen GROUP BY 1"
    ).fetchall()
    bins: dict[str | None, list[_Bin]] = defaultdict(list)
    for group, *numbers in connection.execute(_BINS.format(value=value, is_middle=is_middle)).fetchall():
        bins[group].append(_Bin(*numbers))
    return {
        group: {
            "claims": n,
            "claims_middle": n_middle,
            "error": _mean_gap(bins[group]),
            "error_middle": _mean_gap([bin_ for bin_ in bins[group] if bin_.is_middle]),
            "chance_middle": _mean_gap([replace(bin_, gap=bin_.chance) for bin_ in bins[group] if bin_.is_middle]),
        }
        for group, n, n_middle in claims
    }


def _mean_gap(bins: list[_Bin]) -> float | None:
    """The gaps between what was promised and what came, by dose."""
    n = sum(bin_.doses for bin_ in bins)
    return sum(bin_.gap for bin_ in bins) / n if n else None
