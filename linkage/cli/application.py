"""The commands, in the order in which the help shows them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperGroup

from linkage.cli import (
    adoption,
    doctor,
    find,
    index,
    judge,
    link,
    model,
    night,
    nights,
    plan,
    quarantine,
    report,
    review,
    run,
    simulate,
    verify,
)
from linkage.cli.printing import print_lines
from linkage.cli.talk import print_notes
from linkage.errors import UsageError
from linkage.machine.version import __version__

HELP = """Links vaccination doses with the national population registry.

Every command takes --help, which has an example, and --json: the result is then one JSON object on standard output, or
{"error", "kind", "exit_code"}. Talk, progress and errors go to standard error.

\b
Exit codes:
  0    done
  1    failed: the disk, rights, memory, a finding of doctor
  2    the call, or an input, cannot be used
  3    a quality gate forbids to publish
  4    a sum, checksum or count that must hold does not
  75   somebody else is at work there: try later
  130  interrupted
"""


class TwoWords(TyperGroup):
    """Commands, some of two words of which the first alone is one too: ``simulate`` and ``simulate nights``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        words = " ".join(args[:2])
        return super().resolve_command(ctx, [words, *args[2:]] if words in self.commands else args)


app = typer.Typer(
    cls=TwoWords,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Command = Callable[..., None]
COMMANDS: tuple[Command, ...] = (
    simulate.simulate,
    simulate.simulate_nights,
    run.train,
    run.run,
    night.night,
    night.status,
    night.history,
    judge.evaluate,
    judge.explain,
    find.find,
    report.report,
    report.export,
    report.rejects,
    verify.verify,
    link.link,
    simulate.demo,
    doctor.doctor,
    doctor.version,
)
GROUPS: dict[str, tuple[str, tuple[Command, ...]]] = {
    "index": (
        "Build, change and inspect a registry index.",
        (index.index_build, index.index_apply, index.index_compact, index.index_rollback, index.index_info),
    ),
    "nights": (
        "List, show, compare, take back and prune nights.",
        (
            nights.nights_list,
            nights.nights_show,
            nights.nights_diff,
            nights.nights_rollback,
            nights.nights_prune,
        ),
    ),
    "quarantine": (
        "List and release files that nights set aside.",
        (quarantine.quarantine_list, quarantine.quarantine_release),
    ),
    "state": ("Export and show what is in force.", (night.state_export, night.state_info)),
    "model": (
        "Show, compare, adopt, export and import model files.",
        (
            model.model_show,
            model.model_compare,
            adoption.model_adopt,
            model.model_export,
            model.model_check,
            model.model_import,
        ),
    ),
    "plan": ("Propose and check linkage plans.", (plan.plan_init, plan.plan_check)),
    "review": (
        "Let officers decide what nights could not.",
        (review.review_import, review.review_serve, review.review_export),
    ),
    "review accounts": (
        "Add, list, open and close the accounts of the review.",
        (
            review.review_accounts_add,
            review.review_accounts_list,
            review.review_accounts_password,
            review.review_accounts_close,
            review.review_accounts_open,
        ),
    ),
    "review workbook": (
        "Write a commune's list for who has no line, and read it again.",
        (review.review_workbook_write, review.review_workbook_read),
    ),
    "review audit": ("Check what the review did.", (review.review_audit_verify,)),
}


def _with_paths_as_given(command: Command) -> Command:
    """The command, whose readers say of a path that it may not be read: of many files such a one is set aside, and
    typer would refuse the call."""
    hints = get_type_hints(command, include_extras=True)
    for hint in hints.values():
        for parameter in getattr(hint, "__metadata__", ()):
            parameter.readable = False
    command.__annotations__ = hints
    return command


for command in COMMANDS:
    app.command(command.__name__.replace("_", " "))(_with_paths_as_given(command))
groups = {"": app}
for name, (purpose, commands) in GROUPS.items():
    group = groups[name] = typer.Typer(help=purpose, no_args_is_help=True)
    for command in commands:
        group.command(command.__name__.removeprefix(f"{name.replace(' ', '_')}_"))(_with_paths_as_given(command))
    above, _, last = name.rpartition(" ")
    groups[above].add_typer(group, name=last)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print_lines([f"linkage {__version__}"])
        raise typer.Exit()


@app.callback(help=HELP)
def _program(
    mode: Annotated[
        str, typer.Option(help="Rights of what is written, such as 0640; folders can be entered too.")
    ] = "0600",
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    if not re.fullmatch(r"0?[0-7]{3}", mode) or int(mode, 8) & 0o600 != 0o600:
        raise UsageError(f"--mode {mode}: no rights for files; write 0600, 0640 or 0644")
    readable = int(mode, 8)
    if readable & 0o002:
        raise UsageError(f"--mode {mode}: anybody on this machine could change the results; write 0600, 0640 or 0644")
    if readable & 0o004:
        print_notes([f"--mode {mode}: everybody on this machine can read what is written, which is about people"])
    # Personal data lies in nearly every file: the umask of the caller is no decision about it.
    os.umask(0o777 & ~(readable | (readable & 0o444) >> 2))
