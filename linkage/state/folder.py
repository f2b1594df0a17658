"""The folder of a state on disk: versions of immutable parts, one more a night, put in force whole.

A version holds the model of the epoch in force, in a folder ``epochs/000002``, and the parts of all nights so far, in
folders ``parts/000012`` named by the last night in them; what was there before is shared with the version before. Its
manifest says of each part the sums of its files, of each night its name, its inputs and its counts, and of each epoch
its model and since which night it holds. Parts are checked when they are opened, and as they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import UsageError
from linkage.state.tables import TABLES, StateTable
from linkage.storage import versions as stored
from linkage.storage.checksums import SUMS, CheckedFile, CheckedReader
from linkage.storage.summed_folders import files_of, write_sums

FORMAT = 7
ROW_GROUP_ROWS = 1 << 16  # who looks up one row reads as many
MODEL, PARTS, EPOCHS = "model.json", "parts", "epochs"
REMEDY = "restore the state from a copy"
KIND = stored.Kind(
    "state of nights",
    "state",
    "the first night makes one: 'linkage night --config night.toml'",
    REMEDY,
    "keep the state on another disk",
)


@dataclass(frozen=True)
class State:
    """A version of a state, opened.

    folder : of the version; None before the first night
    files : of all parts and of the model by their path in it
    """

    folder: Path | None
    manifest: dict[str, Any]
    files: Mapping[str, CheckedFile]

    @property
    def nights(self) -> list[dict[str, Any]]:
        """What the manifest says of each night, the first one first."""
        found: list[dict[str, Any]] = self.manifest["nights"]
        return found

    @property
    def name(self) -> str | None:
        return None if self.folder is None else self.folder.name

    @property
    def model(self) -> Path | None:
        """The model file of the epoch in force, checked."""
        if self.folder is None:
            return None
        file = self.files[f"{_folder_of(self.epoch)}/{MODEL}"]
        file.check()
        return file.path

    @property
    def epoch(self) -> dict[str, Any]:
        """What the manifest says of the epoch in force."""
        found: dict[str, Any] = self.manifest["epochs"][-1]
        return found

    @property
    def epoch_files(self) -> dict[str, CheckedFile]:
        """The files of the epoch in force by their names in it, but for the model."""
        inside = f"{_folder_of(self.epoch)}/"
        files = {name.removeprefix(inside): file for name, file in self.files.items() if name.startswith(inside)}
        del files[MODEL]
        return files

    def parts(self, table: StateTable, names: Collection[str] | None = None) -> Iterator[pq.ParquetFile]:
        """The parts of a table, the oldest first; what is read of them is checked. names: of parts, None for all."""
        for part in self.manifest["parts"]:
            if names is not None and part["name"] not in names:
                continue
            name = f"{PARTS}/{part['name']}/{table.name}.parquet"
            if name in self.files:
                with CheckedReader(self.files[name]) as reader:
                    yield pq.ParquetFile(reader, page_checksum_verification=True)


NO_STATE = State(None, {"format": FORMAT, "nights": [], "parts": [], "epochs": [], "counts": {}}, {})


def open_state(place: Path) -> State:
    """The state in force; NO_STATE where there was no night yet.

    Raises
    ------
    UsageError : its format is another one
    VerificationError : it is damaged
    LinkageError : this user may not read it
    """
    if not (place / stored.CURRENT).exists():
        return NO_STATE
    return open_version(stored.version_in_force(place, KIND)[0])


def open_version(folder: Path) -> State:
    """A version of a state, in force or not; errors as of `open_state`."""
    manifest = stored.manifest_of(folder, KIND)
    if manifest.get("format") != FORMAT:
        raise UsageError(
            f"{folder.parent}: has format {manifest.get('format')!r:.60}, this version reads format {FORMAT}; "
            "use the version that wrote it"
        )
    epoch = _folder_of(manifest["epochs"][-1])
    files = files_of(folder / epoch, f"{epoch}/", manifest["epochs"][-1]["sums"], REMEDY)
    for part in manifest["parts"]:
        inside = f"{PARTS}/{part['name']}"
        files |= files_of(folder / inside, f"{inside}/", part["sums"], REMEDY)
    for file in files.values():
        file.check_size()
    return State(folder, manifest, files)


def _folder_of(epoch: Mapping[str, Any]) -> str:
    """Where an epoch lies in a version; epoch: what its manifest says of it."""
    return f"{EPOCHS}/{epoch['name']}"


def is_state(place: Path) -> bool:
    """Whether a folder of versions is a state, rather than an index."""
    return any((version / EPOCHS).is_dir() for version in stored.versions(place))


def has_format(version: Path) -> bool:
    """Whether a version has the format that this program reads; errors as of `open_state`."""
    return bool(stored.manifest_of(version, KIND).get("format") == FORMAT)


@dataclass(frozen=True)
class Written:
    """A version that is written and not in force yet: its folder, in a work folder, and its manifest."""

    place: Path
    built: Path
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """What it will be called."""
        return stored.version_name(self.place, self.manifest)

    def put_in_force(self, publish: Callable[[], object], then: Callable[[], object]) -> None:
        """Let it count; publish, then: what is done just before, see `linkage.storage.versions`."""
        stored.put_in_force(self.place, self.built, self.manifest, publish, then)


@dataclass(frozen=True)
class Epoch:
    """What holds as long as a model is in force.

    model : its document
    files : what else is kept, by name, under which it is linked or, from another disk, copied
    told : what the manifest says beside
    """

    model: Mapping[str, Any]
    files: Mapping[str, Path]
    told: Mapping[str, Any]


@contextmanager
def next_version(
    place: Path,
    state: State,
    tables: Mapping[str, pa.Table],
    epoch: Epoch | None,
    entries: Mapping[str, Any],
    *,
    are_all: bool = False,
) -> Iterator[Written]:
    """The version after a state, with the rows of a night behind it; what is not put in force is gone at the end.

    Parameters
    ----------
    tables : rows by name of the table, in any order; as many tables as the night has rows for
    epoch : which begins; None where that of the state goes on
    entries : what the manifest says of the night; ``counts`` of it are those of the state
    are_all : whether the tables hold the rows of all nights, and take the place of the parts before
    """
    number = len(state.nights) + 1
    with stored.building(place, KIND) as work:
        built = work / "version"
        built.mkdir()
        parts = [] if are_all else state.manifest["parts"]
        if state.folder is not None:
            folders = [f"{PARTS}/{part['name']}" for part in parts]
            folders += [_folder_of(state.epoch)] if epoch is None else []
            stored.link_files(_files_with_sums(state, folders), state.folder, built, KIND)
        epochs = state.manifest["epochs"]
        if epoch is not None:
            # Of those before, the model that decided stands in the versions of their nights.
            epochs = [*({**one, "sums": None} for one in epochs), _next_epoch(built, epoch, len(epochs) + 1, number)]
        part = built / PARTS / f"{number:06d}"
        part.mkdir(parents=True)
        for name, rows in tables.items():
            write_part(part, TABLES[name], rows)
        _, sums = write_sums(part)
        rows_of = {name: rows.num_rows for name, rows in tables.items()}
        manifest = {
            "format": FORMAT,
            "previous": state.name,
            "nights": [*state.nights, {"number": number, **entries}],
            "parts": [*parts, {"name": part.name, "rows": rows_of, "sums": sums}],
            "epochs": epochs,
            "counts": entries["counts"],
        }
        yield Written(place, built, manifest)


def _next_epoch(built: Path, epoch: Epoch, nth: int, since: int) -> dict[str, Any]:
    """Write the epoch that begins with a night; what the manifest says of it."""
    folder = built / EPOCHS / f"{nth:06d}"
    folder.mkdir(parents=True)
    stored.write_json(folder / MODEL, epoch.model)
    for name, path in epoch.files.items():
        stored.link_or_copy(path, folder / name)
    _, sums = write_sums(folder)
    return {"name": folder.name, "since": since, "model": epoch.model["digest"], **epoch.told, "sums": sums}


def write_part(folder: Path, table: StateTable, rows: pa.Table) -> None:
    """Write rows of a table, sorted, with a dictionary for what comes again, and the bounds of what they are sorted by
    in each row group."""
    ordered = rows.sort_by([(name, "ascending") for name in table.sort])
    path = folder / f"{table.name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        ordered,
        path,
        row_group_size=ROW_GROUP_ROWS,
        compression="zstd",
        compression_level=1,
        write_page_checksum=True,
        write_statistics=list(table.sort),
    )


def _files_with_sums(state: State, folders: Sequence[str]) -> list[str]:
    """The files of some parts of a state, and of its epoch, by their folders; those of their sums too."""
    files = [name for name in state.files if "/".join(name.split("/")[:2]) in folders]
    return [*files, *(f"{folder}/{SUMS}" for folder in sorted(folders))]
