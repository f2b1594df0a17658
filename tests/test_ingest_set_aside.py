"""One file that cannot be used, among many: told and set aside, or the end of the run where it is asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.encode.syllables import SyllableDictionary, split_names
from linkage.errors import InputError, QualityGateError
from linkage.ingest import FileCount, Ingested, SetAside, ingest, reading_notes
from linkage.ingest.records import Records
from linkage.night.checks import check_set_aside
from linkage.schema import DOSES
from linkage.standardise.names import canonical_names
from tests.district import LIST_DATE, District, call, make_district


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


def csv_file(path: Path, *ids: str) -> Path:
    path.write_text("dose_id,full_name\n" + "".join(f"{key},Lê Lan\n" for key in ids))
    return path


def damaged_parquet(path: Path) -> Path:
    """The first row group is sound, the second is not."""
    n = 300_000
    table = pa.table({"dose_id": [f"P{i}" for i in range(n)], "full_name": [f"Lê {i}" for i in range(n)]})
    pq.write_table(table, path, row_group_size=n // 2, compression="none", write_page_checksum=True)
    content = bytearray(path.read_bytes())
    place = len(content) * 7 // 8
    content[place : place + 64] = bytes(64)
    path.write_bytes(content)
    return path


def test_what_was_read_of_an_unusable_file_is_no_dose(tmp_path: Path) -> None:
    bad = damaged_parquet(tmp_path / "bad.parquet")
    paths = [csv_file(tmp_path / "a.csv", "1", "2"), bad, csv_file(tmp_path / "b.csv", "3", "2")]
    with pytest.raises(InputError, match=r"bad.parquet"):
        ingest(paths, DOSES)
    batch = ingest(paths, DOSES, strict=False)
    assert batch.accepted.column("dose_id").to_pylist() == ["1", "2", "3"]
    assert [(file.file, file.accepted, file.rejected) for file in batch.files] == [("a.csv", 2, 0), ("b.csv", 1, 1)]
    assert batch.positions().tolist() == [1, 2, 1]
    assert [found.file for found in batch.set_aside] == ["bad.parquet"]
    assert reading_notes(batch, "x")[0].startswith("files set aside: 1 of 3")


def test_a_file_by_itself_and_no_usable_file_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(InputError, match=r"empty.csv: the file is empty"):
        ingest([empty], DOSES, strict=False)
    (tmp_path / "other.csv").touch()
    with pytest.raises(InputError, match=r"none of 2 files can be used; the first: empty.csv: the file is empty"):
        ingest([empty, tmp_path / "other.csv"], DOSES, strict=False)
    with pytest.raises(InputError, match=r"absent.csv: no such file: correct the path"):
        ingest([csv_file(tmp_path / "a.csv", "1"), tmp_path / "absent.csv"], DOSES, strict=False)


def test_a_run_sets_one_file_of_many_aside(district: District, tmp_path: Path) -> None:
    table = pq.read_table(district.path("doses")).slice(0, 480)
    paths = [tmp_path / f"{number}.parquet" for number in range(24)]
    for number, path in enumerate(paths):
        pq.write_table(table.slice(20 * number, 20), path)
    (tmp_path / "zip.xlsx").write_bytes(b"PK no workbook")
    doses = [argument for path in (*paths, tmp_path / "zip.xlsx") for argument in ("--doses", path)]
    settings = ("--index", district.index, "--out", tmp_path / "runs", "--list-date", LIST_DATE.isoformat())
    stopped = call("run", *doses, *settings, "--strict")
    assert (stopped.code, stopped.err.startswith("linkage: zip.xlsx: not a sound workbook")) == (2, True)
    done = call("run", *doses, *settings, "--json")
    assert done.code == 0
    assert sum(done.json["counts"].values()) == 480
    told = " ".join(done.err.split())
    assert "files set aside: 1 of 25" in told
    assert "set aside: zip.xlsx: not a sound workbook" in told
    manifest = json.loads((Path(done.json["run_dir"]) / "manifest.json").read_text())
    assert [found["file"] for found in manifest["set_aside"]] == ["zip.xlsx"]
    again = call("run", *doses, *settings, "--json")
    assert again.json["run_dir"] == done.json["run_dir"]
    (tmp_path / "zip2.xlsx").write_bytes(b"PK nor this")
    two = ("--doses", tmp_path / "zip2.xlsx")
    too_many = call("run", *doses, *two, *settings)
    assert too_many.code == 3
    assert "2 of 26 files cannot be used" in " ".join(too_many.err.split())
    accepted = call("run", *doses, *two, *settings, "--json", "--accept", "both are empty")
    assert accepted.code == 0
    assert accepted.json["run_dir"] != done.json["run_dir"]


def test_a_run_of_few_files_needs_each(district: District, tmp_path: Path) -> None:
    (tmp_path / "zip.xlsx").write_bytes(b"PK no workbook")
    settings = ("--index", district.index, "--out", tmp_path / "runs", "--accept", "as it is")
    few = call("run", "--doses", district.path("doses"), "--doses", tmp_path / "zip.xlsx", *settings)
    assert (few.code, few.err.startswith("linkage: zip.xlsx: not a sound workbook")) == (2, True)
    mistyped = call("run", "--doses", district.path("doses"), "--doses", tmp_path / "dosse.csv", *settings)
    assert (mistyped.code, "dosse.csv: no such file" in mistyped.err) == (2, True)


def test_every_unusable_file_is_named_where_they_stop_the_run() -> None:
    def batch(n_aside: int, n_files: int) -> Ingested:
        aside = tuple(SetAside(f"{n}.csv", Path(f"{n}.csv"), f"{n}.csv: is empty", None) for n in range(n_aside))
        sound = FileCount("a.csv", Path("a.csv"), "csv", "", 1, 1, 0, None)
        none = DOSES.arrow().empty_table()
        return Ingested(Records.of(none), none, (sound,) * (n_files - n_aside), set_aside=aside)

    with pytest.raises(InputError, match=r"0.csv: is empty; 1.csv: is empty; or leave these files out"):
        check_set_aside(batch(2, 5), None)
    with pytest.raises(QualityGateError, match=r"2 of 25 files cannot .*, more than 5%: 0.csv: is empty; 1.csv: is em"):
        check_set_aside(batch(2, 25), None)
    with pytest.raises(QualityGateError, match=r"4.csv: is empty; and 2 more; mend"):
        check_set_aside(batch(7, 25), None)


def test_a_syllable_too_many_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.encode.syllables.MAX_SYLLABLES", 4)
    dictionary = SyllableDictionary()
    names = split_names(canonical_names(pa.array(["An Bá", "Cát Dũng", "An Bá Cát", None])))
    encoded = dictionary.encode(names).syllables
    assert len(dictionary.syllables) == 4
    assert np.count_nonzero(encoded[0]) == 2
    assert encoded[[1, 3]].tolist() == [[0] * 6] * 2
    assert np.count_nonzero(encoded[2]) == 3
    grown = dictionary.encode(split_names(canonical_names(pa.array(["Bá An", "Giang"])))).syllables
    assert np.count_nonzero(grown[0]) == 2
    assert not grown[1].any()


def test_what_is_no_file_is_set_aside_among_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a pipe, a loop of links, a file of the kernel's, and one in a folder that may not be entered."""
    closed = tmp_path / "closed" / "x.csv"
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "kernel.csv").symlink_to("/proc/self/status")
    sound = [csv_file(tmp_path / f"{number}.csv", f"D{number}") for number in range(3)]
    odd = [tmp_path / f"{name}.csv" for name in ("folder", "pipe", "loop", "kernel")]
    stat = Path.stat

    def refused(path: Path, **settings: bool) -> os.stat_result:
        if path == closed:  # whoever tests this may be root, who enters any folder
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **settings)

    monkeypatch.setattr(Path, "stat", refused)
    batch = ingest([sound[0], closed, sound[1], *odd, sound[2]], DOSES, strict=False)
    assert batch.accepted.column("dose_id").to_pylist() == ["D0", "D1", "D2"]
    reasons = [found.reason for found in batch.set_aside]
    names = ["x.csv", "folder.csv", "pipe.csv", "loop.csv", "status"]
    assert [reason.partition(": ")[0] for reason in reasons] == names
    assert "may not be read by this user" in reasons[0]
    assert [found.sha256 for found in batch.set_aside] == [None] * 5
    for path in (closed, *odd):
        with pytest.raises(InputError, match=path.resolve().name if path.name == "kernel.csv" else path.name):
            ingest([sound[0], path], DOSES)
