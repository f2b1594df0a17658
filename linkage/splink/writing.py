"""Writes a model as a folder that Splink opens: settings, and with tables everything that gives them our weights.

In Splink 5, for a folder written with tables::

    api = DuckDBAPI()
    sides = [
        api.register(duckdb.read_parquet(f"{folder}/{name}.parquet"), dataset_display_name=name)
        for name in ("a_left", "b_right")
    ]
    linker = Linker(sides, SettingsCreator.from_path_or_dict(f"{folder}/settings.json"))
    tf = api.register(duckdb.read_parquet(f"{folder}/tf_surname.parquet"))  # and so each tf_*.parquet
    linker.table_management.register_term_frequency_lookup(tf, "surname")
    linker.inference.predict()

Splink's match_weight is ours plus the log2 prior odds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from linkage.encode.columns import encode
from linkage.ingest.records import Records
from linkage.machine.version import code_version
from linkage.published.folders import staged
from linkage.registry.as_of import of_tables
from linkage.registry.build import build_index
from linkage.splink.conditions import column
from linkage.splink.exporting import Export, export_splink
from linkage.splink.tables import A_LEFT, B_RIGHT, frequency_table, standardised_table
from linkage.storage.output_paths import check_folder
from linkage.storage.work_folders import work_folder
from linkage.training.model_file import Model
from linkage.two_files.link import read_side, with_id


@dataclass(frozen=True)
class ExportSummary:
    """What ``model export --splink`` prints."""

    folder: Path
    tables: list[str]
    deviations: list[str]


@dataclass(frozen=True)
class _Sides:
    """Both files as Splink reads them, by name of the table written, and what the export says of them."""

    export: Export
    tables: dict[str, pa.Table]


def export_files(
    model: Model,
    out: Path,
    *,
    tables: tuple[Path, Path] | None = None,
    units_folder: Path | None = None,
    nearest: bool = False,
) -> ExportSummary:
    """Write settings.json and manifest.json, which lists the deviations, into the new folder ``out``.

    Parameters
    ----------
    tables : left and right file; their records as Splink is to compare them go into a_left.parquet and b_right.parquet,
        and the term frequencies of the right one into tf_<column>.parquet, for ``register_term_frequency_lookup``
    units_folder : administrative units by date, for plans with communes
    nearest : write what Splink can hold where it cannot hold all

    Raises
    ------
    UsageError : a line for each thing that would change a match weight
    InputError : a file cannot be used
    """
    check_folder(out)
    with staged(out.parent, out.name) as stage:
        if tables is None:
            sides = _Sides(export_splink(model, nearest=nearest), {})
        else:
            with work_folder(out.parent) as scratch:
                sides = _read(model, tables, units_folder, scratch / "index", nearest=nearest)
        manifest = {
            "code_version": code_version(),
            "model": model.digest(),
            "plan": model.plan.digest(),
            "deviations": list(sides.export.deviations),
        }
        for name, table in sides.tables.items():
            stage.write_table(name, table)
        stage.write_json("settings", sides.export.settings)
        stage.write_json("manifest", manifest | {"outputs": stage.outputs})
        folder = stage.commit()
    return ExportSummary(folder, list(sides.tables), list(sides.export.deviations))


def _read(
    model: Model, tables: tuple[Path, Path], units_folder: Path | None, scratch: Path, *, nearest: bool
) -> _Sides:
    """Both files encoded as a linkage would, and written back as columns."""
    plan = model.plan
    left, right = (
        with_id(read_side([path], plan, side), getattr(plan, f"{side}_id"))
        for side, path in zip(("left", "right"), tables, strict=True)
    )
    as_of = of_tables(plan, {"left": left, "right": right})
    index = build_index(Records.of(right), plan, scratch, units_folder=units_folder, as_of=as_of)
    dictionaries = index.dictionaries.copy()
    persons = index.persons.read()
    # The index keeps no column that has only served as a key; Splink makes its keys itself.
    of_right, of_left = (encode(rows, plan, s, dictionaries) for rows, s in ((persons, "right"), (left, "left")))
    export = export_splink(model, dictionaries.words, nearest=nearest)
    written = {
        A_LEFT: standardised_table(left.column(plan.left_id), "left", of_left, plan, dictionaries),
        B_RIGHT: standardised_table(persons.column(plan.right_id), "right", of_right, plan, dictionaries),
    }
    for name, share in export.frequencies.items():
        written[f"tf_{column(name)}"] = frequency_table(name, index.frequencies[name], share, plan, dictionaries)
    return _Sides(export, written)
