"""However an index is built, it is the same, and what disturbs a build leaves the version in force alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.encode.dictionaries import Dictionaries
from linkage.errors import LinkageError, VerificationError
from linkage.ingest.records import Records
from linkage.plan.reading import load_plan, plan_from
from linkage.registry import build as registry_build
from linkage.registry.build import build_index
from linkage.registry.index import Index, open_index, stored_passes, verify_index
from linkage.registry.partitions import partition_bits
from linkage.registry.person_keys import encode_persons
from linkage.registry.persons import CHUNK_ROWS
from linkage.simulate import simulate
from linkage.standardise.places import Units

PLAN = load_plan()
WORDS = plan_from(
    {
        "format": 1,
        "name": "words",
        "right_id": "id",
        "field": [{"name": name, "kind": "text", "left": [name], "right": [name]} for name in ("given", "town")],
        "pass": [{"name": "town", "left": ["town"], "right": ["town"], "narrow": "given.prefix"}],
        "comparison": [
            {
                "name": "given",
                "kind": "text",
                "left": ["given"],
                "right": ["given"],
                "measure": "levenshtein",
                "thresholds": [1],
                "m": [0.8, 0.1, 0.1],
                "term_frequency": True,
            }
        ],
    },
    "words",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry")
    simulate(1500, 100, 5, folder, area="bao-lam")
    return folder


@pytest.fixture(scope="module")
def persons(folder: Path) -> pa.Table:
    return pq.read_table(folder / "registry.parquet")


@pytest.fixture(scope="module")
def whole(folder: Path, persons: pa.Table) -> Index:
    """Built in one chunk and one partition."""
    return build_index(Records.of(persons), PLAN, folder / "whole", units_folder=folder / "units", n_threads=1)


@pytest.mark.parametrize(("chunk_rows", "partition_rows", "n_threads"), [(100, 400, 1), (333, 20, 3), (1500, 1, 2)])
def test_chunks_partitions_and_threads_do_not_show(
    folder: Path, persons: pa.Table, whole: Index, tmp_path: Path, chunk_rows: int, partition_rows: int, n_threads: int
) -> None:
    order = np.random.default_rng(chunk_rows).permutation(persons.num_rows)
    records = Records.of(persons.take(pa.array(order)), chunk_rows)
    units = folder / "units"
    built = build_index(records, PLAN, tmp_path, units_folder=units, n_threads=n_threads, partition_rows=partition_rows)
    assert built.manifest["files"] == whole.manifest["files"]
    assert built.manifest["content"] == whole.manifest["content"]


def test_the_ids_of_words_do_not_depend_on_the_order_of_the_rows(tmp_path: Path) -> None:
    """No word of a later chunk, sorted, comes after those of the first."""
    rows = [{"id": f"{i:02d}", "given": f"{chr(122 - i % 23)}{i % 7}", "town": f"t{i * 7 % 5}"} for i in range(60)]
    table = pa.Table.from_pylist([*rows, {"id": "99", "given": None, "town": None}])
    built = [
        build_index(Records.of(table.take(pa.array(order)), size), WORDS, tmp_path / str(size), partition_rows=size)
        for size, order in ((61, np.arange(61)), (7, np.arange(61)[::-1]))
    ]
    assert built[0].manifest["content"] == built[1].manifest["content"]
    index = built[1]
    assert index.dictionaries.words["given"] == ["", *sorted({row["given"] for row in rows})]
    read = index.persons.read()
    for name in ("given", "town"):
        words = [index.dictionaries.words[name][i] for i in index.columns[name].large.tolist()]
        assert words == [text or "" for text in read.column(name).to_pylist()]


def test_the_columns_are_those_of_the_rows_encoded_at_once(whole: Index) -> None:
    """All in the order of the rows, with the dictionaries that a table sorted beforehand would have got."""
    dictionaries = Dictionaries(
        Units.load(whole.folder / "units"), whole.dictionaries.commune_date, whole.dictionaries.latest_date
    )
    columns = encode_persons(whole.persons.read(), PLAN, dictionaries)
    assert dictionaries.syllables.syllables == whole.dictionaries.syllables.syllables
    assert whole.columns.keys() < columns.keys()
    for name, column in whole.columns.items():
        assert np.array_equal(column.large, columns[name]), name


def test_passes_that_ask_the_registry_the_same_share_their_files(whole: Index) -> None:
    stored = stored_passes(PLAN)
    assert {name: of for name, of in stored.items() if name != of} == {"id_number_slip": "id_number"}
    assert whole.passes["id_number_slip"] is whole.passes["id_number"]
    names = {path.name.partition(".")[0] for path in (whole.folder / "passes").iterdir()}
    assert names == set(stored.values())


def test_rows_are_taken_in_any_order_and_found_by_id(whole: Index, persons: pa.Table) -> None:
    few, many = np.array([7, -1, 3, 1499, 7, 0, -1]), np.append(np.arange(1499, 0, -7), -1)
    read = whole.persons.read(["full_name", "person_id"]).to_pylist()
    nobody = {"full_name": None, "person_id": None}
    for rows in (many, few):
        taken = whole.take(rows, ["full_name", "person_id"])
        assert taken.to_pylist() == [read[row] if row >= 0 else nobody for row in rows]
    assert whole.take(np.array([-1]), ["person_id"]).to_pylist() == [{"person_id": None}]
    assert whole.take(np.zeros(0, np.int64)).num_rows == 0
    ids = pa.chunked_array([taken.column("person_id"), pa.array(["nobody"])])
    assert whole.rows_of(ids).tolist() == [*rows.tolist(), -1]


def test_rows_of_chunks_that_are_read_whole_and_by_value_stand_together(
    persons: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkage.registry.persons.CHUNK_ROWS", 100)
    index = build_index(Records.of(persons), PLAN, tmp_path)
    rows = np.concatenate([np.arange(120, 160), [250, 231, 140, 1499]])
    rows = np.random.default_rng(1).permutation(rows)
    read = index.persons.read()
    assert index.take(rows).to_pylist() == read.take(pa.array(rows)).to_pylist()
    names = ["full_name", "person_id"]
    assert index.take(rows, names).to_pylist() == read.select(names).take(pa.array(rows)).to_pylist()


def test_persons_are_stored_in_chunks_of_one_size(tmp_path: Path) -> None:
    n = 2 * CHUNK_ROWS + 5
    table = pa.table({"id": [f"{i:07d}" for i in range(n)], "given": ["an"] * n, "town": ["b"] * n})
    index = build_index(Records.of(table), WORDS, tmp_path)
    rows = np.array([n - 1, 0, CHUNK_ROWS, CHUNK_ROWS - 1, 2 * CHUNK_ROWS])
    assert index.take(rows, ["id"]).column(0).to_pylist() == [f"{row:07d}" for row in rows]
    assert [chunk.num_rows for chunk in index.persons.chunks()] == [CHUNK_ROWS, CHUNK_ROWS, 5]


def test_a_failed_build_leaves_the_version_in_force_and_nothing_else(
    persons: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build_index(Records.of(persons), PLAN, tmp_path)
    left = tmp_path / ".linkage-work-0123456789abcdef"
    (left / "partitions").mkdir(parents=True)

    def full(*_: object, **__: object) -> None:
        (folder,) = tmp_path.glob(".linkage-work-*")
        assert folder != left, "what was left behind goes first"
        assert not any((folder / "partitions").glob("*.arrows")), "consumed partitions are gone"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry_build, "build_pass", full)
    with pytest.raises(LinkageError, match="No space"):
        build_index(Records.of(persons), PLAN, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", before.folder.name]
    assert open_index(tmp_path).manifest == before.manifest


def test_a_changed_file_is_named(persons: pa.Table, tmp_path: Path) -> None:
    index = build_index(Records.of(persons), PLAN, tmp_path)
    verify_index(index)
    path = index.folder / "columns" / "phone.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(VerificationError, match=r"columns/phone\.npy: is damaged .*; build the index again"):
        open_index(tmp_path)


@pytest.mark.parametrize("name", ["columns/phone.npy", "persons.arrow"])
@pytest.mark.parametrize("size", [0, 100, 200])
def test_a_file_that_was_cut_off_is_told_from_an_index(persons: pa.Table, tmp_path: Path, name: str, size: int) -> None:
    """Nothing in it, a part of the header, a part of the array."""
    index = build_index(Records.of(persons), PLAN, tmp_path)
    path = index.folder / name
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(VerificationError, match=r"is damaged .*; build the index again"):
        open_index(tmp_path)


def test_persons_are_mapped_for_reading_all_and_for_reading_a_few(whole: Index) -> None:
    """What is read ahead of a page would be the whole file where a few rows are taken."""
    flags = _flags_of(whole.folder / "persons.arrow")
    assert {"rr" in of_map for of_map in flags} == {False, True}


def _flags_of(path: Path) -> list[list[str]]:
    """How the kernel has mapped a file (proc_pid_smaps, VmFlags; "rr": read at random)."""
    mapped, flags = False, []
    for line in Path("/proc/self/smaps").read_text("utf-8").splitlines():
        words = line.split()
        mapped = words[-1] == str(path) if "-" in words[0] else mapped
        if mapped and words[0] == "VmFlags:":
            flags.append(words[1:])
    return flags


@pytest.mark.parametrize(("n_rows", "n_bits"), [(1, 0), (100, 0), (101, 1), (200, 1), (201, 2), (401, 3)])
def test_partitions_are_about_as_large_as_asked(n_rows: int, n_bits: int) -> None:
    assert partition_bits(n_rows, 100) == n_bits
