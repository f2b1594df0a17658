"""What leaves for another program is text: no formula, no character that hides, in every exporter."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from linkage.cell_text import csv_cell, visible
from linkage.ingest import ingest
from linkage.ingest.rejects import export_rejects
from linkage.schema import DOSES

ROOT = Path(__file__).resolve().parents[1]
# Files that write cells of other people's text, each by the guard.
EXPORTERS = {"ingest/rejects.py", "reports/page.py", "reports/writers.py"}
WRITES_CELLS = re.compile(r"csv\.writer|xlsxwriter\.Workbook|html\.escape")


def test_every_exporter_is_known_and_guarded() -> None:
    files = {path: path.read_text(encoding="utf-8") for path in (ROOT / "linkage").rglob("*.py")}
    found = {str(path.relative_to(ROOT / "linkage")) for path, text in files.items() if WRITES_CELLS.search(text)}
    assert {name for name in found if not name.startswith("simulate/")} == EXPORTERS
    for name in EXPORTERS:
        assert "linkage.cell_text import" in files[ROOT / "linkage" / name], name


@pytest.mark.parametrize("text", ["=1+1", "+84", "-2", "@SUM(A1)", "\t=1", " =cmd|' /C calc'!A0", "\ufeff=1", "＝1+1"])
def test_formulas_become_text(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Lê Lan", "001183123457", "a=1", "", "2021-09-17", "x\ny"])
def test_other_text_stays(text: str) -> None:
    assert csv_cell(text) == text


def test_what_nobody_sees_is_shown() -> None:
    assert visible("a\x00b\x1b[31mc\u202ed\x85") == r"a\x00b\x1b[31mc\u202ed\x85"
    assert csv_cell("\ud800=") == r"\ud800="


def test_rejected_rows_are_exported_as_text(tmp_path: Path) -> None:
    doses = tmp_path / "doses.csv"
    doses.write_bytes(b"dose_id,full_name\n=HYPERLINK(1),A,B\n\x1b[2J,A,B\n@x,A,B\n")
    pq.write_table(ingest([doses], DOSES).rejected, tmp_path / "rejected.parquet")
    export_rejects(tmp_path / "rejected.parquet", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as stream:
        raw = [row[3] for row in csv.reader(stream)][1:]
    assert raw == ["'=HYPERLINK(1),A,B", r"\x1b[2J,A,B", "'@x,A,B"]
    export_rejects(tmp_path / "rejected.parquet", tmp_path / "out.xlsx")
    cells = [row[3] for row in openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(min_row=2)]
    assert [(cell.value, cell.data_type) for cell in cells] == [
        ("=HYPERLINK(1),A,B", "s"),
        (r"\x1b[2J,A,B", "s"),
        ("@x,A,B", "s"),
    ]
