"""What changes do to an index, and that compacted it is, byte by byte, the index of the changed registry."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pyarrow as pa
import pytest

from linkage.errors import InputError, UsageError, VerificationError
from linkage.ingest.duplicates import hash_keys
from linkage.machine.clock import today
from linkage.registry.change_rows import DEATH, with_statuses
from linkage.registry.contradictions import BIRTH, contradictions_within, days_of_death
from linkage.registry.from_files import apply_changes, compact_index
from linkage.registry.index import open_index, verify_index
from linkage.registry.persons_by_id import hash_of, persons_by_id
from linkage.registry.rollback import roll_back
from linkage.simulate import simulate
from tests.changes import build, changes_csv, contents
from tests.district import Row, call, rows_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry")
    simulate(600, 100, 5, folder, area="bao-lam")
    return folder


@pytest.fixture(scope="module")
def persons(folder: Path) -> list[Row]:
    return rows_of(folder / "registry.parquet")


def test_new_changed_and_removed_persons(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    changed = persons[3] | {"full_name": "Cil Yú Ha Krajan Múp", "residence_commune_code": None, "phone": "0912345687"}
    moved = persons[4] | {"commune_code": persons[300]["commune_code"], "id_number": None}
    removed = {"person_id": persons[8]["person_id"], "full_name": None, "status": " Removed "}
    unknown = {"person_id": "NOBODY", "full_name": None, "status": "removed"}
    index = build(folder, persons[:-5], tmp_path / "old")
    path = changes_csv(tmp_path / "changes.csv", [changed, moved, removed, unknown, *persons[-5:]])
    ended = call("index", "apply", path, "--index", index, "--json")
    assert ended.code == 0, ended.err
    counts = {name: ended.json[name] for name in ("persons", "new", "changed", "removed", "removed_unknown")}
    assert counts == {"persons": 599, "new": 5, "changed": 2, "removed": 1, "removed_unknown": 1}
    after = [changed, moved, *persons[:3], *persons[5:8], *persons[9:]]
    verify_index(open_index(index))
    _check_found_by_id(index, after, [removed, unknown])
    ended = call("index", "compact", "--index", index, "--json")
    assert ended.code == 0, ended.err
    assert ended.json["persons"] == 599
    assert contents(index) == contents(build(folder, after, tmp_path / "new"))
    _check_found_by_id(index, after, [removed, unknown])
    verify_index(open_index(index))
    assert [source["file"] for source in open_index(index).manifest["inputs"]] == ["old.parquet", "changes.csv"]


def _check_found_by_id(index: Path, living: list[Row], gone: list[Row]) -> None:
    """Every person is found by id alone, as last changed, and nobody who is gone."""
    opened = open_index(index)
    ids = [row["person_id"] for row in (*living, *gone)]
    found, _ = persons_by_id(index, opened.manifest["content"], ids)
    expected = opened.persons.take(opened.rows_of(pa.array(ids[: len(living)])))
    assert sorted(found.to_pylist(), key=str) == sorted(expected.to_pylist(), key=str)


def test_a_hash_without_a_kernel_is_that_of_the_kernel() -> None:
    texts = ["", "a", "12345678", "123456789", "Nguyễn Thị Bé Ba", "079199912345" * 9]
    assert [hash_of(text) for text in texts] == hash_keys(pa.chunked_array([pa.array(texts)])).tolist()


def test_a_status_that_is_not_known_is_refused(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    """A slip in the word would put an empty row in the place of the person."""
    index = build(folder, persons, tmp_path / "old")
    before = contents(index)
    slip = {"person_id": persons[0]["person_id"], "full_name": None, "status": "remove"}
    path = changes_csv(tmp_path / "changes.csv", [persons[1], slip])
    ended = call("index", "apply", path, "--index", index)
    assert ended.code == 2
    assert "changes.csv: record 2: status 'remove' is none of alive, deceased, emigrated, removed" in ended.err
    assert contents(index) == before


def test_applied_twice_changes_nothing_more(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    removal = {"person_id": persons[0]["person_id"], "full_name": None, "status": "removed"}
    path = changes_csv(tmp_path / "changes.csv", [removal, persons[1] | {"phone": "0987654312"}])
    first = apply_changes(path, index)
    once = contents(index)
    second = apply_changes(path, index)
    assert contents(index) == once
    assert (first.new, first.changed, first.removed, first.removed_unknown) == (0, 1, 1, 0)
    assert (second.new, second.changed, second.removed, second.removed_unknown) == (0, 0, 0, 1)
    assert second.index.folder == first.index.folder


def test_who_came_and_went_again_leaves_nothing_behind(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons[1:], tmp_path / "old")
    before = contents(index)
    apply_changes(changes_csv(tmp_path / "new.csv", [persons[0]]), index)
    assert open_index(index).n_persons == len(persons)
    applied = apply_changes(changes_csv(tmp_path / "gone.csv", [persons[0] | {"status": "removed"}]), index)
    assert (applied.removed, applied.index.n_persons) == (1, len(persons) - 1)
    assert contents(index) == before
    assert applied.index.changes is None


def test_people_only_go(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    gone = [row | {"status": "removed"} for row in persons[::3]]
    applied = apply_changes(changes_csv(tmp_path / "gone.csv", gone), index)
    left = [row for row in persons if row not in persons[::3]]
    assert (applied.removed, applied.index.n_persons) == (len(gone), len(left))
    verify_index(applied.index)
    compact_index(index)
    assert contents(index) == contents(build(folder, left, tmp_path / "new"))


def test_the_files_of_the_large_part_are_not_copied(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    before = open_index(index)
    changed = persons[0] | {"phone": "0987654312"}
    after = apply_changes(changes_csv(tmp_path / "new.csv", [changed]), index).index
    assert after.folder != before.folder
    for name in before.manifest["files"]:
        assert (after.folder / name).samefile(before.folder / name)


def test_no_changes(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    before = contents(index)
    path = tmp_path / "changes.csv"
    path.write_text("person_id,full_name\n")
    applied = apply_changes(path, index)
    assert (applied.new, applied.changed, applied.removed, applied.removed_unknown) == (0, 0, 0, 0)
    assert contents(index) == before


def test_one_bad_row_applies_nothing(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    before, version = contents(index), open_index(index).folder
    path = tmp_path / "changes.csv"
    path.write_text(f"person_id,full_name,status\n{persons[0]['person_id']},,removed\n,Không Mã,alive\n")
    ended = call("index", "apply", path, "--index", index)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err == (
        "linkage: changes.csv: 1 row cannot be used (the first: record 2, missing_person_id); "
        "mend them, nothing was applied\n"
    )
    assert open_index(index).folder == version
    assert contents(index) == before


def test_an_index_is_not_emptied(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons[:2], tmp_path / "old")
    removals = [{"person_id": row["person_id"], "full_name": None, "status": "removed"} for row in persons[:2]]
    path = changes_csv(tmp_path / "changes.csv", removals)
    with pytest.raises(InputError, match="nobody to link with"):
        apply_changes(path, index)
    assert open_index(index).n_persons == 2


def test_an_earlier_version_can_be_opened_by_its_content(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    first = open_index(index)
    path = changes_csv(tmp_path / "changes.csv", [persons[0] | {"full_name": "Đổi Tên"}])
    apply_changes(path, index)
    assert open_index(index).manifest["content"] != first.manifest["content"]
    assert open_index(index, first.manifest["content"]).folder == first.folder
    with pytest.raises(InputError, match="no version of the index"):
        open_index(index, "0" * 64)


def test_a_file_that_lacks_columns_is_refused_or_told_what_it_means(
    folder: Path, persons: list[Row], tmp_path: Path
) -> None:
    index = build(folder, persons, tmp_path / "old")
    old = next(row for row in persons if row["phone"] and row["ethnicity"])
    moved = {"person_id": old["person_id"], "full_name": None, "commune_code": persons[1]["commune_code"]}
    path = changes_csv(tmp_path / "moves.csv", [moved, {"person_id": "NEW1", "full_name": "Lê Mới"}])
    ended = call("index", "apply", path, "--index", index)
    assert ended.code == 2
    told = " ".join(ended.err.split())
    assert "moves.csv: has no column" in told
    assert "phone" in told
    assert "nothing was applied" in told
    assert call("index", "apply", path, "--index", index, "--partial", "--whole").code == 2
    assert call("index", "apply", path, "--index", index, "--partial", "--json").json["changed"] == 1
    assert person(index, old["person_id"]) == old | {"commune_code": moved["commune_code"]}
    assert person(index, "NEW1")["phone"] is None
    assert call("index", "apply", path, "--index", index, "--whole", "--json").json["changed"] == 1
    assert person(index, old["person_id"])["phone"] is None
    assert person(index, old["person_id"])["full_name"] is None


def test_a_placeholder_states_nothing_in_a_partial_change(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    old = next(row for row in persons if row["phone"] and row["date_of_birth"])
    row = {"person_id": old["person_id"], "full_name": "#REF!", "date_of_birth": "N/A", "phone": "-", "gender": "Nữ"}
    apply_changes(changes_csv(tmp_path / "moves.csv", [row]), index, partial=True)
    assert person(index, old["person_id"]) == old | {"gender": "Nữ"}


@pytest.mark.parametrize("options", [["--partial"], []])
def test_what_cannot_be_read_replaces_nothing_that_can(
    folder: Path, persons: list[Row], tmp_path: Path, options: list[str]
) -> None:
    index = build(folder, persons, tmp_path / "old")
    good = [row for row in persons if all(row[name] for name in ("date_of_birth", "id_number", "gender", "phone"))]
    slips = {"date_of_birth": "31/02/1980", "id_number": "abc", "gender": "banana", "phone": "12", "full_name": "12345"}
    slips |= {"commune_code": "banana", "ethnicity": "Klingon", "date_of_birth": "31/02/1980"}
    rows = [good[0] | slips, good[1] | {"date_of_birth": "01/01/2999", "phone": "0987654312"}]
    path = changes_csv(tmp_path / "slips.csv", [{name: row[name] for name in persons[0]} for row in rows])
    ended = call("index", "apply", path, "--index", index, "--json", *options)
    assert ended.code == 0, ended.err
    assert person(index, good[0]["person_id"]) == good[0]
    assert person(index, good[1]["person_id"]) == good[1] | {"phone": "0987654312"}
    told = " ".join(ended.err.split())
    assert "slips.csv: date_of_birth: 2 values cannot be read (the first: record 1, '99/99/9999')" in told
    assert "slips.csv: id_number: 1 value cannot be read (the first: record 1, 'aaa')" in told
    unread = {"date_of_birth": 2} | dict.fromkeys(
        [name for name in slips if name != "date_of_birth" and good[0][name]], 1
    )
    assert ended.json["unread"] == unread
    assert open_index(index).manifest["inputs"][-1]["unread_values_not_applied"] == unread


def test_what_can_be_read_replaces_what_cannot(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    """Of two that cannot be read the new one counts, as in an index that is built of it."""
    old = [persons[0] | {"date_of_birth": "31/02/1980", "phone": "n"}, persons[1] | {"phone": None}, *persons[2:]]
    index = build(folder, old, tmp_path / "old")
    rows = [old[0] | {"date_of_birth": "02/1980", "phone": "p"}, old[1] | {"phone": "p"}]
    assert not apply_changes(changes_csv(tmp_path / "new.csv", rows), index).unread
    assert [person(index, row["person_id"]) for row in rows] == rows


def person(index: Path, person_id: str) -> Row:
    opened = open_index(index)
    return opened.take(opened.rows_of(pa.array([person_id])), opened.persons.schema.names).to_pylist()[0]


def test_new_people_need_no_columns(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    applied = apply_changes(changes_csv(tmp_path / "new.csv", [{"person_id": "N1", "full_name": "Lê Mới"}]), index)
    assert (applied.new, applied.changed) == (1, 0)


def test_the_same_file_again_is_nothing_to_do(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    path = changes_csv(tmp_path / "changes.csv", [persons[0] | {"phone": "0987654312"}, persons[1]])
    assert call("index", "apply", path, "--index", index, "--json").json["changed"] == 1
    version = open_index(index).folder
    again = call("index", "apply", path, "--index", index, "--json")
    assert "nothing to do" in again.err
    assert (again.json["changed"], open_index(index).folder) == (0, version)


def test_statuses_in_vietnamese(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    words = ["Đã xóa", "tử vong", "XUẤT CẢNH", "Còn sống", " da chet "]
    rows = [row | {"status": word} for row, word in zip(persons, words, strict=False)]
    applied = apply_changes(changes_csv(tmp_path / "changes.csv", rows), index)
    assert (applied.removed, applied.changed) == (1, 3)  # who is still alive has not changed
    ended = call(
        "index", "apply", changes_csv(tmp_path / "slip.csv", [persons[5] | {"status": "xoá bỏ?"}]), "--index", index
    )
    assert "record 1: status 'xoá bỏ?' is none of" in ended.err


@pytest.mark.parametrize("word", ["còn sống", "Đang cư trú", "ALIVE"])
def test_alive_in_other_words_is_nothing_to_do(folder: Path, persons: list[Row], tmp_path: Path, word: str) -> None:
    index = build(folder, persons, tmp_path / "old")
    alive = next(row for row in persons if row["status"] == "alive")
    applied = apply_changes(changes_csv(tmp_path / "a.csv", [alive | {"status": word}]), index)
    assert (applied.changed, open_index(index).folder.name[:7]) == (0, "v000001")


def test_what_means_the_same_is_the_same_in_an_index(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    """Whoever states no status is alive, unless a date of death is stated; the same after changes and in a build."""
    one, other = persons[0] | {"status": "alive", "date_of_death": None}, persons[1]
    words = ("alive", "còn sống", "ALIVE", None)
    contents = []
    for word in words:
        index = build(folder, [one | {"status": word}, *persons[1:]], tmp_path / str(word))
        contents.append(open_index(index).manifest["content"])
        for number, again in enumerate(words):
            changes = changes_csv(tmp_path / f"{word}{number}.csv", [one | {"status": again}, other])
            assert apply_changes(changes, index).changed == 0
    assert len(set(contents)) == 1
    dead = other | {"status": None, "date_of_death": "2020-01-01"}
    kept = with_statuses(pa.Table.from_pylist([dead, other | {"status": "?"}])).column("status")
    assert kept.to_pylist() == [None, "?"]


def test_what_a_file_of_changes_does_not_give_is_told_and_kept(
    folder: Path, persons: list[Row], tmp_path: Path
) -> None:
    """A column that is not read, what new people state and nobody can read, and what cannot be so."""
    index = build(folder, persons, tmp_path / "old")
    number = next(row["id_number"] for row in persons if row["id_number"])
    row = dict.fromkeys(persons[0]) | {"person_id": "N1", "full_name": "Lê Mới", "id_number": number}
    path = changes_csv(tmp_path / "new.csv", [row | {"date_of_birth": "khi xưa", "merged_into": "N0"}])
    ended = call("index", "apply", path, "--index", index, "--json")
    told = " ".join(ended.err.split())
    assert "new.csv: columns ignored: merged_into" in told
    assert (
        "date_of_birth: 1 value cannot be read (the first: record 1, 'aaa aaa'); new people are without: correct"
        in told
    )
    assert ended.json["unread"] == {"date_of_birth": 1}
    kept = open_index(index).manifest["inputs"][-1]
    assert kept["unread_values_not_applied"] == {"date_of_birth": 1}
    assert kept["contradictions"] == {"number_of_another": 1}


def test_a_change_is_taken_back_and_made_again(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    before, first = open_index(index), person(index, persons[0]["person_id"])
    changed = changes_csv(tmp_path / "changes.csv", [persons[0] | {"full_name": "Nguyễn Thị Mới"}])
    apply_changes(changed, index)
    after = open_index(index)
    assert person(index, persons[0]["person_id"])["full_name"] == "Nguyễn Thị Mới"
    taken_back = roll_back(index)
    assert taken_back.folder == before.folder == open_index(index).folder
    assert person(index, persons[0]["person_id"]) == first
    with pytest.raises(UsageError, match="has no version before v000001"):
        roll_back(index)
    with pytest.raises(UsageError, match=r"has no version 'v9'; it has v000002-.*, v000001-"):
        roll_back(index, "v9")
    assert roll_back(index, after.folder.name).manifest["content"] == after.manifest["content"]
    roll_back(index)
    apply_changes(changed, index)
    assert open_index(index).manifest["content"] == after.manifest["content"]
    assert open_index(index).folder.name.startswith("v000003-")


def test_a_damaged_version_is_not_put_in_force(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    first = open_index(index).folder
    compact_index(index)
    damaged = next(path for path in sorted((first / "columns").iterdir()) if path.stat().st_size > 1000)
    content = bytearray(damaged.read_bytes())
    content[700] ^= 4
    damaged.unlink()  # its other names keep the sound content
    damaged.write_bytes(content)
    with pytest.raises(VerificationError, match=re.escape(damaged.name)):
        roll_back(index)
    assert open_index(index).folder != first


def test_what_cannot_be_so_is_told_by_person(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    index = build(folder, persons, tmp_path / "old")
    good = [row for row in persons if row["id_number"] and row["date_of_birth"] and not row["date_of_death"]][:9]
    empty = dict.fromkeys(persons[0])
    rows = [
        good[0] | {"id_number": good[1]["id_number"]},
        good[2] | {"id_number": good[3]["id_number"]},  # the two exchange their numbers, which is a correction
        good[3] | {"id_number": good[2]["id_number"]},
        good[4] | {"status": "deceased", "date_of_death": "1850-01-01"},
        good[5] | {"status": "deceased", "date_of_death": "31/02/2020"},
        empty | {"person_id": "N1", "full_name": "Lê Mới", "id_number": good[6]["id_number"]},
        empty | {"person_id": "N2", "full_name": "Lê Mới", "date_of_birth": "2090-01-01"},
        empty | {"person_id": "N3", "full_name": "Lê Mới", "id_number": good[7]["id_number"]},
        good[7] | {"status": "removed"},
        good[8] | {"date_of_death": "2091-01-01"},
        empty | {"person_id": "N4", "full_name": "Lê Mới", "commune_code": "99999"},
    ]
    ended = call("index", "apply", changes_csv(tmp_path / "new.csv", rows), "--index", index, "--json")
    assert ended.code == 0, ended.err
    told = " ".join(ended.err.split())
    shared = f"{good[0]['person_id']}, N1"
    assert f"new.csv: 2 people with a number of identity that another person has too: {shared};" in told
    assert f"1 person who died before they were born: that date is not read: {good[4]['person_id']};" in told
    assert f"1 person with a date of death that cannot be read: {good[5]['person_id']};" in told
    assert re.search("1 person born after 20[0-9-]+: N2;", told)
    assert f"1 person who died after {today()}: {good[8]['person_id']};" in told
    assert "1 person with the code of a commune that the units do not have: N4;" in told
    assert not any(str(row["full_name"]) in ended.err for row in good)
    counts = {"number_of_another": 2, "birth_to_come": 1, "death_before_birth": 1, "death_unread": 1}
    assert ended.json["contradictions"] == counts | {"death_to_come": 1, "death_of_living": 1, "commune_unknown": 1}
    again = call("index", "apply", changes_csv(tmp_path / "again.csv", rows), "--index", index, "--json")
    assert again.code == 0
    assert "contradictions" not in again.json  # nothing changes, so nothing is told anew


def test_a_build_tells_what_an_apply_tells(
    folder: Path, persons: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [row for row in persons if row["id_number"] and row["date_of_birth"] and not row["date_of_death"]][:9]
    changed = [
        good[0] | {"id_number": good[1]["id_number"], "old_id_number": good[1]["id_number"]},
        good[2] | {"status": "deceased", "date_of_death": "1850-01-01"},
        good[3] | {"status": "deceased", "date_of_death": "31/02/2020"},
        good[4] | {"date_of_birth": "2090-01-01"},
        good[5] | {"date_of_death": "2091-01-01"},
        good[6] | {"status": "đã chuyển đi"},
        good[7] | {"status": "còn sống", "commune_code": "99999"},
        good[8] | {"status": "removed", "residence_commune_code": "99998"},
    ]
    # Old numbers were given twice now and then, which is told too.
    by_id = {row["person_id"]: row for row in [*persons, *changed]}
    bearers: dict[str, set[str]] = {}
    for row in by_id.values():
        for number in {row["id_number"], row["old_id_number"]} - {None}:
            bearers.setdefault(number, set()).add(row["person_id"])
    sharing = set().union(*(people for people in bearers.values() if len(people) > 1))
    assert {good[0]["person_id"], good[1]["person_id"]} <= sharing
    path = changes_csv(tmp_path / "registry.csv", list(by_id.values()))
    settings = ("--units", folder / "units", "--json")
    ended = call("index", "build", path, "--out", tmp_path / "index", *settings)
    told = " ".join(ended.err.split())
    assert f"the registry: {len(sharing)} people with a number of identity that another person has too: " in told
    assert f"1 person who died before they were born: that date is not read: {good[2]['person_id']};" in told
    assert f"1 person with a date of death that cannot be read: {good[3]['person_id']};" in told
    assert re.search(f"1 person born after 20[0-9-]+: {good[4]['person_id']};", told)
    assert f"1 person who died after {today()}: {good[5]['person_id']};" in told
    assert re.search(r"2 people with the code of a commune that the units do not have: \w+, \w+;", told)
    assert "2 people with a status that is none of alive, deceased, emigrated: " in told
    counts = {"number_of_another": len(sharing), "birth_to_come": 1, "death_before_birth": 1, "death_unread": 1}
    living = f"1 person with a date of death, which counts, beside the status alive: {good[5]['person_id']};"
    assert living in told
    counts |= {"death_to_come": 1, "death_of_living": 1, "commune_unknown": 2, "status_unknown": 2}
    assert ended.json["contradictions"] == counts
    monkeypatch.setattr("linkage.registry.contradictions._NUMBERS_AT_ONCE", 100)
    monkeypatch.setattr("linkage.registry.contradictions._CHUNK_ROWS", 64)
    in_parts = contradictions_within(open_index(tmp_path / "index"), today())
    assert {found.name: found.n for found in in_parts} == ended.json["contradictions"]


def test_a_death_before_the_birth_is_not_read(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    dead = [row | {"date_of_birth": "1990-05-01", "date_of_death": "2020-01-01"} for row in persons[:1]]
    index = build(folder, [*dead, *persons[1:]], tmp_path / "old")
    ended = call(
        "index", "apply", changes_csv(tmp_path / "c.csv", [dead[0] | {"date_of_death": "1990-04"}]), "--index", index
    )
    assert "date_of_death: 1 value cannot be read or is before the birth" in " ".join(ended.err.split())
    assert person(index, dead[0]["person_id"])["date_of_death"] == "2020-01-01"
    people = pa.table({BIRTH: ["1990-05-01"] * 3 + ["65"], DEATH: ["1990-04-30", "1990", "2021-02-03", "1990-01-01"]})
    day = [datetime.date.fromordinal(n) if n > 0 else None for n in days_of_death(people, datetime.date(2021, 5, 1))]
    assert day == [None, None, datetime.date(2021, 2, 3), datetime.date(1990, 1, 1)]


@pytest.mark.parametrize("options", [("--partial",), ()])
def test_changes_need_no_column_but_the_id(
    folder: Path, persons: list[Row], tmp_path: Path, options: tuple[str, ...]
) -> None:
    index = build(folder, persons, tmp_path / "old")
    gone = [{"person_id": persons[0]["person_id"], "status": "removed"}]
    assert call("index", "apply", changes_csv(tmp_path / "gone.csv", gone), "--index", index, *options).code == 0
    assert open_index(index).n_persons == len(persons) - 1
    phones = [{"person_id": persons[1]["person_id"], "phone": "0912345678"}]
    ended = call("index", "apply", changes_csv(tmp_path / "phones.csv", phones), "--index", index, *options)
    if options:
        assert ended.code == 0, ended.err
        assert person(index, persons[1]["person_id"]) == persons[1] | {"phone": "0912345678"}
    else:
        assert (ended.code, "has no column" in ended.err) == (2, True)
    slip = [phones[0] | {"person_id": persons[1]["person_id"].lower()}]
    ended = call("index", "apply", changes_csv(tmp_path / "slip.csv", slip), "--index", index, *options)
    assert ended.code == 2
    told = "slip.csv: 1 person is not in the index, and new people need the column full_name: correct the person_id"
    assert told in " ".join(ended.err.split())


@pytest.mark.parametrize("form", ["semicolons", "utf-16", "lost zeros"])
def test_units_that_a_spreadsheet_saved_again(folder: Path, persons: list[Row], tmp_path: Path, form: str) -> None:
    (tmp_path / "units").mkdir()
    for path in (folder / "units").glob("*.csv"):
        text = path.read_text("utf-8-sig")
        if form == "semicolons":
            content = text.replace(",", ";").encode("utf-8-sig")
        elif form == "utf-16":
            content = text.replace(",", "\t").encode("utf-16")
        else:
            content = re.sub(r"(^|,)0+(?=\d)", r"\1", text, flags=re.M).encode()
        (tmp_path / "units" / path.name).write_bytes(content)
    index = open_index(build(folder, persons, tmp_path / "old"))
    again = call("index", "build", tmp_path / "old.parquet", "--units", tmp_path / "units", "--out", tmp_path / "new")
    assert again.code == 0, again.err
    for name, column in open_index(tmp_path / "new").columns.items():
        assert column.large.tobytes() == index.columns[name].large.tobytes()


def test_units_of_other_communes_are_told(folder: Path, persons: list[Row], tmp_path: Path) -> None:
    elsewhere = [row | {"commune_code": "99999"} for row in persons]
    build(folder, elsewhere, tmp_path / "old")
    ended = call("index", "build", tmp_path / "old.parquet", "--units", folder / "units", "--out", tmp_path / "new")
    told = " ".join(ended.err.split())
    assert f"the registry: commune_code: {len(persons)} of {len(persons)} codes are none of" in told
