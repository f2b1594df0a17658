"""Input files of any format to rows of text, nothing lost.

``physical records = accepted + rejected`` holds for every file; a rejected record keeps its file, position, bytes and
reasons (linkage.ingest.reasons), and can be written out, mended and read again (linkage.exports).

What reads files is imported when it is first asked for: who only looks into records that were read does without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linkage.ingest.batch import FileCount, Ingested, SetAside, ingest
    from linkage.ingest.notes import file_entries, file_notes, for_manifest, reading_notes, set_aside_entries
    from linkage.ingest.paths import in_order
    from linkage.ingest.readers import column_names

__all__ = [
    "FileCount",
    "Ingested",
    "SetAside",
    "column_names",
    "file_entries",
    "file_notes",
    "for_manifest",
    "in_order",
    "ingest",
    "reading_notes",
    "set_aside_entries",
]
_PLACES = {
    "batch": ("FileCount", "Ingested", "SetAside", "ingest"),
    "notes": ("file_entries", "file_notes", "for_manifest", "reading_notes", "set_aside_entries"),
    "paths": ("in_order",),
    "readers": ("column_names",),
}


def __getattr__(name: str) -> object:
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
