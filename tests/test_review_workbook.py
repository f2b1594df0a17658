"""The list of a commune as a workbook: out, changed by people, and in again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import select

from linkage.errors import InputError, UsageError
from linkage.review import audit
from linkage.review.accounts import set_active
from linkage.review.exporting import verdict_rows
from linkage.review.tables import audit as audit_entries
from linkage.review.tables import claims
from linkage.review.workbook import WorkbookRead, read_list, write_list
from tests.review_served import Served, make_served
from tests.reviewed import COMMUNE, OTHER, STATED

SOFFICE = shutil.which("soffice")
HEAD = 4  # the row of headings
KEY, DECISION, NOTE = 2, 11, 12  # columns


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    make_served(folder)
    return folder


@pytest.fixture
def served(made: Path, tmp_path: Path) -> Iterator[Served]:
    opened = Served.of(made, tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture
def listed(served: Served, tmp_path: Path) -> Path:
    assert write_list(served.store, COMMUNE, tmp_path / "list.xlsx") == 3
    return tmp_path / "list.xlsx"


def changed(path: Path, change: Callable[[Worksheet], object]) -> None:
    book = openpyxl.load_workbook(path)
    change(book.worksheets[0])
    book.save(path)


def decide_all(sheet: Worksheet, *words: str) -> None:
    for row, word in enumerate(words, HEAD + 1):
        sheet.cell(row, DECISION, word)


def verdicts(served: Served) -> list[tuple[str, str, str]]:
    with served.store.reading() as connection:
        return [(row["verdict"], row["person_id"], row["note"]) for row in verdict_rows(connection)]


def test_the_list_is_what_an_office_prints_and_fills_in(served: Served, listed: Path) -> None:
    sheet = openpyxl.load_workbook(listed).worksheets[0]
    assert sheet.cell(1, 1).value == f"DANH SÁCH ĐỐI TƯỢNG CẦN XÁC MINH – {COMMUNE}"
    assert "hạn trả 16/03/2026" in sheet.cell(2, 1).value
    row = [cell.value for cell in sheet[HEAD + 1]]
    assert row[2:8] == [
        *(
            "1. Trần Thị Hoà\n2. Trần T. Hoà",
            "05/09/1990",
            "Nữ",
            STATED["id_number"],
            STATED["phone"],
            "Lộc Thành, Bảo Lâm",
        ),
    ]
    assert row[9].splitlines()[1] == "2. Trần Hoà Thị, 09/05/1990, Nữ, 068190001243, 31 %"
    named = [cell for line in sheet.iter_rows(min_row=HEAD + 1, max_row=HEAD + 3) for cell in line if cell.value]
    assert {(cell.data_type, cell.number_format) for cell in named} == {("s", "@")}
    choices = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation}
    assert choices[f"K{HEAD + 1}"].startswith('"Người 1,Người 2,Người 3,Không có trong CSDL')
    assert len(choices) == 3
    setup = sheet.page_setup
    assert (setup.orientation, setup.fitToWidth or 1, setup.fitToHeight) == ("landscape", 1, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.print_title_rows == f"${HEAD}:${HEAD}"
    assert any("TRƯỞNG CÔNG AN" in str(cell.value) for line in sheet.iter_rows() for cell in line)
    with served.store.reading() as connection:
        assert audit.verify(connection).heads[COMMUNE][0] == 3


def test_what_was_typed_is_text_in_the_list(served: Served, listed: Path) -> None:
    texts = [cell.value for line in openpyxl.load_workbook(listed).worksheets[0].iter_rows() for cell in line]
    assert "<b>Út</b> & =1+1" in texts


def test_decisions_come_back(served: Served, listed: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        decide_all(sheet, "Người 2", "Cần xác minh thực địa")
        sheet.cell(HEAD + 1, NOTE, "gặp mẹ")

    changed(listed, fill)
    assert read_list(served.store, listed, "an") == WorkbookRead(2, 1, [])
    assert verdicts(served) == [("person", "P2", "gặp mẹ")] * 2 + [("field_check", "", "")]
    again = read_list(served.store, listed, "an")
    assert (again.decided, again.empty, len(again.refused)) == (0, 1, 2)
    assert "was decided on, or states or lists something else, since the list was written" in again.refused[0]
    assert len(verdicts(served)) == 3
    with served.store.reading() as connection:
        audit.verify(connection)
        query = select(audit_entries).where(audit_entries.c.action == "workbook_read")
        first, second = (json.loads(row.content) for row in connection.execute(query))
    digest = hashlib.sha256(listed.read_bytes()).hexdigest()
    assert first == {"account": "an", "sha256": digest, "events": [1, 2], "refused": 0}
    assert second == {"account": "an", "sha256": digest, "events": [], "refused": 2}


def sorted_alone(sheet: Worksheet) -> None:
    """Columns up to the key sorted, the others left where they are."""
    for column in range(1, KEY + 1):
        keys = [sheet.cell(row, column).value for row in range(HEAD + 1, HEAD + 4)]
        for row, key in enumerate(reversed(keys), HEAD + 1):
            sheet.cell(row, column).value = key


@pytest.mark.parametrize(
    ("change", "n_saved", "told"),
    [
        (sorted_alone, 1, "its key was written for other cells (“Họ và tên”, “Người có thể đúng (CSDL dân cư)”)"),
        (lambda sheet: sheet.cell(HEAD + 1, 3, "tên sửa nhầm"), 2, "for other cells (“Họ và tên”); sort whole rows"),
        (lambda sheet: sheet.cell(HEAD + 1, 10, "1. Lê Thị Bé"), 2, "for other cells (“Người có thể đúng"),
        (lambda sheet: sheet.delete_cols(10), 0, "for other cells (“Người có thể đúng"),
    ],
)
def test_a_row_whose_cells_are_another_s_is_refused(
    served: Served, listed: Path, change: Callable[[Worksheet], Any], n_saved: int, told: str
) -> None:
    def fill(sheet: Worksheet) -> None:
        decide_all(sheet, *["Cần xác minh thực địa"] * 3)
        change(sheet)

    changed(listed, fill)
    done = read_list(served.store, listed, "an")
    assert (done.decided, len(done.refused)) == (n_saved, 3 - n_saved)
    assert told in done.refused[0]


def test_a_row_decides_on_the_claims_that_it_shows(served: Served, listed: Path) -> None:
    """A claim that came since, or states something else by now, was seen by nobody."""
    changed(listed, lambda sheet: decide_all(sheet, "Người 1", "Người 1"))
    with served.store.writing() as connection:
        stated = {"stated": STATED | {"full_name": "Trần Thị Hoài"}}
        for subject, values in (("S1", {"is_open": False}), ("S2", {})):
            of_item = (claims.c.item_id == served.item_of(subject)) & (claims.c.queue == "review")
            content = connection.execute(select(claims.c.content).where(of_item)).scalar_one()
            connection.execute(claims.update().where(of_item).values(content=content | stated, **values))
    done = read_list(served.store, listed, "an")
    assert [line.partition(": ")[2] for line in done.refused] == [
        "its subject was decided on, or states or lists something else, since the list was written"
    ] * 2
    assert verdicts(served) == []


def test_rows_may_be_sorted_filtered_and_copied(served: Served, listed: Path) -> None:
    def rearrange(sheet: Worksheet) -> None:
        decide_all(sheet, "Người 1", "Không có trong CSDL", "Người nước ngoài")
        rows = [[cell.value for cell in sheet[row]] for row in range(HEAD + 1, HEAD + 4)]
        for row, values in enumerate([*reversed(rows), rows[0]], HEAD + 1):
            for column, value in enumerate(values, 1):
                sheet.cell(row, column).value = value
        sheet.row_dimensions[HEAD + 2].hidden = True
        sheet.insert_cols(1)

    changed(listed, rearrange)
    done = read_list(served.store, listed, "an")
    assert (done.decided, done.refused) == (3, [])
    assert sorted(set(verdicts(served))) == [("foreigner", "", ""), ("nobody", "", ""), ("person", "P1", "")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda sheet: decide_all(sheet, "có lẽ"), "none of those that can be chosen"),
        (lambda sheet: decide_all(sheet, "Người 4"), "none of those that can be chosen"),
        (lambda sheet: sheet.cell(HEAD + 1, KEY, "1/0/00000000"), "since the list was written"),
        (lambda sheet: sheet.cell(HEAD + 1, KEY, "999/0/00000000"), "not of this commune"),
        (lambda sheet: sheet.cell(HEAD + 1, KEY, "một"), "its key is none that was written"),
    ],
)
def test_a_row_that_cannot_be_used_is_one_line_and_the_others_are_saved(
    served: Served, listed: Path, change: Callable[[Worksheet], Any], told: str
) -> None:
    def fill(sheet: Worksheet) -> None:
        decide_all(sheet, "Người 1", "Không có trong CSDL")
        change(sheet)

    changed(listed, fill)
    done = read_list(served.store, listed, "an")
    (line,) = done.refused
    assert told in line
    assert line.startswith(f"list.xlsx row {HEAD + 1}: ")
    assert verdicts(served) == [("nobody", "", "")]


def test_copies_that_say_different_things_are_refused_both(served: Served, listed: Path) -> None:
    def contradict(sheet: Worksheet) -> None:
        decide_all(sheet, "Người 1", "Không có trong CSDL")
        sheet.cell(HEAD + 2, KEY).value = sheet.cell(HEAD + 1, KEY).value

    changed(listed, contradict)
    assert read_list(served.store, listed, "an").refused == [
        "list.xlsx rows 5, 6: they say different things of one subject; leave one of them"
    ]
    assert verdicts(served) == []


def test_another_commune_s_officer_decides_nothing_here(served: Served, listed: Path) -> None:
    changed(listed, lambda sheet: decide_all(sheet, "Người 1"))
    for account in ("chi", "dung"):
        assert "not of this commune" in read_list(served.store, listed, account).refused[0]
    set_active(served.store, "an", False)
    for account in ("an", "nobody"):
        with pytest.raises(UsageError, match="none that is open"):
            read_list(served.store, listed, account)
    assert verdicts(served) == []


def test_what_was_closed_meanwhile_is_told(served: Served, listed: Path) -> None:
    changed(listed, lambda sheet: decide_all(sheet, "Người 1"))
    served.close_item("S1")
    assert "is closed; nothing is to be decided" in read_list(served.store, listed, "an").refused[0]


def test_what_is_no_list_is_refused(served: Served, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.save(tmp_path / "empty.xlsx")
    with pytest.raises(InputError, match="no row has the headings of a list"):
        read_list(served.store, tmp_path / "empty.xlsx", "an")
    (tmp_path / "text.xlsx").write_text("no workbook", "utf-8")
    with pytest.raises(InputError):
        read_list(served.store, tmp_path / "text.xlsx", "an")
    with pytest.raises(UsageError, match="no item of this commune is open"):
        write_list(served.store, "99999", tmp_path / "list.xlsx")
    assert write_list(served.store, OTHER, tmp_path / "other.xlsx") == 1


@pytest.mark.slow
@pytest.mark.skipif(SOFFICE is None and os.environ.get("CI") != "true", reason="LibreOffice is not here")
@pytest.mark.parametrize("form", ["xlsx", "ods"])
def test_libreoffice_gives_back_what_it_got(served: Served, listed: Path, tmp_path: Path, form: str) -> None:
    changed(listed, lambda sheet: decide_all(sheet, "Người 2", "CSDL dân cư sai"))
    out = tmp_path / "back"
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [str(SOFFICE), profile, "--headless", "--convert-to", form, "--outdir", str(out), str(listed)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    done = read_list(served.store, shutil.move(out / f"list.{form}", tmp_path / f"back.{form}"), "an")
    assert (done.decided, done.empty, done.refused) == (2, 1, [])
    assert {row[0] for row in verdicts(served)} == {"person", "registry_wrong"}
