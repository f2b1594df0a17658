"""``model``: show, compare, export and import model files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from linkage.cli.options import Json, new_file
from linkage.cli.printing import print_json, print_lines, print_result, print_table
from linkage.cli.talk import print_notes
from linkage.errors import UsageError


def model_show(model: Annotated[Path, typer.Argument(help="Model file.")], as_json: Json = False) -> None:
    """Print a model: m, u and weight of every level, the priors.

    \b
    Example: linkage model show model.json
    """
    from linkage.reports.model import render
    from linkage.training.model_file import Model

    loaded = Model.load(model)
    if as_json:
        print_json(loaded.to_dict())
    else:
        print_table(render(loaded))


def model_compare(
    first: Annotated[Path, typer.Argument(help="Model file.")],
    second: Annotated[Path, typer.Argument(help="Model file.")],
    as_json: Json = False,
) -> None:
    """Compare the match weights of two models of one plan.

    \b
    Example: linkage model compare spring.json autumn.json
    """
    from linkage.reports.model import compare
    from linkage.training.model_file import Model

    rows = compare(Model.load(first), Model.load(second))
    if as_json:
        print_json(rows)
        return
    table = Table("comparison", "level", "first", "second", "difference")
    for row in rows:
        table.add_row(*(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()))
    print_table(table)


def model_export(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.")],
    splink: Annotated[bool, typer.Option("--splink", help="As settings of Splink 5; the one form there is.")] = False,
    tables: Annotated[
        tuple[Path, Path] | None, typer.Option(help="Left and right file, to be written as Splink is to compare them.")
    ] = None,
    units: Annotated[Path | None, typer.Option(help="Folder of administrative units by date.")] = None,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Write the nearest of what Splink cannot hold, and list it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a model as another program's settings.

    \b
    Example: linkage model export model.json --splink --out splink
    """
    from linkage.splink.writing import export_files
    from linkage.training.model_file import Model

    _need_splink(splink)
    summary = export_files(Model.load(model), out, tables=tables, units_folder=units, nearest=nearest)
    if as_json:
        print_json(summary)
        return
    print_result({"settings": str(summary.folder / "settings.json"), "tables": " ".join(summary.tables)}, False)
    print_lines(summary.deviations)


def model_check(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    tables: Annotated[tuple[Path, Path], typer.Option(help="Left and right file whose pairs are scored by both.")],
    splink: Annotated[bool, typer.Option("--splink", help="Against Splink 5; the one program there is.")] = False,
    pairs: Annotated[int, typer.Option(min=1, help="Candidates to compare, drawn at random.")] = 10_000,
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Compare also where Splink cannot hold all of the model.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Score pairs in another program too, and compare.

    \b
    Example: linkage model check linked/model.json --splink \\
                 --tables shop.csv register.csv
    """
    from linkage.splink.checking import check_against_splink
    from linkage.training.model_file import Model

    _need_splink(splink)
    check = check_against_splink(Model.load(model), tables, n_pairs=pairs, nearest=nearest)
    if as_json:
        print_json(check)
        return
    print_notes(check.deviations)
    left, right, ours, theirs = check.worst
    found = {
        "pairs": check.pairs,
        "largest difference, bits": f"{check.largest_difference:.3g}",
        "mean difference, bits": f"{check.mean_difference:.3g}",
        "pair that differs most": f"{left} and {right}: {ours:.4f} here, {theirs:.4f} in Splink",
    }
    print_result(found, False)


def model_import(
    settings: Annotated[Path, typer.Argument(help="JSON file that Splink's save_model_to_json wrote.")],
    out: Annotated[Path, typer.Option(help="Model file to write, with its plan; for link --model.")],
    splink: Annotated[bool, typer.Option("--splink", help="From settings of Splink 5; the one form there is.")] = False,
    persons: Annotated[int | None, typer.Option(min=1, help="Records of the right file, for the prior.")] = None,
    as_json: Json = False,
) -> None:
    """Read another program's settings as a model.

    \b
    Example: linkage model import settings.json --splink --out model.json
    """
    from linkage.splink.importing import import_splink, read_settings

    _need_splink(splink)
    new_file(out, settings)
    plan, model = import_splink(read_settings(settings), persons)
    model.save(out)
    print_result({"model": str(out), "comparisons": len(plan.comparisons), "passes": len(plan.passes)}, as_json)


def _need_splink(is_splink: bool) -> None:
    if not is_splink:
        raise UsageError("say which program's form is meant; --splink is the one there is")
