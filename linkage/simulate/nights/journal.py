"""What happened in which night: every event, for whoever checks that nothing was lost."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from linkage.simulate.wording import Texts

EVENTS = "events.csv"
_SCHEMA = pa.schema([(name, pa.string()) for name in ("night", "kind", "id", "file")])


@dataclass
class Journal:
    """Events in their order, and the files of each night with their rows and what is wrong with them."""

    dates: list[str]
    _events: list[pa.Table] = field(default_factory=list)
    _counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _files: defaultdict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))

    def happened(self, night: int, kind: str, ids: Texts, file: str) -> None:
        """Note events of one kind, which a file of the night tells of."""
        n = len(ids)
        if n:
            same = [pa.repeat(pa.scalar(text, pa.string()), n) for text in (self.dates[night], kind, file)]
            self._events.append(pa.table([same[0], same[1], ids, same[2]], schema=_SCHEMA))
            self._counts[self.dates[night]][kind] += n

    def wrote(self, night: int, file: str, rows: int, wrong: str | None = None) -> None:
        """Note a file with its records; ``wrong``: why it cannot be used."""
        self._files[self.dates[night]][file] = {"rows": rows} | ({"wrong": wrong} if wrong else {})

    @property
    def counts(self) -> Counter[str]:
        """Events of all nights by kind."""
        return sum(self._counts.values(), Counter())

    @property
    def n_files(self) -> int:
        """Files of all nights."""
        return sum(map(len, self._files.values()))

    def write(self, path: Path) -> None:
        """A row for every event."""
        table = pa.concat_tables(self._events) if self._events else _SCHEMA.empty_table()
        pacsv.write_csv(table, path, pacsv.WriteOptions(quoting_style="needed"))

    def by_night(self) -> list[dict[str, Any]]:
        """Each night: its date, its events by kind, its files by name, those that cannot be used apart."""
        told = []
        for date in self.dates:
            files = dict(sorted(self._files[date].items()))
            told.append(
                {
                    "night": date,
                    "events": dict(sorted(self._counts[date].items())),
                    "files": {name: file["rows"] for name, file in files.items() if "wrong" not in file},
                    "bad_files": {name: file["wrong"] for name, file in files.items() if "wrong" in file},
                }
            )
        return told


def write_json(path: Path, content: Any) -> None:
    """As people read it too."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
