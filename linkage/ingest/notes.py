"""What is told of the files of a batch: a line for each thing, whatever the number of files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from linkage.ingest.batch import FileCount, Ingested, SetAside

# Where notes and reasons name columns that are not read (linkage.ingest.header).
_NAMES = ((re.compile(r"(columns ignored): .*?(?=; |$)"), r"\1"), (re.compile(r" \(found: .*\)"), ""))
_NAMES_SHOWN, _NOTES_SHOWN, _REASONS_SHOWN = 3, 30, 10


def for_manifest(text: str) -> str:
    """A note or a reason without the names of columns that are not read: where a header is none they are people's."""
    for pattern, rest in _NAMES:
        text = pattern.sub(rest, text)
    return text


def file_entries(files: Sequence[FileCount]) -> list[dict[str, Any]]:
    """What a manifest says of files that were read; their accepted records are those decided."""
    return [
        {
            "file": file.file,
            "path": str(file.path.resolve()),
            "format": file.format,
            "sha256": file.sha256,
            "physical_records": file.physical_records,
            "decided": file.accepted,
            "rejected": file.rejected,
            "note": None if file.note is None else for_manifest(file.note),
        }
        for file in files
    ]


def set_aside_entries(files: Sequence[SetAside]) -> list[dict[str, Any]]:
    """What a manifest says of files that cannot be used."""
    return [{"file": file.file, "sha256": file.sha256, "reason": for_manifest(file.reason)} for file in files]


def file_notes(files: Sequence[FileCount]) -> list[str]:
    """What the operator should know of the files; what is the same of several is one line, the commonest first."""
    by_note: dict[str, list[str]] = {}
    for file in files:
        for note in (file.note or "").split("; ") if file.note else ():
            by_note.setdefault(note, []).append(file.file)
    lines = []
    for note, names in sorted(by_note.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(names[:_NAMES_SHOWN])
        lines.append(
            f"{shown}{f' and {len(names) - _NAMES_SHOWN:,} more' if len(names) > _NAMES_SHOWN else ''}: {note}"
        )
    rest = len(lines) - _NOTES_SHOWN
    return [*lines[:_NOTES_SHOWN], *([f"{rest:,} further notes on files: see the manifest"] if rest > 0 else [])]


def reading_notes(ingested: Ingested, see: str) -> list[str]:
    """What the operator should know of a batch: its files, names that no file has, collisions, and rejected records,
    of which the command ``see`` tells more."""
    notes = [*file_notes(ingested.files), *ingested.notes]
    if ingested.set_aside:
        n_files = len(ingested.files) + len(ingested.set_aside)
        notes.append(
            f"files set aside: {len(ingested.set_aside):,} of {n_files:,}, which cannot be used (--strict stops)"
        )
        notes += [f"set aside: {found.reason}" for found in ingested.set_aside[:_REASONS_SHOWN]]
    if ingested.unmatched:
        names = ", ".join(ingested.unmatched)
        notes.append(f"no file has the columns {names} of the mapping; what they stand for was not read: correct it")
    if ingested.rejected.num_rows:
        notes.append(f"records rejected: {ingested.rejected.num_rows:,}; see {see}")
    return notes
