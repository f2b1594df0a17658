"""Progress: bars on a terminal, finished ones still standing; elsewhere a line with the time for each stage."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from unittest import mock

import pytest

from linkage.cli import progress as progress_module
from linkage.cli.progress import progress
from linkage.ingest import ingest
from linkage.schema import DOSES
from linkage.simulate import simulate
from tests.terminal import in_terminal, seen

LINE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d "
# Three stages, one of them of a known length, told as often as a large batch tells.
STAGES = """
import sys, time
from linkage.cli.progress import progress
with progress() as told:
    told("ingest", 0, 0)
    time.sleep(0.3)
    told("link", 0, 0)
    for done in range(1, 2001):
        told("link", done, 4000)
    time.sleep(1.5)
    told("link", 2000, 4000)
    time.sleep(0.3)
    told("error_rates", 0, 0)
print("the result")
"""


def test_a_terminal_shows_share_and_time_left_and_keeps_what_is_done() -> None:
    code, text = in_terminal(start=_python(STAGES))
    assert code == 0
    assert re.search(r"link .*50 %, \d+:\d\d left", text)
    *_, ingest, link, rates, result, end = seen(text)
    for stage, line in (("ingest", ingest), ("link", link), ("error rates", rates)):
        assert re.search(rf"{stage} .*done in \d+:\d\d", line), line
    assert (result, end) == ("the result", "")


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(environment: dict[str, str]) -> None:
    _, text = in_terminal(start=_python(STAGES), environment=environment)
    assert re.fullmatch(rf"({LINE}(ingest|link|error_rates) done in \d+\.\d s\n){{3}}the result\n", text)


def test_a_log_gets_one_line_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as told:
        told("ingest", 0, 0)
        for done in range(5000):
            told("link", done, 5000)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(rf"{LINE}ingest done in \d+\.\d s\n{LINE}link done in \d+\.\d s\n", shown.err)


def test_a_long_stage_is_heard_of_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.object(progress_module.time, "monotonic", side_effect=range(0, 1000, 10)), progress() as told:
        for done in range(19):
            told("link", done, 20)
    lines = [re.sub(LINE, "", line) for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "link 30% done, 2:20 left",
        "link 60% done, 1:20 left",
        "link 90% done, 0:20 left",
        "link done in 190.0 s",
    ]


def test_a_stage_that_failed_is_not_called_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), progress() as told:  # noqa: PT012
        told("ingest", 0, 0)
        raise ValueError("broken")
    assert capsys.readouterr().err == ""


def _python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_reading_tells_the_share_of_the_bytes(tmp_path: Path) -> None:
    paths = []
    for name, n in (("a.csv", 10), ("b.csv", 30)):
        paths.append(tmp_path / name)
        rows = "".join(f"{name}{i},x\n" for i in range(n))
        paths[-1].write_text(f"dose_id,full_name\n{rows}", encoding="utf-8")
    told: list[tuple[int, int]] = []
    ingest(paths, DOSES, on_read=lambda done, total: told.append((done, total)))
    first, both = paths[0].stat().st_size, sum(path.stat().st_size for path in paths)
    assert told == [(first, both), (both, both)]


def test_a_simulation_tells_of_its_regions(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    summary = simulate(
        120_000, 100, 1, tmp_path / "a", region_persons=40_000, on_progress=lambda _, *share: told.append(share)
    )
    assert summary.n_regions > 1
    assert told == [(0, 0), *((i, summary.n_regions) for i in range(1, summary.n_regions + 1))]
