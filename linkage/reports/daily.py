"""The daily counts: subjects by commune and status on the day of a run, for the police's report.

The day is the run's list date: an injection may lie a year back; reported is how far its verification is.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from linkage.exports.words import STATUSES as STATUS_WORDS
from linkage.reports.counted import Counted, day_of, of_unit
from linkage.reports.form import UNKNOWN_COMMUNE, Report, ReportColumn, add_up, commune_labels, vietnamese_order
from linkage.reports.office import office_of_counted
from linkage.schema import STATUSES

TITLE = "Báo cáo kết quả xác minh thông tin đối tượng tiêm chủng COVID-19 theo ngày"
COLUMNS = (
    ReportColumn("date", "Ngày", 11, is_count=False),
    ReportColumn("commune_code", "Mã xã", 8, is_count=False),
    ReportColumn("commune", "Tên xã", 28, is_count=False),
    *(ReportColumn(status, STATUS_WORDS[status], 15, is_count=True) for status in STATUSES),
    ReportColumn("total", "Tổng cộng", 12, is_count=True),
)


def daily(date: datetime.date, subject_counts: pa.Table, names: Mapping[str, str]) -> Report:
    """The form from subjects by ``commune_code`` (null: not known) and ``status``, see schema.SUBJECT_COUNTS."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in subject_counts.to_pylist():
        counts[row["commune_code"] or "", row["status"]] += row["n_subjects"]
    labels = commune_labels({code for code, _ in counts if code}, names)
    codes = sorted(labels, key=lambda code: (vietnamese_order(labels[code]), code))
    if any(code == "" for code, _ in counts):
        codes.append("")
    lines = (
        ((date, code, labels.get(code, UNKNOWN_COMMUNE)), [counts[code, status] for status in STATUSES])
        for code in codes
    )
    return add_up("daily", TITLE, COLUMNS, lines)


def daily_of(counted: Counted, unit: str | None = None) -> Report:
    """The daily counts of a run or a state, on the day that it counts up to; of a commune, a district or a province
    alone where its code is given. InputError for a run that does not say its day."""
    date = day_of(counted)
    report = daily(date, of_unit(counted.statuses(), counted, unit), counted.names)
    return replace(report, as_of=date, office=office_of_counted(counted, "police", unit))
