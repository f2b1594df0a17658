"""Keys that stand for different records: told with the keys and the files, in a run and in a registry."""

from __future__ import annotations

from pathlib import Path

from linkage.ingest import Ingested, ingest
from linkage.schema import DOSES
from tests.district import call

HEADER = "dose_id,full_name\n"


def read(tmp_path: Path, *contents: str) -> Ingested:
    paths = [tmp_path / f"tram{number}.csv" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(HEADER + content)
    return ingest(paths, DOSES)


def test_keys_that_collide_between_files(tmp_path: Path) -> None:
    batch = read(tmp_path, "1,Lê Lan\n2,Vũ Bá\n3,A\n4,B\n9,Y\n", "1,An\n2,Bình\n3,C\n4,D\n8,X\n", "7,Z\n")
    (note,) = batch.notes
    assert note.startswith("dose_id: 4 keys (1, 2, 3, …) collide between files (tram0.csv, tram1.csv)")
    assert batch.accepted.column("dose_id").to_pylist() == ["9", "8", "7"]


def test_a_key_twice_in_one_file(tmp_path: Path) -> None:
    batch = read(tmp_path, "1,Lê Lan\n1,Vũ Bá\n2,An\n2,An\n", "3,An\n")
    assert batch.notes == ("dose_id: 1 key (1) stands for different records; none of these is kept: correct them",)


def test_equal_records_are_no_collision(tmp_path: Path) -> None:
    assert read(tmp_path, "1,Lê Lan\n", "1,Lê Lan\n2,Vũ Bá\n").notes == ()


def test_a_file_under_two_names_is_told_and_counts_once(tmp_path: Path) -> None:
    batch = read(tmp_path, "1,Lê Lan\n", "2,Vũ Bá\n", "1,Lê Lan\n")
    assert batch.notes == ("tram2.csv: is the same file as tram0.csv, byte for byte: give it once",)
    assert batch.accepted.column("dose_id").to_pylist() == ["1", "2"]


def test_a_person_with_two_rows_is_told_and_kept(tmp_path: Path) -> None:
    registry = tmp_path / "registry.csv"
    registry.write_text("person_id,full_name,commune_code\nA1,Lê Thị Hoa,00001\nA2,Vũ Bá,00001\nA1,Lê Thị Hoà,00001\n")
    built = call("index", "build", registry, "--out", tmp_path / "index")
    assert built.code == 0
    told = " ".join(built.err.split())
    assert "person_id: 1 key (A1) stands for different records" in told
    assert "records rejected: 2; see 'linkage rejects" in told
    rows = call("rejects", tmp_path / "index", "--json").json
    assert rows == [{"file": "registry.csv", "reason": "conflicting_person_id", "records": 2}]
