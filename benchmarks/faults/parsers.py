"""Inputs made against parsers: workbooks, OpenDocument, Parquet and text that lie, hang, nest, repeat or are cut."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from benchmarks.faults.commands import Command, make_work
from benchmarks.faults.fuzz_sorts import FORMS
from benchmarks.faults.processes import Fault
from benchmarks.faults.town import Town
from benchmarks.faults.trials import Trial, tried

KIND = "parsers"

_LIMIT = "--as=6442450944"
_ACCEPT = ("--accept", "a trial")
_N_ROWS = 40
_ODS_BEGIN = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:'
    'text:1.0"><office:body><office:spreadsheet><table:table table:name="S">'
)
_ODS_END = "</table:table></office:spreadsheet></office:body></office:document-content>"
_SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%s</worksheet>'
_SHEET_NAME = "xl/worksheets/sheet1.xml"

Rows = list[list[str]]
Maker = Callable[[Rows, random.Random], tuple[str, bytes]]  # the extension and the bytes of a file


def trials(town: Town, n: int, rng: random.Random) -> Iterator[Trial]:
    """Every kind of file in turn, given to a random one of the commands that read files."""
    makers = list(MAKERS)
    with tempfile.TemporaryDirectory(prefix="parsers-") as folder:
        for number in range(n):
            fault_name, what = (
                makers[number % len(makers)],
                rng.choice(("run", "train", "index build", "link", "plan init")),
            )
            work = make_work(Path(folder) / str(number))
            suffix, content = MAKERS[fault_name](_rows(town, what), rng)
            path = Path(folder) / f"{number}-input{suffix}"
            path.write_bytes(content)
            fault = Fault(f"{fault_name} ({suffix})", ("prlimit", _LIMIT), {"TMPDIR": str(work / "tmp")})
            yield tried(KIND, _command(what, path, town, work / "out"), fault, work)
            shutil.rmtree(work)
            path.unlink()


def _rows(town: Town, what: str) -> Rows:
    """Header and a few rows of the table that a command reads."""
    source = {"run": "doses", "train": "doses", "index build": "registry"}.get(what)
    path = town.customers[0] if source is None else town.data(source)
    table = pq.read_table(path).slice(0, _N_ROWS)
    rows = [[str(value or "") for value in row.values()] for row in table.to_pylist()]
    return [table.column_names, *rows]


def _command(what: str, path: Path, town: Town, out: Path) -> Command:
    index = ("--index", town.index)
    arguments: tuple[object, ...] = {
        "run": ("run", "--doses", path, *index, "--model", town.model, "--out", out / "runs", *_ACCEPT),
        "train": ("train", "--doses", path, *index, "--out", out / "model.json", *_ACCEPT),
        "index build": ("index", "build", path, "--out", out / "index"),
        "link": ("link", path, town.customers[1], "--plan", town.plan, "--out", out / "linked", *_ACCEPT),
        "plan init": ("plan", "init", path, town.customers[1], "--out", out / "plan.toml"),
    }[what]
    return Command(what, tuple(map(str, arguments)), (out,))


# ---------------------------------------------------------------------------------------------------------- workbooks


def _xlsx(rows: Rows) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return stream.getvalue()


def _with_member(content: bytes, name: str, member: str | bytes) -> bytes:
    """A zipped workbook one member of which says something else."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for one in source.namelist():
            if one != name:
                target.writestr(one, source.read(one))
        target.writestr(name, member)
    return stream.getvalue()


def _ods(inner: str, end: str = _ODS_END) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", _ODS_BEGIN + inner + end)
    return stream.getvalue()


def _sheet_of(inner: str) -> Maker:
    return lambda rows, rng: (".xlsx", _with_member(_xlsx(rows), _SHEET_NAME, _SHEET % inner))


def _member_of(name: str, member: str) -> Maker:
    return lambda rows, rng: (".xlsx", _with_member(_xlsx(rows), name, member))


def _far_cell(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    column, row = rng.choice(["A", "D", "XFD", "ZZ", "AAAA"]), rng.choice((1_048_576, 400_000, 99_999_999, 2**32))
    cell = f"<sheetData><row><c r='{column}{row}'><v>1</v></c></row></sheetData>"
    return ".xlsx", _with_member(_xlsx(rows), _SHEET_NAME, _SHEET % cell)


def _repeated_ods(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    across, down = rng.choice(((4, 1_000_000), (9000, 9000), (16_384, 1_048_576), (2**31, 2**31)))
    cell = f'<table:table-cell office:value-type="string" table:number-columns-repeated="{across}"><text:p>x</text:p>'
    return ".ods", _ods(
        f'<table:table-row table:number-rows-repeated="{down}">{cell}</table:table-cell></table:table-row>'
    )


def _open_ods(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    return ".ods", _ods(rng.choice(("", "<table:table-row>", "<table:table-row><table:table-cell>", "<text:p>")), "")


def _merged(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    row = "".join(f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>x</t></is></c></row>' for n in range(1, 20_000))
    merges = '<mergeCell ref="A1:XFD1048576"/>' * 20_000
    return ".xlsx", _with_member(
        _xlsx(rows), _SHEET_NAME, _SHEET % f"<sheetData>{row}</sheetData><mergeCells>{merges}</mergeCells>"
    )


def _deep(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    if rng.random() < 0.5:
        return ".ods", _ods("<text:p>" * 500_000)
    return ".xlsx", _with_member(_xlsx(rows), _SHEET_NAME, _SHEET % ("<a>" * 1_000_000))


def _long_text(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    text = rng.choice(("row ", '<c t="e" ', "<f ", "</f><v ", 'r="AA1', "workbookPr "))
    return ".xlsx", _with_member(_xlsx(rows), _SHEET_NAME, _SHEET % (text * (20_000_000 // len(text))))


def _bomb(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    return ".xlsx", _with_member(_xlsx(rows), rng.choice((_SHEET_NAME, "xl/media/a.bin")), b"\0" * 300_000_000)


def _many_members(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    stream = io.BytesIO(_xlsx(rows))
    with zipfile.ZipFile(stream, "a") as archive:
        for number in range(30_000):
            archive.writestr(f"xl/worksheets/s{number}.xml", "")
    return ".xlsx", stream.getvalue()


def _other_kind(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    contents = (
        "\n".join(",".join(row) for row in rows).encode(),
        b"<html><body><table><tr><td>dose_id</td></tr></table></body></html>",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + rng.randbytes(5000),
        b"PAR1" + rng.randbytes(500),
        gzip.compress(b"dose_id"),
        b"%PDF-1.7",
        b"\0",
        rng.randbytes(3000),
    )
    return rng.choice((".xlsx", ".xls", ".ods", ".xlsb", ".xlsm")), rng.choice(contents)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(1, len(content))]


def _changed(content: bytes, rng: random.Random) -> bytes:
    """A few bytes other than they were, most of them near the end, where directories and footers are."""
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 9)):
        place = (
            rng.randrange(len(changed))
            if rng.random() < 0.4
            else len(changed) - 1 - rng.randrange(min(900, len(changed)))
        )
        changed[place] = rng.randrange(256)
    return bytes(changed)


# ------------------------------------------------------------------------------------------------- Parquet and text


def _parquet(rows: Rows, **options: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(_table(rows), stream, **options)
    return stream.getvalue()


def _table(rows: Rows) -> pa.Table:
    columns = zip(*rows[1:], strict=True)
    return pa.table({name: pa.array(column) for name, column in zip(rows[0], columns, strict=True)})


def _long_values(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    """A dictionary of one long value, over and over: megabytes that mean gigabytes."""
    n, length = rng.choice(((400_000, 60_000), (200_000, 5_000_000), (2_000_000, 400)))
    key = pa.array(range(n)).cast(pa.string())
    long = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), n), pa.array(["x" * length]))
    stream = io.BytesIO()
    pq.write_table(pa.table({rows[0][0]: key, **dict.fromkeys(rows[0][1:], long)}), stream, row_group_size=n)
    return ".parquet", stream.getvalue()


def _footer(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    content = _parquet(rows)
    length = rng.choice((0, 1, 12, len(content), 2**31 - 1, 2**32 - 1))
    return ".parquet", content[:-8] + length.to_bytes(4, "little") + content[-4:]


def _text(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    """A CSV file one place of which is out of all proportion, or of which the quotes do not close."""
    head, lines = ",".join(rows[0]), [",".join(row) for row in rows[1:]]
    unit = rng.choice(("bé ", "(", "x", "?", "q", "1", "\u0301", "a?", '"', "\0", "năm ", "=", " "))
    n = rng.choice((5_000, 60_000, 3_000_000))
    shapes = (
        [head, *lines, ",".join([unit * n] * len(rows[0]))],
        [head + ("," + unit) * min(n, 200_000), *lines],
        [head, *lines, '"' + "x\n" * n],
        [head, *[lines[0]] * n],
        [unit * n],
    )
    return ".csv", "\n".join(rng.choice(shapes)).encode()


def _gzip(rows: Rows, rng: random.Random) -> tuple[str, bytes]:
    content = rng.choice((b"\0" * 200_000_000, ("\n".join(",".join(row) for row in rows)).encode()))
    packed = gzip.compress(content, 6)
    return rng.choice((".csv.gz", ".gz", ".csv")), _cut(packed, rng) if rng.random() < 0.3 else packed


def _harmed(form: str, harm: Callable[[bytes, random.Random], bytes]) -> Maker:
    """A file of a form, whatever is in it."""
    return lambda rows, rng: (f".{form}", harm(FORMS[form](_table(rows)), rng))


MAKERS: dict[str, Maker] = {
    **{f"cut {form}": _harmed(form, _cut) for form in FORMS},
    **{f"changed {form}": _harmed(form, _changed) for form in FORMS},
    "far cell": _far_cell,
    "count of shared texts": _member_of("xl/sharedStrings.xml", '<sst count="4294967295" uniqueCount="4294967295"/>'),
    "stray cell": _sheet_of('<sheetData><row r="1048576"><c r="D1048576"><v>1</v></c></row></sheetData>'),
    "repeated cells": _repeated_ods,
    "open elements": _open_ods,
    "merges": _merged,
    "deep nesting": _deep,
    "repeated beginnings": _long_text,
    "zip bomb": _bomb,
    "many members": _many_members,
    "external link": _member_of(
        "xl/externalLinks/externalLink1.xml", '<externalLink><externalBook r:id="x"/></externalLink>'
    ),
    "entities": _member_of(
        "xl/workbook.xml", '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><workbook>&b;</workbook>'
    ),
    "another format": _other_kind,
    "changed OpenDocument": lambda rows, rng: (".ods", _changed(_ods("<table:table-row/>"), rng)),
    "changed Parquet, no dictionary": lambda rows, rng: (
        ".parquet",
        _changed(_parquet(rows, use_dictionary=False), rng),
    ),
    "Parquet footer": _footer,
    "Parquet of long values": _long_values,
    "text": _text,
    "gzip": _gzip,
}
