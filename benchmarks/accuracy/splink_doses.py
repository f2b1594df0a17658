"""Splink on simulated doses, with the evidence that ours uses as far as its levels can say it.

Given: our standardised columns, distinct claims, blocking rules equivalent to the passes of the vaccination plan (a
number with one wrong digit is found by its intact half), term frequencies, EM over four sessions that leave no
comparison untrained. Its probabilities are taken as they are.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from benchmarks.accuracy.simulations import SimulatedFiles
from benchmarks.accuracy.splink_labelled import SplinkModel, train_and_predict
from benchmarks.accuracy.standardised import StandardisedDoses, standardise
from linkage.registry.from_files import build_from_files

_VAGUE = "({0}_l[:4] = {0}_r[:4] AND ({0}_l[6:] IN ('', '01-01') OR {0}_r[6:] IN ('', '01-01')))"


def _levels(name: str, missing: str, *levels: Any) -> Any:
    """A comparison from SQL conditions (or levels), the most telling first."""
    made = [level if not isinstance(level, str) else cll.CustomLevel(level) for level in levels]
    null = cll.CustomLevel(missing).configure(is_null_level=True)
    return cl.CustomComparison(output_column_name=name, comparison_levels=[null, *made, cll.ElseLevel()])


def _same(column: str) -> Any:
    return cll.ExactMatchLevel(column, term_frequency_adjustments=True)


def _birth_date() -> Any:
    swapped = (
        "birth_date_l[:4] = birth_date_r[:4] AND birth_date_l[6:7] = birth_date_r[9:10] "
        "AND birth_date_l[9:10] = birth_date_r[6:7]"
    )
    return _levels(
        "birth_date",
        "birth_date_l IS NULL OR birth_date_r IS NULL",
        "birth_date_l = birth_date_r",
        _VAGUE.format("birth_date"),
        swapped,
        "damerau_levenshtein(birth_date_l, birth_date_r) <= 1",
        "birthday_l = birthday_r",
        "birth_year_l = birth_year_r",
        "abs(try_cast(birth_year_l AS INTEGER) - try_cast(birth_year_r AS INTEGER)) <= 1",
    )


def _full_name() -> Any:
    return _levels(
        "full_name",
        "full_name_l IS NULL OR full_name_r IS NULL",
        _same("full_name"),
        _same("name_plain"),
        "jaro_winkler_similarity(name_plain_l, name_plain_r) >= 0.95",
        "family_name_l = family_name_r AND given_name_l = given_name_r",
        "jaro_winkler_similarity(name_plain_l, name_plain_r) >= 0.88",
        _same("given_name"),
        "jaro_winkler_similarity(name_plain_l, name_plain_r) >= 0.7",
    )


def _id_number() -> Any:
    return _levels(
        "id_number",
        "id_number_l IS NULL OR id_number_r IS NULL",
        "id_number_l = id_number_r",
        "id_number_l = old_id_number_r",
        "damerau_levenshtein(id_number_l, id_number_r) <= 1",
    )


def _commune() -> Any:
    return _levels(
        "commune",
        "commune_l IS NULL OR commune_r IS NULL",
        _same("commune"),
        "commune_l = residence_r",
        "district_l = district_r",
        "province_l = province_r",
    )


def _model() -> SplinkModel:
    return SplinkModel(
        comparisons=[
            _full_name(),
            _birth_date(),
            _id_number(),
            cl.ExactMatch("sex"),
            cl.DamerauLevenshteinAtThresholds("phone", [1]),
            cl.DamerauLevenshteinAtThresholds("insurance_number", [1]),
            _commune(),
            cl.ExactMatch("ethnicity").configure(term_frequency_adjustments=True),
        ],
        blocking=[
            block_on("commune", "birth_year"),
            "l.commune = r.residence AND l.birth_year = r.birth_year",
            block_on("id_number"),
            "l.id_number = r.old_id_number",
            block_on("id_tail", "given_name"),
            block_on("id_head", "given_name", "family_name"),
            block_on("name_plain", "birth_date_complete"),
            block_on("phone"),
            block_on("insurance_number"),
            block_on("commune", "name_plain"),
            block_on("name_plain", "birth_year", "province"),
            block_on("commune", "birthday"),
        ],
        sure_rules=[block_on("id_number", "name_plain", "birth_date"), block_on("insurance_number", "name_plain")],
        sure_recall=0.7,
        sessions=[
            block_on("id_number"),
            block_on("name_plain", "birth_date_complete"),
            block_on("insurance_number"),
            block_on("commune", "birth_date_complete"),
        ],
    )


def link_doses_with_splink(files: SimulatedFiles, work: Path) -> tuple[pa.Table, dict[str, float]]:
    """Pairs of dose and person with Splink's probability, and seconds by stage."""
    ready = standardise(files, build_from_files([files.registry], work / "index", units=files.units))
    with duckdb.connect(str(work / "splink.duckdb")) as connection:
        return _link(ready, connection)


def _link(ready: StandardisedDoses, connection: duckdb.DuckDBPyConnection) -> tuple[pa.Table, dict[str, float]]:
    for name, table in (("a_claims", ready.claims), ("b_persons", ready.persons)):
        connection.register("given", table)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        connection.unregister("given")
    start = time.perf_counter()
    api = DuckDBAPI(connection)
    model = _model()
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=list(model.comparisons),
        blocking_rules_to_generate_predictions=list(model.blocking),
        retain_matching_columns=False,
    )
    registered = [api.register(name, dataset_display_name=f"{name}_in") for name in ("a_claims", "b_persons")]
    pairs, seconds = train_and_predict(Linker(registered, settings, log_level="ERROR"), model, start)
    connection.register("pairs", pairs)
    connection.register("doses", ready.doses)
    by_dose = connection.sql(
        "SELECT d.dose_id AS left_id, p.right_id, p.match_probability, p.match_weight "
        "FROM pairs p JOIN doses d ON d.unique_id = p.left_id"
    )
    return by_dose.to_arrow_table(), seconds
