"""Values made of many arrays as a folder of named tables: written once, and read back as they were or not at all.

Each array is a ``.npy`` file and each Arrow table an ``.arrow`` file, named by its place in the value. The sealed
``contents.json`` says how they belong together, with dtypes and shapes; ``sums`` holds those of the chunks of all
files. An array that stands twice in a value is one file, and one array again. Arrays are mapped, copy on write: what
is done with them changes no file.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from linkage.errors import VerificationError
from linkage.storage.checksums import SUM_TYPE, SUMS, CheckedFile, ChunkSums, Sums, n_chunks
from linkage.storage.hashed_file import HashedFile
from linkage.storage.sealed import DIGEST, digest_of, sealed

CONTENTS = "contents.json"
_REMEDY = "it is made again"
_AT_ONCE = 1 << 24  # bytes of an array that are written in one piece
_PLAIN = (bool, int, float, str)

Types = Mapping[str, type]
Known = Mapping[str, object]


def write_tables(folder: Path, value: object, known: Known, given: Mapping[str, Sums]) -> None:
    """Write a value into a folder.

    Parameters
    ----------
    value : dataclasses, lists, tuples, dicts, sets, paths, dates, numbers and texts, arrays and Arrow tables
    known : objects in it that are not written, by a name under which the reader has them too
    given : files that lie in the folder already, with the sums of their chunks

    Raises OSError where the disk refuses it.
    """
    writer = _Writer(folder, {id(each): name for name, each in known.items()}, dict(given))
    content = writer.form(value, "")
    sums = b"".join(writer.sums[name].tobytes() for name in sorted(writer.sums))
    (folder / SUMS).write_bytes(sums)
    sizes = {name: (folder / name).stat().st_size for name in writer.sums}
    document = {"value": content, "bytes": sizes, "sums": hashlib.sha256(sums).hexdigest()}
    (folder / CONTENTS).write_text(json.dumps(sealed(document)), "utf-8")


def read_tables(folder: Path, types: Types, known: Known) -> Any:
    """The value that was written. Its files are not checked, see `check_tables`.

    types : of the dataclasses in it, by their names
    """
    document = json.loads((folder / CONTENTS).read_text("utf-8"))
    return _Reader(folder, types, known).value(document["value"])


def check_tables(folder: Path) -> None:
    """VerificationError where a folder does not hold what was written."""
    path = folder / CONTENTS
    try:
        document = json.loads(path.read_text("utf-8"))
        sums = (folder / SUMS).read_bytes()
    except (OSError, ValueError) as error:
        raise VerificationError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
    is_sealed = isinstance(document, dict) and document.get(DIGEST) == digest_of(document)
    if not is_sealed or document["sums"] != hashlib.sha256(sums).hexdigest():
        raise VerificationError(f"{path}: is damaged; {_REMEDY}")
    of_chunks, start = np.frombuffer(sums, SUM_TYPE), 0
    for name in sorted(document["bytes"]):
        n_bytes = document["bytes"][name]
        file = CheckedFile(folder / name, n_bytes, of_chunks[start : start + n_chunks(n_bytes)], _REMEDY)
        file.check_size()
        file.check()
        start += n_chunks(n_bytes)


class _Writer:
    """Writes the arrays of a value on the way to its form as JSON."""

    def __init__(self, folder: Path, known: dict[int, str], sums: dict[str, Sums]) -> None:
        self._folder, self._known, self.sums = folder, known, sums
        # With the object: one that is gone may leave its id to another.
        self._written: dict[int, tuple[object, Any]] = {}

    def form(self, value: Any, name: str) -> Any:
        """The form of a value that stands at a place."""
        if value is None or type(value) in _PLAIN:
            return value
        if id(value) in self._known:
            return {"known": self._known[id(value)]}
        if isinstance(value, np.ndarray | pa.Table):
            if id(value) not in self._written:
                write = self._array if isinstance(value, np.ndarray) else self._table
                self._written[id(value)] = value, write(value, name)
            return self._written[id(value)][1]
        if is_dataclass(value) and not isinstance(value, type):
            stated = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
            return {"type": type(value).__name__, "fields": self._each(stated, name)}
        if isinstance(value, np.generic):
            return {"number": value.item(), "dtype": value.dtype.str}
        return self._collection(value, name)

    def _collection(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            pairs = enumerate(value.items())
            return {"dict": [[self.form(key, name), self.form(each, f"{name}.{n}")] for n, (key, each) in pairs]}
        if isinstance(value, list | tuple | frozenset):
            kind = type(value).__name__
            ordered = sorted(value) if isinstance(value, frozenset) else value
            return {kind: [self.form(each, f"{name}.{n}") for n, each in enumerate(ordered)]}
        if isinstance(value, Path):
            return {"path": str(value)}
        if isinstance(value, datetime.date):
            return {"date": value.isoformat()}
        raise TypeError(f"{name}: {type(value).__name__} has no form as named tables")

    def _each(self, stated: Mapping[str, Any], name: str) -> dict[str, Any]:
        return {each: self.form(value, f"{name}.{each}".lstrip(".")) for each, value in stated.items()}

    def _array(self, array: np.ndarray[Any, Any], name: str) -> dict[str, Any]:
        array = np.ascontiguousarray(array).reshape(array.shape)
        file, sums = f"{name}.npy", ChunkSums()
        with (self._folder / file).open("xb") as sink:
            np.lib.format.write_array_header_1_0(sink, np.lib.format.header_data_from_array_1_0(array))
            sink.flush()
            sums.update((self._folder / file).read_bytes())
            content = array.reshape(-1).view(np.uint8)
            for start in range(0, content.size, _AT_ONCE):
                block = content[start : start + _AT_ONCE].data
                sink.write(block)
                sums.update(block)
        self.sums[file] = sums.sums()
        return {"array": file, "dtype": array.dtype.str, "shape": list(array.shape)}

    def _table(self, table: pa.Table, name: str) -> dict[str, Any]:
        file = f"{name}.arrow"
        with (self._folder / file).open("xb") as raw:
            sink = HashedFile(raw)
            with pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
        self.sums[file] = sink.chunks.sums()
        return {"table": file, "rows": table.num_rows, "columns": table.column_names}


class _Reader:
    """Makes a value of its form."""

    def __init__(self, folder: Path, types: Types, known: Known) -> None:
        self._folder, self._types, self._known = folder, types, known
        self._read: dict[str, Any] = {}
        self._of: dict[str, Callable[[Any], Any]] = {
            "known": lambda name: self._known[name],
            "dict": lambda pairs: {self.value(key): self.value(each) for key, each in pairs},
            "list": lambda each: [self.value(one) for one in each],
            "tuple": lambda each: tuple(self.value(one) for one in each),
            "frozenset": lambda each: frozenset(self.value(one) for one in each),
            "path": Path,
            "date": datetime.date.fromisoformat,
            "array": self._array,
            "table": self._table,
        }

    def value(self, form: Any) -> Any:
        if not isinstance(form, dict):
            return form
        if "type" in form:
            return self._types[form["type"]](**{name: self.value(each) for name, each in form["fields"].items()})
        if "number" in form:
            return np.dtype(form["dtype"]).type(form["number"])
        kind = next(iter(form))
        return self._of[kind](form[kind])

    def _array(self, file: str) -> np.ndarray[Any, Any]:
        if file not in self._read:
            path = self._folder / file
            # An empty one cannot be mapped.
            mapped = np.load(path, mmap_mode="c", allow_pickle=False) if _has_rows(path) else np.load(path)
            self._read[file] = np.asarray(mapped)
        found: np.ndarray[Any, Any] = self._read[file]
        return found

    def _table(self, file: str) -> pa.Table:
        if file not in self._read:
            with pa.memory_map(str(self._folder / file)) as source:
                self._read[file] = pa.ipc.open_file(source).read_all()
        return self._read[file]


def _has_rows(path: Path) -> bool:
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, _ = np.lib.format.read_array_header_1_0(file)
    return 0 not in shape
