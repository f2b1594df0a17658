"""What the manifest of an index holds: the entries that something rests on, and their types."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

from linkage.errors import UsageError, VerificationError
from linkage.registry.sums import REMEDY
from linkage.storage.typed_content import shaped
from linkage.storage.versions import MANIFEST

# Of the files of an index and of what they hold; tests/test_index_format.py tells when it has to be raised.
FORMAT = 12


class _Large(TypedDict):
    """Of the large part of an index, without what changed since."""

    persons: Annotated[int, Meta(ge=1)]
    plan: dict[str, Any]
    commune_date: Literal["2021", "2025"]
    latest_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    inputs: list[dict[str, Any]]
    term_frequencies: dict[str, str]
    files: dict[str, str]
    content: str


class IndexManifest(_Large):
    """Of a version of an index, see `linkage.registry.build`."""

    large: NotRequired[_Large]


def check_format(folder: Path, manifest: Mapping[str, Any]) -> None:
    """UsageError where a version of an index is of another format."""
    found = manifest.get("format")
    if found != FORMAT:
        raise UsageError(
            f"{folder}: has format {found!r:.60}, this version encodes in format {FORMAT}; build the index again"
        )


def check_manifest(version: Path, manifest: Mapping[str, Any]) -> None:
    """The same, and VerificationError where an entry of the manifest of a version is not what it must be."""
    check_format(version.parent, manifest)
    shaped(manifest, IndexManifest, str(version / MANIFEST), VerificationError, REMEDY)
