"""A folder that ``link`` wrote, opened again: its manifest, its model, and the files it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from linkage.errors import InputError, UsageError
from linkage.plan.sections import Plan
from linkage.published.manifests import LinkManifest
from linkage.published.reader import is_link_folder, published_model, read_manifest
from linkage.schema import LINKS
from linkage.training.model_file import Model
from linkage.two_files.link import read_side, with_id


@dataclass(frozen=True)
class LinkFolder:
    """A published linkage of two files."""

    folder: Path
    manifest: dict[str, Any]
    model: Model

    @property
    def plan(self) -> Plan:
        return self.model.plan

    @property
    def is_self(self) -> bool:
        """Whether a file was linked with itself."""
        return self._paths("left") == self._paths("right")

    def id_of(self, side: str) -> str:
        """The id column of a side ("left" or "right")."""
        return str(getattr(self.plan, f"{side}_id"))

    def records(self, side: str, *, also: Sequence[str] = ()) -> pa.Table:
        """The records of a side as they were linked, with their id and further columns.

        Raises InputError where a file is gone, has changed since, or lacks a column.
        """
        ingested = read_side(self._paths(side), self.plan, side, also=also)
        for file, source in zip(ingested.files, self.manifest["inputs"][side], strict=True):
            if file.sha256 != source["sha256"]:
                raise InputError(f"{file.path}: has changed since it was linked; put the file back that was linked")
        return with_id(ingested, self.id_of(side))

    def _paths(self, side: str) -> list[Path]:
        sources = self.manifest["inputs"][side]
        if any("path" not in source for source in sources):
            raise InputError(f"{self.folder}: does not say where its files are; link them again")
        paths = [Path(source["path"]) for source in sources]
        for path in paths:
            if not path.exists():
                raise InputError(f"{path}: the linked file is no longer there; put it back")
        return paths


def open_link_folder(folder: Path) -> LinkFolder:
    """Open what ``link`` wrote; UsageError where a folder is something else."""
    if not is_link_folder(folder):
        raise UsageError(f"{folder}: has no {LINKS.name}.parquet; name a folder that 'linkage link' wrote")
    return LinkFolder(folder, read_manifest(folder, like=LinkManifest), published_model(folder))
