"""The day on which a run's lists were drawn up, up to which its reports count."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linkage.errors import VerificationError
from linkage.published.reader import MANIFEST, REMEDY


def list_date_of(run_dir: Path, manifest: Mapping[str, Any]) -> datetime.date | None:
    """The list date that a manifest states, None where it states none; VerificationError where that is no date."""
    stated = manifest.get("list_date")
    if stated is None:
        return None
    try:
        return datetime.date.fromisoformat(stated)
    except ValueError as error:
        raise VerificationError(f"{run_dir / MANIFEST}: list_date: {stated!r} is no date; {REMEDY}") from error
