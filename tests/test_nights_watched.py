"""Nights as programs watch them: a log of events and metrics for Prometheus, without anybody's data in either."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from linkage.errors import InputError, UsageError
from linkage.nights.configuration import read_configuration
from linkage.nights.gates import GATES
from linkage.nights.log import KEYS, Log, allowed
from linkage.nights.metrics import METRICS, metric_lines
from linkage.nights.night import STAGES, NightSummary
from linkage.nights.watching import watch_night
from tests.district import Called, call
from tests.nights import CONFIGURATION, Nights
from tests.test_canaries import DOSE, OTHERS, found_in, texts_in

WATCHED = '[log]\nfile = "night.log"\n[metrics]\nfile = "metrics/night.prom"\n'


@pytest.fixture
def watched(nights: Nights) -> Nights:
    nights.config.write_text(CONFIGURATION + WATCHED, "utf-8")
    (nights.folder / "metrics").mkdir()
    return nights


def start(nights: Nights, number: int, *options: object) -> Called:
    return call("night", "--config", nights.config, "--date", nights.date(number), "--json", *options)


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def samples(nights: Nights) -> dict[str, dict[str, float]]:
    """What a parser of Prometheus reads: values by the value of the label, by name."""
    text = (nights.folder / "metrics" / "night.prom").read_text("ascii")
    found = dict[str, dict[str, float]]()
    for family in text_string_to_metric_families(text):
        assert (family.type, bool(family.documentation)) == ("gauge", True), family.name
        for sample in family.samples:
            found.setdefault(sample.name, {})["".join(sample.labels.values())] = sample.value
    return found


def test_a_night_is_told_to_programs(watched: Nights) -> None:
    watched.write_doses(0, watched.town.doses[:80])
    ended = start(watched, 0)
    assert ended.code == 0, ended.err
    told = events(watched.folder / "night.log")
    assert [one["event"] for one in told] == ["start", *["stage"] * (len(told) - 2), "end"]
    assert {one["stage"] for one in told[1:-1]} <= {*STAGES, "error_rates"}
    last = told[-1]
    assert (last["kind"], last["exit_code"], last["night_id"]) == ("done", 0, ended.json["night_id"])
    assert (last["counts"], last["changes"]) == (ended.json["counts"], ended.json["changes"])
    assert last["doses"]["new"] == 80
    found = samples(watched)
    assert found.keys() == METRICS.keys() - {"linkage_verified_timestamp_seconds"}
    assert found["linkage_doses"] == ended.json["counts"]
    assert found["linkage_night_decisions"] == ended.json["changes"]
    assert found["linkage_night_stage_seconds"].items() >= ended.json["seconds"].items()
    assert (found["linkage_start_exit_code"], found["linkage_nights"]) == ({"": 0}, {"": 1})
    assert set(found["linkage_gate_limit"]) == set(GATES)
    assert "link_rate_fall" not in found["linkage_gate_value"]  # which has none in the first night
    assert found["linkage_gate_value"]["rejected_share"] == 0
    assert found["linkage_night_date_timestamp_seconds"] == {"": 1773421200}  # 2026-03-14 in Viet Nam
    again = start(watched, 0, "--log", watched.folder / "other.log")
    assert "already done" in again.err
    assert [(one["event"], one.get("kind")) for one in events(watched.folder / "other.log")] == [
        ("start", None),
        ("end", "already_done"),
    ]
    assert len(events(watched.folder / "night.log")) == len(told)
    for name in ("night.log", "other.log", "metrics/night.prom"):
        assert stat.S_IMODE((watched.folder / name).stat().st_mode) == 0o600


def test_a_night_that_fails_is_told_too(watched: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.config.write_text(CONFIGURATION.replace("0.05", "0.05\nlowest_link_rate = 1") + WATCHED, "utf-8")
    watched.write_doses(0, watched.town.doses[:120])
    assert start(watched, 0).code == 3
    last = events(watched.folder / "night.log")[-1]
    assert (last["event"], last["kind"], last["exit_code"]) == ("end", "gate", 3)
    assert (samples(watched)["linkage_start_exit_code"], samples(watched)["linkage_nights"]) == ({"": 3}, {"": 0})

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("linkage.nights.night.read_arrivals", interrupt)
    with pytest.raises(KeyboardInterrupt):
        watch_night(read_configuration(watched.config), watched.date(0))
    assert events(watched.folder / "night.log")[-1]["kind"] == "interrupted"
    monkeypatch.undo()
    (watched.folder / "state").mkdir(exist_ok=True)
    (watched.folder / "state" / "current").write_bytes(b"v000001-0123abcd")
    assert start(watched, 0).code == 4
    assert samples(watched).keys() == {name for name in METRICS if name.startswith("linkage_start_")}


def test_nobody_is_named_to_programs(watched: Nights) -> None:
    """Names, numbers and words in every column, in a file that is set aside, and as its name."""
    rows = watched.town.doses
    planted = [row | DOSE | {"dose_id": f"D-canary-{n}"} for n, row in enumerate(rows[:5])]
    watched.write_doses(0, [*planted, planted[0] | {"address": OTHERS["ignored"]}, *rows[5:120]])
    broken = watched.folder / "in" / str(watched.date(0)) / f"{DOSE['full_name']}.csv"
    broken.write_text("\n".join([",".join(DOSE.values())] * 3) + "\n", "utf-8")
    ended = start(watched, 0)
    assert ended.code == 0, ended.err
    start(watched, 1)
    for path in (watched.folder / "night.log", watched.folder / "metrics" / "night.prom"):
        assert found_in(path.read_text("utf-8")) == [], path
    name = broken.name  # files are named in manifests, by what their senders call them
    listed = call("quarantine", "list", "--config", watched.config, "--json").out
    texts = [*texts_in(watched.folder / "nights"), *texts_in(watched.folder / "state"), ("list", listed)]
    leaks = {path: found_in(text.replace(name, "")) for path, text in texts}
    assert {path: words for path, words in leaks.items() if words} == {}


@pytest.mark.parametrize(
    "said",
    [
        {"name": "x"},
        {"kind": "Nguyễn"},
        {"kind": "Nguyen Van A"},
        {"counts": {"Nguyen Van A": 1}},
        {"accepted_gates": ["Nguyen Van A"]},
        {"night_id": "x" * 41},
        {"stage": b"x"},
    ],
)
def test_what_is_not_allowed_never_stands_in_a_log(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no entry of a log"):
        allowed(said)
    assert allowed({"night_id": "20260314-0123456789ab", "counts": {"matched": 3, "review": None}})


def test_what_takes_no_log_and_no_metrics_is_told(watched: Nights, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "link", tmp_path / "none" / "night.log"):
        ended = start(watched, 0, "--log", path)
        assert (ended.code, "the log cannot be written" in ended.json["error"]) == (2, True)
    os.rmdir(watched.folder / "metrics")
    ended = start(watched, 0)
    assert (ended.code, "there is no folder" in ended.json["error"]) == (2, True)


def test_a_log_that_takes_no_more_stops_no_night(tmp_path: Path) -> None:
    log = Log(tmp_path / "night.log")
    (tmp_path / "night.log").unlink()
    (tmp_path / "night.log").mkdir()
    log.tell("start")
    assert log.lost == 1


def test_a_line_cut_short_is_counted_and_the_next_one_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that has room for a part of it; by another command that comes after, too."""
    path, write = tmp_path / "night.log", os.write
    log = Log(path)
    log.tell("start", pid=1)
    for after in (log, None):
        with monkeypatch.context() as patched:
            patched.setattr("os.write", lambda descriptor, line: write(descriptor, line[: len(line) // 2]))
            log.tell("stage", stage="link")
        (after or Log(path)).tell("end", exit_code=0)
    assert log.lost == 2
    lines = path.read_text("ascii").splitlines()
    assert len(lines) == 5
    assert [json.loads(lines[n])["event"] for n in (0, 2, 4)] == ["start", "end", "end"]


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        caused(InputError("d.csv: cannot be read"), OSError(errno.ENOSPC, "No space left on device")),
        caused(InputError("d.csv: cannot be read"), OSError(errno.EMFILE, "Too many open files")),
        caused(UsageError("d.csv: cannot be read"), MemoryError()),
        InputError("d.csv: is empty"),
        OSError(errno.EIO, "Input/output error"),
    ],
)
def test_programs_are_told_the_exit_code_that_the_command_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("linkage.nights.watching.run_night", fail)
    monkeypatch.setattr("linkage.nights.metrics.status", fail)
    config, metrics = tmp_path / "night.toml", tmp_path / "metrics" / "night.prom"
    config.write_text(CONFIGURATION + WATCHED, "utf-8")
    metrics.parent.mkdir()
    ended = call("night", "--config", config, "--date", "2026-03-14", "--json")
    assert ended.code == (2 if "is empty" in str(error) else 1)
    last = events(tmp_path / "night.log")[-1]
    assert (last["exit_code"], last["kind"]) == (ended.code, ended.json["kind"])
    assert f"linkage_start_exit_code {ended.code}\n" in metrics.read_text("ascii")


def test_metrics_that_cannot_be_written_fail_no_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    done = NightSummary("20260314-0123456789ab", tmp_path / "gone", {}, {}, {}, 0)
    monkeypatch.setattr("linkage.nights.watching.run_night", lambda *_, **__: done)
    monkeypatch.setattr("linkage.nights.watching.write_metrics", refuse)
    (tmp_path / "night.toml").write_text(CONFIGURATION + WATCHED, "utf-8")
    (tmp_path / "metrics").mkdir()
    (note,) = watch_night(read_configuration(tmp_path / "night.toml")).notes
    assert "metrics were not written" in note


def test_what_programs_are_told_stands_in_the_manual() -> None:
    page = (Path(__file__).parents[1] / "docs" / "operation.md").read_text("utf-8")
    section = page.partition("### Watching nights")[2].partition("\n#")[0]
    assert [name for name in (*METRICS, *KEYS) if f"`{name}`" not in section and f"`{name}{{" not in section] == []
    assert "".join(metric_lines({"linkage_nights": 3})).endswith("linkage_nights 3\n")
