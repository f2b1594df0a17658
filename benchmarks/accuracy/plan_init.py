"""What ``linkage plan init`` and ``link`` reach in domains of others, beside Splink with its library's comparisons.

Ours is as somebody gets it who types two commands: the proposed plan, nothing changed, and the links it decides. Splink
is set up as its documentation does for such columns: comparisons of its library for each (names with term frequencies),
a blocking rule for each column that tells people apart, u from random pairs, m by EM in two sessions. Splink wants the
columns of both files called and written alike, so dates and telephone numbers are brought to one form for it.

    python -m benchmarks.accuracy.plan_init --work DIR [--data DIR] [--seed N ...] [--out FILE.md]

With --data, the folder of labelled sets, these follow; Splink's models of them are those of the accuracy table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from benchmarks.accuracy.domains import Made, make_companies, make_customers
from benchmarks.accuracy.domains_derived import make_alumni, make_insured
from benchmarks.accuracy.labelled import SETS, judge, prepare
from benchmarks.accuracy.metrics import ScoredPairs, at_threshold, best_only
from benchmarks.accuracy.splink_labelled import SplinkModel, link_with_splink, train_and_predict
from linkage.plan.reading import load_plan
from linkage.plan.sections import POSITION
from linkage.planning.columns import read_columns
from linkage.planning.proposal import propose
from linkage.planning.writing import plan_toml
from linkage.two_files.link import link_files

SEEDS = (11, 12, 13)
LABELLED = ("fake_1000", "febrl1", "febrl2", "febrl3", "febrl4", "ons_pes", "census_ssa", "w2_ssa", "w2_census")
_DATE = "coalesce(try_strptime(dob, '%d/%m/%Y'), try_strptime(dob, '%Y-%m-%d'))::DATE::VARCHAR"
_CLEANED = {
    "dob": _DATE,
    "phone": "regexp_replace(replace(phone, '+44 ', '0'), '[^0-9]', '', 'g')",
    **{name: f"lower({name})" for name in ("first_name", "surname", "name", "email", "street", "city", "company")},
}


@dataclass(frozen=True)
class Row:
    """One linker on one domain."""

    domain: str
    seed: int | None
    tool: str
    precision: float
    recall: float
    f1: float
    seconds: float


def _customers() -> SplinkModel:
    return SplinkModel(
        comparisons=[
            cl.ForenameSurnameComparison("first_name", "surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.EmailComparison("email"),
            cl.PostcodeComparison("postcode"),
            cl.JaroWinklerAtThresholds("street", [0.9, 0.8]),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("phone", [1, 2]),
        ],
        blocking=[
            block_on("first_name", "surname"),
            block_on("surname", "dob"),
            block_on("first_name", "dob"),
            block_on("postcode", "first_name"),
            block_on("postcode", "surname"),
            block_on("email"),
            block_on("phone"),
            block_on("dob", "postcode"),
        ],
        sure_rules=[block_on("first_name", "surname", "dob"), block_on("email")],
        sure_recall=0.7,
        sessions=[block_on("first_name", "surname"), block_on("dob")],
    )


def _companies() -> SplinkModel:
    return SplinkModel(
        comparisons=[
            cl.JaroWinklerAtThresholds("company", [0.95, 0.88, 0.8]).configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("street", [0.9, 0.8]),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.PostcodeComparison("postcode"),
            cl.ExactMatch("country"),
            cl.DamerauLevenshteinAtThresholds("number", [1, 2]),
        ],
        blocking=[
            block_on("company"),
            block_on("number"),
            block_on("postcode"),
            block_on("street", "city"),
            block_on("substr(company, 1, 5)", "city"),
            block_on("substr(company, 1, 8)"),
        ],
        sure_rules=[block_on("number"), block_on("company", "postcode")],
        sure_recall=0.7,
        sessions=[block_on("company"), block_on("postcode")],
    )


def _alumni() -> SplinkModel:
    return SplinkModel(
        comparisons=[
            cl.ForenameSurnameComparison("first_name", "surname"),
            cl.EmailComparison("email"),
            cl.DamerauLevenshteinAtThresholds("username", [1, 2]),
            cl.DamerauLevenshteinAtThresholds("phone", [1, 2]),
            cl.PostcodeComparison("postcode"),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.ExactMatch("year"),
        ],
        blocking=[
            block_on("first_name", "surname"),
            block_on("email"),
            block_on("username"),
            block_on("phone"),
            block_on("postcode"),
            block_on("surname", "year"),
            block_on("first_name", "year"),
        ],
        sure_rules=[block_on("first_name", "surname", "year"), block_on("email"), block_on("username")],
        sure_recall=0.7,
        sessions=[block_on("first_name", "surname"), block_on("postcode")],
    )


def _insured() -> SplinkModel:
    return SplinkModel(
        comparisons=[
            cl.NameComparison("name").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.DamerauLevenshteinAtThresholds("number", [1, 2]),
            cl.EmailComparison("email"),
            cl.JaroWinklerAtThresholds("street", [0.9, 0.8]),
            cl.PostcodeComparison("postcode"),
        ],
        blocking=[
            block_on("name"),
            block_on("dob"),
            block_on("number"),
            block_on("email"),
            block_on("postcode"),
            block_on("street"),
        ],
        sure_rules=[block_on("name", "dob"), block_on("email"), block_on("number")],
        sure_recall=0.7,
        sessions=[block_on("name"), block_on("dob")],
    )


DOMAINS: dict[str, tuple[Callable[[Path, int], Made], Callable[[], SplinkModel]]] = {
    "customers": (make_customers, _customers),
    "companies": (make_companies, _companies),
    "alumni": (make_alumni, _alumni),
    "insured": (make_insured, _insured),
}


def ours(made: Made, work: Path) -> tuple[ScoredPairs, float]:
    """What the proposed plan links, and seconds."""
    start = time.perf_counter()
    proposal = propose(read_columns(made.files.left), read_columns(made.files.right))
    (work / "plan.toml").write_text(plan_toml(proposal), encoding="utf-8")
    link_files([made.files.left], [made.files.right], load_plan(work / "plan.toml"), work / "linked")
    seconds = time.perf_counter() - start
    return judge(pq.read_table(work / "linked" / "links.parquet"), made.files), seconds


def with_splink(made: Made, model: SplinkModel) -> tuple[ScoredPairs, float]:
    """All pairs that Splink scores over the review threshold, and seconds."""
    start = time.perf_counter()
    with duckdb.connect() as connection:
        for side, path in enumerate((made.files.left, made.files.right)):
            _load(connection, f"{'ab'[side]}_{('left', 'right')[side]}", path, made, side)
        api = DuckDBAPI(connection)
        registered = [api.register(name, dataset_display_name=f"{name}_records") for name in ("a_left", "b_right")]
        settings = SettingsCreator(
            link_type="link_only",
            unique_id_column_name="unique_id",
            comparisons=list(model.comparisons),
            blocking_rules_to_generate_predictions=list(model.blocking),
        )
        pairs, _ = train_and_predict(Linker(registered, settings, log_level="ERROR"), model, start)
    return judge(pairs, made.files), time.perf_counter() - start


def _load(connection: duckdb.DuckDBPyConnection, name: str, path: Path, made: Made, side: int) -> None:
    """A table of one side under the common names, its values cleaned as Splink's documentation asks for."""
    rows: pa.Table = pq.read_table(path)
    renamed = rows.rename_columns(["unique_id", *made.columns])
    connection.register("raw_rows", renamed)
    cleaned = ", ".join(f"{_CLEANED.get(column, column)} AS {column}" for column in made.columns)
    connection.execute(f"CREATE TABLE {name} AS SELECT unique_id, {cleaned} FROM raw_rows")
    connection.unregister("raw_rows")


def compare(domain: str, seed: int, work: Path) -> list[Row]:
    """Both linkers on one domain."""
    make, model = DOMAINS[domain]
    made = make(work, seed)
    pairs, seconds = ours(made, work)
    by_splink, splink_seconds = with_splink(made, model())
    results = {"ours": (pairs, seconds), "splink": (by_splink, splink_seconds)}
    results["splink, best only"] = (best_only(by_splink), splink_seconds)
    return [_row(domain, seed, tool, *result) for tool, result in results.items()]


def compare_labelled(name: str, data: Path, work: Path) -> list[Row]:
    """Both linkers on a labelled set; Splink with the model that its authors or we wrote for it."""
    chosen = next(labelled for labelled in SETS if labelled.name == name)
    files = prepare(chosen, data, work)
    start = time.perf_counter()
    right = None if files.is_self else read_columns(files.right)
    plan = propose(read_columns(files.left), right).plan
    if chosen.id is None:  # the truth calls records by their position
        plan = msgspec.structs.replace(plan, left_id=POSITION, right_id=POSITION)
    link_files([files.left], [files.right], plan, work / "linked")
    seconds = time.perf_counter() - start
    pairs = judge(pq.read_table(work / "linked" / "links.parquet"), files)
    found, of_splink = link_with_splink(chosen, files)
    by_splink, splink_seconds = judge(found, files), sum(of_splink.values())
    rows = [_row(name, None, "ours", pairs, seconds), _row(name, None, "splink", by_splink, splink_seconds)]
    if not files.is_self:
        rows.append(_row(name, None, "splink, best only", best_only(by_splink), splink_seconds))
    return rows


def _row(domain: str, seed: int | None, tool: str, pairs: ScoredPairs, seconds: float) -> Row:
    at = at_threshold(pairs, 0.5)
    return Row(domain, seed, tool, at.precision or 0.0, at.recall or 0.0, at.f1 or 0.0, seconds)


def markdown(rows: list[Row]) -> str:
    """The rows as a table, with what they are."""
    lines = [
        "# Proposed plans",
        "",
        "Four made-up domains and the labelled sets, linked by `plan init` and `link` as they are, beside Splink 5",
        "with comparisons of its library. Pairs of at least probability 0.5; *best only* keeps the best pair of each",
        "left record.",
        "Seconds are with compiling.",
        "",
        "Proposing was developed on seeds 1 and 2 of all domains but the insured, which were made after it, and on the",
        "labelled sets, by the F1 that labels give; Splink's models of the domains were written once and not tuned.",
        "The domains are ours: homes that families share, and columns made of others, weigh against Splink, which has",
        "no class for them.",
        "",
        "    python -m benchmarks.accuracy.plan_init --work DIR --data DIR --out benchmarks/results/plan_init.md",
        "",
        "| domain | seed | tool | precision | recall | F1 | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in rows:
        figures = " | ".join(f"{figure:.4f}" for figure in (r.precision, r.recall, r.f1))
        lines.append(f"| {r.domain} | {r.seed or '-'} | {r.tool} | {figures} | {r.seconds:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="plan init and link beside Splink on made-up domains")
    parser.add_argument("--work", type=Path, required=True, help="folder for the files; made when not there")
    parser.add_argument("--data", type=Path, help="folder with the labelled sets")
    parser.add_argument("--seed", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--out", type=Path, help="Markdown file to write the table to")
    options = parser.parse_args()
    rows = []
    for seed in options.seed:
        for domain in DOMAINS:
            rows += compare(domain, seed, options.work / f"{domain}_{seed}")
    for name in LABELLED if options.data is not None else ():
        rows += compare_labelled(name, options.data, options.work / name)
    table = markdown(rows)
    print(table)
    if options.out is not None:
        options.out.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
