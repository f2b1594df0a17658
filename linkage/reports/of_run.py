"""What forms count of a published run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.exports.list_dates import list_date_of
from linkage.exports.units import communes_of, has_communes
from linkage.published.reader import read_manifest, read_table
from linkage.reports.counted import OF_DAYS, day_of
from linkage.schema import SUBJECT_COUNTS, SUBJECTS


class CountedRun:
    """The tables of subjects that a run published, see linkage.published.subjects."""

    def __init__(self, run_dir: Path) -> None:
        manifest = read_manifest(run_dir)
        self.place = self._run_dir = run_dir
        self.as_of = list_date_of(run_dir, manifest)
        self._names: Mapping[str, str] = manifest.get("commune_names", {})

    @property
    def names(self) -> Mapping[str, str]:
        """See `Counted.names`."""
        return self._names

    def communes(self, unit: str | None = None) -> pa.Table | None:
        """See `Counted.communes`; InputError for a unit of a run that does not say where its communes lie."""
        if unit is None and not has_communes(self._run_dir):
            return None
        return communes_of(self._run_dir, unit)

    def issues(self) -> pa.Table:
        """See `Counted.issues`."""
        names = ["commune_code", "commune_code_now", "issue"]
        # A subject without an issue agrees with the registry and is open for another reason: a dose after death.
        subjects = read_table(self._run_dir, SUBJECTS.name, names).filter(pc.is_valid(pc.field("issue")))
        return subjects.group_by(names).aggregate([([], "count_all")]).rename_columns([*names, "n_subjects"])

    def statuses(self) -> pa.Table:
        """See `Counted.statuses`."""
        return read_table(self._run_dir, SUBJECT_COUNTS.name, SUBJECT_COUNTS.names)

    def by_day(self) -> pa.Table:
        """See `Counted.by_day`: the day of the run is the first one."""
        counts = self.statuses()
        added = {
            "date": pa.repeat(pa.scalar(day_of(self)), counts.num_rows),
            "n_came": counts["n_subjects"],
            "n_left": pa.array(np.zeros(counts.num_rows, np.int64)),
        }
        return pa.table([added[name] if name in added else counts[name] for name in OF_DAYS], names=OF_DAYS)
