"""``review``: what officers look at is taken in, served, checked and given back."""

from __future__ import annotations

import datetime
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from linkage.cli.options import Json, day
from linkage.cli.printing import print_json, print_lines, print_result
from linkage.cli.talk import print_notes
from linkage.errors import LinkageError, UsageError

if TYPE_CHECKING:
    from linkage.review.store import Store

StoreFile = Annotated[Path, typer.Option("--store", help="The database of the review, such as review.db.")]
Name = Annotated[str, typer.Argument(help="The account, as it logs in.")]
_NEEDED = ("alembic", "argon2", "fastapi", "jinja2", "multipart", "sqlalchemy", "uvicorn")


def review_import(
    store: StoreFile,
    nights: Annotated[
        list[Path] | None, typer.Argument(help="Folders NIGHTS/<night_id>, in their order; without --config.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="night.toml: all nights that the store lacks, and their doses.")
    ] = None,
    units: Annotated[
        Path | None, typer.Option("--units", help="Folder of units, for the names of communes and their provinces.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take what nights could not decide into the store.

    Items open, change and close; verdicts stay. A night that was taken is nothing to do.

    \b
    Example: linkage review import --config night.toml --store review.db
    """
    _need_packages()
    if bool(nights) == (config is not None):
        raise UsageError("review import: name folders of nights, or night.toml with --config")
    from linkage.review.arriving import read_night
    from linkage.review.of_state import take_nights
    from linkage.review.store import make_store
    from linkage.review.taking import check_follows, take
    from linkage.review.units import take_units

    taken = []
    with _opened(make_store(store)) as opened:
        if units is not None:
            take_units(opened, units)
        if config is not None:
            from linkage.nights.configuration import read_configuration

            taken = take_nights(opened, read_configuration(config))
        for folder in nights or []:
            night = read_night(folder)
            if check_follows(opened, night):
                taken.append(take(opened, night))
    if as_json:
        print_json({"nights": [asdict(one) for one in taken]})
        return
    lines = [f"{t.night_id}  {t.opened:,} opened, {t.changed:,} changed, {t.closed:,} closed" for t in taken]
    print_lines(lines or ["no night that was not taken before"])


def review_export(
    store: StoreFile,
    out: Annotated[Path, typer.Option(help="CSV of verdicts, for the folder that nights read them from.")],
    until: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Verdicts up to this day: the date of the night; all when not given."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write what officers decided as a night takes it.

    The file has all verdicts so far; what stands in it can no longer be taken back, only decided anew. A night refuses
    verdicts of a day after its own: --until leaves these for a later file.

    \b
    Example: linkage review export --store review.db --out in/2022-08-30/verdicts.csv --until 2022-08-30
    """
    _need_packages()
    from linkage.review.exporting import export_verdicts
    from linkage.review.store import open_store

    with _opened(open_store(store)) as opened:
        print_result(asdict(export_verdicts(opened, out, day(until))), as_json)


def review_serve(
    store: StoreFile,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the loopback address.")] = 8080,
    behind_https: Annotated[
        bool, typer.Option("--behind-https", help="A proxy before it speaks HTTPS: cookies are for that alone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve the pages of the review on this machine.

    They listen on the loopback address alone; a proxy that speaks HTTPS makes them reachable for others.

    \b
    Example: linkage review serve --store review.db --port 8080
    """
    _need_packages()
    from linkage.review.store import open_store
    from linkage.review.web.serving import serve

    def tell(address: str) -> None:
        print_result({"address": address}, as_json)
        sys.stdout.flush()

    with _opened(open_store(store)) as opened:
        serve(opened, port, tell, is_behind_https=behind_https)


def review_workbook_write(
    store: StoreFile,
    unit: Annotated[str, typer.Option(help="Code of the commune.")],
    out: Annotated[Path, typer.Option(help="File for its list, such as list.xlsx; it has personal data in full.")],
    as_json: Json = False,
) -> None:
    """Write the open items of a commune for an officer without a line.

    \b
    Example: linkage review workbook write --unit 25090 --out list.xlsx --store review.db
    """
    _need_packages()
    from linkage.review.store import open_store
    from linkage.review.workbook import write_list

    with _opened(open_store(store)) as opened:
        print_result({"out": str(out), "items": write_list(opened, unit, out)}, as_json)


def review_workbook_read(
    file: Annotated[Path, typer.Argument(help="The list as it came back.")],
    store: StoreFile,
    account: Annotated[str, typer.Option(help="The officer who decided.")],
    as_json: Json = False,
) -> None:
    """Save the decisions of a list that came back.

    Rows that cannot be used are told, and the others saved. A second reading saves nothing again.

    \b
    Example: linkage review workbook read list.xlsx --account can-bo-1 --store review.db
    """
    _need_packages()
    from linkage.review.store import open_store
    from linkage.review.workbook import read_list

    with _opened(open_store(store)) as opened:
        found = read_list(opened, file, account)
    print_notes(found.refused)
    print_result({"decided": found.decided, "empty": found.empty, "refused": len(found.refused)}, as_json)


def review_accounts_add(
    name: Name,
    store: StoreFile,
    role: Annotated[str, typer.Option(help="officer or supervisor.")],
    unit: Annotated[
        str, typer.Option(help="Code of the commune; a supervisor's also of a district or province, or *.")
    ],
    full_name: Annotated[str, typer.Option(help="Name that the pages show.")] = "",
    as_json: Json = False,
) -> None:
    """Add an account; its password is asked for, or read from standard input.

    \b
    Example: linkage review accounts add can-bo-1 --role officer --unit 25090 --store review.db
    """
    _need_packages()
    from linkage.review.accounts import add_account
    from linkage.review.store import make_store

    with _opened(make_store(store)) as opened:
        add_account(opened, name, role, unit, _password(), full_name)
    print_result({"account": name, "role": role, "unit": unit}, as_json)


def review_accounts_list(store: StoreFile, as_json: Json = False) -> None:
    """List the accounts.

    \b
    Example: linkage review accounts list --store review.db
    """
    _need_packages()
    from linkage.review.accounts import list_accounts
    from linkage.review.store import open_store

    with _opened(open_store(store)) as opened:
        found = list_accounts(opened)
    if as_json:
        print_json({"accounts": found})
        return
    print_lines(
        f"{one['account']}  {one['role']} of {one['unit']}, {one['full_name']}{'' if one['is_active'] else ' (closed)'}"
        for one in found
    )


def review_accounts_password(name: Name, store: StoreFile, as_json: Json = False) -> None:
    """Give an account another password, and log it out everywhere.

    \b
    Example: linkage review accounts password can-bo-1 --store review.db
    """
    _need_packages()
    from linkage.review.accounts import set_password
    from linkage.review.store import open_store

    with _opened(open_store(store)) as opened:
        set_password(opened, name, _password())
    print_result({"account": name}, as_json)


def review_accounts_close(name: Name, store: StoreFile, as_json: Json = False) -> None:
    """Let an account log in no longer; what it did stays.

    \b
    Example: linkage review accounts close can-bo-1 --store review.db
    """
    _set_active(name, store, False, as_json)


def review_accounts_open(name: Name, store: StoreFile, as_json: Json = False) -> None:
    """Let an account log in again.

    \b
    Example: linkage review accounts open can-bo-1 --store review.db
    """
    _set_active(name, store, True, as_json)


def review_audit_verify(store: StoreFile, as_json: Json = False) -> None:
    """Check that nothing was changed or taken out of the audit, nor a verdict in the store.

    Prints the last hash of each unit, to be kept elsewhere; exit code 4 names the first entry that is not what it was.

    \b
    Example: linkage review audit verify --store review.db
    """
    _need_packages()
    from linkage.review.audit import verify
    from linkage.review.store import open_store

    with _opened(open_store(store)) as opened, opened.reading() as connection:
        found = verify(connection)
    if as_json:
        print_json(found)
        return
    print_lines([f"{found.entries:,} entries of {found.units:,} units are what was written"])
    print_lines(f"{unit or '(none)'}  {number}  {digest}" for unit, (number, digest) in sorted(found.heads.items()))


def _set_active(name: str, store: Path, is_active: bool, as_json: bool) -> None:
    _need_packages()
    from linkage.review.accounts import set_active
    from linkage.review.store import open_store

    with _opened(open_store(store)) as opened:
        set_active(opened, name, is_active)
    print_result({"account": name, "is_active": is_active}, as_json)


@contextmanager
def _opened(store: Store) -> Iterator[Store]:
    try:
        yield store
    finally:
        store.close()


def _need_packages() -> None:
    """LinkageError where the extra is not installed."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise LinkageError(f"review: needs {', '.join(missing)}; install them with pip install 'dose-linkage[review]'")


def _password() -> str:
    """Asked for twice at a terminal; else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("password: ")
    if getpass.getpass("again: ") != first:
        raise UsageError("password: the two are not the same; start again")
    return first
