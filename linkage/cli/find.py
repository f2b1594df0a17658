"""``find``: people of an index, doses of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from linkage.cli.options import Json
from linkage.cli.printing import print_json, print_table
from linkage.cli.talk import say
from linkage.errors import UsageError

PEOPLE = {
    "person_id": "person",
    "full_name": "name",
    "date_of_birth": "born",
    "id_number": "ID number",
    "phone": "phone",
    "commune_code": "commune",
}
DOSES = {
    "dose_id": "dose",
    "full_name": "name",
    "date_of_birth": "born",
    "id_number": "ID number",
    "status": "status",
    "person_id": "person",
    "match_probability": "prob.",
}


def find(
    place: Annotated[Path, typer.Argument(help="Folder of an index, for people; or of a published run, for doses.")],
    name: Annotated[
        str | None, typer.Option(help="Words of a name, in any order; one without marks stands for any marks.")
    ] = None,
    number: Annotated[str | None, typer.Option(help="Number of identity, old or new, or of insurance.")] = None,
    born: Annotated[str | None, typer.Option(help="Date of birth, in any form, or its year.")] = None,
    phone: Annotated[str | None, typer.Option(help="Phone number.")] = None,
    person: Annotated[str | None, typer.Option(help="person_id; in a run, whose doses.")] = None,
    subject: Annotated[str | None, typer.Option(help="subject_id, in a run.")] = None,
    dose: Annotated[str | None, typer.Option(help="dose_id, in a run.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many are shown; all are counted.")] = 20,
    as_json: Json = False,
) -> None:
    """Find people in an index, or doses in a run.

    What is given must all fit. Doses are shown as typed, with what was decided of them.

    \b
    Example: linkage find index --name "nguyen hoa" --born 1990
    Example: linkage find runs/RUN --number 072205605992
    """
    from linkage.ingest.cleaning import clean_key
    from linkage.insight.finding import Asked, find_doses, find_persons
    from linkage.state.folder import is_state

    if is_state(place):
        raise UsageError(
            f"{place}: a state is not searched; 'linkage history' and 'linkage explain' take the id of a dose, and "
            "'linkage state export' writes everything in force"
        )
    person, dose = (key and clean_key(key) for key in (person, dose))
    asked = Asked(name, number, born, phone, person, subject, dose)
    is_index = (place / "current").is_file()
    found = find_persons(place, asked, limit) if is_index else find_doses(place, asked, limit)
    if as_json:
        print_json(found)
        return
    if found.rows:
        print_table(_table(found.rows, PEOPLE if is_index else DOSES))
    more = found.n_found - len(found.rows)
    shown = f", {more:,} more than are shown; --limit shows more" if more else ""
    say(f"{found.n_found:,} of {found.n_records:,} {'people' if is_index else 'doses'}{shown} ({found.seconds:.1f} s)")


def _table(rows: list[dict[str, Any]], headings: Mapping[str, str]) -> Table:
    """What tells one from another; all that is known is in the JSON."""
    table = Table(*headings.values())
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in headings))
    return table


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
