"""Nights that read from a database: the same as from files, in one snapshot, once, and told where it cannot be read."""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.errors import InputError, LinkageError, UsageError
from linkage.ingest import ingest
from linkage.nights import fetching
from linkage.nights.configuration import Configuration, files_of, read_configuration
from linkage.nights.fetching import fetch, to_be_fetched
from linkage.nights.looking_ahead import look_ahead
from linkage.schema import DOSES
from tests.district import call
from tests.nights import Nights, Row, Town, tree
from tests.postgresql import Server, programs, server
from tests.test_cli import one_line

pytestmark = pytest.mark.skipif(
    programs() is None and os.environ.get("CI") != "true", reason="no PostgreSQL server is here; .ci/run installs one"
)
SHOWN = "postgresql://reader@/postgres"  # the URL of the server without its parameters
TABLE = """
[postgresql]
url = "{url}"
doses = "SELECT * FROM doses WHERE entered_on = '{{date}}' ORDER BY dose_id"
withdrawals = "SELECT dose_id, reason FROM withdrawn WHERE entered_on = '{{date}}'"
"""


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with server() as one:
        columns = ", ".join(f"{name} text" for name in DOSES.names if name not in ("dose_id", "dose_date"))
        one.tell(
            f"CREATE TABLE doses (dose_id text PRIMARY KEY, dose_date date, entered_on date, {columns})",
            "CREATE TABLE withdrawn (dose_id text, reason text, entered_on date)",
        )
        yield one


def literal(value: object) -> str:
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def enter(database: Server, nights: Nights, number: int, rows: Sequence[Row]) -> None:
    """Into the table of doses, as of a night."""
    date = nights.date(number).isoformat()
    names = [name for name in rows[0] if name in DOSES.names]
    values = ", ".join(f"({', '.join(literal(row[name]) for name in names)}, '{date}')" for row in rows)
    database.tell(f"INSERT INTO doses ({', '.join(names)}, entered_on) VALUES {values}")


def configured(nights: Nights, database: Server, table: str = TABLE) -> Nights:
    text = nights.config.read_text("utf-8")
    nights.config.write_text(text + table.format(url=database.url), "utf-8")
    return nights


@pytest.fixture
def asking(nights: Nights, database: Server) -> Iterator[Nights]:
    yield configured(nights, database)
    database.tell("DELETE FROM doses", "DELETE FROM withdrawn")


def stated(town: Town, first: int, last: int) -> list[Row]:
    """Some doses of the town, their dates as a database has them."""
    rows = [row for row in town.doses if row["dose_date"][2:3] == "/"][first:last]
    return [row | {"dose_date": "-".join(reversed(row["dose_date"].split("/")))} for row in rows]


def test_a_night_from_a_database_is_that_of_files(asking: Nights, town: Town, database: Server, tmp_path: Path) -> None:
    rows = stated(town, 0, 150)
    enter(database, asking, 0, rows)
    gone = rows[3]["dose_id"]
    database.tell(f"INSERT INTO withdrawn VALUES ('{gone}', 'keyed twice', '{asking.date(1)}')")
    done = asking.run(0)
    assert f"read from {SHOWN} in one snapshot: {len(rows)} doses, 0 withdrawals" in done.notes
    other = town.open(tmp_path / "files")
    other.write_doses(0, rows)
    assert other.run(0).counts == done.counts
    assert asking.run(1).changes == {"new": 0, "changed": 0, "withdrawn": 1}
    other.write_withdrawals(1, [gone])
    other.run(1)
    assert asking.export() == other.export()


def test_a_database_is_read_once_a_night(asking: Nights, town: Town, database: Server) -> None:
    enter(database, asking, 0, stated(town, 0, 30))
    ahead = look_ahead(read_configuration(asking.config), asking.date(0))
    assert ahead["from_postgresql"] == ["doses", "withdrawals"]
    uncounted = "not read from the database yet, nor counted in what is expected"
    assert f"{uncounted}: doses, withdrawals" in ahead["missing"]
    first = asking.run(0)
    ahead = look_ahead(read_configuration(asking.config), asking.date(0))
    assert ahead["from_postgresql"] == []
    assert uncounted not in str(ahead)
    files = tree(asking.folder / "in")
    enter(database, asking, 0, stated(town, 30, 40))
    again = asking.run(0)
    assert (again.already_done, again.night_id) == (True, first.night_id)
    assert tree(asking.folder / "in") == files
    told = json.loads((asking.folder / "in" / str(asking.date(0)) / "postgresql" / "read.json").read_text("utf-8"))
    assert (told["url"], told["rows"]) == (SHOWN, {"doses": 30, "withdrawals": 0})


def test_a_clock_that_was_set_back_asks_nothing(asking: Nights, town: Town, database: Server) -> None:
    enter(database, asking, 1, stated(town, 0, 30))
    asking.run(1)
    with mock.patch("linkage.nights.night.today", return_value=asking.date(0)):
        line = one_line(call("night", "--config", asking.config), 2)
    assert f"clock says {asking.date(0)}" in line
    assert not (asking.folder / "in" / str(asking.date(0))).exists()


def test_all_queries_see_one_snapshot(asking: Nights, town: Town, database: Server) -> None:
    """What is written while the first query is read is in none of them."""
    enter(database, asking, 0, stated(town, 0, 5))
    date = asking.date(0)
    real, calls = fetching._write, list[str]()

    def meanwhile(path: Path, batches: pa.RecordBatchReader, what: str) -> int:
        n = real(path, batches, what)
        if not calls:
            database.tell(f"INSERT INTO withdrawn VALUES ('D1', 'late', '{date}')")
        calls.append(what)
        return n

    with mock.patch.object(fetching, "_write", meanwhile):
        fetch(read_configuration(asking.config), date)
    folder = asking.folder / "in" / str(date) / "postgresql"
    assert len(calls) == 2
    assert pq.read_metadata(folder / "withdrawals.parquet").num_rows == 0
    assert pq.read_metadata(folder / "doses.parquet").num_rows == 5


def test_what_is_not_there_is_asked_for(nights: Nights, database: Server) -> None:
    """A folder counts by what it holds: one that somebody made, one that is not whole, and one of fewer queries."""
    base = nights.config.read_text("utf-8")
    first = (
        '\n[postgresql]\nurl = "{url}"\ninto = "in/[pg] {{date}}"\ndoses = "SELECT \'D1\' AS dose_id, now() AS at"\n'
    )
    second = first + "withdrawals = \"SELECT 'D2' AS dose_id\"\n"
    folder = nights.folder / "in" / f"[pg] {nights.date(0)}"
    folder.mkdir(parents=True)

    def fetched(table: str) -> list[str]:
        """What a night asks for, after which its patterns find every file."""
        nights.config.write_text(base, "utf-8")
        read, date = read_configuration(configured(nights, database, table).config), nights.date(0)
        asked = to_be_fetched(read, date)
        fetch(read, date)
        names = [path.name for path in folder.iterdir()]
        found = [path.name for name in ("doses", "withdrawals") for path in of_pattern(read, name, folder)]
        assert sorted(names) == sorted([*found, "read.json"])
        assert to_be_fetched(read, date) == []
        return asked

    assert fetched(first) == ["doses"]
    before = tree(folder)["doses.parquet"]
    assert fetched(second) == ["withdrawals"]
    assert tree(folder)["doses.parquet"] == before
    (folder / "withdrawals.parquet").unlink()
    assert fetched(second) == ["withdrawals"]
    told = json.loads((folder / "read.json").read_text("utf-8"))
    assert [each["rows"] for each in (told, *told["later"])] == [{"doses": 1}, {"withdrawals": 1}, {"withdrawals": 1}]
    (folder / "read.json").write_text('{"url": ', "utf-8")
    assert fetched(second) == ["doses", "withdrawals"]
    assert tree(folder)["doses.parquet"] != before


def of_pattern(read: Configuration, name: str, folder: Path) -> list[Path]:
    files, _ = files_of(read, getattr(read.sources, name), datetime.date.fromisoformat(folder.name[-10:]))
    return [path for path in files if path.parent == folder]


def test_what_cannot_be_read_leaves_nothing(nights: Nights, database: Server) -> None:
    before = tree(nights.folder)
    base = nights.config.read_text("utf-8")
    database.tell(
        "CREATE OR REPLACE FUNCTION refused(x text) RETURNS text AS $$ BEGIN RAISE EXCEPTION '% is bad', x; END $$ "
        "LANGUAGE plpgsql",
        "CREATE OR REPLACE FUNCTION at_once() RETURNS text AS $$ BEGIN RAISE EXCEPTION 'Lê Lan is bad'; END $$ "
        "LANGUAGE plpgsql IMMUTABLE",
    )
    for query, said, kind in (
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist', LinkageError),
        ("SELECT 'Lê Lan'::int", "a value cannot be read as the query asks, SQLSTATE 22P02", LinkageError),
        ("SELECT refused('Lê Lan') AS lot", "doses: the rows of the query break off after 0 (", LinkageError),
        ("SELECT 1 / (9 - n) AS lot FROM generate_series(1, 9) n", "break off after 0 (", LinkageError),
        ("SELECT pg_terminate_backend(pg_backend_pid()) AS lot", "break off after 0 (", LinkageError),
        ("SELECT at_once()", "(the server's log says why; it may repeat values of rows, SQLSTATE P0001)", LinkageError),
        ("SELECT decode('00', 'hex') AS lot", "[postgresql] doses: column lot: its type cannot be read", InputError),
    ):
        nights.config.write_text(base, "utf-8")
        configured(nights, database, f'\n[postgresql]\nurl = "{{url}}"\ndoses = "{query}"\n')
        with pytest.raises(kind) as raised:
            nights.run(0)
        assert said in str(raised.value)
        assert "Lan" not in str(raised.value)
        assert raised.value.__cause__ is None
        assert not list((nights.folder / "in").rglob("*.parquet"))
    nights.config.write_text(base, "utf-8")
    assert {name: digest for name, digest in tree(nights.folder).items() if name in before} == before


def test_types_of_a_database_are_read_as_their_text(nights: Nights, database: Server) -> None:
    query = (
        "SELECT 'D1' AS dose_id, 'Lê Lan' AS full_name, 1.50::numeric AS dose_number, date '2021-08-11' AS dose_date, "
        "'6f9619ff-8b86-d011-b42d-00c04fc964ff'::uuid::text AS lot, 12 AS facility_code, '{{}}'::jsonb::text AS address"
    )
    configured(nights, database, f'\n[postgresql]\nurl = "{{url}}"\ndoses = """{query}"""\n')
    fetch(read_configuration(nights.config), nights.date(0))
    [row] = pq.read_table(nights.folder / "in" / str(nights.date(0)) / "postgresql" / "doses.parquet").to_pylist()
    assert (row["dose_id"], row["full_name"], str(row["dose_number"])) == ("D1", "Lê Lan", "1.50")
    assert (str(row["dose_date"]), row["facility_code"]) == ("2021-08-11", 12)


def test_moments_are_read_by_the_clock_of_viet_nam(nights: Nights, database: Server) -> None:
    """The day of a timestamptz, which the driver gives in UTC, is the one that it was here."""
    query = (
        "SELECT 'D1' AS dose_id, 'Lê Lan' AS full_name, timestamptz '2021-08-11 00:00+07' AS dose_date, "
        "timestamp '2021-08-11 00:00' AS lot, timestamptz '1990-01-02 06:30+07' AS date_of_birth, "
        "NULL::timestamptz AS address"
    )
    configured(nights, database, f'\n[postgresql]\nurl = "{{url}}"\ndoses = """{query}"""\n')
    fetch(read_configuration(nights.config), nights.date(0))
    rows = ingest([nights.folder / "in" / str(nights.date(0)) / "postgresql" / "doses.parquet"], DOSES).accepted
    read = {name: rows.column(name).to_pylist() for name in ("dose_date", "lot", "date_of_birth", "address")}
    assert read == {
        "dose_date": ["2021-08-11"],
        "lot": ["2021-08-11"],
        "date_of_birth": ["1990-01-02 06:30:00"],
        "address": [None],
    }


def test_a_server_that_is_away_is_one_line(nights: Nights, tmp_path: Path) -> None:
    nights.config.write_text(nights.config.read_text("utf-8") + TABLE.format(url=f"postgresql:///x?host={tmp_path}"))
    line = one_line(call("night", "--config", nights.config, "--date", nights.date(0)), 1)
    assert "postgresql:///x: cannot be read (" in line


HIDDEN = [
    *("a:secret@db/x", "a:secret#1@db/x", "a:secret?1@db/x", ":secret@db/x", "a:12/secret@db/x", "a:12?secret@db/x"),
    *("a:1@secret@db/x", "a:12/3?secret@/x", "a:secret/4@db/x", "db/x?password=secret", "db/x?sslpassword=secret"),
    *("db/x?a=1&passw%6Frd=secret", "db/x?a=1;password=secret", "db/x#?password=secret", "db/x?#&password=secret"),
    *("db/x?oauth_client_secret=secret", "db/x?scram_client_key=secret", "db/x password=secret", "db:secret/x"),
]


@pytest.mark.parametrize("rest", HIDDEN)
def test_no_password_passes_for_another_part_of_the_url(nights: Nights, rest: str) -> None:
    """libpq reads a URL otherwise than the web does."""
    base = nights.config.read_text("utf-8")
    nights.config.write_text(f'{base}\n[postgresql]\nurl = "postgresql://{rest}"\ndoses = "SELECT 1"\n', "utf-8")
    with pytest.raises(UsageError) as raised:
        read_configuration(nights.config)
    assert re.search(r"url: (holds a password|is not postgresql://user@host)", str(raised.value))
    assert "secret" not in str(raised.value)


def test_urls_without_a_password_are_taken(nights: Nights) -> None:
    base = nights.config.read_text("utf-8")
    for rest in (
        *("", "db", "reader@db/x", "db:5432/x", "reader@[2001:db8::1]:5432/x", "a,b:5433,c/x", "/x"),
        *("r%40x@db/%2Fx?sslmode=require&passfile=/etc/pgpass&options=-c%20geqo%3Doff", "reader@/x?host=/run/pg"),
    ):
        url = f"postgresql://{rest}"
        nights.config.write_text(f'{base}\n[postgresql]\nurl = "{url}"\ndoses = "SELECT 1"\n', "utf-8")
        asked = read_configuration(nights.config).postgresql
        assert asked is not None
        assert (asked.url, asked.shown) == (url, url.split("?")[0])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('url = "postgresql://a:secret@db/x"\ndoses = "SELECT 1"', "url: holds a password; put it into ~/.pgpass"),
        ('url = "mysql://db/x"\ndoses = "SELECT 1"', "url: begins with postgresql://"),
        ('url = "postgresql://db/x"', "has no query; name one of doses, withdrawals"),
        ('url = "postgresql://db/x"\ninto = "in/all"\ndoses = "SELECT 1"', "into 'in/all': has no {date}"),
        ('url = "postgresql://db/x"\ntable = "doses"', "table"),
    ],
)
def test_what_the_configuration_must_not_say(nights: Nights, table: str, said: str) -> None:
    nights.config.write_text(nights.config.read_text("utf-8") + f"\n[postgresql]\n{table}\n", "utf-8")
    with pytest.raises(UsageError) as raised:
        read_configuration(nights.config)
    assert said in str(raised.value)
    assert "secret" not in str(raised.value)


def test_without_the_driver_it_is_told(nights: Nights, database: Server) -> None:
    configured(nights, database)
    with mock.patch("linkage.nights.fetching._NEEDED", "no_such_driver"), pytest.raises(LinkageError) as raised:
        nights.run(0)
    assert "pip install 'dose-linkage[postgresql]'" in str(raised.value)
