"""Input files to rows of text: CSV, Excel and Parquet, nothing lost.

``physical records = accepted + rejected`` holds for every file; a rejected record keeps its file, position, bytes and
reasons (linkage.ingest.reasons), and can be written out, mended and read again (linkage.exports).
"""

from linkage.ingest.batch import FileCount, Ingested, SetAside, ingest
from linkage.ingest.notes import file_notes, for_manifest, reading_notes
from linkage.ingest.paths import in_order
from linkage.ingest.readers import column_names

__all__ = [
    "FileCount",
    "Ingested",
    "SetAside",
    "column_names",
    "file_notes",
    "for_manifest",
    "in_order",
    "ingest",
    "reading_notes",
]
