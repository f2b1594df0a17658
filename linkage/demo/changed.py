"""What nights changed, and why: of each night its counts, of decisions made before an example for every reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linkage.published.manifests import PublishedManifest
from linkage.published.reader import read_manifest, read_table
from linkage.state.tables import CORRECTED, WITHDRAWN
from linkage.state.why import CLAIM, CONFLICT, REGISTRY, SIBLING, VERDICT

# Of several reasons of a decision the first of these counts.
REASONS = (VERDICT, REGISTRY, CORRECTED, WITHDRAWN, CONFLICT, CLAIM, SIBLING)
_COLUMNS = ["dose_id", "change", "status_before", "status", "why"]


@dataclass(frozen=True)
class NightTold:
    """A night: what came (doses that are new, corrected, withdrawn; people changed in the registry; verdicts; files set
    aside), and what became of decisions."""

    date: str
    doses: dict[str, int]
    people_changed: int
    verdicts: int
    set_aside: int
    changes: dict[str, int]


@dataclass(frozen=True)
class Changed:
    """Decisions that changed for a reason, and one of them, of a dose whose status changed where there is one; None: no
    status, as of a withdrawn dose."""

    why: str
    n_decisions: int
    dose_id: str
    status_before: str | None
    status: str | None


def told_of(night_dir: Path) -> NightTold:
    """What the manifest of a night says."""
    said = read_manifest(night_dir, "date", "doses", "registry", "changes", like=PublishedManifest)
    people = sum(said["registry"][what] for what in ("new", "changed", "removed"))
    n_verdicts = sum(file["decided"] for file in said["verdict_files"])
    return NightTold(said["date"], said["doses"], people, n_verdicts, len(said["set_aside"]), said["changes"])


def changed_decisions(night_dirs: Sequence[Path]) -> tuple[Changed, ...]:
    """By reason, those of decisions made in a night before, of all nights."""
    tables = [read_table(folder, "decisions", _COLUMNS) for folder in night_dirs]
    rows = pa.concat_tables(tables).filter(pc.field("change") != "new").to_pylist()
    counts: Counter[str] = Counter()
    examples: dict[str, dict[str, Any]] = {}
    for row in rows:
        why = next(reason for reason in REASONS if reason in row["why"])
        counts[why] += 1
        if why not in examples or (_is_telling(row) and not _is_telling(examples[why])):
            examples[why] = row
    return tuple(
        Changed(why, counts[why], *(examples[why][name] for name in ("dose_id", "status_before", "status")))
        for why in REASONS
        if why in counts
    )


def _is_telling(row: dict[str, Any]) -> bool:
    return bool(row["status"] != row["status_before"])
