"""Where decisions stand with all that explains them: the tables of a published run, or a state of nights.

Neither loads the plan or a kernel, but to open an index for somebody who is weighed anew.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from linkage.errors import InputError, UsageError, VerificationError
from linkage.nights.configuration import read_configuration
from linkage.published.reader import REMEDY, find_record, find_rows, published_model, read_manifest
from linkage.registry.persons_by_id import hash_of
from linkage.schema import CANDIDATES, DECISIONS, DOSES, EXCLUDED_QUEUE, READINGS
from linkage.state.folder import REMEDY as STATE_REMEDY
from linkage.state.folder import State, is_state, open_state
from linkage.state.rows import in_force, rows_in_force, versions_of, versions_with
from linkage.state.tables import DOSE_VERSIONS, KEPT_CANDIDATES, PUBLISHED_DECISIONS, QUEUE_ITEMS, WITHDRAWN
from linkage.storage.sealed import read_sealed
from linkage.wording.readings import readings_of

if TYPE_CHECKING:
    from linkage.plan.sections import Plan
    from linkage.registry.index import Index
    from linkage.training.model_file import Model

Row = dict[str, Any]
_OLDER = "by an older version; link again"
_EXCLUDED = next(table for table in QUEUE_ITEMS if table.name == EXCLUDED_QUEUE.name)


class Source(Protocol):
    """name, remedy: for messages; index: path and content of the registry's; match_threshold: the probability from
    which on a person is matched. All that reads raises VerificationError where it is damaged."""

    name: str
    remedy: str
    index: dict[str, Any]
    match_threshold: float

    def decision(self, dose_id: str) -> Row | None:
        """The row of the decisions; None where the dose has none."""

    def doses_of(self, claim_id: str) -> list[str]:
        """The doses of a claim, ascending."""

    def dose(self, dose_id: str) -> pa.Table:
        """What a dose that is decided states: one row, columns of schema.DOSES."""

    def readings(self, dose_id: str) -> list[tuple[str, str]]:
        """(column, reading) of what is read otherwise than typed."""

    def candidates(self, decision: Row) -> list[Row]:
        """The rows of the candidates of a dose's claim."""

    def excluded_reason(self, claim_id: str) -> str | None:
        """Why a claim is not compared with the registry."""

    def open_index(self) -> Index:
        """The index, as the decisions were made with it."""

    def model(self, plan: Plan) -> Model:
        """The model that decided."""


def source_of(place: Path) -> Source:
    """The run in a folder, the state in one, or that of a night.toml."""
    if place.is_file():
        configuration = read_configuration(place)
        return StateSource(configuration.state, configuration.index)
    return StateSource(place) if is_state(place) else RunSource(place)


class RunSource:
    """The tables of a published run."""

    remedy = REMEDY

    def __init__(self, run_dir: Path) -> None:
        manifest = read_manifest(run_dir, "index", "match_threshold")
        self._run_dir, self.name = run_dir, run_dir.name
        self.index, self.match_threshold = manifest["index"], float(manifest["match_threshold"])

    def decision(self, dose_id: str) -> Row | None:
        found: list[Row] = find_rows(self._run_dir, DECISIONS.name, [("dose_id", "=", dose_id)]).to_pylist()
        return found[0] if found else None

    def doses_of(self, claim_id: str) -> list[str]:
        # By dose they are sorted, and next to nothing is read; by claim all ids are.
        found = find_rows(self._run_dir, DECISIONS.name, [("claim_id", "=", claim_id)], ["dose_id"])
        return [str(dose) for dose in found["dose_id"].to_pylist()]

    def dose(self, dose_id: str) -> pa.Table:
        if f"{DOSES.name}.arrow" not in read_manifest(self._run_dir, "outputs")["outputs"]:
            raise InputError(f"{self.name}: was published without its doses, {_OLDER}")
        found = find_record(self._run_dir, DOSES.name, "dose_id", dose_id)
        if found is None:
            raise VerificationError(f"{self.name}: dose {dose_id!r} is decided and not among its doses; {REMEDY}")
        return found

    def readings(self, dose_id: str) -> list[tuple[str, str]]:
        found = find_rows(self._run_dir, READINGS.name, [("dose_id", "=", dose_id)])
        return [(row["field"], row["reading"]) for row in found.to_pylist()]

    def candidates(self, decision: Row) -> list[Row]:
        filters = [("claim_id", "=", decision["claim_id"])]
        found: list[Row] = find_rows(self._run_dir, CANDIDATES.name, filters).to_pylist()
        if decision["person_id"] is not None and not found:
            raise InputError(f"{self.name}: was published without the candidates of verified claims, {_OLDER}")
        return found

    def excluded_reason(self, claim_id: str) -> str | None:
        found = find_rows(self._run_dir, EXCLUDED_QUEUE.name, [("claim_id", "=", claim_id)], ["reason"])
        return str(found["reason"][0]) if found.num_rows else None

    def open_index(self) -> Index:
        from linkage.registry.index import open_index

        return open_index(Path(self.index["path"]), self.index["content"])

    def model(self, plan: Plan) -> Model:
        return published_model(self._run_dir, plan)


class StateSource:
    """What is in force in a state of nights.

    index : folder of the registry's index; where it lay beside the state at the last night when not given
    """

    remedy = STATE_REMEDY

    def __init__(self, place: Path, index: Path | None = None) -> None:
        self._state: State = open_state(place)
        model = self._state.model
        if model is None:
            raise UsageError(f"{place}: there was no night yet")
        self._model: Path = model
        self.match_threshold = float(read_sealed(model, STATE_REMEDY)["match_threshold"]["probability"])
        last = self._state.nights[-1]
        self.name = str(place)
        # As its place is called, which may be a link: the system would look beside where that leads.
        beside = os.path.normpath(place.absolute() / last["index_path"])
        self.index = {"path": str(index or beside), "content": last["index"]}
        self._doses: dict[str, pa.Table] = {}

    def decision(self, dose_id: str) -> Row | None:
        found = rows_in_force(self._state, PUBLISHED_DECISIONS, pa.array([dose_id]))
        rows: list[Row] = found.select(DECISIONS.names).to_pylist()
        return rows[0] if rows else None

    def doses_of(self, claim_id: str) -> list[str]:
        ever = versions_with(self._state, pa.array([claim_id]), _keys(claim_id), ["dose_id", "claim_id"])
        now = rows_in_force(self._state, DOSE_VERSIONS, ever["dose_id"].combine_chunks().unique())
        rows = now.select(["dose_id", "claim_id", "what"]).to_pylist()
        return [row["dose_id"] for row in rows if row["claim_id"] == claim_id and row["what"] != WITHDRAWN]

    def dose(self, dose_id: str) -> pa.Table:
        return self._version(dose_id).select(DOSES.names)

    def readings(self, dose_id: str) -> list[tuple[str, str]]:
        text = self._version(dose_id)["readings"][0].as_py()
        return [] if text is None else readings_of(text)

    def candidates(self, decision: Row) -> list[Row]:
        claim = self._version(decision["dose_id"])["claim"].combine_chunks()
        found: list[Row] = rows_in_force(self._state, KEPT_CANDIDATES, claim).to_pylist()
        return found

    def excluded_reason(self, claim_id: str) -> str | None:
        found = in_force(versions_of(self._state, _EXCLUDED, pa.array([claim_id]), by="claim_id"), _EXCLUDED)
        return str(found["reason"][0]) if found.num_rows else None

    def open_index(self) -> Index:
        from linkage.registry.index import open_index
        from linkage.registry.pinned import open_frequencies, with_pinned

        index = open_index(Path(self.index["path"]), self.index["content"])
        latest = datetime.date.fromisoformat(self._state.epoch["latest_date"])
        return with_pinned(index, open_frequencies(self._state.epoch_files), latest)

    def model(self, plan: Plan) -> Model:
        from linkage.training.model_file import Model

        return Model.load(self._model, plan)

    def _version(self, dose_id: str) -> pa.Table:
        """The version of a dose that is in force."""
        if dose_id not in self._doses:
            self._doses[dose_id] = rows_in_force(self._state, DOSE_VERSIONS, pa.array([dose_id]))
        if not self._doses[dose_id].num_rows:
            raise VerificationError(f"{self.name}: dose {dose_id!r} is decided and not among its doses; {STATE_REMEDY}")
        return self._doses[dose_id]


def _keys(text: str) -> np.ndarray:
    return np.array([hash_of(text)], np.uint64)
