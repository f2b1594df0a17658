"""How alike the values of two columns are: values in common in some form, words in common, years in common.

Two files rarely write a value in one way, so a code is looked for without its marks and a company without its legal
form. Words that are as frequent on both sides tell columns of one sort where no two values are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.planning.columns import TextColumn
from linkage.standardise.dates import standardise_dates, year_of

_PLAINER = 0.02  # so much more has to be found in another form for it to be worth its name
_LONG_ENOUGH = 5  # digits of a number that are not met by chance
_DENSE = 5.0  # times what chance gives, for digits in common to say anything
_SAMPLE = 20_000  # distinct values whose words are counted


@dataclass(frozen=True)
class Shared:
    """The share of values that the other side has, and the form in which they are written alike."""

    share: float
    form: str | None


def shared_values(a: TextColumn, b: TextColumn, forms: Sequence[str | None]) -> Shared:
    """The share in the form that finds most; of two that find as much the one that comes first."""
    best = Shared(0.0, None)
    for form in forms:
        of_a, of_b = a.formed(form), b.formed(form)
        share = min(of_a.share_found_in(of_b), of_b.share_found_in(of_a) + 0.5)
        if share > best.share + (_PLAINER if best.share else 0.0) and not (form == "digits" and _by_chance(of_a, of_b)):
            best = Shared(share, form)
    return best


def _by_chance(a: TextColumn, b: TextColumn) -> bool:
    """Whether bare digits meet as they would by chance: of running numbers nearly all do."""
    values = b.values.filter(pc.equal(pc.utf8_length(b.values), pc.mode(pc.utf8_length(b.values))[0]["mode"]))
    n_digits = len(values[0].as_py())
    if not _LONG_ENOUGH <= n_digits <= 18:
        return n_digits < _LONG_ENOUGH
    numbers = values.cast(pa.int64()).to_numpy()
    chance = numbers.size / max(1.0, float(numbers.max()) - float(numbers.min()) + 1.0)
    return bool(a.share_found_in(b) < _DENSE * chance)


def words_alike(a: TextColumn, b: TextColumn) -> float:
    """How alike the words of two columns are distributed, from 0 to 1: sum over sqrt(p q) (Bhattacharyya 1943)."""
    return _alike(_words(a), _words(b))


def years_alike(a: TextColumn, b: TextColumn) -> float:
    """The same of the years of two columns of dates or years."""
    return _alike(_years(a), _years(b))


def _alike(a: dict[str, float], b: dict[str, float]) -> float:
    return float(sum((share * b.get(word, 0.0)) ** 0.5 for word, share in a.items()))


def _words(column: TextColumn) -> dict[str, float]:
    values, counts = column.values.slice(0, _SAMPLE), column.counts.slice(0, _SAMPLE)
    split = pc.split_pattern_regex(values, r"[^\pL]+")
    rows = pc.list_parent_indices(split).to_numpy()
    words, weights = pc.list_flatten(split), counts.to_numpy()[rows]
    is_word = pc.greater(pc.utf8_length(words), 1)
    return _shares(words.filter(is_word), weights[is_word.to_numpy(zero_copy_only=False)])


def _years(column: TextColumn) -> dict[str, float]:
    years = year_of(standardise_dates(column.values))
    return _shares(pa.array(years).cast(pa.string()).filter(pa.array(years > 0)), column.counts.to_numpy()[years > 0])


def _shares(values: pa.StringArray, weights: np.ndarray) -> dict[str, float]:
    counted = pa.table({"value": values, "weight": weights}).group_by("value").aggregate([("weight", "sum")])
    total = float(weights.sum()) or 1.0
    names, sums = counted["value"].to_pylist(), counted["weight_sum"].to_pylist()
    return {name: weight / total for name, weight in zip(names, sums, strict=True)}
