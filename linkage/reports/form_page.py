"""A form as one page that needs no other file, and prints as the workbook does."""

from __future__ import annotations

import datetime
import html
from collections.abc import Iterable
from pathlib import Path

from linkage.reports.form import Cell, Report
from linkage.reports.form_lines import Line, head, signatures
from linkage.wording.cell_text import TEXT_CELL, TEXT_STYLE, visible

_STYLE = """@page{size:A4 landscape;margin:15mm 12mm;@bottom-center{content:"Trang " counter(page) "/" counter(pages)}}
body{font:12pt "Times New Roman","Liberation Serif",serif;max-width:60rem;margin:1rem auto;padding:0 1rem}
p{margin:.2em 0;text-align:center}
.both{display:grid;grid-template-columns:2fr 3fr;gap:1rem}
.b{font-weight:bold}
.i{font-style:italic}
h1{font-size:1.15em;text-align:center;margin:.4em 0}
table{border-collapse:collapse;width:100%}
td,th{border:1px solid;padding:.3em .6em;text-align:right}
thead th{text-align:center;vertical-align:middle}
td.t,tbody th.t{text-align:left}
thead{display:table-header-group}
tr,.signatures{break-inside:avoid}
.signatures{margin-bottom:6em}
@media print{body{font-size:11pt;padding:0;margin:0}td,th{padding:.1em .5em}}
"""


def write_html(report: Report, out: Path) -> None:
    """Head, table, signatures; the headings on every printed page."""
    title = _escaped(report.title)
    heading = _row("th", (column.heading for column in report.columns))
    lines = "\n".join([*(_row("td", row) for row in report.rows), _row("th", report.total)])
    out.write_text(
        f'<!doctype html>\n<html lang="vi"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{_STYLE}{TEXT_STYLE}</style></head><body>\n"
        f"{_lines(head(report))}\n<table><thead>\n{heading}\n</thead><tbody>\n{lines}\n</tbody></table>\n"
        f'<div class="signatures">\n{_lines(signatures())}\n</div>\n</body></html>\n',
        encoding="utf-8",
    )


def _lines(lines: Iterable[Line]) -> str:
    return "\n".join(_line(line) for line in lines)


def _line(line: Line) -> str:
    look = " ".join(name for name, is_so in (("b", line.bold), ("i", line.italic)) if is_so)
    if line.right is not None:
        return f'<div class="both {look}"><p>{_escaped(line.left)}</p><p>{_escaped(line.right)}</p></div>'
    if line.size > Line("").size:
        return f"<h1>{_escaped(line.left)}</h1>"
    return f'<p class="{look}">{_escaped(line.left) or "&nbsp;"}</p>'


def _row(tag: str, cells: Iterable[Cell]) -> str:
    return f"<tr>{''.join(_cell(tag, cell) for cell in cells)}</tr>"


def _cell(tag: str, cell: Cell) -> str:
    kind = f" {TEXT_CELL}" if isinstance(cell, str) else ""
    return f"<{tag}{kind}>{_escaped(_shown(cell))}</{tag}>"


def _shown(cell: Cell) -> str:
    if isinstance(cell, datetime.date):
        return f"{cell:%d/%m/%Y}"
    if isinstance(cell, int):
        return f"{cell:,}" if cell else ""
    return cell or ""


def _escaped(text: str) -> str:
    return html.escape(visible(text))
