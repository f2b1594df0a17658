"""The daily counts: subjects by commune and status on the day of a run, for the police's report.

The day is the run's list date: an injection may lie a year back; reported is how far its verification is.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from linkage.exports.list_dates import list_date_of
from linkage.exports.units import communes_of, of_communes
from linkage.exports.words import STATUSES as STATUS_WORDS
from linkage.published.reader import read_manifest, read_table
from linkage.reports.form import UNKNOWN_COMMUNE, Report, ReportColumn, add_up, commune_labels, vietnamese_order
from linkage.reports.office import office_of_run
from linkage.schema import STATUSES, SUBJECT_COUNTS

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


def daily_of_run(run_dir: Path, unit: str | None = None) -> Report:
    """The daily counts of a published run, on the manifest's ``list_date``; of a commune, a district or a province
    alone where its code is given."""
    manifest = read_manifest(run_dir, "list_date")
    counts = read_table(run_dir, SUBJECT_COUNTS.name, SUBJECT_COUNTS.names)
    if unit is not None:
        counts = of_communes(counts, communes_of(run_dir, unit))
    date = list_date_of(run_dir, manifest)
    assert date is not None  # read_manifest has asked for it
    report = daily(date, counts, manifest.get("commune_names", {}))
    return replace(report, as_of=date, office=office_of_run(run_dir, "police", unit))
