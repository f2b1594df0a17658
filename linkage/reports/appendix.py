"""The appendix of the clean-up: per commune the subjects that do not agree with the registry, by reason.

The form is that of the health centres' letters to communes and police of 2022, where the column called "name of the
health facility" lists communes. The three reasons exclude one another: a
subject without an ID is not counted as wrong. It counts subjects of the platform, for a person is visited once however
many doses and claims there are; verified subjects and foreigners (excluded) are in no list. A subject counts in the
commune of residence, whatever facility keyed it in: see linkage.published.subjects for the documents behind this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from linkage.exports.words import ISSUES
from linkage.reports.counted import Counted, of_unit
from linkage.reports.form import UNKNOWN_COMMUNE, Report, ReportColumn, add_up, commune_labels, vietnamese_order
from linkage.reports.office import office_of_counted

TITLE = "Bảng tổng hợp tình hình xác minh thông tin đối tượng tiêm chủng COVID-19"
COLUMNS = (
    ReportColumn("number", "STT", 6, is_count=False),
    ReportColumn("facility", "Tên cơ sở y tế", 34, is_count=False),
    *(ReportColumn(issue, heading, 22, is_count=True) for issue, heading in ISSUES.items()),
    ReportColumn("total", "Tổng cộng", 14, is_count=True),
)


def appendix(counts: Mapping[tuple[str, str], int]) -> Report:
    """The form from subjects counted by (name of the facility or commune, issue); what is absent is zero."""
    facilities = sorted({facility for facility, _ in counts}, key=lambda f: (f == UNKNOWN_COMMUNE, vietnamese_order(f)))
    lines = (
        ((number, facility), [counts.get((facility, issue), 0) for issue in ISSUES])
        for number, facility in enumerate(facilities, start=1)
    )
    return add_up("appendix", TITLE, COLUMNS, lines)


def appendix_of(counted: Counted, unit: str | None = None) -> Report:
    """The appendix of a run or a state by commune; of a commune, a district or a province alone where its code is
    given."""
    issues = of_unit(counted.issues(), counted, unit).to_pylist()
    labels = commune_labels({row["commune_code"] for row in issues if row["commune_code"]}, counted.names)
    counts: Counter[tuple[str, str]] = Counter()
    for row in issues:
        counts[labels.get(row["commune_code"], UNKNOWN_COMMUNE), row["issue"]] += row["n_subjects"]
    office = office_of_counted(counted, "health", unit)
    return replace(appendix(counts), as_of=counted.as_of, office=office, is_annex=True)
