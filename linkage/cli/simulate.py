"""``simulate``, ``simulate nights`` and ``demo``: made-up districts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linkage.cli.options import N_CORES, Json, Threads
from linkage.cli.printing import plain, print_json, print_result, print_table
from linkage.cli.progress import progress
from linkage.cli.talk import say


def simulate(
    persons: Annotated[int, typer.Option(min=100, help="People in the registry.")],
    doses: Annotated[int, typer.Option(min=1, help="Doses keyed in.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    units: Annotated[Path | None, typer.Option(help="Folder of administrative units; made up when not given.")] = None,
    registry_date: Annotated[str, typer.Option(help="Date of the registry's commune codes: 2021 or 2025.")] = "2021",
    area: Annotated[str, typer.Option(help="country, or bao-lam: the 14 communes of Bảo Lâm district.")] = "country",
    split: Annotated[
        str, typer.Option(help="How errors are shared among the fields: default, id_heavy, ...")
    ] = "default",
    error_shares: Annotated[
        Path | None, typer.Option(help="File of error kinds and shares that replace the table's.")
    ] = None,
    shock: Annotated[
        list[str] | None,
        typer.Option(
            help="A world unlike the usual one, to be repeated for several: unregistered, consecutive_twins, "
            "no_ids_village_phone, minorities, stale_registry, stations, fill_down_and_household_swaps."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make up a registry, doses with errors, and the truth.

    \b
    Example: linkage simulate --persons 20000 --doses 35000 --seed 1 --out town
    """
    from linkage.simulate import simulate as simulate_files

    with progress() as on_progress:
        summary = simulate_files(
            persons,
            doses,
            seed,
            out,
            units=units,
            registry_date=registry_date,
            area=area,
            split=split,
            error_shares=error_shares,
            shocks=shock or (),
            on_progress=on_progress,
        )
    print_result(plain(summary), as_json)


def simulate_nights(
    persons: Annotated[int, typer.Option(min=100, help="People in the registry on the eve of the first night.")],
    doses: Annotated[int, typer.Option(min=1, help="New doses of all nights together.")],
    nights: Annotated[int, typer.Option(min=1, help="How many nights, one a day.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")],
    out: Annotated[Path, typer.Option(help="Folder to write into, new or empty.")],
    units: Annotated[Path | None, typer.Option(help="Folder of administrative units; made up when not given.")] = None,
    area: Annotated[str, typer.Option(help="country, or bao-lam: the 14 communes of Bảo Lâm district.")] = "country",
    corrections: Annotated[float, typer.Option(help="Doses corrected in a night, to its new doses.")] = 0.01,
    withdrawals: Annotated[float, typer.Option(help="Doses withdrawn in a night, to its new doses.")] = 0.002,
    registry_changes: Annotated[float, typer.Option(help="Share of the registry that changes in a night.")] = 0.001,
    verdicts: Annotated[float, typer.Option(help="Verdicts of a night, to its new doses.")] = 0.01,
    bad_files: Annotated[float, typer.Option(help="Share of nights with a file that cannot be used.")] = 0.15,
    as_json: Json = False,
) -> None:
    """Make up what arrives night after night.

    Beside night.toml comes in/{date}/ for each night: doses, corrections, withdrawals, changes of the registry,
    verdicts (some of them wrong), and now and then a file that cannot be used.

    \b
    Example: linkage simulate nights --persons 20000 --doses 35000 --nights 7 --seed 1 --out week
    """
    from linkage.simulate import Shares, simulate_nights

    shares = Shares(corrections, withdrawals, registry_changes, verdicts, bad_files)
    with progress() as on_progress:
        summary = simulate_nights(
            persons, doses, nights, seed, out, shares=shares, units=units, area=area, on_progress=on_progress
        )
    print_result(plain(summary), as_json)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's files.")] = Path("demo"),
    persons: Annotated[int, typer.Option(min=1000, help="People in the registry.")] = 120_000,
    doses: Annotated[int, typer.Option(min=1000, help="Doses keyed in, in three nights.")] = 90_000,
    threads: Threads = N_CORES,
    as_json: Json = False,
) -> None:
    """Show what the program does on a made-up district.

    \b
    Example: linkage demo --out demo
    """
    from linkage.demo.district import demo as run_demo
    from linkage.demo.told import render

    say(f"The demo makes up a district: {persons:,} people in a registry, and {doses:,} vaccine")
    say("doses as stations key them in, with errors, in three nights: doses are corrected and")
    say("withdrawn, people are born, move and die, officers decide. It finds out who received")
    say("each dose, and what each night changes. It takes half a minute, the first time up to")
    say("a minute more, to compile.")
    with progress() as on_progress:
        summary = run_demo(out, persons, doses, threads, on_progress)
    if as_json:
        print_json(summary)
    else:
        print_table(render(summary))
