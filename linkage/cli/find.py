"""``find``: people of an index, doses of a run or of a state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from linkage.cli.options import Json, key_as_read
from linkage.cli.printing import print_json, print_table
from linkage.cli.talk import say
from linkage.errors import UsageError

if TYPE_CHECKING:
    from linkage.insight.finding import Asked, Found

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
    place: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of an index, for people; of a published run or of a state, or night.toml, for doses."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="night.toml in place of the folder: its state is searched.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Words of a name, in any order; one without marks stands for any marks.")
    ] = None,
    number: Annotated[str | None, typer.Option(help="Number of identity, old or new, or of insurance.")] = None,
    born: Annotated[str | None, typer.Option(help="Date of birth, in any form, or its year.")] = None,
    phone: Annotated[str | None, typer.Option(help="Phone number.")] = None,
    person: Annotated[str | None, typer.Option(help="person_id; of doses, whose they are.")] = None,
    subject: Annotated[str | None, typer.Option(help="subject_id, of doses.")] = None,
    dose: Annotated[str | None, typer.Option(help="dose_id, of doses.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many are shown; all are counted.")] = 20,
    as_json: Json = False,
) -> None:
    """Find people in an index, or doses in a run or a state.

    What is given must all fit. Doses are shown as typed, with what was decided of them.

    \b
    Example: linkage find index --name "nguyen hoa" --born 1990
    Example: linkage find runs/RUN --number 072205605992
    Example: linkage find --config night.toml --number 072205605992
    """
    from linkage.insight.finding import Asked

    if (place is None) == (config is None):
        raise UsageError("find: looks in one place; name an index, a run, a state or night.toml")
    person, dose = (key and key_as_read(key) for key in (person, dose))
    asked = Asked(name, number, born, phone, person, subject, dose)
    found, are_people = _found(place or config or Path(), asked, limit)
    if as_json:
        print_json(found)
        return
    if found.rows:
        print_table(_table(found.rows, PEOPLE if are_people else DOSES))
    more = found.n_found - len(found.rows)
    shown = f", {more:,} more than are shown; --limit shows more" if more else ""
    what = "people" if are_people else "doses"
    say(f"{found.n_found:,} of {found.n_records:,} {what}{shown} ({found.seconds:.1f} s)")


def _found(place: Path, asked: Asked, limit: int) -> tuple[Found, bool]:
    """What is found in an index, a run or a state, and whether these are people."""
    from linkage.insight.finding import find_doses, find_in_state, find_persons
    from linkage.nights.configuration import read_configuration
    from linkage.state.folder import is_state, open_state

    state = read_configuration(place).state if place.is_file() else place
    if place.is_file() or is_state(state):
        return find_in_state(open_state(state), asked, limit), False
    if (place / "current").is_file():
        return find_persons(place, asked, limit), True
    return find_doses(place, asked, limit), False


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
