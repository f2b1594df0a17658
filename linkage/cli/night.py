"""``night``, ``history`` and ``state``: nights that build on each other, and what is in force."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from linkage.cli.options import N_CORES, Json, Threads, day, key_as_read
from linkage.cli.printing import print_json, print_lines, print_result
from linkage.cli.progress import progress
from linkage.cli.talk import print_notes, say
from linkage.errors import UsageError
from linkage.wording.cell_text import visible

Config = Annotated[Path, typer.Option("--config", help="File that names folders, sources and limits: night.toml.")]


def night(
    config: Config,
    date: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Date of the night, and of its lists; today when not given."),
    ] = None,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Tell what would be read, and what it would cost; write nothing.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GATE=REASON", help="Let a gate through that stops the night, and why; the manifest keeps it."
        ),
    ] = None,
    log: Annotated[Path | None, typer.Option(help="File to which events are added, a JSON object a line.")] = None,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Decide what is new and what it touches.

    Publishes the difference to what was decided before.

    Corrections replace a dose, withdrawals take it out; the state remembers all. A night that was done is not done
    again.

    \b
    Example: linkage night --config night.toml --date 2022-08-29
    Example: linkage night --config night.toml --plan-only
    Example: linkage night --config night.toml --accept "rejected_share=they sent last month's file again"
    """
    from linkage.nights.configuration import read_configuration

    if plan_only:
        from linkage.nights.looking_ahead import look_ahead

        print_result(look_ahead(read_configuration(config), day(date)), as_json)
        return
    from linkage.nights.watching import watch_night

    accepted = dict(_named(one) for one in accept or ())
    with progress() as on_progress:
        options: dict[str, Any] = {"log": log, "accepted": accepted, "n_threads": threads}
        summary = watch_night(read_configuration(config), day(date), **options, on_progress=on_progress)
    if summary.already_done:
        say(f"already done: {summary.night_dir}; nothing was done, and this is what was said then")
    print_notes(summary.notes)
    keys = ("night_id", "night_dir", "counts", "changes", "seconds", "peak_rss_bytes")
    print_result({key: getattr(summary, key) for key in keys}, as_json)


def _named(accept: str) -> tuple[str, str]:
    """Gate and reason of an option."""
    name, is_there, reason = accept.partition("=")
    if not is_there:
        raise UsageError(f"--accept {accept}: write the gate and why: --accept GATE=REASON")
    return name.strip(), reason.strip()


def status(config: Config, as_json: Json = False) -> None:
    """Show where the nights stand.

    What is running or unfinished, the last night with its counts, the gates with their last values, when all was
    verified last, and the room on the disks. Nothing is waited for.

    \b
    Example: linkage status --config night.toml
    """
    from linkage.nights.configuration import read_configuration
    from linkage.nights.status import status as status_of

    print_result(status_of(read_configuration(config)), as_json)


def history(
    dose_id: Annotated[str, typer.Argument(help="The dose, by its id.")],
    config: Config,
    as_json: Json = False,
) -> None:
    """Show all that a dose ever was, night by night.

    Its versions, its decisions and why they changed, and the verdicts on it.

    \b
    Example: linkage history D000004781 --config night.toml
    """
    from linkage.insight.history import history as history_of
    from linkage.nights.configuration import read_configuration
    from linkage.reports.history import render

    found = history_of(read_configuration(config), key_as_read(dose_id))
    if as_json:
        print_json(found)
    else:
        print_lines(map(visible, render(found)))


def state_export(
    config: Config,
    out: Annotated[Path, typer.Option(help="New folder for the tables.")],
    list_date: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Date of the lists; that of the last night when not given."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the decisions and queues of everything in force.

    They are what one run on all the doses in force would write.

    \b
    Example: linkage state export --config night.toml --out everything
    """
    from linkage.nights.configuration import read_configuration
    from linkage.nights.exporting import export_state

    counts = export_state(read_configuration(config), out, day(list_date))
    print_result({"out": str(out), "counts": counts}, as_json)


def state_info(config: Config, as_json: Json = False) -> None:
    """Show what the state in force holds.

    \b
    Example: linkage state info --config night.toml
    """
    from linkage.nights.configuration import read_configuration
    from linkage.nights.exporting import state_info as info

    print_result(info(read_configuration(config)), as_json)
