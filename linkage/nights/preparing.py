"""Prepares the adoption of a model: decides everything in force by it, counts what would change, and writes it down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from linkage.deciding.gates import expected_of, gate_notes, refuse
from linkage.errors import QualityGateError
from linkage.machine.clock import today
from linkage.machine.memory import peak_rss_bytes
from linkage.machine.stage_clock import Clock
from linkage.machine.version import code_version
from linkage.night.stages import Work, moved_since_training
from linkage.nights.adoption_report import report_of
from linkage.nights.arriving import Arrived, read_arrivals
from linkage.nights.configuration import Configuration
from linkage.nights.epoch import EpochInForce, new_epoch
from linkage.nights.everything import Everything, decide_everything
from linkage.nights.inputs import NightInputs, date_notes
from linkage.nights.manifest import check_doses, night_entries, night_id, registry_entries, state_entries
from linkage.nights.prepared import Prepared, prepare
from linkage.nights.registry import unchanged
from linkage.nights.results import Results, results_of
from linkage.nights.touched import NOTHING
from linkage.nights.verdicts import published_verdicts
from linkage.registry.index import Index
from linkage.registry.rolling_check import NightlyCheck, damage_told
from linkage.schema import REJECTED, VERDICTS
from linkage.state.folder import State
from linkage.state.tables import KEPT_VERDICTS
from linkage.training.drift import drift_notes
from linkage.training.model_file import Model

ADOPTION = "adoption"  # what such a night says in ``kind``, and under which name its report stands


@dataclass(frozen=True)
class Asked:
    """An adoption that is to be prepared; index: in force; inputs: none, of a date."""

    configuration: Configuration
    state: State
    index: Index
    model: Model
    inputs: NightInputs
    accept: str | None

    @property
    def name(self) -> str:
        return night_id(self.inputs, self.state, self.index, self.model)

    def prepare(self, work: Work) -> Prepared:
        """Decide everything, and write down what would change."""
        state, date = self.state, self.inputs.date
        epoch = new_epoch(self.index, self.model)
        index = epoch.pinned(self.index)
        with damage_told(self.index.files), NightlyCheck(self.index, date, today()) as check:
            arrived = read_arrivals((), (), {}, index, work.n_threads, work.scratch, work.clock)
            found = decide_everything(state, index, self.model, work)
            notes = (*date_notes(date, state), *found.changes.notes, *found.verdicts.notes, *self._notes(found, epoch))
            results = results_of(found.night, found.batch, date)
            check_doses(state, found.changes, results)
            self._check_expected(results)
            check.finish()
        published = {**results.published, REJECTED.name: arrived.rejected}
        published[VERDICTS.name] = published_verdicts(found.verdicts)
        kept = dict(results.tables)
        if found.verdicts.rows.num_rows:
            kept[KEPT_VERDICTS.name] = found.verdicts.rows
        entries = self._entries(arrived, found, results, notes, work.clock)
        return prepare(self.configuration.state, self.name, published, kept, self.model, entries)

    def _notes(self, found: Everything, epoch: EpochInForce) -> tuple[str, ...]:
        """What an operator should know of the model; QualityGateError where a gate is against it."""
        notes = (*epoch.notes, *drift_notes(self.model.training, self.index.frequencies))
        if found.batch is None:
            return notes
        moved = moved_since_training(found.batch.by_itself, self.model)
        expected = expected_of(found.batch.claims.decided)
        refuse(self.model, moved, self.accept, "the adoption", expected, self.index.n_persons)
        return (*notes, *gate_notes(self.model, moved, expected, self.index.n_persons))

    def _check_expected(self, results: Results) -> None:
        """QualityGateError where more matches are expected to be wrong than a night may have."""
        limit, expected = self.configuration.gates.expected_false_match_rate, results.expected_false_matches
        if self.accept is None and expected >= 1 and expected > limit * results.n_matched:
            raise QualityGateError(
                f"the adoption was not prepared: of {results.n_matched:,} doses that the model matches {expected:.1f} "
                f"are expected to be wrong, more than expected_false_match_rate = {limit:g}; train another model, or "
                'give --accept "why this model holds"'
            )

    def _entries(
        self, arrived: Arrived, found: Everything, results: Results, notes: tuple[str, ...], clock: Clock
    ) -> dict[str, Any]:
        """The manifest of the prepared adoption."""
        registry, place = unchanged(self.index), self.configuration.index
        of_night = self.name, self.inputs, arrived, found.changes, results, place, self.index, self.model
        of_state = self.name, self.inputs, self.configuration, registry, found.changes, results
        kind = {"kind": ADOPTION, "model": self.model.digest(), "model_before": self.state.epoch["model"]}
        return {
            "state_before": self.state.name,
            "last_night": self.state.nights[-1]["night_id"],
            "code_version": code_version(),
            "state": {**state_entries(*of_state), **kind},
            "night": {
                **night_entries(*of_night),
                **registry_entries(registry, NOTHING),
                **kind,
                ADOPTION: report_of(self.state, results, found.changes.counts),
                "accepted": self.accept,
                "verdicts": found.verdicts.counts,
                "seconds": dict(clock.seconds),
                "peak_rss_bytes": peak_rss_bytes(),
                "notes": [*notes],
            },
        }
