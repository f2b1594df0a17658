"""The commands, in the order in which the help shows them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Annotated

import typer

from linkage.cli import doctor, index, judge, link, model, plan, report, run, simulate
from linkage.errors import UsageError

app = typer.Typer(
    help="Links vaccination doses with the national population registry.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Command = Callable[..., None]
COMMANDS: tuple[Command, ...] = (
    simulate.simulate,
    run.train,
    run.run,
    judge.evaluate,
    judge.explain,
    report.report,
    report.rejects,
    link.link,
    simulate.demo,
    doctor.doctor,
)
GROUPS: dict[str, tuple[str, tuple[Command, ...]]] = {
    "index": (
        "Build, change and inspect a registry index.",
        (index.index_build, index.index_apply, index.index_compact, index.index_info),
    ),
    "model": (
        "Show, compare, export and import model files.",
        (model.model_show, model.model_compare, model.model_export, model.model_check, model.model_import),
    ),
    "plan": ("Propose and check linkage plans.", (plan.plan_init, plan.plan_check)),
}
for command in COMMANDS:
    app.command()(command)
for name, (purpose, commands) in GROUPS.items():
    group = typer.Typer(help=purpose, no_args_is_help=True)
    for command in commands:
        group.command(command.__name__.removeprefix(f"{name}_"))(command)
    app.add_typer(group, name=name)


@app.callback()
def _rights(
    mode: Annotated[
        str, typer.Option(help="Rights of what is written, such as 0640; folders can be entered too.")
    ] = "0600",
) -> None:
    """Links vaccination doses with the national population registry."""
    if not re.fullmatch(r"0?[0-7]{3}", mode) or int(mode, 8) & 0o600 != 0o600:
        raise UsageError(f"--mode {mode}: no rights for files; write 0600, 0640 or 0644")
    readable = int(mode, 8)
    # Personal data lies in nearly every file: the umask of the caller is no decision about it.
    os.umask(0o777 & ~(readable | (readable & 0o444) >> 2))
