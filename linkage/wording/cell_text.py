"""Text on its way into a cell that another program opens: no formula, no number, and nothing that moves a cursor or
hides.

The one guard: every exporter to CSV, workbooks, pages and JSON passes its texts through here (tests/test_exporters.py
finds the exporters and opens what they write).
"""

from __future__ import annotations

import re

CELL_CHARACTERS = 32_767  # of a cell of a workbook, as UTF-16 counts them; what is longer makes Excel repair the file
CUT = "…"
# The tag of a cell of text on a page, and its style: what LibreOffice and Excel go by when they open the page.
TEXT_CELL, TEXT_STYLE = 'class=t sdnum="1033;0;@"', '.t{mso-number-format:"\\@"}'

# What a reader does not see before the first character: blanks of any kind, zero-width characters, marks of direction.
_BLANKS = r"\s\u00a0\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2064\ufeff"
_BEFORE = f"[{_BLANKS}]*"
_SIGNS = "=+\\-@\t\r＝＋－＠﹢﹣﹦﹫"
# A spreadsheet that opens a CSV takes what begins so for a formula.
_FORMULA = re.compile(f"{_BEFORE}[{_SIGNS}]")
# Of these it makes a number that is written otherwise: an ID loses its zeros, a long one its digits, a lot its letter,
# and the house 12/5 is a day in May.
_NUMBER = re.compile(rf"{_BEFORE}(?:0\d[\d., ]*|\d{{12,}}|\d+(?:[.,]\d+)?[eE]\d+|\d{{1,4}}[/-]\d{{1,4}})\s*")
# Where the spreadsheet parts cells by another sign than a comma, what stands behind that sign begins a cell. A gap is
# taken whole: an expression that looked for the sign from every place of it would take the square of its length.
_GAP, _PARTS_CELLS = re.compile(f"[;{_BLANKS}]+"), frozenset(";\t\r\n")
# Controls but line ends and tabs, line ends that only some programs know, marks that turn the direction of what
# follows, lone surrogates, and what XML has no place for.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def visible(text: str) -> str:
    """The text with characters that nobody sees as \\xNN or \\uNNNN."""
    return text if text.isprintable() else _UNSEEN.sub(lambda found: _escaped(ord(found.group())), text)


def csv_cell(text: str) -> str:
    """A text for a CSV: visible, an apostrophe before what a spreadsheet would take for a formula or number."""
    shown = visible(text)
    if ";" in shown or not shown.isprintable():
        shown = _GAP.sub(_guarded_gap, shown)
    return f"'{shown}" if _FORMULA.match(shown) or _NUMBER.fullmatch(shown) else shown


def _guarded_gap(found: re.Match[str]) -> str:
    """The gap with an apostrophe where a cell may begin in it and a formula stands behind it."""
    begins_formula = _FORMULA.match(found.string, found.end())
    return f"{found.group()}'" if begins_formula and not _PARTS_CELLS.isdisjoint(found.group()) else found.group()


def guarded_record(record: str, delimiter: str) -> str:
    """A CSV record, sound or not, with an apostrophe before every field that a spreadsheet would take for a formula.

    The reader of this program takes it away again. All else is as it was.
    """
    edge = re.escape(delimiter)
    fields = re.compile(f'("(?:[^"]|"")*"[^{edge}]*|[^{edge}]*)({edge}|$)', re.DOTALL)
    return fields.sub(lambda found: _guarded_field(found[1]) + found[2], record)


def _guarded_field(field: str) -> str:
    quote, text = ('"', field[1:]) if field.startswith('"') else ("", field)
    return f"{quote}'{text}" if _FORMULA.match(text) else field


def sheet_text(text: str) -> str:
    """A text for a text cell of a workbook: visible, with one kind of line end, no longer than a cell, where one that
    is cut ends in CUT."""
    shown = visible(text)
    if "\r" in shown:
        shown = shown.replace("\r\n", "\n").replace("\r", "\n")
    return shown if fits(shown) else _first(shown, CELL_CHARACTERS - 1) + CUT


def fits(text: str) -> bool:
    """Whether a cell of a workbook can hold a text."""
    return 2 * len(text) <= CELL_CHARACTERS or _units(text) <= CELL_CHARACTERS


def json_text(document: str) -> str:
    """A JSON document with characters that nobody sees as \\uNNNN: it says the same."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", document)


def sheet_name(text: str) -> str:
    """A name that every program takes for a sheet: at most 31 characters, none of ``[]:*?/\\``, no apostrophe around
    it."""
    plain = re.sub(r"[\[\]:*?/\\\n\r\t]", "-", visible(text)).strip("' ")[:31].strip("' ")
    return f"{plain}_" if plain.casefold() in ("", "history") else plain


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _first(text: str, n_units: int) -> str:
    """As much of a text as makes at most so many UTF-16 units, no character cut in two."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * n_units].decode("utf-16-le", "ignore")


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
