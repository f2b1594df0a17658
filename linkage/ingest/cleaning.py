"""What programs put around a value and what is no part of it: invisible characters, the quotes of ``="E01"``, the
apostrophe before what a spreadsheet is to leave as text, and tags, entities and escapes of code points.

A column is looked at byte by byte first; only one that holds such a thing is looked at value by value.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.schema import TableSchema
from linkage.standardise.placeholders import without_no_keys
from linkage.standardise.program_codes import without_markup

# Format characters (category Cf): byte order marks, zero-width characters, marks of direction, soft hyphens.
_INVISIBLE = "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
_CONTROLS = r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]"  # of printers and terminals; NUL is a fault of its own
_OUTER_BLANKS = r"^[\s\p{Zs}]+|[\s\p{Zs}]+$"
_FORMULA_TEXT = re.compile(r'="((?:[^"]|"")*)"')
# As a whole cell, alone or in the function T().
_FORMULA_CELL = r'^\s*=(?:"((?:[^"]|"")*)"|(?i:T)\(\s*"((?:[^"]|"")*)"\s*\))\s*$'
_IN_APOSTROPHES = r"^'([^']*)'$"  # as careless programs quote
_TEXT_SIGN = r"^'+(.)"  # of a spreadsheet: what follows is text
# Before a value only what would be a formula or a number without it: a name may begin with an apostrophe.
_TEXT_SIGN_OF_VALUE = "^'([\\s\u00a0\u00ad\u200b-\u200f\u2060-\u2064\ufeff]*[=+\\-@\t\r\\d＝＋－＠﹢﹣﹦﹫])"
_MARKUP = r"<[/\pL]|&[#\pL]|\\[uUN]|%u|_x"  # what linkage.standardise.program_codes is asked about
# Whatever invisible characters and no-break spaces begin with in UTF-8.
_LEAD_BYTES = (
    b"\xe2\x80",
    b"\xe2\x81",
    b"\xef\xbb\xbf",
    b"\xc2\xad",
    b"\xc2\xa0",
    b"\xe1\xa0\x8e",
    b"\xd8\x9c",
    b"\xef\xbf",
)


@lru_cache(maxsize=1 << 12)  # the same names head every file
def normal_name(name: str) -> str:
    """A column name as it is compared: composed and without case, blanks of any kind and length as one, none around
    it, nothing invisible, out of its ``="…"``."""
    composed = unicodedata.normalize("NFKC", without_markup(name))
    visible = re.sub(_INVISIBLE, "", composed).strip()
    formula = _FORMULA_TEXT.fullmatch(visible)
    return " ".join((formula.group(1) if formula else visible).split()).casefold()


def clean_rows(rows: pa.Table, table: TableSchema) -> pa.Table:
    """Rows of text, their values out of ``="…"`` and of markup and without the apostrophe that keeps a spreadsheet from
    reading them, the keys without invisible characters and blanks around them."""
    for place, name in enumerate(rows.column_names):
        values = rows.column(place)
        if holds(values, b'="', b"=T(", b"=t("):
            values = _without_formula(values)
        if name == table.key:
            values = _clean_keys(values)
        else:
            if holds(values, b"<", b"&", b"\\", b"%u", b"_x"):
                values = _without_markup(values)
            if holds(values, b"'"):
                values = _without_apostrophes(values)
                values = pc.replace_substring_regex(values, _TEXT_SIGN_OF_VALUE, r"\1")
        if values is not rows.column(place):
            rows = rows.set_column(place, rows.schema.field(place), values)
    return rows


def holds(values: pa.ChunkedArray, *needles: bytes) -> bool:
    """Whether any of some byte strings lies in the buffers of a text column: quick, and true for every column that has
    one."""
    for chunk in values.chunks:
        text = chunk.buffers()[2]
        if text is not None and text.size:
            content = np.frombuffer(text, np.uint8).tobytes()
            # A single byte is found many times quicker, and most columns have none of them.
            if any(needle[:1] in content and needle in content for needle in needles):
                return True
    return False


def _without_formula(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """How a spreadsheet is told to keep leading zeros: ``="012"`` and ``=T("012")`` are 012; doubled quotes are one."""
    is_formula = pc.fill_null(pc.match_substring_regex(values, _FORMULA_CELL), False)
    inner = pc.replace_substring_regex(values, _FORMULA_CELL, r"\1\2")
    inner = pc.replace_substring(inner, '""', '"')
    inner = pc.if_else(pc.equal(inner, ""), pa.scalar(None, pa.string()), inner)
    return pc.if_else(is_formula, inner, values)


def _without_markup(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """What stands between tags, entities as the characters that they name; the few values that have any, one by one."""
    rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(values, _MARKUP), False).to_numpy())
    if not rows.size:
        return values
    texts = values.to_pylist()
    for row in rows.tolist():
        plain = without_markup(texts[row])
        texts[row] = texts[row] if plain == texts[row] else plain.strip() or None
    return pa.chunked_array([pa.array(texts, pa.string())])


def _without_apostrophes(values: pa.ChunkedArray) -> pa.ChunkedArray:
    inner = pc.replace_substring_regex(values, _IN_APOSTROPHES, r"\1")
    return pc.if_else(pc.equal(inner, ""), pa.scalar(None, pa.string()), inner)


def clean_key(key: str) -> str:
    """A key that somebody asks for, as ``clean_rows`` makes it of one in a file; empty for none."""
    keys = pa.chunked_array([pa.array([key])])
    return _clean_keys(_without_formula(keys))[0].as_py() or ""


def _has_controls(values: pa.ChunkedArray) -> bool:
    texts = (chunk.buffers()[2] for chunk in values.chunks)
    return any(
        (bytes_ < ord(" ")).any() or (bytes_ == 0x7F).any()
        for bytes_ in (np.frombuffer(text, np.uint8) for text in texts if text is not None and text.size)
    )


def _clean_keys(keys: pa.ChunkedArray) -> pa.ChunkedArray:
    """Keys as a person sees them, null where they say that there is none."""
    if _has_controls(keys):
        keys = pc.replace_substring_regex(keys, _CONTROLS, "")
    if holds(keys, *_LEAD_BYTES):
        keys = pc.replace_substring_regex(keys, _INVISIBLE, "")
    if holds(keys, b" ", b"\t", b"\xc2\xa0", b"\n", b"\r"):
        keys = pc.replace_substring_regex(keys, _OUTER_BLANKS, "")
    if holds(keys, b"'"):
        keys = _without_apostrophes(keys)
        keys = pc.replace_substring_regex(keys, _TEXT_SIGN, r"\1")
    return without_no_keys(keys)
