"""What a demo has to show: three people whose doses were linked, one case for a person, what the nights changed and
why, and then the figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from linkage.demo.changed import NightTold
from linkage.demo.district import DemoSummary
from linkage.published.reader import read_table
from linkage.reports.appendix import appendix_of
from linkage.reports.counting import counted_of
from linkage.reports.evaluation import measures_table
from linkage.reports.form import Cell, Report
from linkage.reports.history import render as told_history

N_LINKED = 3
REASONS = {
    "verdict": "an officer decided",
    "registry": "the registry changed",
    "corrected": "its station corrected it",
    "withdrawn": "its station withdrew it",
    "conflict": "doses of one person conflict",
    "claim": "another dose of its claim",
    "sibling": "another claim of the subject",
}
FIELDS = {
    "full_name": "name",
    "gender": "sex",
    "date_of_birth": "born",
    "id_number": "ID number",
    "phone": "phone",
    "insurance_number": "insurance number",
    "ethnicity": "ethnic group",
}
MEANINGS = {
    "verified": "agrees with one person of the registry",
    "matched": "differs, and yet can only be this person",
    "review": "one or more persons are possible: the commune's police decide",
    "unmatched": "nobody in the registry fits",
    "excluded": "a foreigner, whom the registry does not hold",
}
SIDES = [f"{side}_{field}" for side in ("stated", "registered") for field in FIELDS]
SIDES.append("registered_old_id_number")
Row = Mapping[str, Any]


def render(demo: DemoSummary) -> RenderableType:
    """People first, then counts, the form that offices fill in, and how right it was."""
    n_doses = sum(demo.counts.values())
    rights = demo.evaluation
    measures = {
        "doses given a person by the program, and to the right one": rights.precision["automatic"],
        "doses of people in the registry, given to the right one": rights.recall,
        "doses left to a person": rights.review,
    }
    return Group(
        *_linked(demo.everything),
        *_review(demo.everything),
        _nights(demo.nights),
        *_changes(demo),
        _statuses(demo.counts, n_doses),
        _form(appendix_of(counted_of(demo.configuration))),
        measures_table("How right it was: a made-up district comes with the truth", measures, "doses"),
        "Look further (where the program is not installed: ./run linkage ...):",
        *(Text(f"{what:<15} {where}", no_wrap=True) for what, where in _places(demo).items()),
    )


def _linked(run_dir: Path) -> Iterator[RenderableType]:
    """People with one field wrong, each another one."""
    rows = read_table(run_dir, "queues/match", ["match_probability", "wrong_fields", *SIDES]).to_pylist()
    chosen = [
        next((row for row in rows if row["wrong_fields"] == [field] and all(_sides(row, field))), None)
        for field in ("full_name", "date_of_birth", "id_number")
    ]
    found = [row for row in chosen if row is not None]
    found += [row for row in rows if row not in found][: N_LINKED - len(found)]
    yield f"{len(found)} PEOPLE WHOSE DOSES WERE LINKED, though something was keyed in wrong. All names are made up."
    yield ""
    for number, row in enumerate(found, start=1):
        wrong = " and ".join(FIELDS.get(name, name) for name in row["wrong_fields"])
        yield _side_by_side(f"{number}. Linked with probability {row['match_probability']:.6f}", [row], wrong)


def _review(run_dir: Path) -> Iterator[RenderableType]:
    """The claim whose two best candidates are nearest to each other, or the first one."""
    rows = read_table(run_dir, "queues/review", ["claim_id", "match_probability", *SIDES]).to_pylist()
    of_claim: dict[str, list[Row]] = {}
    for row in rows:
        of_claim.setdefault(row["claim_id"], []).append(row)
    if not of_claim:
        return
    candidates = max(of_claim.values(), key=lambda c: c[1]["match_probability"] if len(c) > 1 else 0.0)[:2]
    yield "ONE CASE FOR A PERSON: the program is not sure enough, so it says what it knows and decides nothing."
    yield ""
    chances = " and ".join(f"{row['match_probability']:.3f}" for row in candidates)
    yield _side_by_side(f"Possible with probability {chances}", candidates, "")


def _side_by_side(title: str, rows: Sequence[Row], wrong: str) -> Table:
    """What was keyed in beside one registered person or several."""
    names = ["in the registry"] if len(rows) == 1 else [f"person {place}" for place, _ in enumerate(rows, start=1)]
    table = Table("", "keyed in with the dose", *names, title=title)
    for field, heading in FIELDS.items():
        cells = [rows[0][f"stated_{field}"], *(_registered(row, field) for row in rows)]
        if any(cells):
            table.add_row(heading, *(cell or "-" for cell in cells))
    if wrong:
        table.add_row("", f"the station corrects: {wrong}")
    return table


def _registered(row: Row, field: str) -> str | None:
    """A value of the registry; beside the number the one that was held before."""
    value, old = row[f"registered_{field}"], row["registered_old_id_number"] if field == "id_number" else None
    return f"{value or '-'} (before: {old})" if old else value


def _sides(row: Row, field: str) -> tuple[str | None, str | None]:
    return row[f"stated_{field}"], row[f"registered_{field}"]


def _nights(nights: Sequence[NightTold]) -> Table:
    """What came each night, and what became of decisions."""
    table = Table("", title=f"WHAT {len(nights)} NIGHTS BROUGHT, and how many decisions each made or changed")
    for night in nights:
        table.add_column(night.date, justify="right")
    lines = {
        "doses that are new": [night.doses["new"] for night in nights],
        "doses corrected by their station": [night.doses["corrected"] for night in nights],
        "doses withdrawn": [night.doses["withdrawn"] for night in nights],
        "people born, moved, dead, mended": [night.people_changed for night in nights],
        "verdicts of officers": [night.verdicts for night in nights],
        "files that cannot be used, set aside": [night.set_aside for night in nights],
    }
    for what, counts in lines.items():
        table.add_row(what, *(f"{n:,}" for n in counts))
    table.add_section()
    for change, what in (("new", "decisions made"), ("changed", "changed"), ("withdrawn", "taken back")):
        table.add_row(what, *(f"{night.changes[change]:,}" for night in nights))
    return table


def _changes(demo: DemoSummary) -> Iterator[RenderableType]:
    """Why decisions changed, each with an example, and what one dose went through."""
    if not demo.changes:
        return
    table = Table("because", title="WHY DECISIONS CHANGED that were made the night before or earlier")
    table.add_column("decisions", justify="right")
    for heading in ("for example", "before", "now"):
        table.add_column(heading)
    for changed in demo.changes:
        cells = changed.dose_id, changed.status_before or "none", changed.status or "none"
        table.add_row(REASONS[changed.why], f"{changed.n_decisions:,}", *cells)
    yield table
    if demo.story is not None:
        yield "WHAT ONE OF THEM WENT THROUGH, as 'linkage history' tells it"
        yield ""
        yield from (Text(f"  {line}") for line in told_history(demo.story))
        yield ""


def _places(demo: DemoSummary) -> dict[str, str]:
    """Commands and files to go on with."""
    doses = read_table(demo.everything, "decisions", ["dose_id", "status"])
    first = doses["dose_id"][max(0, pc.index(doses["status"], "matched").as_py())]
    truth = demo.configuration.parent / "truth.parquet"
    return {
        "why a person": f"linkage explain {demo.configuration} {first}",
        "what became": f"linkage history {first} --config {demo.configuration}",
        "how far it is": f"linkage report {demo.configuration} --form progress --out progress.xlsx",
        "more figures": f"linkage evaluate {demo.everything} --truth {truth}",
        "the nights": str(demo.configuration.parent / "nights"),
        "all decisions": str(demo.everything),
        "the form": str(demo.appendix),
        "the inputs": str(demo.configuration.parent / "in"),
    }


def _statuses(counts: Mapping[str, int], n_doses: int) -> Table:
    table = Table("status", "what it means", title=f"WHAT BECAME OF ALL {n_doses:,} DOSES")
    table.add_column("doses", justify="right")
    table.add_column("share", justify="right")
    for status, n in counts.items():
        table.add_row(status, MEANINGS[status], f"{n:,}", f"{n / max(1, n_doses):.2%}")
    return table


def _form(report: Report) -> Table:
    table = Table(title=f"THE FORM OF THE HEALTH CENTRES, people by commune and reason: {report.title}")
    for column in report.columns:
        table.add_column(column.heading, justify="right" if column.is_count else "left")
    for row in report.rows:
        table.add_row(*(_cell(value) for value in row))
    table.add_section()
    table.add_row(*(_cell(value) for value in report.total))
    return table


def _cell(value: Cell) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value or "")
