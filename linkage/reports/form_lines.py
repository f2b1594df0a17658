"""The lines of text over and under a form, as the letters of 2022 have them; dots are filled in by hand."""

from __future__ import annotations

from dataclasses import dataclass

from linkage.exports.words import AS_OF
from linkage.reports.form import Report
from linkage.reports.office import COUNTRY, MOTTO


@dataclass(frozen=True)
class Line:
    """A line in the middle, or one to the left and one to the right; bold, in italics, or neither."""

    left: str
    right: str | None = None
    bold: bool = False
    italic: bool = False
    size: int = 11


def head(report: Report) -> list[Line]:
    """What stands over the table."""
    office = report.office
    lines = [
        Line(office.above, COUNTRY, bold=True),
        Line(office.name, MOTTO, bold=True),
        Line(f"Số: {'.' * 20}", f"{office.place}, ngày ...... tháng ...... năm ............", italic=True),
        Line(""),
    ]
    if report.is_annex:
        lines.append(Line("Phụ lục", bold=True))
    lines += [Line(report.title.upper(), bold=True, size=13), Line(f"({AS_OF.capitalize()} {report.day})", italic=True)]
    if report.is_annex:
        lines.append(Line(f"(Kèm theo công văn số {'.' * 16} ngày ..../..../........)", italic=True))
    return [*lines, Line("")]


def signatures() -> list[Line]:
    """What stands under it: who drew it up, and who signs and stamps it."""
    return [
        Line(""),
        Line("NGƯỜI LẬP BIỂU", "THỦ TRƯỞNG ĐƠN VỊ", bold=True),
        Line("(Ký, ghi rõ họ tên)", "(Ký tên, đóng dấu)", italic=True),
    ]
