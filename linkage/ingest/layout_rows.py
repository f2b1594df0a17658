"""Rows that belong to the layout of a list and are no records: its header again, the numbers of its columns, sums,
remarks and signatures.

They are told by their key, which no program would give a record, and by how little else they state. Few keys are looked
at: those that are a short number, begin with a word of the layout, or hold more than the visible characters of ASCII.
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.ingest.beginnings import Beginnings
from linkage.ingest.cleaning import normal_name
from linkage.ingest.header import Header
from linkage.ingest.name_kernels import SPACE
from linkage.ingest.reasons import COLUMN_NUMBERS, REMARK, REPEATED_HEADER, TOTAL_ROW
from linkage.machine.text_bytes import text_bytes
from linkage.schema import TableSchema
from linkage.standardise.digits import one_array

Faults = NDArray[np.uint16]

_TOTAL = r"^\W*(tổng|tong|cộng|total|sum|subtotal|grand total)\b"
_TOTAL_ONLY = r"^\W*(tổng|cộng|total|sum)\b"  # "tong" and "cong" alone may be names of things
# How remarks and the lines for signatures begin, in any spelling of the marks.
_REMARK = (
    r"^\W*(ghi chú|ghi chu|lưu ý|luu y|chú thích|chu thich|chú ý|nguồn|nguon|người lập|nguoi lap|người ký|lập biểu"
    r"|lap bieu|người báo cáo|nguoi bao cao|thủ trưởng|thu truong|phụ trách|phu trach|giám đốc|giam doc|trưởng trạm"
    r"|truong tram|trưởng khoa|trưởng phòng|phó giám đốc|kế toán|cán bộ|can bo|xác nhận|xac nhan|ký tên|ky ten"
    r"|\(?ký|đại diện|dai dien|tm\.|kt\.|ngày|ngay|, ngày|danh sách|danh sach|hết|note|remark|prepared by|signature"
    r"|signed|approved by)(\W|$)"
)
# What stands over a signature, and the name of who signs under it.
_SIGNATURE = (
    r"^\W*(người lập|nguoi lap|người ký|lập biểu|lap bieu|người báo cáo|nguoi bao cao|thủ trưởng|thu truong|phụ trách"
    r"|phu trach|giám đốc|giam doc|trưởng trạm|truong tram|trưởng khoa|trưởng phòng|phó giám đốc|kế toán|xác nhận"
    r"|xac nhan|ký tên|ky ten|\(?ký|đại diện|dai dien|tm\.|kt\.|prepared by|signature|signed|approved by)(\W|$)"
)
# The part of a village that the rows under it are of, "II. Thôn 2".
_SECTION = (
    r"^\W*(?:(?:[ivx]{1,4}|[a-z]|\d{1,2})\W+)?(?:thôn|thon|tổ|tổ dân phố|to dan pho|ấp|xóm|xom|bản|buôn|buon|làng|khóm"
    r"|khối|khoi|khu|khu phố|khu pho|đội|xã|phường|thị trấn)\s+\S"
)
_WORDS_ALONE = r"^\pL+(?:\s+\pL+)+$"  # as names are, and no key
_NUMBERED = r"(?i)\s(?:\d{1,2}[a-z]?|[ivx]{1,4})\W*$"
_ABOUT_SOMEBODY = ("full_name", "id_number", "old_id_number", "phone", "insurance_number")
# Of these in ASCII the first letters; with other letters they are seen by these.
_WORDS = ("total", "sum", "subtotal", "note", "remark", "signature", "signed", "tong", "cong")
_SHORT_KEY_BYTES, _LAST_VISIBLE = 6, ord("~")
_AMOUNT = r"^\s*[\d.,]+(?:\s+(?:mũi|liều|người|doses))?\s*$"
_SHORT_NUMBER = r"^\W*([0-9]{1,2}|[A-Za-z])\W*$"
# "(6)", or how it is reckoned: "(6)=(4)+(5)", "8=6+7".
_ORDINAL = re.compile(r"\W*?(\d{1,2}|[A-Za-z])[^\w=]*(?:=(?:\W*(?:\d{1,2}|[A-Za-z])\b)+\W*)?")
_FEWEST_NUMBERS = 3
_MOST_BESIDE_REMARK = 3
_MOST_BESIDE_TOTAL = 4


def layout_faults(rows: pa.Table, table: TableSchema, header: Header) -> Faults:
    """Why rows are no records: uint16[n_rows] of reason bits, 0 for records.

    Parameters: ``rows`` has the columns of ``table``, which has a key; ``header`` is that of the file.
    """
    faults = np.zeros(rows.num_rows, np.uint16)
    # Keys that are derived tell nothing: such a row is told by what stands first in it.
    is_derived = header.lacks_key(table)
    columns = _in_file_order(table, header)
    told_by = columns[0] if is_derived else str(table.key)
    if is_derived:
        rows = rows.drop_columns([str(table.key)])
        faults[_signers(rows)] = REMARK
        rows = _begun_in(told_by, rows, columns)
    keys = rows.column(told_by)
    names = {normal_name(name) for name in header.names if name.strip()}
    candidates = _candidates(keys, names)
    if not candidates.size:
        return faults
    asked = rows.take(pa.array(candidates))
    found = np.zeros(candidates.size, np.uint16)
    found[_headers(asked, told_by, header.name_of(table, told_by) or "", names)] = REPEATED_HEADER
    stated, numeric = _stated_beside(asked, told_by)
    key = pc.fill_null(asked.column(told_by), "")
    is_total = _matches(key, f"(?i){_TOTAL}") & (numeric == stated) & (stated <= _MOST_BESIDE_TOTAL)
    is_total &= _matches(key, f"(?i){_TOTAL_ONLY}") | _matches(key, r"\s")
    # Its word may stand in a column that is not read, as that of the serial numbers.
    is_total |= (stated == 0) & _amounts_among_keys(key, keys) & (not is_derived)
    found[(found == 0) & is_total] = TOTAL_ROW
    found[(found == 0) & _column_numbers(asked, told_by, table, header)] = COLUMN_NUMBERS
    # A text of several words as a key with nothing beside it is a remark, whatever it says; as a name it may be one.
    is_remark = (stated == 0) & _matches(key, r"^\S*[\pL]\S*\s+\S*[\pL(]") & (not is_derived)
    is_remark |= (stated < _MOST_BESIDE_REMARK) & _matches(key, f"(?i){_REMARK}") & ~_identifies(asked)
    # Merged cells may state something beside the name of a section, but nobody.
    is_section = _matches(key, f"(?i){_SECTION}") & ~_is_about_somebody(asked, told_by)
    is_remark |= is_section & (_matches(key, _NUMBERED) if is_derived else True)  # a name may begin so
    found[(found == 0) & is_remark] = REMARK
    faults[candidates] |= np.where(faults[candidates] == 0, found, 0)
    if not is_derived and (found == REMARK).any():
        signers = _signers(rows)
        names_only = _matches(pc.fill_null(keys.take(pa.array(signers)), ""), _WORDS_ALONE)
        faults[signers[names_only & (faults[signers] == 0)]] = REMARK
    return faults


def _signers(rows: pa.Table) -> NDArray[np.intp]:
    """Rows that hold a signature: its title alone, and under it rows that state no more, which are names. A list has
    both at its end."""
    stated = np.sum([column.is_valid().to_numpy() for column in rows.columns], axis=0)
    few = np.flatnonzero((stated > 0) & (stated < _MOST_BESIDE_REMARK))
    asked = rows.take(pa.array(few))
    titles = few[_matches(pc.fill_null(pc.coalesce(*asked.columns), ""), f"(?i){_SIGNATURE}") & ~_identifies(asked)]
    found: list[int] = []
    for title in titles.tolist():
        if found and title <= found[-1]:
            continue
        end = title + 1
        while end < stated.size and stated[end] <= stated[title]:
            end += 1
        found += [row for row in range(title, end) if stated[row]]
    return np.array(found, np.intp)


def _is_about_somebody(asked: pa.Table, told_by: str) -> NDArray[np.bool_]:
    """Whether a row states a name or a number of a person, beside what it is told by: bool[n]."""
    found = np.zeros(asked.num_rows, np.bool_)
    for name in _ABOUT_SOMEBODY:
        if name != told_by and name in asked.column_names:
            found |= asked.column(name).is_valid().to_numpy()
    return found


def _candidates(keys: pa.ChunkedArray, names: set[str]) -> NDArray[np.intp]:
    """Rows whose key may be none."""
    text, offsets = text_bytes(one_array(keys))
    starts, ends = offsets[:-1], offsets[1:]
    found = Beginnings.of({*_WORDS, *names}).are_at(text, starts, ends) | (ends - starts <= _SHORT_KEY_BYTES)
    used = text[starts[0] : ends[-1]]
    if used.size and (used.min() <= SPACE or used.max() > _LAST_VISIBLE):
        found |= pc.fill_null(pc.match_substring_regex(keys, r"[^!-~]"), False).to_numpy()
    return np.flatnonzero(found)


def _in_file_order(table: TableSchema, header: Header) -> list[str]:
    """The columns of the schema that the file has, as it has them."""
    return [
        name
        for _, name in sorted(
            (place, name) for name, place in zip(table.names, header.index, strict=True) if place >= 0
        )
    ]


def _begun_in(first: str, rows: pa.Table, columns: list[str]) -> pa.Table:
    """Rows that state nothing in their first column with the next that they state in its place: a remark may stand
    under the names."""
    for name in columns[1:]:
        is_free = rows.column(first).is_null()
        if not pc.any(is_free).as_py():
            break
        begun = pc.coalesce(rows.column(first), rows.column(name))
        rest = pc.if_else(is_free, pa.scalar(None, pa.string()), rows.column(name))
        rows = rows.set_column(rows.column_names.index(first), first, begun)
        rows = rows.set_column(rows.column_names.index(name), name, rest)
    return rows


def _headers(asked: pa.Table, told_by: str, its_name: str, names: set[str]) -> NDArray[np.intp]:
    """Places of the rows whose stated values are names of the file's columns: the key and most of the others."""
    keys = asked.column(told_by).to_pylist()
    likely = [place for place, key in enumerate(keys) if normal_name(key or "") in names]
    if not likely:
        return np.zeros(0, np.intp)
    found = []
    for place, row in zip(likely, asked.take(pa.array(likely)).to_pylist(), strict=True):
        stated = [normal_name(value) for value in row.values() if value]
        if normal_name(row[told_by]) == normal_name(its_name) or (
            2 * sum(value in names for value in stated) > len(stated) > 1
        ):
            found.append(place)
    return np.array(found, np.intp)


def _stated_beside(asked: pa.Table, told_by: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many values beside the key are stated, and how many of these are numbers: int64[n] each."""
    stated, numeric = np.zeros(asked.num_rows, np.int64), np.zeros(asked.num_rows, np.int64)
    for name in asked.column_names:
        if name != told_by:
            text = pc.fill_null(asked.column(name), "")
            stated += _matches(text, r"\S")
            numeric += _matches(text, _AMOUNT)
    return stated, numeric


def _amounts_among_keys(key: pa.ChunkedArray, keys: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Which of ``key`` are amounts, where less than half of all the ``keys`` are: bool[n]."""
    found = _matches(key, _AMOUNT)
    return found & (2 * int(_matches(pc.fill_null(keys, ""), _AMOUNT).sum()) < len(keys)) if found.any() else found


def _identifies(asked: pa.Table) -> NDArray[np.bool_]:
    """Whether a row holds a date, or a number as long as those that identify: bool[n]."""
    found = np.zeros(asked.num_rows, np.bool_)
    for name in asked.column_names[1:]:
        found |= _matches(pc.fill_null(asked.column(name), ""), r"\d{8,}|\d[/.-]\d{1,2}[/.-]\d{2}|\d{4}-\d{2}")
    return found


def _column_numbers(asked: pa.Table, told_by: str, table: TableSchema, header: Header) -> NDArray[np.bool_]:
    """Whether a row numbers the columns, "(1) (2) (3)", "A B 1 2", as printed forms have it: bool[n]."""
    found = np.zeros(asked.num_rows, np.bool_)
    likely = np.flatnonzero(_matches(pc.fill_null(asked.column(told_by), ""), _SHORT_NUMBER))
    places = {name: place for name, place in zip(table.names, header.index, strict=True) if place >= 0}
    for row in likely.tolist():
        values = asked.slice(row, 1).to_pylist()[0]
        stated = {places[name]: value for name, value in values.items() if value}
        found[row] = _is_numbering(_apart(stated, places, header))
    return found


def _apart(stated: dict[int, str], places: dict[str, int], header: Header) -> list[tuple[int, str]]:
    """Cells (column, text) of a row by the place of their column; of a column that the file has in two, as family and
    given name, each part stands by itself, or one number for both, behind which columns count one less."""
    cells = dict(stated)
    for name, more in header.more.items():
        parts = (places[name], *more)
        words = cells.get(parts[0], "").split()
        if len(words) == len(parts):
            cells |= dict(zip(parts, words, strict=True))
        elif words:
            cells = {place - sum(part < place for part in more): text for place, text in cells.items()}
    return list(cells.items())


def _is_numbering(cells: list[tuple[int, str]]) -> bool:
    """Whether the cells (column, text) count on from one column to the next, letters before numbers."""
    matched = [(place, _ORDINAL.fullmatch(text)) for place, text in sorted(cells)]
    if len(cells) < _FEWEST_NUMBERS or any(match is None for _, match in matched):
        return False
    texts = [(place, match.group(1)) for place, match in matched if match is not None]
    numbers = [(place, int(text)) for place, text in texts if text.isdigit()]
    letters = [(place, ord(text.upper())) for place, text in texts if not text.isdigit()]
    runs = all(b[1] - a[1] == b[0] - a[0] for run in (numbers, letters) for a, b in pairwise(run))
    return runs and not (letters and numbers and letters[-1][0] > numbers[0][0])


def _matches(text: pa.ChunkedArray, pattern: str) -> NDArray[np.bool_]:
    """bool[n]; no nulls come in."""
    return np.asarray(pc.match_substring_regex(text, pattern).to_numpy(), np.bool_)
