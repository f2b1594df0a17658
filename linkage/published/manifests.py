"""What manifests hold: the entries that something rests on, and their types. A manifest may have been edited by hand,
or cut off on its way to another disk; it is read whole, or refused with the entry that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class _Source(TypedDict):
    file: str
    sha256: str
    path: NotRequired[str]
    physical_records: Count
    decided: Count
    rejected: Count


class _LinkedWith(TypedDict):
    path: str
    content: str
    persons: Annotated[int, Meta(ge=1)]


class _Output(TypedDict):
    bytes: Count
    sha256: str
    rows: Count | None


class _Counts(TypedDict):
    verified: Count
    matched: Count
    review: Count
    unmatched: Count
    excluded: Count


class _Pass(TypedDict):
    pairs: Count
    largest_block: Count
    narrowed_blocks: Count


class _Estimate(TypedDict):
    name: str
    count: NotRequired[float | None]
    of: NotRequired[Count | None]
    rate: NotRequired[float | None]
    low: NotRequired[float | None]
    high: NotRequired[float | None]


class _UnequalGroup(TypedDict):
    attribute: str
    value: str
    measure: str
    n_doses: Count
    share: float
    others: float
    gap_low: float
    gap_high: float


class _Finding(TypedDict):
    question: str
    fields: list[str]
    file: str | None
    facility: str | None
    hits: Count
    trials: Count
    ordinary_rate: float
    probability: float
    n_read: NotRequired[Count]


# Of a night's manifest, the entries of the files whose records were counted.
FILE_ENTRIES = ("inputs", "withdrawals", "verdict_files")


def night_files(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the manifest of a night says of the files whose records were counted, each with file, physical_records,
    decided and rejected."""
    return [file for name in FILE_ENTRIES for file in manifest[name]]


class PublishedManifest(TypedDict, total=False):
    """Of any folder that was published."""

    outputs: dict[str, _Output]


class RunManifest(TypedDict, total=False):
    """Of a run, see `linkage.night.manifest`."""

    run_id: str
    list_date: str
    columns: dict[str, str]
    code_version: str
    inputs: list[_Source]
    index: _LinkedWith
    plan: str
    model: str
    counts: _Counts
    passes: dict[str, _Pass]
    outputs: dict[str, _Output]
    match_threshold: Share
    matched_claims_false_match_rate: float
    candidate_pairs: Count
    commune_names: dict[str, str]
    error_estimates: list[_Estimate]
    unequal_groups: list[_UnequalGroup]
    stations: list[_Finding]
    seconds: dict[str, float]
    peak_rss_bytes: Count


class _LinkedSource(TypedDict):
    sha256: str
    path: NotRequired[str]


class _Sides(TypedDict):
    left: Annotated[list[_LinkedSource], Meta(min_length=1)]
    right: Annotated[list[_LinkedSource], Meta(min_length=1)]


class LinkManifest(TypedDict):
    """Of a folder that ``link`` wrote, see `linkage.two_files.link`."""

    inputs: _Sides
    match_threshold: Share
    expected_false_match_rate: float
    refused: NotRequired[str | None]
