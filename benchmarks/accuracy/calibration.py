"""Does what a run promises come true, overall, where it is in doubt, and in every group of people?

In the middle are some hundred claims, of which chance alone makes the mean gap of the bins 0.06 to 0.12 though every
promise were true. So beside that mean stand what chance makes of it, what is left beyond chance, and how far the whole
middle is promised too much, with its standard error. These can be pooled over seeds: chance shrinks, an error stays.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from linkage.insight.evaluate import BIN_EDGES
from linkage.published.reader import read_table

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

# Claims come true with all their doses or with none. Of a promise of 1 rounding leaves less than none.
_BINS = """
SELECT value, is_middle, bin, sum(n), sum(promised) - sum(came),
       sum(n * promised * greatest(0, 1 - promised / n))
FROM (SELECT {value} AS value, {is_middle} AS is_middle, bin, claim, count(*) AS n, sum(promised) AS promised,
             sum(came) AS came
      FROM seen GROUP BY ALL)
GROUP BY value, is_middle, bin
ORDER BY ALL
"""


@dataclass(frozen=True)
class Bin:
    """Doses of a bin, by how many more were promised than came, and the variance of that if all promises are true."""

    is_middle: bool
    number: int
    doses: int
    gap: float
    variance: float

    @property
    def chance(self) -> float:
        """The size that chance alone gives the gap, in the mean: it is about normal."""
        return math.sqrt(2 / math.pi * self.variance)


@dataclass(frozen=True)
class Bias:
    """By how much more is promised than comes, in the mean of doses; its standard error if all promises are true; and
    what is left of the gaps of the bins beyond chance, see `beyond_chance`."""

    bias: float
    standard_error: float
    beyond_chance: float


def calibration(run_dir: Path, doses: Path, truth: Path, units: Path) -> dict[str, Any]:
    """Expected calibration errors over the doses that have a candidate, as in ``linkage.insight.evaluate``.

    ``overall``; ``middle`` of probabilities from 0.3 to 0.9, of ``n_middle`` claims, and ``chance_middle``, what it
    would be by chance if all promises were true; ``bins_middle``, its bins, see `bias_of`; ``worst_group`` and
    ``worst_group_middle`` among those of `LEAST_CLAIMS` claims or more: attribute, value, claims and error.
    """
    columns = ["dose_id", "claim_id", "status", "person_id", "match_probability"]
    given = {"doses": str(doses), "truth": str(truth), "edges": list(BIN_EDGES[1:-1])}
    given["units"] = str(next(units.glob("legacy_units_*.csv")))
    with duckdb.connect() as connection:
        connection.register("decisions", read_table(run_dir, "decisions", columns))
        connection.execute(_SEEN, given)
        everyone, middle = errors(connection, "'all'")["all"]
        groups = [
            {"attribute": name, "value": value or "not stated", **found}
            for name in ATTRIBUTES
            for value, (found, _) in errors(connection, name).items()
            if found["claims"] >= LEAST_CLAIMS
        ]
    in_doubt = [group for group in groups if group["claims_middle"] >= LEAST_MIDDLE]
    return {
        "overall": everyone["error"],
        "middle": everyone["error_middle"],
        "n_middle": everyone["claims_middle"],
        "chance_middle": everyone["chance_middle"],
        "bins_middle": [asdict(bin_) for bin_ in middle],
        "worst_group": max(groups, key=lambda group: group["error"], default=None),
        "worst_group_middle": max(in_doubt, key=lambda group: group["error_middle"], default=None),
    }


def errors(connection: duckdb.DuckDBPyConnection, value: str) -> dict[str | None, tuple[dict[str, Any], list[Bin]]]:
    """Claims and errors, overall and in the middle, by the value of an expression; of the middle also the error that a
    run without any would show by chance, and the bins.
    """
    is_middle = f"promised >= {MIDDLE[0]} AND promised < {MIDDLE[1]}"
    claims = connection.execute(
        f"SELECT {value}, count(DISTINCT claim), count(DISTINCT claim) FILTER ({is_middle}) FROM seen GROUP BY 1"
    ).fetchall()
    bins: dict[str | None, list[Bin]] = defaultdict(list)
    for group, *numbers in connection.execute(_BINS.format(value=value, is_middle=is_middle)).fetchall():
        bins[group].append(Bin(*numbers))
    found: dict[str | None, tuple[dict[str, Any], list[Bin]]] = {}
    for group, n, n_middle in claims:
        middle = [bin_ for bin_ in bins[group] if bin_.is_middle]
        figures = {
            "claims": n,
            "claims_middle": n_middle,
            "error": _by_dose(bins[group], (abs(bin_.gap) for bin_ in bins[group])),
            "error_middle": _by_dose(middle, (abs(bin_.gap) for bin_ in middle)),
            "chance_middle": _by_dose(middle, (bin_.chance for bin_ in middle)),
        }
        found[group] = figures, middle
    return found


def bias_of(bins: Iterable[Bin]) -> Bias | None:
    """Of the bins of one run, or of several together; None without any dose."""
    pooled: dict[int, Bin] = {}
    for bin_ in bins:
        other = pooled.get(bin_.number, Bin(bin_.is_middle, bin_.number, 0, 0.0, 0.0))
        sums = bin_.doses + other.doses, bin_.gap + other.gap, bin_.variance + other.variance
        pooled[bin_.number] = Bin(bin_.is_middle, bin_.number, *sums)
    n = sum(bin_.doses for bin_ in pooled.values())
    if n == 0:
        return None
    gap, variance = (sum(getattr(bin_, name) for bin_ in pooled.values()) for name in ("gap", "variance"))
    return Bias(gap / n, math.sqrt(variance) / n, beyond_chance(list(pooled.values())))


def beyond_chance(bins: list[Bin]) -> float:
    """The root of the mean squared gap by dose, less what chance adds to the square (Kumar, Liang and Ma 2019): without
    bias before the root, and not below the mean size of the true gaps."""
    n = sum(bin_.doses for bin_ in bins)
    return math.sqrt(max(0.0, sum((bin_.gap**2 - bin_.variance) / bin_.doses for bin_ in bins) / n))


def _by_dose(bins: list[Bin], sums: Iterable[float]) -> float | None:
    """The mean by dose of what stands in sums by bin."""
    n = sum(bin_.doses for bin_ in bins)
    return sum(sums) / n if n else None
