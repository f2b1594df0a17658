"""CSV packed by gzip: read as what it holds, or refused in one line."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from linkage.errors import InputError
from linkage.ingest import ingest
from linkage.schema import DOSES

HEADER = "dose_id,full_name,gender,date_of_birth,id_number,commune_code"
ROWS = ["D1,Nguyễn Thị Hoa,Nữ,01/02/1980,079180001234,25054", "D2,Trần An,Nam,1971,079071001234,25054", "D3,Lê"]
PLAIN = "\n".join([HEADER, *ROWS, ""]).encode("utf-16")


@pytest.mark.parametrize("name", ["doses.csv.gz", "DOSES.CSV.GZ", "doses.txt.gz"])
def test_a_packed_file_is_read_as_what_it_holds(tmp_path: Path, name: str) -> None:
    plain, packed = tmp_path / "doses.csv", tmp_path / name
    plain.write_bytes(PLAIN)
    packed.write_bytes(gzip.compress(PLAIN[:40]) + gzip.compress(PLAIN[40:]))  # members one behind the other
    of_plain, of_packed = (ingest([path], DOSES, scratch=tmp_path) for path in (plain, packed))
    assert of_packed.accepted.take([0, 1]).to_pylist() == of_plain.accepted.take([0, 1]).to_pylist()
    (count,) = of_packed.files
    assert (count.physical_records, count.accepted, count.rejected) == (3, 2, 1)
    assert count.sha256 == hashlib.sha256(packed.read_bytes()).hexdigest()
    assert of_packed.rejected.column("raw").to_pylist() == of_plain.rejected.column("raw").to_pylist()


# Of one time, so that every process that collects the tests finds them under the same names.
WHOLE = gzip.compress(PLAIN * 50, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.csv.gz", WHOLE[:-20], "is no whole gzip archive"),
        ("flipped.csv.gz", WHOLE[:-6] + b"\0\0" + WHOLE[-4:], "is no whole gzip archive"),
        ("plain.csv.gz", PLAIN, "is no whole gzip archive"),
        ("bomb.csv.gz", gzip.compress(b"\0" * (1 << 26), mtime=0), "unpacks to over 200 times its size"),
        ("nothing.csv.gz", gzip.compress(b"", mtime=0), "the file is empty"),
        ("book.csv.gz", gzip.compress(b"PK\x03\x04" + b"x" * 600, mtime=0), "this is a zip archive or Excel workbook"),
        ("doses.xlsx.gz", WHOLE, "unknown extension .xlsx.gz"),
        ("doses.gz", WHOLE, "unknown extension .gz"),
    ],
)
def test_what_is_no_packed_file_of_records_is_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        ingest([tmp_path / name], DOSES, scratch=tmp_path)
    assert str(refused.value).startswith(f"{name}: ")
    assert message in str(refused.value)
