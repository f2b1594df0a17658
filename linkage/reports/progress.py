"""How far the verification is: subjects by day and commune, how many agree with the registry, and what moved that day.

A subject counts on a day as the daily form counts it on that day. What came to be verified less what is no longer, over
all days so far, is what is verified.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from linkage.exports.words import STATUSES as STATUS_WORDS
from linkage.reports.counted import Counted, day_of, of_unit
from linkage.reports.form import (
    TOTAL,
    UNKNOWN_COMMUNE,
    Cell,
    Report,
    ReportColumn,
    commune_labels,
    vietnamese_order,
)
from linkage.reports.office import office_of_counted
from linkage.schema import STATUSES

TITLE = "Tiến độ xác minh thông tin đối tượng tiêm chủng COVID-19 theo ngày"
COLUMNS = (
    ReportColumn("date", "Ngày", 11, is_count=False),
    ReportColumn("commune_code", "Mã xã", 8, is_count=False),
    ReportColumn("commune", "Tên xã", 24, is_count=False),
    ReportColumn("verified_share", "Tỷ lệ đã xác minh đúng", 10, is_count=False),
    ReportColumn("newly_verified", "Xác minh đúng thêm trong ngày", 12, is_count=True),
    ReportColumn("no_longer_verified", "Không còn đúng trong ngày", 12, is_count=True),
    *(ReportColumn(status, STATUS_WORDS[status], 13, is_count=True) for status in STATUSES),
    ReportColumn("total", "Tổng cộng", 11, is_count=True),
)
_DONE, _OUTSIDE = "verified", "excluded"  # foreigners are in no registry, and never to be verified
Numbers = Mapping[str, int]


def progress(by_day: pa.Table, names: Mapping[str, str]) -> Report:
    """The form from subjects by OF_DAYS of linkage.reports.counted; the last row is of all communes: what there was on
    the last day, and what moved on all."""
    found: defaultdict[tuple[datetime.date, str], Counter[str]] = defaultdict(Counter)
    for row in by_day.to_pylist():
        numbers = found[row["date"], row["commune_code"] or ""]
        numbers[row["status"]] += row["n_subjects"]
        if row["status"] == _DONE:
            numbers["came"] += row["n_came"]
            numbers["left"] += row["n_left"]
    labels = commune_labels({code for _, code in found if code}, names)

    def order(key: tuple[datetime.date, str]) -> tuple[object, ...]:
        day, code = key
        return day, code == "", vietnamese_order(labels.get(code, "")), code

    rows = []
    total: Counter[str] = Counter()
    last = max((day for day, _ in found), default=None)
    for day, code in sorted(found, key=order):
        numbers = found[day, code]
        if any(numbers.values()):
            rows.append((day, code, labels.get(code, UNKNOWN_COMMUNE), *_cells(numbers)))
        total.update({name: n for name, n in numbers.items() if day == last or name in ("came", "left")})
    return Report("progress", TITLE, COLUMNS, tuple(rows), (TOTAL, None, None, *_cells(total)))


def progress_of(counted: Counted, unit: str | None = None) -> Report:
    """The progress of a run, which is of one day, or of a state; of a commune, a district or a province alone where its
    code is given."""
    as_of = day_of(counted)
    report = progress(of_unit(counted.by_day(), counted, unit), counted.names)
    return replace(report, as_of=as_of, office=office_of_counted(counted, "police", unit))


def _cells(numbers: Numbers) -> tuple[Cell, ...]:
    """The share that is verified, and the counts."""
    counts = [numbers.get(status, 0) for status in STATUSES]
    total = sum(counts)
    share = _share(numbers.get(_DONE, 0), total - numbers.get(_OUTSIDE, 0))
    return share, numbers.get("came", 0), numbers.get("left", 0), *counts, total


def _share(n: int, total: int) -> str | None:
    """In percent as Vietnamese offices write it; None of nothing. Never 100,0% before all are."""
    if not total:
        return None
    tenths = 1000 * n // total
    return f"{tenths // 10},{tenths % 10}%"
