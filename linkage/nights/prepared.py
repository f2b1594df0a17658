"""An adoption that is prepared and not in force: what it would publish and write into the state.

It lies in a folder beside the versions of the state, ``adoption/<id>``, which appears whole; the next one that is
prepared takes its place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from linkage.errors import LinkageError
from linkage.plan.sections import Plan
from linkage.published.folders import new_stage
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import MANIFEST, already_published, check_published, read_manifest, read_table
from linkage.state.folder import MODEL, State
from linkage.storage.work_folders import flush, make_folder, moved_away, sweep, work_folder
from linkage.training.model_file import Model

FOLDER = "adoption"
_PUBLISHED, _KEPT = "published", "kept"
_SAID = ("state_before", "night", "state", "code_version")


@dataclass(frozen=True)
class Prepared:
    """A prepared adoption.

    said : its manifest; night, state : what the manifests of the night and of the state will say of it
    """

    folder: Path
    said: dict[str, Any]

    @property
    def name(self) -> str:
        """Its id, and that of the night that it will be."""
        return self.folder.name

    @property
    def night(self) -> dict[str, Any]:
        found: dict[str, Any] = self.said["night"]
        return found

    def stands_on(self, state: State) -> bool:
        """Whether a state is the one that it was prepared on."""
        return bool(self.said["state_before"] == state.name)

    def published(self) -> dict[str, pa.Table]:
        """The tables to be published, by name."""
        return self._tables(_PUBLISHED)

    def kept(self) -> dict[str, pa.Table]:
        """Rows for the tables of the state, by name."""
        return self._tables(_KEPT)

    def model(self, plan: Plan) -> Model:
        return Model.load(self.folder / MODEL, plan)

    def _tables(self, group: str) -> dict[str, pa.Table]:
        names = [name.removesuffix(".parquet") for name in self.said["outputs"] if name.startswith(f"{group}/")]
        return {name.removeprefix(f"{group}/"): read_table(self.folder, name) for name in names}


def prepared_names(place: Path) -> list[str]:
    """The ids of what is prepared beside a state, the last one first: one, but where a kill kept the one before."""
    folders = _folders(place)
    return [folder.name for folder in sorted(folders, key=lambda folder: (folder / MANIFEST).stat().st_mtime_ns)][::-1]


def prepared(place: Path, name: str) -> Prepared | None:
    """What is prepared beside a state, by its id; None where that is not.

    Raises VerificationError where it is damaged.
    """
    return _opened(place / FOLDER / name) if name in prepared_names(place) else None


def prepared_whole(place: Path, name: str) -> Prepared | None:
    """The prepared adoption of an id, all of which is what was written; None where there is none, or a damaged one.
    Where it is there, others that a kill kept are removed."""
    folder = place / FOLDER / name
    if not already_published(folder):
        return None
    try:
        check_published(folder)
        found = _opened(folder)
    except LinkageError:
        return None  # it is made again
    clear_prepared(place, {*prepared_names(place)} - {name})
    return found


def prepare(
    place: Path,
    name: str,
    published: Mapping[str, pa.Table],
    kept: Mapping[str, pa.Table],
    model: Model,
    entries: Mapping[str, Any],
) -> Prepared:
    """Write an adoption, and remove what was prepared before; raises as `linkage.published.folders.Stage`."""
    make_folder(place / FOLDER)
    clear_prepared(place, {name})
    make_folder(place / FOLDER)
    with new_stage(place / FOLDER, name) as stage:
        for group, tables in ((_PUBLISHED, published), (_KEPT, kept)):
            for table, rows in tables.items():
                stage.write_table(f"{group}/{table}", rows)
        stage.write_json(MODEL.removesuffix(".json"), model.document())
        stage.write_manifest(entries)
        folder = stage.commit()
    clear_prepared(place, {*prepared_names(place)} - {name})
    return _opened(folder)


def clear_prepared(place: Path, names: Collection[str]) -> None:
    """Remove prepared adoptions by their ids, and what killed commands left among them."""
    folder = place / FOLDER
    if not folder.is_dir():
        return
    sweep(folder)
    gone = [folder / name for name in names if (folder / name).is_dir()]
    if gone:
        with work_folder(place) as work:
            for one in gone:
                moved_away(one, work)
            flush(folder)  # or a loss of power brings back what another one took the place of
    if not any(folder.iterdir()):
        folder.rmdir()


def _folders(place: Path) -> list[Path]:
    return sorted(path.parent for path in (place / FOLDER).glob(f"[!.]*/{MANIFEST}"))


def _opened(folder: Path) -> Prepared:
    return Prepared(folder, read_manifest(folder, *_SAID, like=PublishedManifest))
