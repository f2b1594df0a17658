"""What the pages say, from one catalogue (words.toml): Vietnamese first, English second; and how values are written."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from linkage.review.accounts import LANGUAGES
from linkage.storage.edited_files import read_toml
from linkage.wording.cell_text import visible


@cache
def catalogue() -> dict[str, tuple[str, ...]]:
    """All texts by key, such as "list.title"; in the order of LANGUAGES."""
    found = read_toml(Path(__file__).with_name("words.toml"), "install the program again")
    return {f"{part}.{key}": tuple(texts) for part, words in found.items() for key, texts in words.items()}


class Words:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self._place = LANGUAGES.index(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with values. KeyError where there is none: no page shows a key."""
        return catalogue()[key][self._place].format(**values)

    def of(self, part: str, word: str | None) -> str:
        """The text of a code of the tables; the code itself where the catalogue does not know it."""
        texts = catalogue().get(f"{part}.{word}")
        return texts[self._place] if texts else visible(word or "")

    def date(self, text: str | None) -> str:
        """A day as an office writes it; what is none as it stands."""
        parts = (text or "").split("-")
        if len(parts[0]) != 4 or not all(part.isdecimal() for part in parts):
            return visible(text or "")
        return "/".join(reversed(parts))

    def moment(self, text: str) -> str:
        return f"{text[11:16]} {self.date(text[:10])}"

    def number(self, value: int) -> str:
        digits = f"{value:,}"
        return digits.replace(",", ".") if self.language == "vi" else digits

    def percent(self, share: float | None) -> str:
        """A probability in whole percent, never rounded to certainty."""
        if share is None:
            return "–"
        whole = min(99, max(1, round(share * 100)))
        return "< 1 %" if share < 0.005 else "> 99 %" if share > 0.995 else f"{whole} %"

    def bits(self, value: float) -> str:
        digits = f"{abs(value):.1f}".replace(".", "," if self.language == "vi" else ".")
        return self("item.bits", sign="+" if value >= 0 else "−", bits=digits)

    def said(self, event: Mapping[str, Any]) -> str:
        """What a decision says."""
        return self(f"word.{event['word']}", person=event["person_id"] or "")
