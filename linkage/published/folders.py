"""Publishes a run: its folder appears whole under ``RUNS/<run_id>/`` or not at all.

Files are written into a work folder beside the target, flushed to the disk, read back and compared with the hash of
what was meant, and the folder is renamed. A run that dies leaves only its work folder, which the next one removes.
One run at a time: the lock is held on the folder of the runs itself, so no lock file stays behind and a killed holder
frees it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import LinkageError, UsageError
from linkage.ingest.records import Records
from linkage.published.reader import MANIFEST, TABLES, check_outputs
from linkage.storage.checksums import SUMS, Sums
from linkage.storage.hashed_file import HashedFile
from linkage.storage.locks import locked
from linkage.storage.sealed import sealed
from linkage.storage.work_folders import flush, flush_all, make_folder, sweep, work_folder

# Fixed, for the bytes of a Parquet file depend on it: a change of it changes every published hash.
ROW_GROUP_ROWS = 131_072


@dataclass(frozen=True)
class Output:
    """A file of a run: its size, the SHA-256 of its bytes, and its rows (None for what is no table)."""

    bytes: int
    sha256: str
    rows: int | None


@dataclass
class Stage:
    """The folder of a run in the making; made by `staged`."""

    folder: Path
    target: Path
    written: dict[str, Output] = field(default_factory=dict)
    sums: dict[str, Sums] = field(default_factory=dict)

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        """What was written so far, by path within the run, in the form the manifest holds."""
        return {name: asdict(self.written[name]) for name in sorted(self.written)}

    def write_table(self, name: str, table: pa.Table, *, keep_metadata: bool = False) -> Path:
        """Write ``<name>.parquet`` with bytes that depend on the rows and the column types only.

        Parameters
        ----------
        name : path within the run without suffix, such as "decisions" or "queues/match"
        table : any chunking; dictionary columns are written as their values
        keep_metadata : write the schema's metadata too, which is dropped otherwise: its bytes must then be the same
            at every run

        Raises
        ------
        LinkageError
            The file cannot be written (disk full, limit, permission).
        """
        return self.write_parts(name, table.schema if keep_metadata else table.schema.remove_metadata(), [table])

    def write_parts(self, name: str, schema: pa.Schema, parts: Iterable[pa.Table]) -> Path:
        """Write ``<name>.parquet`` from tables that follow each other; how they are cut does not show in the bytes.

        schema : that of the parts, whose own metadata does not count; dictionary columns are written as their values

        Raises LinkageError as `write_table`.
        """
        schema = _plain_schema(schema)
        with self._file(f"{name}.parquet") as sink:
            writer = pq.ParquetWriter(
                sink,
                schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=_repeated(schema),
                write_page_checksum=True,
            )
            try:
                for rows in _row_groups(schema, parts):
                    sink.rows += rows.num_rows
                    writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
            finally:
                writer.close()
        return self.folder / f"{name}.parquet"

    def write_records(self, name: str, records: Records) -> Path:
        """Write ``<name>.arrow``: records in their order, in the chunks in which they are read. Their work file becomes
        it where it lies on the same disk and holds these and no others.

        Raises LinkageError as `write_table`.
        """
        path, made = self.folder / f"{name}.arrow", records.work_file
        if made is not None and _is_linked(made.path, path):
            with _one_line(self.target / path.name, "write"):
                flush(path)
            self.written[path.name] = Output(made.n_bytes, made.sha256, records.num_rows)
            self.sums[path.name] = made.sums
            return path
        with self._file(path.name) as sink:
            records.write(sink)
            sink.rows = records.num_rows
        return path

    def write_json(self, name: str, value: object) -> Path:
        """Write ``<name>.json``, keys sorted, UTF-8; NaN and infinity are refused with ValueError. Bytes of file names
        that are no UTF-8 become escapes, by which Python reads them back."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
        with self._file(f"{name}.json") as sink:
            sink.write(text.encode("utf-8", "backslashreplace") + b"\n")
        return self.folder / f"{name}.json"

    def write_manifest(self, entries: Mapping[str, Any]) -> Path:
        """Write the sums of all files, and the manifest with what was written, sealed; see linkage.published.reader."""
        with self._file(SUMS) as sink:
            sink.write(b"".join(self.sums[name].tobytes() for name in sorted(self.sums)))
        return self.write_json(MANIFEST.removesuffix(".json"), sealed({**entries, "outputs": self.outputs}))

    def commit(self) -> Path:
        """Check every file against what was meant, then let the run appear; returns its folder.

        Raises
        ------
        VerificationError
            A file does not hold what was written, or its rows do not add up.
        LinkageError
            The folder cannot be flushed or renamed.
        """
        self.check()
        return self.appear()

    def check(self) -> None:
        """Check every file against what was meant; errors as of `commit`."""
        if MANIFEST not in self.written:
            raise ValueError(f"{self.target.name} has no {MANIFEST}: it marks a run as whole")
        check_outputs(self.folder, self.outputs, "check the disk")

    def appear(self) -> Path:
        """Let the run, which was checked, appear; errors as of `commit`."""
        with _one_line(self.target, "publish"):
            flush_all(self.folder)
            self.folder.rename(self.target)
        try:
            flush(self.target.parent)
        except OSError as error:
            reason = error.strerror or str(error)
            raise LinkageError(
                f"{self.target}: was published, but a loss of power may take it back ({reason}); check the disk"
            ) from error
        return self.target

    @contextmanager
    def _file(self, name: str) -> Iterator[HashedFile]:
        """A file of the run that is hashed as it is written and flushed to the disk when it closes.

        Files may be written in several threads, one each.
        """
        if name in self.written:
            raise ValueError(f"{name} is already written")
        path = self.folder / name
        with _one_line(self.target / name, "write"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as raw:
                sink = HashedFile(raw)
                yield sink
                raw.flush()
                os.fsync(raw.fileno())
        rows = sink.rows if path.suffix in TABLES else None
        self.written[name] = Output(sink.size, sink.sha256.hexdigest(), rows)
        self.sums[name] = sink.chunks.sums()


@contextmanager
def staged(runs_dir: Path, run_id: str) -> Iterator[Stage]:
    """Hold the lock on ``runs_dir`` and a stage for ``run_id``; what is not committed is removed at the end.

    Raises
    ------
    UsageError
        ``runs_dir`` is no folder, or ``run_id`` no plain name.
    TryLaterError
        Another run holds the lock.
    LinkageError
        The run is published already, or the folder cannot be written.
    """
    _check_name(run_id)
    if runs_dir.exists() and not runs_dir.is_dir():
        raise UsageError(f"{runs_dir}: is a file; name a folder for the runs")
    make_folder(runs_dir)
    with locked(runs_dir), new_stage(runs_dir, run_id) as stage:
        yield stage


@contextmanager
def new_stage(runs_dir: Path, run_id: str) -> Iterator[Stage]:
    """The same where the lock on ``runs_dir`` is held."""
    _check_name(run_id)
    sweep(runs_dir)
    target = runs_dir / run_id
    if target.exists():
        raise LinkageError(f"{target}: exists already; nothing was written, give another name")
    with ExitStack() as work:
        with _one_line(runs_dir, "write in"):
            folder = work.enter_context(work_folder(runs_dir)) / run_id
            folder.mkdir()
        yield Stage(folder, target)


def _check_name(run_id: str) -> None:
    if not run_id or run_id.startswith(".") or "/" in run_id:
        raise UsageError(f"run id {run_id!r}: no plain folder name; use letters, digits and hyphens")


@contextmanager
def _one_line(path: Path, action: str) -> Iterator[None]:
    """Turns what the disk refuses into one line that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"{path}: cannot {action} it ({reason}); free space or rights there, nothing was published"
        raise LinkageError(message) from error


def _is_linked(path: Path, name: Path) -> bool:
    """Whether a file could be given another name, which some disks and none but its own can."""
    try:
        os.link(path, name)
    except OSError:
        return False
    return True


def _repeated(schema: pa.Schema) -> list[str]:
    """The columns whose values come again: ids and probabilities are nearly all different, and a dictionary of them is
    made in vain."""
    return [
        field.name
        for field in schema
        if not field.name.endswith(("_id", "_ids", "_probability", "_bits", "match_weight"))
    ]


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema as it is written: values for dictionaries, no metadata of fields."""
    types = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in schema]
    fields = [f.with_type(t).remove_metadata() for f, t in zip(schema, types, strict=True)]
    return pa.schema(fields, schema.metadata)


def _row_groups(schema: pa.Schema, parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of all parts by ROW_GROUP_ROWS. Chunks end pages: each group is one chunk, so that none can show."""
    waiting = schema.empty_table()
    for part in parts:
        waiting = pa.concat_tables([waiting, part.cast(schema)])
        whole = waiting.num_rows - waiting.num_rows % ROW_GROUP_ROWS
        for start in range(0, whole, ROW_GROUP_ROWS):
            yield waiting.slice(start, ROW_GROUP_ROWS).combine_chunks()
        waiting = waiting.slice(whole)
    if waiting.num_rows:
        yield waiting.combine_chunks()
