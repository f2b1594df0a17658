"""The shape of a value: what may be shown of it where no personal data may stand, as in notes, errors and manifests."""

from __future__ import annotations

import re

_LONGEST = 30
_SHAPES = ((r"\d", "9"), (r"[^\W\d_]", "a"))


def shape_of(text: str) -> str:
    """A value with every digit as 9 and every letter as a: '03/04/1981' is '99/99/9999'."""
    for pattern, sign in _SHAPES:
        text = re.sub(pattern, sign, text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
