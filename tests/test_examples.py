"""The examples of docs/examples: what they call is there, and systemd's own tool takes the units."""

from __future__ import annotations

import ast
import datetime
import re
import shutil
import subprocess
import sys
import zoneinfo
from pathlib import Path

import jinja2
import pytest

from tests.test_readme import is_understood

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
SERVICE, TIMER = EXAMPLES / "linkage-night.service", EXAMPLES / "linkage-night.timer"
DAG = EXAMPLES / "airflow_nights.py"


def commands_of_dag(source: str) -> list[str]:
    """The commands that its constants are."""
    compile(source, str(DAG), "exec")
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and text.startswith("linkage ")]


class Moment(datetime.datetime):
    """As Airflow gives one to templates: in UTC, with the method of pendulum that is used."""

    def in_timezone(self, name: str) -> datetime.datetime:
        return self.astimezone(zoneinfo.ZoneInfo(name))


def as_airflow(command: str) -> str:
    """A command of one o'clock on 14 March 2026 in Viet Nam, by the engine of templates that Airflow has."""
    moment = Moment(2026, 3, 13, 18, tzinfo=datetime.UTC)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    environment.filters["ds"] = lambda day: f"{day:%Y-%m-%d}"
    return environment.from_string(command).render(logical_date=moment, ds=f"{moment:%Y-%m-%d}")


def test_the_commands_of_the_dag_are_understood() -> None:
    commands = commands_of_dag(DAG.read_text("utf-8"))
    assert len(commands) == 4
    for command in commands:
        dated = as_airflow(command)
        assert "2026-03-13" not in dated
        assert is_understood(f"./run {dated}"), command


def test_each_command_of_the_dag_is_a_task() -> None:
    tree = ast.parse(DAG.read_text("utf-8"))
    named = {
        keyword.value.id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "bash_command" and isinstance(keyword.value, ast.Name)
    }
    assert named == {"LOOK_AHEAD", "NIGHT", "PROGRESS", "VERIFY"}


def test_the_command_of_the_service_is_understood() -> None:
    found = re.search(r"^ExecStart=\S+/(linkage .*)$", SERVICE.read_text("utf-8"), re.MULTILINE)
    assert found
    assert is_understood(f"./run {found[1]}")


def verified(folder: Path) -> subprocess.CompletedProcess[str]:
    """What systemd says of the units; the program of the service is one that is here."""
    for unit in (SERVICE, TIMER):
        text = unit.read_text("utf-8").replace("/opt/linkage/bin/linkage", sys.executable)
        (folder / unit.name).write_text(text, "utf-8")
    command = ["systemd-analyze", "verify", "--man=no", folder / TIMER.name, folder / SERVICE.name]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    ended = verified(tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    wrong = SERVICE.read_text("utf-8").replace("RestartSec=10min", "RestartSec=soon")
    (tmp_path / "wrong.service").write_text(wrong.replace("/opt/linkage/bin/linkage", sys.executable), "utf-8")
    command = ["systemd-analyze", "verify", "--man=no", tmp_path / "wrong.service"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "Failed to parse sec value, ignoring: soon" in said


def test_the_timer_means_every_night() -> None:
    assert re.search(r"^OnCalendar=\*-\*-\* 01:00:00 Asia/Ho_Chi_Minh$", TIMER.read_text("utf-8"), re.MULTILINE)
