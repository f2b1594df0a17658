"""The list of a commune as a workbook, for who has no line: written for an officer, and read again when it comes back.

Each row has a key: the item, the version that was listed, and a sum of what the row says: its claims, what they state,
who is considered, in which order. Rows may be sorted, filtered and copied. What was decided on meanwhile, or states or
lists something else by now, is refused and told; so is a row whose cells are not those that its key was written with,
as when some columns were sorted without the others.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter
from sqlalchemy import Connection

from linkage.errors import InputError, LinkageError, UsageError
from linkage.exports.lists import A4, CREATED, print_setup, write_text
from linkage.machine.clock import now
from linkage.review import audit
from linkage.review.accounts import open_account
from linkage.review.deciding import PERSON, Said, decide
from linkage.review.differences import shown_date
from linkage.review.looking import Looked, look_at, open_items, place_of
from linkage.review.permissions import Account, may
from linkage.review.store import Store
from linkage.review.taking import SYSTEM
from linkage.review.units import name_of
from linkage.review.web.wording import Words
from linkage.schema import VERDICT_WORDS
from linkage.storage.output_paths import check_file
from linkage.storage.work_folders import replacing
from linkage.wording.cell_text import sheet_text, visible
from linkage.workbooks.reading import read_workbook

_COLUMNS = ("number", "key", "name", "birth", "sex", "id", "phone", "place", "reason", "persons", "decision", "note")
# What says who a row is about: as written they come back, or the row is refused.
_SHOWN = ("name", "birth", "sex", "id", "phone", "place", "persons")
_WIDTHS = (5, 13, 20, 11, 7, 14, 12, 22, 14, 44, 20, 18)
_HEAD_ROWS = 3
_SEARCHED_ROWS = 20  # for the headings
_KEY = re.compile(r"(\d{1,9})/(\d{1,9})/([0-9a-f]{8})")
_FORM = {"font_name": "Times New Roman", "font_size": 10, "valign": "top", "text_wrap": True, "num_format": "@"}


@dataclass(frozen=True)
class WorkbookRead:
    """decided : rows whose decision was saved; empty : rows without one; refused : lines, one for each other row."""

    decided: int
    empty: int
    refused: list[str]


def write_list(store: Store, unit: str, out: Path) -> int:
    """Write the open items of a commune; returns how many. Numbers stand in it in full, which the audit tells.

    Raises
    ------
    UsageError : the place cannot be written to, or the commune has no open item
    """
    check_file(out, [store.path])
    words = Words("vi")
    who = Account(SYSTEM, "", "officer", unit, words.language, False)
    with store.writing() as connection:
        looked = [look_at(connection, item_id) for item_id in open_items(connection, who)]
        if not looked:
            raise UsageError(f"--unit {unit}: no item of this commune is open; nothing is written")
        title = words("list.title", unit=name_of(connection, unit))
        at = now().isoformat(timespec="seconds")
        audit.append(connection, unit, SYSTEM, "workbook", at, {"items": [one.item.item_id for one in looked]})
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"title": title, "created": CREATED})
        _write_sheet(book, title, looked, words)
    with replacing(out) as part:
        part.write_bytes(content.getvalue())
    return len(looked)


def read_list(store: Store, path: Path, account: str) -> WorkbookRead:
    """Save the decisions of a workbook that came back, in the name of an officer of the commune.

    Raises
    ------
    UsageError : there is no such account, or it decides nothing
    InputError : the file is no workbook, or has no row of headings
    """
    who = open_account(store, account)
    answer = read_workbook(path, path.name, 0)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    rows, refused = _decided_rows([sheet for sheet in answer.sheets if sheet.is_visible], path.name)
    at, saved = now().isoformat(timespec="seconds"), list[int]()
    with store.writing() as connection:
        for row in [row for row in rows if row.text]:
            try:
                said = _said(connection, who, row)
                saved.append(decide(connection, who, row.item_id, said, at))
            except LinkageError as error:
                refused.append(f"{path.name} row {row.number}: {error}")
        # In whose name it was read is the operator's word: the audit tells which file it was.
        told = {"account": account, "sha256": digest, "events": saved, "refused": len(refused)}
        audit.append(connection, who.unit, SYSTEM, "workbook_read", at, told)
    return WorkbookRead(len(saved), sum(not row.text for row in rows), refused)


@dataclass(frozen=True)
class _Row:
    """A row of a workbook that came back. text : of the decision, "" for none; shown : its cells of _SHOWN."""

    number: int
    key: str
    item_id: int
    version: int
    text: str
    note: str
    shown: tuple[str, ...]


def _write_sheet(book: xlsxwriter.Workbook, title: str, looked: Sequence[Looked], words: Words) -> None:
    sheet = book.add_worksheet(words("workbook.sheet"))
    bold, text = book.add_format(_FORM | {"bold": True, "border": 1}), book.add_format(_FORM | {"border": 1})
    across = book.add_format({"font_name": "Times New Roman", "bold": True, "align": "center", "text_wrap": True})
    last = len(_COLUMNS) - 1
    dates = {name: words.date(min(getattr(one.item, name) for one in looked)) for name in ("list_date", "deadline")}
    drawn_up = words("list.drawn_up", date=dates["list_date"], deadline=dates["deadline"])
    for number, line in enumerate((title.upper(), drawn_up, words("workbook.how"))):
        sheet.merge_range(number, 0, number, last, visible(line), across)
    for place, (name, width) in enumerate(zip(_COLUMNS, _WIDTHS, strict=True)):
        sheet.set_column(place, place, width)
        write_text(sheet, _HEAD_ROWS, place, words(f"workbook.{name}"), bold)
    for number, one in enumerate(looked, 1):
        row = _HEAD_ROWS + number
        for place, cell in enumerate(_cells(number, one, words)):
            write_text(sheet, row, place, cell, text)
        choices = list(_choices(len(one.candidates), words))
        sheet.data_validation(row, _COLUMNS.index("decision"), row, _COLUMNS.index("decision"), _validation(choices))
    end = _HEAD_ROWS + len(looked)
    sheet.autofilter(_HEAD_ROWS, 0, end, last)
    sheet.freeze_panes(_HEAD_ROWS + 1, 0)
    print_setup(sheet, A4, _HEAD_ROWS)
    for first, final, key in ((0, last // 2, "workbook.officer"), (last // 2 + 1, last, "workbook.chief")):
        sheet.merge_range(end + 2, first, end + 2, final, words(key), across)
    sheet.print_area(0, 0, end + 6, last)


def _validation(choices: list[str]) -> dict[str, Any]:
    return {"validate": "list", "source": choices, "error_type": "stop"}


def _cells(number: int, looked: Looked, words: Words) -> Iterator[str]:
    shown = _shown(looked, words)
    said = {"number": str(number), "key": _key(looked, words), "reason": words(f"issue.{looked.item.issue or 'none'}")}
    for name in _COLUMNS:
        yield {**said, **shown}.get(name, "")


def _shown(looked: Looked, words: Words) -> dict[str, str]:
    """The cells that say who a row is about, by column: what all its claims state, and who is considered."""
    stated = [_stated(one.content["stated"]) for one in looked.claims]
    cells = {name: _of_all([one[name] for one in stated]) for name in stated[0]}
    people = "\n".join(_person(rank, one, words) for rank, one in enumerate(looked.candidates, 1))
    return cells | {"persons": people}


def _stated(stated: dict[str, str]) -> dict[str, str]:
    return {
        "name": stated.get("full_name", ""),
        "birth": shown_date(stated.get("date_of_birth")),
        "sex": stated.get("gender", ""),
        "id": stated.get("id_number", ""),
        "phone": stated.get("phone", ""),
        "place": ", ".join(stated[name] for name in ("address", "commune", "district") if stated.get(name)),
    }


def _of_all(values: Sequence[str]) -> str:
    """What the claims of a row state in one field: once where it is the same, else numbered, a line for each."""
    if len(set(values)) == 1:
        return values[0]
    return "\n".join(f"{number}. {value or '–'}" for number, value in enumerate(values, 1))


def _person(rank: int, candidate: Any, words: Words) -> str:
    held = candidate.registered
    parts = [
        held.get("full_name") or candidate.person_id,
        shown_date(held.get("date_of_birth")),
        held.get("gender", ""),
    ]
    parts += [held.get("id_number") or held.get("old_id_number", ""), words.percent(candidate.probability)]
    return f"{rank}. {', '.join(part for part in parts if part)}"


def _key(looked: Looked, words: Words) -> str:
    shown = _shown(looked, words)
    said = {
        "subject": looked.item.subject,
        "claims": [[one.claim_row, one.claim_id, one.content["stated"]] for one in looked.claims],
        "persons": [one.person_id for one in looked.candidates],
        "shown": [_as_read(shown[name]) for name in _SHOWN],
    }
    digest = hashlib.sha256(audit.canonical(said).encode()).hexdigest()
    return f"{looked.item.item_id}/{looked.item.version}/{digest[:8]}"


def _as_read(cell: str) -> str:
    """A cell as it comes back, whatever program saved it."""
    return _plain(sheet_text(cell))


def _choices(n_candidates: int, words: Words) -> Iterator[str]:
    for rank in range(1, n_candidates + 1):
        yield words("workbook.person", rank=rank)
    for word in VERDICT_WORDS:
        if word != PERSON:
            yield words(f"workbook.say_{word}")


def _decided_rows(sheets: Sequence[Any], file: str) -> tuple[list[_Row], list[str]]:
    """The rows with a key, each item once, and a line for each that cannot be used."""
    words, found, refused = Words("vi"), dict[int, list[_Row]](), list[str]()
    titles = {name: _plain(words(f"workbook.{name}")) for name in _COLUMNS}
    has_head = False
    for sheet in sheets:
        places: dict[str, int] = {}
        for number, cells in zip(sheet.numbers, sheet.rows, strict=True):
            texts = [_plain(str(cell)) for cell in cells]
            if titles["key"] in texts and titles["decision"] in texts:
                places = {name: texts.index(title) for name, title in titles.items() if title in texts}
                has_head = True
                continue
            if not places or not {"key", "decision"} <= set(places):
                continue
            key, text, note, *shown = (
                texts[places[name]] if places.get(name, len(texts)) < len(texts) else ""
                for name in ("key", "decision", "note", *_SHOWN)
            )
            parts = _KEY.fullmatch(key)
            if parts is not None:
                row = _Row(number, key, int(parts[1]), int(parts[2]), text, note, tuple(shown))
                found.setdefault(row.item_id, []).append(row)
            elif text and key:
                refused.append(f"{file} row {number}: its key is none that was written; copy the row anew")
    if not has_head:
        raise InputError(f"{file}: no row has the headings of a list; send back the file that was written")
    return [row for rows in found.values() for row in _once(rows, file, refused)], refused


def _once(rows: list[_Row], file: str, refused: list[str]) -> list[_Row]:
    """Of copies of a row the one that says something; none where they say several things."""
    said = {(row.key, row.text, row.note, row.shown) for row in rows if row.text}
    if len(said) > 1:
        numbers = ", ".join(str(row.number) for row in rows if row.text)
        refused.append(f"{file} rows {numbers}: they say different things of one subject; leave one of them")
        return []
    return [next((row for row in rows if row.text), rows[0])]


def _said(connection: Connection, who: Account, row: _Row) -> Said:
    """The decision of a row. UsageError says why it cannot be saved."""
    found = place_of(connection, row.item_id)
    if found is None or not may(who, "decide", found[0]):
        raise UsageError("its subject is not of this commune")
    if not found[1]:
        raise UsageError("its subject is closed; nothing is to be decided")
    looked, words = look_at(connection, row.item_id), Words("vi")
    if _key(looked, words) != row.key:
        raise UsageError("its subject was decided on, or states or lists something else, since the list was written")
    written = _shown(looked, words)
    if other := [name for name, cell in zip(_SHOWN, row.shown, strict=True) if _as_read(written[name]) != cell]:
        titles = ", ".join(f"“{words(f'workbook.{name}')}”" for name in other)
        raise UsageError(f"its key was written for other cells ({titles}); sort whole rows, and change none of these")
    choices = [_plain(choice) for choice in _choices(len(looked.candidates), words)]
    if row.text not in choices:
        raise UsageError("its decision is none of those that can be chosen")
    place, of_row = choices.index(row.text), [one.claim_row for one in looked.claims]
    if place < len(looked.candidates):
        return Said(PERSON, looked.candidates[place].person_id, row.note, of_row, row.version)
    word = [word for word in VERDICT_WORDS if word != PERSON][place - len(looked.candidates)]
    return Said(word, None, row.note, of_row, row.version)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
