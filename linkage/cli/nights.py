"""``nights``: what nights were, compared, taken back and pruned."""

from __future__ import annotations

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from linkage.cli.night import Config
from linkage.cli.options import Json, day
from linkage.cli.printing import print_json, print_lines, print_result

Named = Annotated[str, typer.Argument(help="A night by its id, its number, or its date where it is the only one.")]


def nights_list(config: Config, as_json: Json = False) -> None:
    """List the nights of a state, the first one first.

    \b
    Example: linkage nights list --config night.toml
    """
    from linkage.nights.configuration import read_configuration
    from linkage.state.folder import open_state

    found = open_state(read_configuration(config).state).nights
    told = [{name: one[name] for name in ("night_id", "kind", "date", "doses", "changes", "counts")} for one in found]
    if as_json:
        print_json({"nights": told})
        return
    for one in told:
        kind = "" if one["kind"] == "night" else f"{one['kind']}  "
        print_lines([f"{one['night_id']}  {kind}{', '.join(f'{n:,} {what}' for what, n in one['changes'].items())}"])


def nights_show(night: Named, config: Config, as_json: Json = False) -> None:
    """Show what a night read, changed and cost.

    \b
    Example: linkage nights show 2022-08-29 --config night.toml
    """
    from linkage.nights.configuration import read_configuration
    from linkage.nights.showing import show

    told = show(read_configuration(config), night)
    if not as_json and "adoption" in told:
        del told["adoption"]["by_commune"]  # there may be thousands
    print_result(told, as_json)


def nights_diff(
    first: Annotated[str, typer.Argument(help="A night by id, number or date; 0 is before the first one.")],
    second: Named,
    config: Config,
    out: Annotated[Path | None, typer.Option(help="Parquet file for the doses, a row each.")] = None,
    as_json: Json = False,
) -> None:
    """Compare what was decided after two nights.

    Doses are counted by their status before and after.

    \b
    Example: linkage nights diff 0 2022-08-29 --config night.toml
    """
    from linkage.nights.configuration import read_configuration
    from linkage.nights.showing import differing

    print_result(differing(read_configuration(config), first, second, out), as_json)


def nights_rollback(night: Named, config: Config, as_json: Json = False) -> None:
    """Take back a night and all after it.

    State, index and the folders of the nights are as they were before it, and it can be done again.

    \b
    Example: linkage nights rollback 2022-08-29 --config night.toml
    """
    from linkage.nights.configuration import read_configuration
    from linkage.nights.taking_back import take_back

    print_result(asdict(take_back(read_configuration(config), night)), as_json)


def nights_prune(
    config: Config,
    keep: Annotated[int | None, typer.Option(min=1, help="How many of the last nights are kept.")] = None,
    before: Annotated[
        datetime.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Nights before this day go.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove the folders of old nights.

    With them go the versions of state and index that only taking them back would need. What is in force and the
    history of doses stay. Without --keep and --before goes what the configuration says.

    \b
    Example: linkage nights prune --keep 400 --config night.toml
    """
    from linkage.nights.configuration import read_configuration
    from linkage.nights.pruning import prune

    print_result(asdict(prune(read_configuration(config), keep, day(before))), as_json)
