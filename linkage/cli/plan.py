"""``plan``: propose and check linkage plans."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from linkage.cli.options import Json, new_file
from linkage.cli.printing import print_json, print_result, print_table
from linkage.cli.talk import print_notes


def plan_init(
    left: Annotated[Path, typer.Argument(help="The file whose records are to be linked.")],
    out: Annotated[Path, typer.Option(help="Plan file to write, in TOML.")],
    right: Annotated[
        Path | None, typer.Argument(help="The file to link them with; not given: duplicates within the left file.")
    ] = None,
    left_id: Annotated[
        str | None, typer.Option(help="Column that names the left records; not given: looked for.")
    ] = None,
    right_id: Annotated[str | None, typer.Option(help="The same of the right file.")] = None,
    as_json: Json = False,
) -> None:
    """Propose a plan for two files, or for one with duplicates.

    The counts that speak for it stand in it as comments.

    \b
    Example: linkage plan init shop.csv register.csv --out plan.toml
    """
    from linkage.planning.columns import header_notes, read_columns
    from linkage.planning.proposal import propose
    from linkage.planning.writing import plan_toml
    from linkage.storage.work_folders import replacing

    new_file(out, left, right)
    is_self = right is None or os.path.realpath(right) == os.path.realpath(left)
    name = left.stem if is_self or right is None else f"{left.stem}_{right.stem}"
    tables = read_columns(left), None if is_self or right is None else read_columns(right)
    notes = header_notes(left, tables[0])
    if right is not None and tables[1] is not None:
        notes += header_notes(right, tables[1])
    proposal = propose(*tables, name=name, left_id=left_id, right_id=right_id)
    with replacing(out) as part:
        part.write_text(plan_toml(proposal), encoding="utf-8")
    # Names of columns that may be a record's values are not printed.
    may_be_values = {name for table in tables if notes and table is not None for name in table.column_names}
    notes += [note for note in proposal.notes if not any(name in note for name in may_be_values)]
    print_notes(notes)
    found = {
        "plan": str(out),
        "fields": [planned.field.name for planned in proposal.planned],
        "passes": [chosen.rule.name for chosen in proposal.passes],
        "pairs": sum(chosen.n_pairs for chosen in proposal.passes),
        "matches_per_record": proposal.plan.decision.matches_per_record,
    }
    print_result(found | ({"left_out": proposal.left_out, "notes": notes} if as_json else {}), as_json)


def plan_check(
    plan: Annotated[Path, typer.Argument(help="Linkage plan in TOML.")],
    left: Annotated[Path | None, typer.Argument(help="Left file, to count pairs and values.")] = None,
    right: Annotated[Path | None, typer.Argument(help="Right file; not given: the left one again.")] = None,
    as_json: Json = False,
) -> None:
    """Check a plan, with its files or alone.

    Of files it tells how many pairs each pass makes, how much of each field is read, and what may be missing.

    \b
    Example: linkage plan check plan.toml shop.csv register.csv
    """
    from linkage.plan.reading import load_plan
    from linkage.planning.checking import check_plan
    from linkage.reports.plan_check import render

    check = check_plan(load_plan(plan), left, left if right is None else right)
    if as_json:
        print_json(check)
    else:
        print_table(render(check))
