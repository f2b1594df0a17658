"""What the manifest of an index holds: the entries that something rests on, and their types."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta


class _Large(TypedDict):
    """Of the large part of an index, without what changed since."""

    persons: Annotated[int, Meta(ge=1)]
    plan: dict[str, Any]
    commune_date: Literal["2021", "2025"]
    latest_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    inputs: list[dict[str, Any]]
    files: dict[str, str]
    content: str


class IndexManifest(_Large):
    """Of a version of an index, see `linkage.registry.build`."""

    large: NotRequired[_Large]
