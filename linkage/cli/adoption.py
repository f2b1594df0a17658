"""``model adopt``: another model decides everything in force, first beside it, and then instead of it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from linkage.cli.night import Config
from linkage.cli.options import N_CORES, Json, Threads, day
from linkage.cli.printing import print_json, print_result, print_table
from linkage.cli.progress import progress
from linkage.cli.talk import print_notes, say
from linkage.errors import QualityGateError, UsageError

if TYPE_CHECKING:
    from linkage.nights.adopting import Adoption

_COMMUNES_SHOWN = 10


def model_adopt(
    config: Config,
    model: Annotated[
        Path | None, typer.Argument(help="Model file to be adopted; what is prepared is shown when not given.")
    ] = None,
    apply: Annotated[
        str | None, typer.Option("--apply", metavar="ADOPTION", help="Bring what was prepared into force, by its id.")
    ] = None,
    date: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Date of the adoption, and of its lists; today when not given."),
    ] = None,
    accept: Annotated[
        str | None,
        typer.Option(help="Why to adopt it though a gate is against it; the manifest keeps the reason."),
    ] = None,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Let nights go on with another model.

    Everything in force is decided again beside it, and what would change is told by status, kind and commune. Nothing
    in force is touched until it is applied, by --apply or within the limits of [adoption] in night.toml.

    \b
    Example: linkage model adopt new.json --config night.toml
    Example: linkage model adopt --apply 20220830-1f2e3d4c5b6a \\
                 --config night.toml
    """
    from linkage.nights import adopting
    from linkage.nights.configuration import read_configuration

    if model is not None and apply is not None:
        raise UsageError("MODEL and --apply: give one of them; a model is prepared first and then applied by its id")
    configuration = read_configuration(config)
    if apply is not None:
        found = adopting.apply(configuration, apply)
    elif model is None:
        found = adopting.shown(configuration)
    else:
        with progress() as on_progress:
            found = adopting.adopt(
                configuration, model, day(date), accept=accept, n_threads=threads, on_progress=on_progress
            )
    if found.already_done:
        say(f"already done: {found.folder} has this model in force; nothing was done")
    print_notes(found.notes)
    _print(found, config, as_json)


def _print(found: Adoption, config: Path, as_json: bool) -> None:
    """What would change, or did; QualityGateError where a limit keeps it from coming into force by itself."""
    names = ("adoption", "in_force", "folder", "report", "seconds", "peak_rss_bytes")
    told: dict[str, Any] = {name: getattr(found, name) for name in names}
    if found.refusal is None and as_json:
        print_json(told)
    elif not as_json:
        report = dict(told.pop("report") or {})
        communes = report.pop("by_commune", [])
        print_result(told | report, False)
        _print_communes(communes)
    by_hand = f"'linkage model adopt --apply {found.adoption} --config {config}'"
    if found.refusal is not None:
        error = QualityGateError(f"{found.folder}: is not in force, as {found.refusal}; {by_hand} brings it into force")
        error.result = told
        raise error
    if not found.in_force:
        say(f"nothing in force was touched; {by_hand} brings it into force")


def _print_communes(communes: list[dict[str, Any]]) -> None:
    """Those where most changes."""
    if not communes:
        return
    table = Table("commune", "doses", "changed", *(kind.replace("_", " ") for kind in communes[0]["by_kind"]))
    for row in communes[:_COMMUNES_SHOWN]:
        counts = [row["doses"], row["changed"], *row["by_kind"].values()]
        table.add_row(row["commune_code"] or "-", *(f"{n:,}" for n in counts))
    print_table(table)
    if len(communes) > _COMMUNES_SHOWN:
        say(f"{len(communes) - _COMMUNES_SHOWN:,} more communes have changes; --json has all")
