"""Why a record is rejected: one bit per reason inside the readers, a code per reason in ``queues/rejected.parquet``.

A record has every reason that was found, in the order of ``REASONS``. ``{key}`` stands for the key column of the table.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from linkage.ingest import csv_kernels

MISSING_KEY = 128
REPEATED_HEADER = 256
DUPLICATE_KEY = 512
CONFLICTING_KEY = 1024
TOTAL_ROW = 2048
COLUMN_NUMBERS = 4096
REMARK = 8192
SUPERSEDED = 16384
# Of verdicts, which are told when it is known what they speak of.
NO_CLAIM, UNKNOWN_CLAIM, UNKNOWN_DOSE, NO_VERDICT, UNKNOWN_VERDICT, NO_PERSON, UNKNOWN_PERSON, FUTURE_DATE = (
    1 << bit for bit in range(16, 24)
)

REASONS = {
    csv_kernels.UNCLOSED_QUOTE: "unclosed_quote",  # a quoted field whose closing quote is not found: one line rejected
    csv_kernels.STRAY_QUOTE: "stray_quote",  # text between a closing quote and the next delimiter
    csv_kernels.NUL_BYTE: "nul_byte",
    csv_kernels.INVALID_ENCODING: "invalid_encoding",  # bytes that are no UTF-8, or unpaired UTF-16 surrogates
    csv_kernels.TOO_FEW_COLUMNS: "too_few_columns",
    csv_kernels.TOO_MANY_COLUMNS: "too_many_columns",
    csv_kernels.FIELD_TOO_LONG: "field_too_long",  # more than csv_kernels.MAX_FIELD_BYTES
    MISSING_KEY: "missing_{key}",
    REPEATED_HEADER: "repeated_header",  # the header again, as when files were joined end to end, in any order or case
    TOTAL_ROW: "total_row",  # "Tổng cộng: 60" under a list, with nothing but numbers else in the row
    COLUMN_NUMBERS: "column_numbers",  # "(1) (2) (3)" under the header, as printed forms have it
    REMARK: "remark",  # "Ghi chú: …", "Người lập biểu": text around the list, where a key should be
    DUPLICATE_KEY: "duplicate_{key}",  # the same record again, all columns equal: the first one is kept
    CONFLICTING_KEY: "conflicting_{key}",  # different records under one key: none is kept
    SUPERSEDED: "superseded",  # another record of the same key says that it was changed later: that one is kept
    NO_CLAIM: "no_claim",  # a verdict that names neither claim nor dose
    UNKNOWN_CLAIM: "unknown_claim",
    UNKNOWN_DOSE: "unknown_dose",
    NO_VERDICT: "no_verdict",  # it says nothing
    UNKNOWN_VERDICT: "unknown_verdict",  # none of schema.VERDICT_WORDS
    NO_PERSON: "no_person",  # 'person', and nobody is named
    UNKNOWN_PERSON: "unknown_person",
    FUTURE_DATE: "future_date",  # decided on a day after that of the night
}


def reason_lists(faults: np.ndarray, key: str | None) -> pa.Array:
    """Reason codes of records.

    Parameters: ``faults`` uint16[n] or uint32[n] of reason bits, ``key`` the name of the key column. Returns a
    list<string> array of length n.
    """
    distinct, index = np.unique(faults, return_inverse=True)
    lists = [[code.format(key=key) for bit, code in REASONS.items() if mask & bit] for mask in distinct.tolist()]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(index, pa.int64()))
