"""Keys that stand for different records: told with the keys and the files, in a run and in a registry."""

from __future__ import annotations

from pathlib import Path

import pytest

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


VERSIONS = "dose_id,subject_id,full_name,phone,updated_at\n"


def read_versions(tmp_path: Path, *contents: str) -> Ingested:
    paths = [tmp_path / f"tram{number}.csv" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(VERSIONS + content)
    return ingest(paths, DOSES)


def test_a_correction_in_another_file_is_not_told_as_numbers_of_two_stations(tmp_path: Path) -> None:
    batch = read_versions(tmp_path, "1,S1,Lê Lan,0911111111,\n2,S2,An,,\n", "1,S1,Lê Lan,0922222222,\n2,S9,Bình,,\n")
    numbered, version = batch.notes
    assert numbered.startswith("dose_id: 1 key (2) collides between files (tram0.csv, tram1.csv)")
    assert version == (
        "dose_id: 1 key (1) stands for the same in different versions (tram0.csv, tram1.csv), and nothing tells which "
        "is the newest; none of these is kept: state updated_at in each, and the newest is taken, or send the "
        "correction in a later run"
    )
    assert batch.accepted.num_rows == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2022-08-01", "02/08/2022"),
        ("2022-08-01 09:30", "2022-08-01T10:05:00"),
        ("1/8/2022 11:59:59 AM", "1/8/2022 12:00:01 PM"),
        ("2022-08-01 09:30:00+07:00", "2022-08-01T02:31:00Z"),
        ("2022-08-01 09:30:00.1", "2022-08-01 09:30:00.25"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_the_newest_version_is_taken_wherever_it_stands(
    tmp_path: Path, before: str, after: str, is_first: bool
) -> None:
    contents = [f"1,S1,Lê Lan,0911111111,{before}\n", f"1,S1,Lê Lan,0922222222,{after}\n2,S2,An,,\n"]
    batch = read_versions(tmp_path, *(contents if is_first else contents[::-1]))
    assert batch.accepted.column("phone").to_pylist().count("0922222222") == 1
    assert batch.accepted.num_rows == 2
    assert batch.rejected["reasons"].to_pylist() == [["superseded"]]
    assert batch.rejected["raw"][0].as_py().decode() == contents[0].strip()
    assert batch.notes == ("1 record has a newer version by updated_at, which is taken in its place",)


@pytest.mark.parametrize("moments", [("2022-08-01", ""), ("2022-08-01", "2022-08"), ("2022-08-01", "01/08/2022")])
def test_no_version_is_taken_where_one_does_not_say_when(tmp_path: Path, moments: tuple[str, str]) -> None:
    before, after = moments
    batch = read_versions(tmp_path, f"1,S1,Lê Lan,0911111111,{before}\n", f"1,S1,Lê Lan,0922222222,{after}\n")
    assert batch.rejected["reasons"].to_pylist() == [["conflicting_dose_id"]] * 2


def test_the_newest_version_twice_is_kept_once_and_another_moment_makes_no_version(tmp_path: Path) -> None:
    old, new = "1,S1,Lê Lan,,2022-08-01\n", "1,S1,Lê Lan,0922222222,2022-08-02\n"
    batch = read_versions(tmp_path, old + new, new + "2,S2,An,,2022-08-01\n", "2,S2,An,,2022-08-05\n")
    assert batch.rejected["reasons"].to_pylist() == [["superseded"], ["duplicate_dose_id"], ["duplicate_dose_id"]]
    assert batch.accepted.column("phone").to_pylist() == ["0922222222", None]


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
