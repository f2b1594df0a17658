"""Adopts a model: everything in force is decided again beside the state, and the outcome comes into force as a night.

First it is prepared: decided, counted and written down, and nothing in force is touched. By a second call, or at once
where the configuration's limits allow it, it is published as a night without inputs, and the state has a new epoch.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from linkage.deciding.gates import check_accept
from linkage.errors import UsageError
from linkage.machine.clock import today
from linkage.machine.stage_clock import Clock, Progress
from linkage.machine.version import code_version
from linkage.night.checks import check_list_date
from linkage.night.stages import Work
from linkage.nights.adoption_report import in_order, passed_limits
from linkage.nights.configuration import Configuration
from linkage.nights.epoch import PINNED, complete_model, new_epoch
from linkage.nights.inputs import check_clock, no_inputs
from linkage.nights.night import STAGES, appear, room_to_work
from linkage.nights.prepared import Prepared, clear_prepared, prepared, prepared_names, prepared_whole
from linkage.nights.preparing import ADOPTION, Asked
from linkage.nights.registry import check_is_of_state, unchanged
from linkage.nights.results import DECISION_CHANGES
from linkage.nights.status import telling
from linkage.nights.unfinished import finish
from linkage.published.folders import new_stage
from linkage.published.reader import check_published
from linkage.registry.index import Index, open_index
from linkage.schema import STATUSES
from linkage.state.compacting import is_due, merged
from linkage.state.folder import State, next_version, open_state
from linkage.storage.locks import made_and_locked
from linkage.training.model_file import Model

_PREPARE = "'linkage model adopt MODEL.json' prepares one"


@dataclass(frozen=True)
class Adoption:
    """What ``model adopt`` prints, and notes for the operator.

    adoption : its id, and of the night that it is once in force; folder: where it lies, prepared or in force
    report : see linkage.nights.adoption_report.report_of; None of the model of the first night
    refusal : the limits of the configuration that keep it from coming into force by itself; None where none does
    """

    adoption: str
    in_force: bool
    folder: Path
    report: dict[str, Any] | None
    seconds: dict[str, float] = field(default_factory=dict)
    peak_rss_bytes: int = 0
    already_done: bool = False
    notes: tuple[str, ...] = ()
    refusal: str | None = None


def adopt(
    configuration: Configuration,
    model_file: Path,
    date: datetime.date | None = None,
    *,
    accept: str | None = None,
    n_threads: int = 2,
    on_progress: Progress = lambda stage, done, total: None,
) -> Adoption:
    """Prepare the adoption of a model, and let it come into force where it is within the limits of [adoption].

    Parameters
    ----------
    date : on which its lists are drawn up; the day that it is in Viet Nam when not given
    accept : why to adopt it even so where a gate is against it, in a person's words, which the manifest keeps

    Raises
    ------
    UsageError : the model does not fit, there was no night yet, or the index is another one
    QualityGateError : see linkage.deciding.gates; nothing is prepared
    VerificationError : something is damaged
    TryLaterError : a night or another adoption is at work
    """
    given, date = date, date or today()
    check_accept(accept)
    check_list_date(date)
    clock = Clock(on_progress)
    with ExitStack() as held:
        state, index = _opened(configuration, held)
        model = complete_model(model_file, index.plan)
        if (done := _in_force(configuration, state, index, model)) is not None:
            return done
        if given is None:
            check_clock(date, state)
        digest = hashlib.sha256(msgspec.json.encode([ADOPTION, date, accept])).hexdigest()
        asked = Asked(configuration, state, index, model, no_inputs(date, digest), accept)
        ready = prepared_whole(configuration.state, asked.name)
        if ready is None:
            scratch = held.enter_context(room_to_work(configuration.nights))
            clock.on_progress = telling(scratch, on_progress, "an adoption")
            ready = asked.prepare(Work(n_threads, scratch, clock))
        limits = configuration.adoption
        if limits is None:
            return _told(ready)
        if passed := passed_limits(ready.night[ADOPTION], limits):
            return replace(_told(ready), refusal="; ".join(passed))
        return _take_force(configuration, state, index, ready)


def apply(configuration: Configuration, named: str) -> Adoption:
    """Bring a prepared adoption into force, by its id.

    Raises
    ------
    UsageError : there is none of that id, or the state has moved on since it was prepared
    VerificationError : something is damaged; nothing is published
    TryLaterError : a night or another adoption is at work
    """
    with ExitStack() as held:
        state, index = _opened(configuration, held)
        if any((night["night_id"], night["kind"]) == (named, ADOPTION) for night in state.nights):
            return _done(configuration, named)
        ready = prepared(configuration.state, named)
        if ready is None:
            names = prepared_names(configuration.state)
            there = f"{names[0]} is" if names else "none is"
            raise UsageError(f"adoption {named}: is not prepared, {there}; {_PREPARE}")
        _check_current(ready, state)
        return _take_force(configuration, state, index, ready)


def shown(configuration: Configuration) -> Adoption:
    """The adoption that was prepared last. UsageError where none is."""
    names = prepared_names(configuration.state)
    ready = prepared(configuration.state, names[0]) if names else None
    if ready is None:
        raise UsageError(f"{configuration.state}: no adoption is prepared; {_PREPARE}")
    notes = []
    try:
        _check_current(ready, open_state(configuration.state))
    except UsageError as error:
        notes = [str(error)]
    return replace(_told(ready), notes=(*ready.night["notes"], *notes))


def _opened(configuration: Configuration, held: ExitStack) -> tuple[State, Index]:
    """The state and the index in force, which stay so as long as what is held is."""
    for folder in (configuration.state, configuration.nights):
        held.enter_context(made_and_locked(folder))
    finish(configuration)
    state = open_state(configuration.state)
    if not state.nights:
        raise UsageError(
            f"{configuration.state}: there was no night yet, so nothing is decided that another model would change; "
            f"name the model in {configuration.file}"
        )
    index = open_index(configuration.index)
    index.plan.check_roles(str(configuration.index))
    check_is_of_state(configuration.index, index, state)
    return state, index


def _check_current(ready: Prepared, state: State) -> None:
    """UsageError where a prepared adoption does not stand on the state in force, or was made by another version."""
    if not ready.stands_on(state):
        last = state.nights[-1]["night_id"] if state.nights else "none"
        raise UsageError(
            f"adoption {ready.name}: was prepared after the night {ready.said['last_night']}, and the last one in "
            f"force is {last}; {_PREPARE} again"
        )
    if ready.said["code_version"] != code_version():
        raise UsageError(f"adoption {ready.name}: was prepared by another version of this program; {_PREPARE} again")


def _told(ready: Prepared) -> Adoption:
    return Adoption(ready.name, False, ready.folder, **_of_manifest(ready.night))


def _of_manifest(said: dict[str, Any]) -> dict[str, Any]:
    """What the manifest of a night tells of its model; that of a first night has no report."""
    seconds = {stage: said["seconds"][stage] for stage in STAGES if stage in said["seconds"]}
    report = in_order(said[ADOPTION]) if ADOPTION in said else None
    told = {"peak_rss_bytes": said["peak_rss_bytes"], "notes": tuple(said["notes"])}
    return {"report": report, "seconds": seconds, **told}


def _in_force(configuration: Configuration, state: State, index: Index, model: Model) -> Adoption | None:
    """What was said of the epoch in force, where it is the one that would begin."""
    epoch = state.epoch
    if (epoch["model"], epoch[PINNED]) != (model.digest(), index.manifest["content"]):
        return None
    return _done(configuration, str(state.nights[epoch["since"] - 1]["night_id"]))


def _done(configuration: Configuration, name: str) -> Adoption:
    """What a night that is in force said of its model."""
    folder = configuration.nights / name
    if not folder.is_dir():
        return Adoption(name, True, folder, None, already_done=True, notes=("its folder was pruned",))
    said = check_published(folder, "seconds", "peak_rss_bytes", "notes")
    return Adoption(name, True, folder, **_of_manifest(said), already_done=True)


# In which order a night tells its counts; a manifest that was published sorts all names.
_TOLD_AS = {"changes": DECISION_CHANGES, "counts": STATUSES}


def _told_as(names: Sequence[str], counts: dict[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in names}


def _take_force(configuration: Configuration, state: State, index: Index, ready: Prepared) -> Adoption:
    """Publish a prepared adoption, and put its state in force; index: in force."""
    tables, are_all, said = ready.kept(), is_due(state), ready.said["state"]
    entries = {**said, **{name: _told_as(of, said[name]) for name, of in _TOLD_AS.items()}}
    tables = merged(state, tables) if are_all else tables
    epoch = new_epoch(index, ready.model(index.plan)).kept
    with new_stage(configuration.nights, ready.name) as stage:
        for name, rows in ready.published().items():
            stage.write_table(name, rows)
        with next_version(configuration.state, state, tables, epoch, entries, are_all=are_all) as version:
            states = {"state_before": state.name, "state_after": version.name}
            stage.write_manifest({**ready.night, **states})
            appear(stage, version, unchanged(index))
    clear_prepared(configuration.state, prepared_names(configuration.state))
    return replace(_told(ready), in_force=True, folder=configuration.nights / ready.name)
