"""The commands of the review: what they print, what they refuse, and what they need."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from linkage.cli import review
from linkage.review.store import open_store
from tests.district import call
from tests.reviewed import COMMUNE, claim, reviewed, write_night
from tests.test_cli import NAMES

PASSWORD = "con trâu ăn cỏ non\n"


@pytest.fixture
def night(tmp_path: Path) -> Path:
    return write_night(tmp_path / "nights", 1, reviewed(1), [claim(2)])


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_every_command_prints_one_document_or_lines(
    night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ["--store", tmp_path / "review.db"]
    calls: list[tuple[str, list[object]]] = [
        ("accounts add", ["an", "--role", "officer", "--unit", COMMUNE]),
        ("import", [night]),
        ("import", [night]),
        ("accounts list", []),
        ("accounts password", ["an"]),
        ("accounts close", ["an"]),
        ("accounts list", []),
        ("accounts open", ["an"]),
        ("export", ["--out", tmp_path / "v.csv", "--until", "2026-03-15"]),
        ("audit verify", []),
        ("workbook write", ["--unit", COMMUNE, "--out", tmp_path / "list.xlsx"]),
        ("workbook read", [tmp_path / "list.xlsx", "--account", "an"]),
    ]
    tried = {("review", *name.split()) for name, _ in calls}
    assert {name for name in NAMES if name[0] == "review"} - {("review", "serve")} == tried
    for is_json in (False, True):
        for name, arguments in calls:
            type_in(monkeypatch, PASSWORD)
            done = call("review", *name.split(), *arguments, *store, *(["--json"] if is_json else []))
            assert done.code == 0, (name, done.err)
            assert done.out.strip(), name
            if is_json:
                json.loads(done.out)
                assert done.out.count("\n") == 1
        written = [path for path in tmp_path.iterdir() if path.is_file()]
        assert len(written) >= 4
        assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
        store = ["--store", tmp_path / "other.db"]


def test_what_is_done_is_told(night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ["--store", tmp_path / "review.db"]
    assert call("review", "import", night, *store).out == "20260311-night  2 opened, 0 changed, 0 closed\n"
    assert call("review", "import", night, *store).out == "no night that was not taken before\n"
    type_in(monkeypatch, PASSWORD)
    call("review", "accounts", "add", "an", "--role", "officer", "--unit", COMMUNE, "--full-name", "An", *store)
    call("review", "accounts", "close", "an", *store)
    assert call("review", "accounts", "list", *store).out == f"an  officer of {COMMUNE}, An (closed)\n"
    told = call("review", "audit", "verify", *store).out.splitlines()
    assert told[0] == "3 entries of 2 units are what was written"
    assert [line.split()[:2] for line in told[1:]] == [["(none)", "1"], [COMMUNE, "2"]]
    opened = open_store(tmp_path / "review.db")
    with opened.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_delete")
        connection.exec_driver_sql("DELETE FROM audit WHERE unit = '25090' AND number = 1")
    opened.close()
    damaged = call("review", "audit", "verify", *store)
    assert (damaged.code, damaged.err.count("\n")) == (4, 1)
    assert "audit of unit 25090: entry 1 is missing" in damaged.err


def test_what_cannot_be_used_is_one_line(night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ["--store", tmp_path / "review.db"]
    type_in(monkeypatch, "")
    refused = [
        call("review", "import", *store),
        call("review", "import", night, "--config", tmp_path / "night.toml", *store),
        call("review", "import", tmp_path, *store),
        call("review", "accounts", "add", "an", "--role", "officer", "--unit", COMMUNE, *store),
        call("review", "export", "--out", tmp_path / "v.csv", "--store", tmp_path / "absent.db"),
        call("review", "accounts", "close", "an", *store),
    ]
    assert [(done.code, done.err.count("\n")) for done in refused] == [(2, 1)] * len(refused)


def test_the_address_is_told_before_it_is_served(night: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = []

    def serve(_: object, port: int, tell: Callable[[str], None], *, is_behind_https: bool) -> None:
        tell(f"at port {port}")
        served.append((port, is_behind_https))

    monkeypatch.setattr("linkage.review.web.serving.serve", serve)
    store = ["--store", tmp_path / "review.db"]
    call("review", "import", night, *store)
    assert call("review", "serve", *store, "--port", 8123).out == "address  at port 8123\n"
    told = call("review", "serve", *store, "--behind-https", "--json").json
    assert told == {"address": "at port 8080"}
    assert served == [(8123, False), (8080, True)]


def test_two_passwords_at_a_terminal_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["con trâu ăn cỏ non", "con trâu ăn cỏ", "con trâu ăn cỏ non", "con trâu ăn cỏ non"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with pytest.raises(review.UsageError, match="the two are not the same"):
        review._password()
    assert review._password() == "con trâu ăn cỏ non"


def test_without_its_packages_one_line_says_how_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "_NEEDED", ("json", "no_such_package"))
    for name in (name for name in NAMES if name[0] == "review"):
        out = ["--out", tmp_path / "v.csv"]
        more = {"add": ["an", "--role", "officer", "--unit", "1"], "export": out, "write": ["--unit", "1", *out]}
        more["read"] = [tmp_path / "v.csv", "--account", "an"]
        named = ["an"] if name[-1] in ("password", "close", "open") else more.get(name[-1], [])
        done = call(*name, *named, "--store", tmp_path / "review.db")
        assert done.code == 1
        assert done.err == (
            "linkage: review: needs no_such_package; install them with pip install 'dose-linkage[review]'\n"
        )
