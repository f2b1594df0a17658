"""What is odd about the fields of a file before anything is compared: values that cannot be read, and one that fills
them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.encode.columns import has_value
from linkage.plan.sections import Field, Plan
from linkage.wording.masking import shape_of

FEWEST_RECORDS = 20  # of fewer nothing is told
NOTABLY_UNREAD = 0.1  # of the values stated
ONE_VALUE = 0.4  # of the records; strangers that share it agree
_FEW_VALUES = ("sex", "ethnicity", "commune", "category")  # kinds of which one value may well be that common
_SEPARATOR = " "


def field_notes(records: pa.Table, columns: Mapping[str, NDArray[np.generic]], plan: Plan, side: str) -> list[str]:
    """A note for each field of a side ("left" or "right") of which a tenth is not read, or two fifths are one value.

    columns: the records encoded, in any order
    """
    notes: list[str] = []
    if records.num_rows < FEWEST_RECORDS:
        return notes
    for field in plan.fields:
        if getattr(field, side):
            stated = _stated(records, field, side)
            n_read = int(has_value(columns, field.name).sum())
            where = f"field {field.name!r} of the {side} side"
            notes += _unread(where, stated, n_read)
            notes += [] if field.kind in _FEW_VALUES else _one_value(where, stated, n_read)
    return notes


def _stated(records: pa.Table, field: Field, side: str) -> pa.StringArray:
    """What the records state of a field, trimmed; empty for nothing."""
    texts = [pc.fill_null(records.column(name).cast(pa.string()), "") for name in getattr(field, side)]
    joined = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, _SEPARATOR)
    return pc.utf8_trim_whitespace(joined.combine_chunks())


def _unread(where: str, stated: pa.StringArray, n_read: int) -> list[str]:
    n_stated = int(pc.sum(pc.not_equal(stated, "")).as_py() or 0)
    n_unread = n_stated - n_read
    if n_unread <= NOTABLY_UNREAD * n_stated:
        return []
    return [
        f"{where}: {n_unread:,} of {n_stated:,} values stated cannot be read and count as missing; check the column's "
        "form and the field's kind"
    ]


def _one_value(where: str, stated: pa.StringArray, n_read: int) -> list[str]:
    values = pc.value_counts(stated.filter(pc.not_equal(stated, "")))
    if not len(values):
        return []
    counts = values.field("counts").to_numpy()
    commonest = int(counts.argmax())
    n, n_records = int(counts[commonest]), len(stated)
    # What is not read anyway is no value.
    if n < ONE_VALUE * n_records or n_read <= n_records - n:
        return []
    text = values.field("values")[commonest].as_py()
    return [
        f"{where}: one value, of the form {shape_of(text)!r}, fills {100 * n / n_records:.3g} % of the records; where "
        "it stands for nothing, empty it, or all who have it agree"
    ]
