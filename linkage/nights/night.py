"""One night: files in, the difference and the next state out, published whole or not at all."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from linkage.errors import LinkageError
from linkage.ingest import Ingested
from linkage.machine.clock import today
from linkage.machine.memory import peak_rss_bytes
from linkage.machine.scratch import writing_work_files
from linkage.machine.stage_clock import Clock, Progress
from linkage.night.checks import check_list_date
from linkage.night.stages import Work
from linkage.nights.arriving import Arrived, read_arrivals
from linkage.nights.configuration import Configuration
from linkage.nights.deciding import Night, decide_again
from linkage.nights.epoch import EpochInForce, complete_model, epoch_of
from linkage.nights.fetching import fetch
from linkage.nights.gates import accepted_notes, check_accepted, decided_gates, gate_entries, refuse, rejected_gate
from linkage.nights.inputs import NightInputs, arrival_notes, check_clock, date_notes, inputs_of, missed_notes
from linkage.nights.manifest import check_doses, night_entries, night_id, registry_entries, state_entries
from linkage.nights.pruning import n_pruned, prune_first
from linkage.nights.quarantine import quarantine_entries
from linkage.nights.registry import Registry, changed_registry, check_is_of_state
from linkage.nights.results import DECISION_CHANGES, Results, results_of
from linkage.nights.status import telling
from linkage.nights.touched import touched_by
from linkage.nights.unfinished import finish
from linkage.nights.verdict_files import read_arrived_verdicts
from linkage.nights.verdicts import VerdictChanges, published_verdicts, verdict_changes
from linkage.nights.versions import DoseChanges, corrected_by, dose_changes
from linkage.published.folders import Stage, new_stage
from linkage.published.reader import already_published, check_published
from linkage.registry.index import Index, open_index
from linkage.registry.rolling_check import NightlyCheck, damage_told
from linkage.schema import REJECTED, STATUSES, VERDICTS
from linkage.state.compacting import is_due, merged
from linkage.state.folder import State, Written, next_version, open_state
from linkage.state.tables import KEPT_VERDICTS
from linkage.stations import station_notes
from linkage.storage.locks import made_and_locked
from linkage.storage.work_folders import work_folder
from linkage.training.model_file import Model

# Of a night, as they come; of those that decide the seconds of the last time, where more claims were needed.
STAGES = (
    *("registry", "ingest", "changes", "touched", "encode", "verify", "link", "decide", "evidence", "conflicts"),
    *("difference", "publish"),
)


@dataclass(frozen=True)
class NightSummary:
    """What ``night --json`` prints, and notes for the operator; counts: doses in force by status after the night,
    changes: of decisions."""

    night_id: str
    night_dir: Path
    counts: dict[str, int]
    changes: dict[str, int]
    seconds: dict[str, float]
    peak_rss_bytes: int
    already_done: bool = False
    notes: tuple[str, ...] = field(default=())


def run_night(
    configuration: Configuration,
    date: datetime.date | None = None,
    *,
    accepted: Mapping[str, str] = MappingProxyType({}),
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> NightSummary:
    """Take what is new, decide again what that touches, and publish the difference.

    Parameters
    ----------
    date : of the night, on which its lists are drawn up; the day that it is in Viet Nam when not given
    accepted : why a gate that stops is let through, by its name; the manifest keeps it
    on_progress : called with (stage, done, total); total 0 when the length is not known

    Raises
    ------
    InputError, UsageError : the inputs cannot be used; nothing is written
    QualityGateError : a limit of the configuration is passed; nothing is published
    VerificationError : a sum that must hold does not, or something is damaged
    TryLaterError : another night is at work
    """
    check_accepted(accepted)
    given, date = date, date or today()
    check_list_date(date)
    clock = Clock(on_progress)
    with ExitStack() as held:
        for folder in (configuration.state, configuration.nights):
            held.enter_context(made_and_locked(folder))
        finish(configuration)
        state = open_state(configuration.state)
        if given is None:
            check_clock(date, state)
        fetched = fetch(configuration, date)
        inputs = inputs_of(configuration, date, state)
        if (done := _done_before(configuration, state, inputs)) is not None:
            return done
        in_force = open_index(configuration.index)
        in_force.plan.check_roles(str(configuration.index))
        check_is_of_state(configuration.index, in_force, state)
        model = complete_model(state.model or configuration.model, in_force.plan)
        scratch = held.enter_context(room_to_work(configuration.nights))
        clock.on_progress = telling(scratch, on_progress)
        work = Work(n_threads, scratch, clock)
        changing = changed_registry(configuration.index, in_force, inputs.registry_changes, n_threads, clock)
        with (
            changing as registry,
            damage_told(registry.after.files),
            NightlyCheck(in_force, date, today()) as check,
        ):
            epoch = epoch_of(state, in_force, model)
            index = epoch.pinned(registry.after)
            done = _Running(
                configuration, state, inputs, registry, epoch, index, model, work, check, accepted
            ).publish()
        return replace(done, notes=(*fetched, *done.notes, *_prune(configuration)))


def _prune(configuration: Configuration) -> list[str]:
    """Remove the nights that the configuration does not keep; the night, which is published, does not fail by it."""
    if configuration.retention.nights is None:
        return []
    state = open_state(configuration.state)
    try:
        prune_first(configuration, state, len(state.nights) - configuration.retention.nights)
    except LinkageError as error:
        return [f"nights that [retention] does not keep are still there: {error}"]
    return []


@contextmanager
def room_to_work(nights: Path) -> Iterator[Path]:
    """A folder for work files, on the disk that has to hold the results anyway."""
    with ExitStack() as work:
        with writing_work_files(nights):
            folder = work.enter_context(work_folder(nights))
        yield folder


def _done_before(configuration: Configuration, state: State, inputs: NightInputs) -> NightSummary | None:
    """What a night of the same date with the same inputs said; None where there was none."""
    done = inputs.done_in(state)
    if done is None:
        return None
    folder = configuration.nights / str(done["night_id"])
    if state.nights.index(done) < n_pruned(configuration):
        note = "its folder was pruned; this is what the state keeps of it"
        return NightSummary(folder.name, folder, done["counts"], done["changes"], {}, 0, True, (note,))
    if not already_published(folder):
        raise LinkageError(
            f"{folder}: was published and is gone, and the state holds what it changed; restore the folder from a copy"
        )
    said = check_published(folder, "counts", "changes", "seconds", "peak_rss_bytes", "notes")
    counts, changes, seconds, peak = (said[name] for name in ("counts", "changes", "seconds", "peak_rss_bytes"))
    counts = {status: counts[status] for status in STATUSES}
    changes = {change: changes[change] for change in DECISION_CHANGES}
    seconds = {stage: seconds[stage] for stage in STAGES if stage in seconds}
    return NightSummary(folder.name, folder, counts, changes, seconds, peak, True, tuple(said["notes"]))


@dataclass(frozen=True)
class _Running:
    """A night that is at work in locked folders."""

    configuration: Configuration
    state: State
    inputs: NightInputs
    registry: Registry
    epoch: EpochInForce
    index: Index
    model: Model
    work: Work
    check: NightlyCheck
    accepted: Mapping[str, str]

    def publish(self) -> NightSummary:
        """All of the night, from its files on."""
        clock = self.work.clock
        arrived = self._arrived()
        with clock.stage("changes"):
            changes = dose_changes(arrived, self.state)
            arrived, read = self._verdicts(arrived, changes)
            limits = self.configuration.gates
            rejected = rejected_gate(arrived, limits)
            refuse([rejected], limits, self.accepted)
            verdicts = verdict_changes(read, self.state, changes, self.index)
        touched = touched_by(self.registry, self.index, self.state, self.model, self.work)
        about = self.state, changes, verdicts, self.index, self.model, self.work, self.registry.persons, touched
        night = Night(*about)
        results = results_of(night, decide_again(night), self.inputs.date)
        check_doses(self.state, changes, results)
        gates, unusual = decided_gates(results, self.state, limits, self.inputs.date)
        refuse(gates, limits, self.accepted)
        gates = [rejected, *gates]
        said_of_gates = gate_entries(gates, limits, self.accepted)
        name = night_id(self.inputs, self.state, self.registry.before, self.model)
        notes = (*self.inputs.notes, *self.inputs.chosen.notes, *self.registry.notes, *arrival_notes(arrived))
        of_quarantine = [file.file for file in arrived.files if file.path in self.inputs.chosen.paths]
        notes = (*notes, *changes.notes, *corrected_by(changes, of_quarantine), *verdicts.notes, *unusual)
        notes = (*notes, *accepted_notes(gates, self.accepted))
        dated = *date_notes(self.inputs.date, self.state), *self._missed()
        notes = (*dated, *notes, *station_notes(arrived.findings), *self.epoch.notes)
        with new_stage(self.configuration.nights, name) as stage:
            with clock.stage("publish"):
                self._write(stage, arrived, results, verdicts)
            self.check.finish()
            entries = state_entries(name, self.inputs, self.configuration, self.registry, changes, results)
            entries["quarantine"] = quarantine_entries(
                self.configuration, self.inputs.chosen, arrived.set_aside, name, self.inputs.date.isoformat()
            )
            entries |= said_of_gates
            are_all = is_due(self.state)
            tables = dict(results.tables)
            if verdicts.rows.num_rows:
                tables[KEPT_VERDICTS.name] = verdicts.rows
            tables = merged(self.state, tables) if are_all else tables
            place = self.configuration.state
            with next_version(place, self.state, tables, self.epoch.kept, entries, are_all=are_all) as version:
                peak = peak_rss_bytes()
                costs = {"seconds": dict(clock.seconds), "peak_rss_bytes": peak}
                said = night_entries(
                    name, self.inputs, arrived, changes, results, self.configuration.index, self.index, self.model
                )
                said |= registry_entries(self.registry, touched) | said_of_gates
                states = {"state_before": self.state.name, "state_after": version.name}
                stage.write_manifest({**said, "verdicts": verdicts.counts, **states, **costs, "notes": [*notes]})
                appear(stage, version, self.registry)
        folder = self.configuration.nights / name
        seconds = {stage: clock.seconds[stage] for stage in STAGES if stage in clock.seconds}
        return NightSummary(name, folder, results.counts, results.changes, seconds, peak, notes=notes)

    def _missed(self) -> list[str]:
        return missed_notes(self.configuration, self.inputs.date, self.state)

    def _arrived(self) -> Arrived:
        work = self.work
        return read_arrivals(
            self.inputs.doses,
            self.inputs.withdrawals,
            self.configuration.columns,
            self.index,
            work.n_threads,
            work.scratch,
            work.clock,
            self.inputs.chosen.paths,
        )

    def _verdicts(self, arrived: Arrived, changes: DoseChanges) -> tuple[Arrived, Ingested | None]:
        inputs, work = self.inputs, self.work
        about = self.configuration.columns, self.index, self.state, changes, inputs.date, work.scratch
        return read_arrived_verdicts(arrived, inputs.verdicts, *about, inputs.chosen.paths)

    def _write(self, stage: Stage, arrived: Arrived, results: Results, verdicts: VerdictChanges) -> None:
        """Write what the night publishes."""
        for name, rows in results.published.items():
            stage.write_table(name, rows)
        stage.write_table(REJECTED.name, arrived.rejected, keep_metadata=True)
        stage.write_table(VERDICTS.name, published_verdicts(verdicts))


def appear(stage: Stage, version: Written, registry: Registry) -> None:
    """Let the night appear, then count its index and its state: killed between, the next start does the rest."""
    stage.check()

    def publish() -> None:
        with registry.appearing():
            stage.appear()

    version.put_in_force(publish, registry.put_in_force)
