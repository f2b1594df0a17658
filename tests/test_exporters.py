"""What leaves for another program is text, in every exporter: found by walking the commands, called with hostile
values, and opened by the programs that read such files.
"""

from __future__ import annotations

import csv
import html
import html.parser
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import openpyxl
import pyarrow.parquet as pq
import pytest
import typer

from linkage.cli import app
from linkage.exports import lists
from linkage.exports.lists import ListColumn, write_csv, write_workbook
from linkage.exports.tables import FORMATS as TABLE_FORMATS
from linkage.exports.tables import export_table
from linkage.reports import FORMATS, FORMS, write_form
from linkage.wording.cell_text import CELL_CHARACTERS, csv_cell, guarded_record, sheet_name, sheet_text, visible
from tests.district import LIST_DATE, call, manifest, write

ROOT = Path(__file__).resolve().parents[1]
# Written apart from the guard.
DANGEROUS = re.compile("[\\s\u00a0\u00ad\u200b-\u200f\u2060\ufeff]*[=+@＝＋－＠\t\r-]")
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffe\uffff]")
NAMES_A_FORMAT = re.compile(r"\b(xlsx|html|workbook)\b|csv\b.*\bwrite|write\b.*\bcsv", re.IGNORECASE)
HOSTILE = (
    '=HYPERLINK("http://x.vn","x")',
    "+84912345678",
    "-2+3",
    "@SUM(A1)",
    " =1+1",
    "\u200b=1",
    "＝1+1",
    "{=1+1}",
    "x;=1+1",
    "a\x1b[31mb",
    "a\u202eb\ufffe",
    'say "hi", he\nsaid',
    "<script>alert(1)</script>]]>",
    "0012",
    "_x0041_",
    "x" * 40_000,
)


# ----------------------------------------------------------------------------------------------------- the guard itself


@pytest.mark.parametrize("text", ["=1+1", "+84", "-2", "@SUM(A1)", "\tx", " =cmd|' /C calc'!A0", "\ufeff=1", "＝1+1"])
def test_formulas_become_text(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["001183123457", "0912 345 678", "079190000001", "1234567890123456", "12E5", "00", "12/5"]
)
def test_numbers_that_a_spreadsheet_would_change_become_text(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["Lê Lan", "25054", "a=1", "", "2021-09-17", "x\ny", "04/10/1987", "0", "12E", "B' Lá"]
)
def test_other_text_stays(text: str) -> None:
    assert csv_cell(text) == text


def test_what_nobody_sees_is_shown() -> None:
    assert visible("a\x00b\x1b[31mc\u202ed\x85\u2028") == r"a\x00b\x1b[31mc\u202ed\x85\u2028"
    assert csv_cell("\ud800=") == r"\ud800="


def test_no_formula_hides_behind_a_separator_of_another_country() -> None:
    assert csv_cell("x; =1") == "x; '=1"
    assert csv_cell("\t=1") == "'\t'=1"
    assert csv_cell("x\n=1;@y;z") == "x\n'=1;'@y;z"


def test_a_cell_holds_what_a_workbook_can() -> None:
    assert sheet_text("a\r\nb\rc") == "a\nb\nc"
    longest = "x" * CELL_CHARACTERS
    assert sheet_text(longest) == longest
    assert sheet_text(f"{longest}y") == longest[:-1] + "…"
    # Excel counts a character beyond the first plane as two, and half of one is none.
    assert sheet_text("𝟘" * 16_384) == "𝟘" * 16_383 + "…"


@pytest.mark.parametrize(
    ("text", "name"), [("a/b:c", "a-b-c"), ("'x'", "x"), ("History", "History_"), ("", "_"), ("y" * 40, "y" * 31)]
)
def test_a_sheet_has_a_name_that_every_program_takes(text: str, name: str) -> None:
    assert sheet_name(text) == name


@pytest.mark.parametrize(
    ("record", "guarded"),
    [
        ('1,=1,"=2",a=3', "1,'=1,\"'=2\",a=3"),
        ('=1,"a, =b",+84', "'=1,\"a, =b\",'+84"),
        ('1,"=never closed, =x', "1,\"'=never closed,' =x"),
        ("1,0912,x", "1,0912,x"),
        ('1,"say ""=x""",', '1,"say ""=x""",'),
    ],
)
def test_a_record_keeps_all_but_its_formulas(record: str, guarded: str) -> None:
    assert guarded_record(record, ",") == guarded


# ------------------------------------------------------------------------------------------- every exporter there is


def writes_cells(path: Path) -> bool:
    return re.search(r"csv\.writer|xlsxwriter\.Workbook|html\.escape", path.read_text(encoding="utf-8")) is not None


def test_whatever_writes_cells_knows_the_guard() -> None:
    found = [path for path in (ROOT / "linkage").rglob("*.py") if writes_cells(path) and "simulate" not in path.parts]
    assert len(found) >= 3
    for path in found:
        assert "linkage.wording.cell_text import" in path.read_text(encoding="utf-8"), path


def options_that_export() -> Iterator[tuple[str, str]]:
    """Command and option wherever a command says that it writes what a spreadsheet or a browser opens."""

    def walk(name: str, command: Any) -> Iterator[tuple[str, str]]:
        for child in getattr(command, "commands", {}).items():
            yield from walk(f"{name} {child[0]}".strip(), child[1])
        for option in command.params:
            if re.search(
                r"\b(xlsx|html|workbook)\b|csv\b.*\bwrite|write\b.*\bcsv",
                getattr(option, "help", None) or "",
                re.IGNORECASE,
            ):
                yield name, option.opts[0]

    yield from walk("", typer.main.get_command(app))


def report_files(run_dir: Path, out: Path) -> list[Path]:
    files = [out / f"{form}.{fmt}" for form in FORMS for fmt in FORMATS] + [out / "statistics.html"]
    with mock.patch("linkage.reports.page._script", return_value=""):  # the library that draws takes seconds to load
        for file in files:
            write_form(run_dir, file.stem, file.suffix[1:], file)
    return files


def table_files(run_dir: Path, out: Path) -> list[Path]:
    tables = [name.removesuffix(".parquet") for name in manifest(run_dir)["outputs"] if name.endswith(".parquet")]
    files = []
    for table in tables:
        for fmt in TABLE_FORMATS:
            files.append(out / f"{table.replace('/', '_')}.{fmt}")
            export_table(run_dir, files[-1], table=table)
    for lang, name in (("en", "en.csv"), ("vi", "vi.xlsx")):
        files.append(out / name)
        assert call("export", run_dir, "--table", "queues/unmatched", "--lang", lang, "--out", files[-1]).code == 0
    return files


def reject_files(run_dir: Path, out: Path) -> list[Path]:
    for fmt in ("csv", "xlsx"):
        assert call("rejects", run_dir, "--export", out / f"rejects.{fmt}").code == 0
    parts = call("rejects", run_dir, "--export", out / "by", "--by", "facility", "--json").json
    return [out / "rejects.csv", out / "rejects.xlsx", *map(Path, parts["export_files"])]


def replay_files(run_dir: Path, out: Path) -> list[Path]:
    found = call("rejects", run_dir, "--replay", out / "replay", "--json").json
    return [Path(file) for file in found["replay_files"]]


Exporter = Callable[[Path, Path], list[Path]]
# How each is called so that it writes all it can; an exporter that is not here fails the test below.
EXPORTERS: dict[tuple[str, str], Exporter] = {
    ("report", "--format"): report_files,
    ("export", "--format"): table_files,
    ("rejects", "--export"): reject_files,
    ("rejects", "--replay"): replay_files,
}
# What the first names is of another option; the second has a test of its own, test_review_workbook.py.
NO_EXPORTERS = {("export", "--lang"), ("review workbook write", "--out")}


def test_every_command_that_exports_is_called_here() -> None:
    assert set(options_that_export()) - NO_EXPORTERS == set(EXPORTERS)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Everything that every exporter writes of a run full of hostile values."""
    folder = tmp_path_factory.mktemp("exports")
    call("simulate", "--persons", 800, "--doses", 700, "--seed", 4, "--area", "bao-lam", "--out", folder / "town")
    units = folder / "town" / "units"
    legacy = next(units.glob("legacy_units*.csv"))
    legacy.write_text(legacy.read_text(encoding="utf-8-sig").replace("Xã Lộc An", "=Lộc An"), encoding="utf-8")
    town = folder / "town"
    persons = pq.read_table(town / "registry.parquet").to_pylist()
    for place, person in enumerate(persons):
        if place % 5 == 0:
            person["full_name"] = f"=x {person['full_name']}"
    write(town / "changed.parquet", persons, town / "registry.parquet")
    rows = pq.read_table(town / "doses.parquet").to_pylist()
    for place, row in enumerate(rows):
        text = HOSTILE[place % len(HOSTILE)]
        row |= {"address": text, "phone": text, "facility_code": text[:50]}
        if place % 10 == 0:
            row["full_name"] = text[:300]
        if place >= len(rows) - 60:
            row["dose_id"] = ""
    write(town / "=1+1.parquet", rows, town / "doses.parquet")
    header = "dose_id,full_name,facility_code,dose_date\n"
    (town / "@x.csv").write_text(
        header + "=1,A\n" + ",+84,=2,x\n" * 3 + '9,"=open\n' + ",\x00,-1,y\n", encoding="utf-8"
    )
    call("index", "build", town / "changed.parquet", "--units", units, "--out", folder / "index")
    doses = ["--doses", town / "=1+1.parquet", "--doses", town / "@x.csv"]
    made = call(
        "run", *doses, "--index", folder / "index", "--out", folder / "runs", "--list-date", LIST_DATE, "--json"
    )
    assert made.code == 0, made.err
    run_dir = Path(made.json["run_dir"])
    assert all(n for status, n in made.json["counts"].items() if status != "review")
    files: list[Path] = []
    for number, exporter in enumerate(EXPORTERS.values()):
        out = folder / f"out{number}"
        out.mkdir()
        files += exporter(run_dir, out)
    return files


def of(exported: list[Path], *suffixes: str) -> list[Path]:
    found = [path for path in exported if path.suffix in suffixes]
    assert found
    return found


def is_replay(path: Path) -> bool:
    return path.parent.name == "replay"


def test_a_csv_is_text_in_excel(exported: list[Path]) -> None:
    n_texts = 0
    for path in of(exported, ".csv"):
        content = path.read_bytes()
        assert content.startswith(b"\xef\xbb\xbf") or content.isascii(), path
        rows = list(csv.reader(content.decode("utf-8-sig").splitlines(keepends=True)))
        assert len({len(row) for row in rows}) == 1 or is_replay(path), path
        for cell in (cell for row in rows for cell in row):
            assert not DANGEROUS.match(cell) or NUMBER.fullmatch(cell), (path, cell)
            assert is_replay(path) or not UNSEEN.search(cell), (path, cell)
            assert is_replay(path) or not re.fullmatch(r"0\d+|\d{12,}", cell), (path, cell)
            n_texts += cell == "'+84912345678"
    assert n_texts > 10


def test_a_workbook_has_no_formula_and_keeps_zeros(exported: list[Path]) -> None:
    found = set()
    for path in of(exported, ".xlsx"):
        for sheet in openpyxl.load_workbook(path):
            for cell in (cell for row in sheet.iter_rows() for cell in row if cell.value is not None):
                assert cell.data_type in ("s", "n", "d"), (path, cell.coordinate, cell.value)
                assert cell.hyperlink is None
                if cell.data_type == "s":
                    assert len(cell.value) <= CELL_CHARACTERS
                    assert not UNSEEN.search(cell.value)
                    found.add(cell.value)
    # openpyxl leaves the escape of an escape as it is.
    as_typed = {text for text in HOSTILE if text.isprintable()} - {HOSTILE[-1], "_x0041_"} | {"_x005F_x0041_"}
    assert as_typed <= found
    assert "x" * (CELL_CHARACTERS - 1) + "…" in found


def test_json_is_exact_and_shows_what_hides(exported: list[Path]) -> None:
    exact = set()
    for path in of(exported, ".json"):
        text = path.read_text(encoding="utf-8")
        assert not UNSEEN.search(text), path
        content = json.loads(text)
        if isinstance(content, list):
            exact |= {row["stated_address"] for row in content if "stated_address" in row}
    # The escape of a code point is read as the letter that it stands for.
    assert set(HOSTILE) - {"_x0041_"} | {"A"} <= exact


class _Cells(html.parser.HTMLParser):
    """The tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._in_script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)


def test_a_page_runs_nothing_that_was_typed(exported: list[Path]) -> None:
    for path in of(exported, ".html"):
        page = _Cells()
        text = path.read_text(encoding="utf-8")
        page.feed(text)
        assert not any(script.startswith("alert(1)") for script in page.scripts), path
        assert not UNSEEN.search(re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)), path


@pytest.mark.skipif(
    shutil.which("soffice") is None and os.environ.get("CI") != "true", reason="LibreOffice is not here"
)
def test_libreoffice_finds_no_formula_and_keeps_zeros(exported: list[Path], tmp_path: Path) -> None:
    chosen = [*largest(of(exported, ".csv", ".xlsx")), *largest(of(exported, ".html"))]
    pages = [path for path in chosen if path.suffix == ".html"]
    named = []
    for number, path in enumerate(chosen):
        named.append(tmp_path / f"{number}{path.suffix}")
        shutil.copy(path, named[-1])
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "ods"]
    html_filter = "--infilter=HTML (StarCalc)"
    for options, files in (([], named[: -len(pages)]), ([html_filter], named[-len(pages) :])):
        asked = [*command, *options, "--outdir", tmp_path / "ods", *files]
        subprocess.run(asked, check=True, capture_output=True, timeout=300)
    shown = set()
    for path, opened in zip(chosen, (tmp_path / "ods" / f"{file.stem}.ods" for file in named), strict=True):
        content = html.unescape(_content(opened))
        assert "table:formula" not in content, path
        if not is_replay(path):
            # A number that began with a zero would be shown without it.
            numbers = re.findall(r'office:value-type="float"[^>]*>\s*<text:p>([^<]*)', content)
            assert not [number for number in numbers if re.match(r"0\d", number)], path
        shown |= set(re.findall(r"<text:p>([^<]*)</text:p>", content))
    assert {"'+84912345678", "+84912345678", "0012", "'0012"} <= shown


def largest(paths: list[Path]) -> list[Path]:
    """Of each exporter and format the largest file."""
    by_size = sorted((path for path in paths if path.name != "statistics.html"), key=lambda path: path.stat().st_size)
    return list({(path.parent, path.suffix): path for path in by_size}.values())


def _content(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("content.xml").decode()


# --------------------------------------------------------------------------------------------------- what does not fit


def test_more_rows_than_a_sheet_holds_fill_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "SHEET_ROWS", 4)
    columns = [ListColumn("n")]
    for n_rows, expected in ((0, [[]]), (3, [[0, 1, 2]]), (7, [[0, 1, 2], [3, 4, 5], [6]])):
        written = write_workbook(columns, ([n] for n in range(n_rows)), tmp_path / "a.xlsx", "queues/review")
        book = openpyxl.load_workbook(tmp_path / "a.xlsx")
        assert [[row[0] for row in sheet.iter_rows(min_row=2, values_only=True)] for sheet in book] == expected
        assert [sheet["A1"].value for sheet in book] == ["n"] * len(expected)
        assert (written.rows, written.sheets) == (n_rows, len(expected))
        assert book.sheetnames == ["queues-review", "queues-review (2)", "queues-review (3)"][: len(expected)]


def test_what_is_cut_is_told_and_equal_lists_have_equal_bytes(tmp_path: Path) -> None:
    rows = [["x" * 40_000, 1, 0.5, LIST_DATE, None], ["=1", -1, float("inf"), LIST_DATE, "\u202e"]]
    columns = [
        ListColumn(name, number_format=form) for name, form in zip("abcde", ("", "", "0.0%", "", ""), strict=True)
    ]
    for name in ("a", "b"):
        assert write_workbook(columns, rows, tmp_path / f"{name}.xlsx", "x").cut == 1
        write_csv(columns, rows, tmp_path / f"{name}.csv")
    for fmt in ("xlsx", "csv"):
        assert (tmp_path / f"a.{fmt}").read_bytes() == (tmp_path / f"b.{fmt}").read_bytes()
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert [cell.value for cell in sheet[3]] == ["=1", -1, "inf", sheet["D2"].value, r"\u202e"]
    assert (sheet["D2"].value.date(), sheet["D2"].number_format, sheet["C2"].number_format) == (
        LIST_DATE,
        "dd/mm/yyyy",
        "0.0%",
    )
    assert (tmp_path / "a.csv").read_text("utf-8-sig").splitlines()[2] == "'=1,-1,inf,14/03/2026,\\u202e"
