"""Questions to tables of a state in DuckDB: in bounded memory, with what does not fit in a folder that goes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from linkage.nights import queries

# Some 40 MiB of texts that are held together.
_LARGE = """SELECT count(*), max(row.text) FROM (SELECT n, arg_max({'text': md5(n::VARCHAR)}, n) AS row
    FROM range(300000) t(n) GROUP BY n)"""


def test_what_memory_does_not_hold_goes_to_a_folder_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(queries, "_MOST_BYTES", 30 << 20)
    with queries.bounded() as connection:
        (folder,) = tmp_path.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        connection.execute(f"CREATE TEMP TABLE found AS {_LARGE}").fetchall()
        limit, place = connection.sql(
            "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
        ).fetchall()[0]
        assert (limit, place) == ("30.0 MiB", str(folder))
        assert connection.sql("SELECT * FROM found").fetchall() == [(300_000, "fffffe98d0963d27015c198262d97221")]
    assert list(tmp_path.iterdir()) == []


def test_half_of_a_small_memory_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "memory_bytes", lambda: 1 << 30)
    with queries.bounded() as connection:
        assert connection.sql("SELECT current_setting('memory_limit')").fetchall() == [("512.0 MiB",)]
