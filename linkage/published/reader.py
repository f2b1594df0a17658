"""Reads what was published: a folder of ``run`` or ``link``, whose manifest is sealed and holds a hash of every file.

Nothing is read from a table before its file is what was published, and pages of it are checked once more as they are
read. What is damaged is never half read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

from linkage.errors import UsageError, VerificationError
from linkage.ingest.records import Records
from linkage.published.manifests import LinkManifest, PublishedManifest, RunManifest
from linkage.schema import LINKS
from linkage.storage.checksums import SUM_TYPE, SUMS, CheckedFile, CheckedReader, n_chunks, unreadable
from linkage.storage.edited_files import read_json
from linkage.storage.sealed import DIGEST, check_seal
from linkage.storage.typed_content import shaped

if TYPE_CHECKING:
    from linkage.plan.sections import Plan
    from linkage.training.model_file import Model

MANIFEST = "manifest.json"
TABLES = (".parquet", ".arrow")
REMEDY = "restore the run from a copy, or link again with this version"


def already_published(run_dir: Path) -> bool:
    """Whether ``run_dir`` is a whole run: the rename let it appear complete, so its manifest is proof."""
    return (run_dir / MANIFEST).is_file()


def is_link_folder(folder: Path) -> bool:
    """Whether ``link`` wrote a folder, rather than ``run``."""
    return (folder / f"{LINKS.name}.parquet").is_file()


def published_runs(runs_dir: Path) -> list[Path]:
    """The runs of a folder, oldest first by the time their manifest was written; [] when it does not exist."""
    manifests = runs_dir.glob(f"[!.]*/{MANIFEST}")
    return [path.parent for path in sorted(manifests, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))]


def read_manifest(
    run_dir: Path, *needed: str, like: type[RunManifest | LinkManifest | PublishedManifest] = RunManifest
) -> dict[str, Any]:
    """The manifest of a published run, or of ``link``.

    Parameters
    ----------
    needed : entries that it must have
    like : what its entries must be, where it has them

    Raises
    ------
    UsageError : the folder is no published run
    VerificationError : the manifest is damaged, or an entry is missing or not what it must be
    """
    path = run_dir / MANIFEST
    try:
        is_there = path.exists()
    except OSError as error:
        raise unreadable(path, error, REMEDY) from error
    if not is_there:
        missing = f"{MANIFEST} is missing" if run_dir.is_dir() else "there is no such folder"
        raise UsageError(f"{run_dir}: no published run ({missing}); name a folder RUNS/<run_id>, or what `link` wrote")
    content = read_json(path, REMEDY, VerificationError, is_edited=False)
    for key in needed:
        if key not in content:
            raise VerificationError(f"{path}: {key} is missing; {REMEDY}")
    stated = shaped(content, like, str(path), VerificationError, REMEDY)
    check_seal(content, path, REMEDY)
    return content | stated


def check_published(run_dir: Path, *needed: str) -> dict[str, Any]:
    """Read all that was published; the manifest, which must have the entries needed. VerificationError names a file
    that is not what it was."""
    manifest = read_manifest(run_dir, *needed, like=PublishedManifest)
    check_outputs(run_dir, manifest.get("outputs", {}))
    return manifest


def check_file(run_dir: Path, name: str) -> Path:
    """The path of a published file, or a folder of parts, that is what was published.

    Raises
    ------
    UsageError : the folder is no published run
    VerificationError : the file is damaged, missing, or not of this run
    """
    manifest = read_manifest(run_dir, like=PublishedManifest)
    outputs = manifest.get("outputs", {})
    chosen = {path: said for path, said in outputs.items() if path == name or path.startswith(f"{name}/")}
    if not chosen and DIGEST in manifest:
        raise VerificationError(f"{run_dir / name}: {MANIFEST} names no such file; {REMEDY}")
    check_outputs(run_dir, chosen)
    return run_dir / name


def read_table(run_dir: Path, name: str, columns: list[str] | None = None) -> pa.Table:
    """Columns of a published table, all of them when not given. Raises as `check_file`."""
    path = check_file(run_dir, f"{name}.parquet")
    with _readable(path):
        return pq.read_table(path, columns=columns, page_checksum_verification=True)


def find_rows(run_dir: Path, name: str, filters: Any, columns: list[str] | None = None) -> pa.Table:
    """The rows of a published table that meet filters as pyarrow takes them. Read and checked is only what may hold
    them: of a table that is sorted by what they are about, next to nothing.

    Raises as `check_file`.
    """
    with _checked(run_dir, f"{name}.parquet") as source, _readable(run_dir / f"{name}.parquet"):
        return pq.read_table(source, columns=columns, filters=filters, page_checksum_verification=True)


def find_record(run_dir: Path, name: str, column: str, value: str) -> pa.Table | None:
    """The first published record with a value in a column, as a table of one row; None where there is none. Read and
    checked is this column, and the chunk that has it.

    Raises as `check_file`.
    """
    with _checked(run_dir, f"{name}.arrow") as source, _readable(run_dir / f"{name}.arrow"):
        whole = pa.ipc.open_file(source)
        place = whole.schema.get_field_index(column)
        reader = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=[place]))
        for number in range(reader.num_record_batches):
            row = pc.index(reader.get_batch(number).column(0), value).as_py()
            if row >= 0:
                return pa.Table.from_batches([whole.get_batch(number)]).take(pa.array([row]))
    return None


def published_dataset(run_dir: Path, name: str) -> pyarrow.dataset.Dataset:
    """A published table, to be read column by column and never whole. Raises as `check_file`."""
    path = check_file(run_dir, f"{name}.parquet")
    options = pyarrow.dataset.ParquetFragmentScanOptions(page_checksum_verification=True)
    parquet = pyarrow.dataset.ParquetFileFormat(default_fragment_scan_options=options)
    with _readable(path):
        return pyarrow.dataset.dataset(path, format=parquet)


def published_records(run_dir: Path, name: str) -> Records:
    """Published records, to be read column by column and by their place. Raises as `check_file`."""
    path = check_file(run_dir, f"{name}.arrow")
    with _readable(path):
        return Records.of_file(path)


def published_model(run_dir: Path, plan: Plan | None = None) -> Model:
    """The model of a published run. Raises as `check_file` and `Model.load`."""
    from linkage.training.model_file import Model  # which loads kernels, that who reads tables does without

    return Model.load(check_file(run_dir, "model.json"), plan)


def check_outputs(folder: Path, outputs: Mapping[str, Mapping[str, Any]], remedy: str = REMEDY) -> None:
    """Compare files with a manifest's ``outputs`` (bytes, sha256, rows by path within the run).

    Raises
    ------
    VerificationError
        A file is missing, differs from its hash, or is a table with another number of rows.
    """
    for name, expected in outputs.items():
        path = folder / name
        try:
            with path.open("rb") as source:
                found = hashlib.file_digest(source, "sha256").hexdigest()
            rows = _n_rows(path)
        except OSError as error:
            raise unreadable(path, error, remedy) from error
        except pa.ArrowException as error:
            raise VerificationError(f"{path}: is damaged ({_reason(error)}); {remedy}") from error
        if found != expected["sha256"]:
            raise VerificationError(
                f"{path}: is damaged, or of another run (SHA-256 is {found[:12]}…, {expected['sha256'][:12]}… was "
                f"written); {remedy}"
            )
        if rows != expected["rows"]:
            raise VerificationError(f"{path}: has {rows} rows, {expected['rows']} were written; {remedy}")


@contextmanager
def _checked(run_dir: Path, name: str) -> Iterator[BinaryIO | CheckedReader]:
    """A published file to read from, of which what is read is what was published."""
    outputs = read_manifest(run_dir, like=PublishedManifest).get("outputs", {})
    if name not in outputs or SUMS not in outputs:  # an older version wrote none
        with check_file(run_dir, name).open("rb") as whole:
            yield whole
        return
    check_outputs(run_dir, {SUMS: outputs[SUMS]})
    sums = np.fromfile(run_dir / SUMS, SUM_TYPE)
    counts = {each: n_chunks(outputs[each]["bytes"]) for each in sorted(outputs) if each != SUMS}
    first = sum(n for each, n in counts.items() if each < name)
    of_file = sums[first : first + counts[name]]
    with CheckedReader(CheckedFile(run_dir / name, outputs[name]["bytes"], of_file, REMEDY)) as reader:
        yield reader


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what cannot be read into one line."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise VerificationError(f"{path}: cannot be read ({_reason(error)}); {REMEDY}") from error


def _n_rows(path: Path) -> int | None:
    """The rows of a table; None of what is none."""
    if path.suffix == ".arrow":
        with pa.OSFile(str(path)) as source:
            return int(pa.ipc.open_file(source).count_rows())
    return int(pq.read_metadata(path).num_rows) if path.suffix == ".parquet" else None


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0]
