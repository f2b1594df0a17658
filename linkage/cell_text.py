"""Text on its way into a cell that another program opens: no formula, and nothing that moves a cursor or hides.

Every exporter to CSV, workbooks and pages passes its texts through here (tests/test_cell_text.py lists them).
"""

from __future__ import annotations

import re

# A spreadsheet that opens a CSV takes what begins so for a formula, blanks and invisible characters before it or not.
_FORMULA = re.compile(r"[\s\u00a0\u200b-\u200f\ufeff]*[=+\-@\t\r＝＋－＠]")
# Controls but line ends and tabs, marks that turn the direction of what follows, and lone surrogates.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with characters that nobody sees as \\xNN or \\uNNNN."""
    return _UNSEEN.sub(lambda found: _escaped(ord(found.group())), text)


def csv_cell(text: str) -> str:
    """A text for a CSV: visible, and with an apostrophe before what would be a formula or a number with a sign."""
    shown = visible(text)
    return f"'{shown}" if _FORMULA.match(shown) else shown


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
