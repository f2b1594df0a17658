"""Columns of text from numbers: names, numbers with leading zeros, dates. Arrow does the work, a column at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkage.simulate.randomness import Int32s, Ints, Mask

Texts: TypeAlias = Any  # pa.StringArray, which comes without types
_TWO_DIGITS = pa.array([f"{i:02d}" for i in range(100)])
_YEARS = pa.array([f"{i:04d}" for i in range(2100)])
_SHORT = pa.array([str(i) for i in range(100)])


def choose(table: list[str] | Texts, numbers: npt.NDArray[np.integer]) -> Texts:
    """The entries of a table by number; an empty entry becomes null."""
    texts = table if isinstance(table, pa.Array) else pa.array([text or None for text in table], pa.string())
    return texts.take(pa.array(numbers))


def padded(numbers: Ints, widths: Int32s | int) -> Texts:
    """Decimal digits with leading zeros, ``widths`` characters."""
    if isinstance(widths, int):
        return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), widths, "0")
    texts = pa.nulls(len(numbers), pa.string())
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        texts = put(texts, rows, padded(numbers[rows], int(width)))
    return texts


def put(texts: Texts, rows: npt.NDArray[np.intp], values: Texts | str | None) -> Texts:
    """``texts`` with other values at some rows (ascending)."""
    if not len(rows):
        return texts
    mask = np.zeros(len(texts), bool)
    mask[rows] = True
    return pc.replace_with_mask(
        texts, pa.array(mask), values if isinstance(values, pa.Array) else pa.scalar(values, pa.string())
    )


def change(texts: Texts, rows: npt.NDArray[np.intp], by: Callable[[Texts], Texts]) -> Texts:
    """``texts`` with a function applied to some rows (ascending)."""
    return put(texts, rows, by(texts.take(pa.array(rows)))) if len(rows) else texts


def blank(texts: Texts, where: Mask) -> Texts:
    """Null where the mask is set."""
    return put(texts, np.flatnonzero(where), None)


def spelled_names(names: Int32s, words: Texts) -> Texts:
    """Three parts joined by spaces; ``words`` by number, each with a space before it, the first one empty."""
    parts = [words.take(pa.array(names[:, part])) for part in range(3)]
    return pc.utf8_ltrim_whitespace(pc.binary_join_element_wise(*parts, ""))


def spaced(words: list[str]) -> Texts:
    """The table ``spelled_names`` wants."""
    return pa.array([f" {word}" if word else "" for word in words], pa.string())


def two_digits(numbers: npt.NDArray[np.integer]) -> Texts:
    """00 to 99."""
    return _TWO_DIGITS.take(pa.array(numbers))


def short_numbers(numbers: npt.NDArray[np.integer]) -> Texts:
    """0 to 99 without leading zeros."""
    return _SHORT.take(pa.array(numbers))


def years(numbers: npt.NDArray[np.integer]) -> Texts:
    """Four digits, up to 2099."""
    return _YEARS.take(pa.array(numbers))


def joined(separator: str, *parts: Texts) -> Texts:
    """Element by element, with a separator."""
    return pc.binary_join_element_wise(*parts, separator)


def iso_days(days: Int32s) -> Texts:
    """YYYY-MM-DD of days since 1970-01-01."""
    return pc.cast(pa.array(days).cast(pa.date32()), pa.string())
