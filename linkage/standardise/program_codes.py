"""What programs write in a text instead of the character meant: tags and entities of HTML, escapes of R, Python,
JavaScript and Excel, bytes as in web addresses and letters.

``without_markup`` undoes what cannot be part of any value; ``without_codes`` also what only a name cannot hold.
"""

from __future__ import annotations

import html
import re
from urllib.parse import unquote

# Only what is a tag of HTML: <NA> is a placeholder, and <5 a number.
_TAG = re.compile(
    r"(?i)</?(?:a|abbr|b|big|body|br|center|div|em|font|h[1-6]|hr|html|i|img|label|li|nobr|o:p|ol|p|pre|s|small|span|"
    r"strike|strong|sub|sup|table|tbody|td|th|tr|tt|u|ul|wbr)(?:[\s/][^<>]{0,500})?>"
)
_ENTITY = re.compile(r"&(?:#\d{2,7};?|#[xX][0-9a-fA-F]{2,6};|nbsp;?|[A-Za-z][A-Za-z0-9]{1,31};)")
_POINT = re.compile(  # <U+1EC5> of R, \u1ec5, \u{1ec5} and \U00001ec5, %u1EC5, _x1EC5_ of Excel
    r"<[Uu]\+([0-9a-fA-F]{4,6})>|\\{1,4}u\{([0-9a-fA-F]{2,6})\}|\\{1,4}u([0-9a-fA-F]{4})|\\{1,4}U([0-9a-fA-F]{8})"
    r"|\\{1,4}N\{U\+([0-9a-fA-F]{4,6})\}|%u([0-9a-fA-F]{4})|_x([0-9a-fA-F]{4})_"
)
# escape() of JavaScript writes what Latin-1 has in two figures, the rest in four: "%u0110%ECnh".
_ESCAPED, _LATIN = re.compile(r"%u[0-9a-fA-F]{4}"), re.compile(r"%([2-7A-Fa-f][0-9a-fA-F])")
_MARKUP_SIGNS = ("<", "&", "\\", "%u", "_x")

_BYTES = re.compile(r"(?:\\{1,4}x[0-9a-fA-F]{2})+|(?:<[0-9a-f]{2}>)+|(?:\\{1,4}[0-3][0-7]{2})+")
_BYTE = re.compile(r"[xX<]([0-9a-fA-F]{2})|\\([0-3][0-7]{2})")
_PERCENT, _QUOTED = re.compile(r"(?:%[0-9a-fA-F]{2})+"), re.compile(r"(?:=[0-9a-fA-F]{2})+")
# The sign before it lost, the plane of Vietnamese letters alone: no name has a figure behind a letter.
_BARE_POINT = re.compile(r"[Uu]\+?(1[eE][a-fA-F][0-9a-fA-F]|01[0-9abAB][0-9a-fA-F]|00[c-fC-F][0-9a-fA-F])")
_LINE_ESCAPE = re.compile(r"\\{1,4}[nrt]")


def without_markup(text: str) -> str:
    """A value of any field with the characters that its tags, entities and escapes of code points stand for."""
    if not any(sign in text for sign in _MARKUP_SIGNS):
        return text
    for _ in range(2):  # what was escaped twice, "&amp;nbsp;"
        text = _ENTITY.sub(lambda found: html.unescape(found.group()), text)
    if _ESCAPED.search(text):
        text = _LATIN.sub(lambda found: _character(found[1]), text)
    text = _POINT.sub(lambda found: _character(next(filter(None, found.groups()))), text)
    return _TAG.sub(" ", text)


def without_codes(text: str) -> str:
    """A name with the characters that its codes stand for, bytes and escapes of line ends among them."""
    text = without_markup(text)
    if "\\" in text or "<" in text:
        text = _BYTES.sub(lambda found: _text_of_bytes(found.group()), text)
        text = _LINE_ESCAPE.sub(" ", text)
    if "u" in text or "U" in text:
        text = _BARE_POINT.sub(lambda found: _character(found[1]), text)
    if _PERCENT.search(text):
        text = unquote(text.replace("+", " "), errors="replace")
    if _QUOTED.search(text):
        text = _QUOTED.sub(lambda found: bytes.fromhex(found.group().replace("=", "")).decode(errors="replace"), text)
    return text


def _character(code: str) -> str:
    """The character of a code point in hexadecimal figures; a gap where none has it."""
    point = int(code, 16)
    return "\ufffd" if point > 0x10FFFF or 0xD800 <= point < 0xE000 else chr(point)


def _text_of_bytes(codes: str) -> str:
    """The letters of bytes, UTF-8 where they are such, else Latin-1."""
    content = bytes(int(hexa, 16) if hexa else int(octal, 8) for hexa, octal in _BYTE.findall(codes))
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
