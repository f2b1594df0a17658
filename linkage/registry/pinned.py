"""Term frequencies of an index kept elsewhere, for as long as a model is in force that counts rarity by them."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from linkage.errors import VerificationError
from linkage.registry.frequencies import Frequencies, recounted_tables, stored_tables
from linkage.registry.index import Index
from linkage.registry.sums import CheckedFiles
from linkage.registry.versions import CHANGES, map_arrays
from linkage.storage.summed_folders import check_whole

_FOLDER = "frequencies"


def frequency_files(index: Index) -> dict[str, Path]:
    """The files that hold the term frequencies of an index, by the names that `open_frequencies` knows them by."""
    folders = (f"{_FOLDER}/", f"{CHANGES}/{_FOLDER}/")
    return {name: file.path for name, file in index.files.items() if name.startswith(folders)}


def open_frequencies(files: CheckedFiles) -> dict[str, Frequencies]:
    """The term frequencies in such files, which are read and checked whole.

    Raises VerificationError where one is damaged.
    """
    check_whole(files.values())
    try:
        tables = stored_tables(map_arrays(files, _FOLDER))
        recounted = map_arrays(files, f"{CHANGES}/{_FOLDER}")
        return recounted_tables(tables, recounted) if recounted else tables
    except (KeyError, ValueError) as error:
        raise VerificationError(f"term frequencies: are damaged ({error}); restore the state from a copy") from error


def with_pinned(index: Index, frequencies: dict[str, Frequencies], latest: datetime.date) -> Index:
    """An index that counts rarity by other frequencies than its own, and reads dates of birth of doses up to another
    day; its persons stay as they were read."""
    return replace(index, frequencies=frequencies, dictionaries=replace(index.dictionaries, latest_date=latest))
