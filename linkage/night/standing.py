"""The stages of a run that stand on disk, and what their results rest on."""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from linkage.deciding.decide import Decided
from linkage.deciding.dose_evidence import Evidence
from linkage.doses.batch import Doses
from linkage.doses.claim_ids import ClaimIds
from linkage.doses.claims import Claims
from linkage.doses.evidence_rates import EvidenceRates
from linkage.doses.schedule import Injections
from linkage.doses.schedule_evidence import ScheduleRates
from linkage.doses.siblings import SiblingRates
from linkage.ingest import FileCount, Ingested, SetAside
from linkage.ingest.records import Records
from linkage.machine.stage_clock import Clock
from linkage.machine.version import code_version
from linkage.night.deciding import Verified
from linkage.published.decided import DecidedClaims
from linkage.published.patterns import PairCounts
from linkage.registry.index import Index
from linkage.scoring.ranking import Ranked
from linkage.scoring.scorer import PassCounts
from linkage.stations import Finding, Stations
from linkage.stations.reading import Reading
from linkage.storage.standing import Standing
from linkage.training.model_file import Model
from linkage.training.model_shape import MatchThreshold
from models.parameters import ComparisonParameters, Parameters

_TYPES = {
    each.__name__: each
    for each in (
        *(FileCount, SetAside, Doses, Injections, ClaimIds, Claims, Stations, Finding, Reading, Verified),
        *(Model, Parameters, ComparisonParameters, MatchThreshold, EvidenceRates, ScheduleRates, SiblingRates),
        *(DecidedClaims, Decided, Ranked, Evidence, PairCounts, PassCounts),
    )
}
_ACCEPTED = "accepted.arrow"  # the work file of the accepted doses, which is published


def stages_key(
    dose_files: Sequence[Path],
    index: Index,
    model: Model | None,
    columns: Mapping[str, str],
    list_date: datetime.date | None,
    accept: str | None,
    strict: bool,
    verdicts: str | None,
) -> str:
    """A hash of all that the stages rest on. The inputs, which are not read yet, stand for themselves by the bytes of
    their paths, which need not be text, by size and by time."""
    inputs = []
    for path in dose_files:
        inputs.append((os.fsencode(path.absolute()).hex(), _state(path)))
    content = {
        "inputs": inputs,
        "index": [index.manifest[name] for name in ("content", "latest_date", "commune_date")],
        "plan": index.plan.digest(),
        "model": None if model is None else model.digest(),
        "columns": list(columns.items()),
        "list_date": list_date,
        "accept": accept,
        "strict": strict,
        "verdicts": verdicts,
        "code": code_version(),
    }
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:16]


def _state(path: Path) -> tuple[int, ...] | None:
    """Size, time and number of a file; None of what is not there or may not be seen, which its reader tells."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


class RunStages:
    """The stages of a run, each with the seconds that it took when it was done."""

    def __init__(self, standing: Standing, clock: Clock) -> None:
        self.standing, self._clock = standing, clock

    def ingested(self, read: Callable[[Path, str], Ingested]) -> Ingested:
        """The inputs as they were read; read: into a folder, the accepted records' work file under a name."""

        def make(folder: Path) -> dict[str, Any]:
            found = read(folder, _ACCEPTED)
            rest = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "accepted"}
            return self._timed({"records": found.accepted.state(), **rest})

        done = self.standing.done("inputs", make, _TYPES, {}, lambda value: {_ACCEPTED: value["of"]["records"]["sums"]})
        rest = self._taken(done)
        return Ingested(Records.of_state(self.standing.folder / "inputs", rest.pop("records")), **rest)

    def __call__(self, name: str, make: Callable[[], Any], known: Mapping[str, object]) -> Any:
        """The result of a later stage, see linkage.night.stages."""
        return self._taken(self.standing.done(name, lambda folder: self._timed(make()), _TYPES, known))

    def notes(self) -> tuple[str, ...]:
        """What an operator is told of them."""
        goes_on = f"goes on from a run that was killed: {self.standing.resumed_from!r} was done"
        return (*self.standing.told, *([] if self.standing.resumed_from is None else [goes_on]))

    def _timed(self, result: Any) -> dict[str, Any]:
        return {"of": result, "seconds": dict(self._clock.seconds)}

    def _taken(self, done: dict[str, Any]) -> Any:
        self._clock.seconds |= done["seconds"]
        return done["of"]
