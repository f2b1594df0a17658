"""Rejected rows on their way back: listed, exported, written out to be mended, and linked in the next run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.ingest.rejecting import LAYOUTS
from linkage.schema import REJECTED
from tests.district import District, Row, call, hashes, make_district, table


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def semicolons(path: Path, rows: list[Row], mangle: dict[int, bytes]) -> Path:
    """Doses as CSV with semicolons; the lines of some rows stand as given."""
    names = list(rows[0])
    lines = [";".join(names).encode()]
    for place, row in enumerate(rows):
        lines.append(mangle.get(place, ";".join(f'"{row[name] or ""}"' for name in names).encode()))
    path.write_bytes(b"\r\n".join(lines) + b"\r\n")
    return path


def broken(row: Row) -> bytes:
    """A row whose last quote does not close."""
    return ";".join(f'"{value or ""}"' for value in row.values()).encode()[:-1]


def test_rejected_rows_are_mended_and_linked(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")[:200]
    doses = semicolons(tmp_path / "station.csv", rows, {7: broken(rows[7]), 60: broken(rows[60])})
    run_dir = district.link([doses], tmp_path / "runs")
    rejected = pq.read_table(run_dir / "queues" / "rejected.parquet")
    assert rejected.schema.equals(REJECTED.arrow(), check_metadata=False)
    layout = json.loads(rejected.schema.metadata[LAYOUTS])["station.csv"]
    assert (layout["delimiter"], layout["header"]) == (";", list(rows[0]))
    assert call("rejects", run_dir, "--json").json == [
        {"file": "station.csv", "reason": "unclosed_quote", "records": 2}
    ]
    again = tmp_path / "again.csv"
    ended = call("rejects", run_dir, "--replay", again, "--json")
    assert ended.json == {"replay": str(again)}
    lines = again.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    assert lines == [";".join(rows[0]).encode(), broken(rows[7]), broken(rows[60])]
    again.write_bytes(b"\n".join([lines[0], *(line + b'"' for line in lines[1:])]) + b"\n")
    late = table(district.link([again], tmp_path / "runs"), "decisions")
    assert [row["dose_id"] for row in late] == [rows[7]["dose_id"], rows[60]["dose_id"]]
    # Together they are what the whole file would have been.
    both = district.link([doses, again], tmp_path / "runs")
    whole = district.link([semicolons(tmp_path / "whole.csv", rows, {})], tmp_path / "runs")
    same = ("manifest.json", "doses.arrow", "sums", "queues/rejected.parquet")
    assert hashes(both, without=same) == hashes(whole, without=same)


def test_rejected_rows_are_exported_as_text(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")[:50]
    doses = semicolons(tmp_path / "station.csv", rows, {3: b"only;two", 4: b"x;Tr\x81\xe2n" + b";" * 19})
    run_dir = district.link([doses], tmp_path / "runs")
    assert call("rejects", run_dir, "--export", tmp_path / "rejects.csv").code == 0
    with (tmp_path / "rejects.csv").open(encoding="utf-8-sig", newline="") as stream:
        exported = list(csv.DictReader(stream))
    assert [(row["Dòng"], row["Lý do"], row["Cột"]) for row in exported] == [
        ("5", "Dòng thiếu cột", "full_name"),
        ("6", "Sai bảng mã, không đọc được chữ", "subject_id"),
    ]
    assert exported[0]["Giá trị đã nhập"] == "only | two"
    assert exported[1]["Giá trị đã nhập"] == "Tr\\x81\\xe2n"


def test_parquet_that_is_published_has_page_checksums(district: District, tmp_path: Path) -> None:
    """A flipped byte in a page is found when the table is read."""
    path = tmp_path / "decisions.parquet"
    content = bytearray((district.run_dir / "decisions.parquet").read_bytes())
    found = pq.ParquetFile(district.run_dir / "decisions.parquet", page_checksum_verification=True)
    chunk = found.metadata.row_group(0).column(0)
    content[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 0x10
    path.write_bytes(content)
    with pytest.raises((OSError, pa.ArrowException), match="CRC"):
        pq.ParquetFile(path, page_checksum_verification=True).read(columns=["dose_id"])
