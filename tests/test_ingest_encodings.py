"""Files in the encodings before UTF-8: read where their words prove it, refused by name where letters are lost."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from linkage.errors import InputError
from linkage.ingest import Ingested, ingest
from linkage.schema import DOSES
from linkage.standardise.names import canonical_name

NAMES = ["Đặng Đình Đức", "Phùng Khắc Trạng", "Khuất Thị Bích Liễu", "Doãn Quốc Toàn", "Bùi Dương Minh Triết"]
TONES = {ord(mark): None for mark in "\u0300\u0301\u0303\u0309\u0323"}


def windows_1258(text: str) -> bytes:
    """Letters with their shape (ă, ơ) as one byte, the tone behind, as Windows writes it."""
    parts = []
    for letter in unicodedata.normalize("NFC", text):
        marks = unicodedata.normalize("NFD", letter)
        shape = unicodedata.normalize("NFC", marks.translate(TONES))
        tone = "".join(mark for mark in marks if ord(mark) in TONES)
        parts.append((shape + tone).encode("cp1258"))
    return b"".join(parts)


def read(tmp_path: Path, *lines: bytes) -> Ingested:
    path = tmp_path / "doses.csv"
    path.write_bytes(b"\n".join([b"dose_id,full_name,address", *lines, b""]))
    return ingest([path], DOSES)


def names(batch: Ingested) -> list[str]:
    return list(batch.accepted.column("full_name").to_pylist())


def test_windows_1258_is_read(tmp_path: Path) -> None:
    batch = read(tmp_path, *(b"%d,%s,x" % (n, windows_1258(name)) for n, name in enumerate(NAMES)), b"9,\x8dx,x,y")
    assert names(batch) == NAMES
    assert batch.files[0].note == "read as Windows-1258"
    assert batch.rejected["raw"].to_pylist() == [b"9,\x8dx,x,y"]  # a byte that the encoding does not have


def test_windows_1258_with_a_header_in_it(tmp_path: Path) -> None:
    path = tmp_path / "doses.csv"
    path.write_bytes(windows_1258("Mã mũi tiêm;Họ và tên\nE01;Lê Thị Nguyệt\nE02;Vũ Đức Bền\n"))
    batch = ingest([path], DOSES, columns={"Mã mũi tiêm": "dose_id", "Họ và tên": "full_name"})
    assert names(batch) == ["Lê Thị Nguyệt", "Vũ Đức Bền"]


@pytest.mark.parametrize("lines", [["Nguyeãn Vaên Haûi", "Traàn Thò Lieãu"], ["NguyÔn V¨n H¶i", "TrÇn ThÞ LiÔu"]])
def test_vni_and_tcvn3_are_read(tmp_path: Path, lines: list[str]) -> None:
    batch = read(tmp_path, *(b"%d,%s,x" % (n, line.encode("cp1252")) for n, line in enumerate(lines)))
    assert [canonical_name(name) for name in names(batch)] == ["nguyễn văn hải", "trần thị liễu"]
    assert "TCVN3 or VNI" in str(batch.files[0].note)


def test_a_file_that_lost_its_letters_is_refused_by_name(tmp_path: Path) -> None:
    lines = [
        b"%d,%s,x"
        % (n, "".join(c if c < "\x80" else "?" if c not in "ìêâôàáùãéíúýÁÔ" else c for c in name).encode("cp1252"))
        for n, name in enumerate(NAMES)
    ]
    with pytest.raises(InputError, match=r'doses.csv: saved as Windows-1252 \("ANSI"\).*save it as UTF-8'):
        read(tmp_path, *lines)


def test_single_damaged_lines_stay_damaged_lines(tmp_path: Path) -> None:
    lines = [b"%d,%s,x" % (n, name.encode()) for n, name in enumerate(NAMES * 5)]
    batch = read(tmp_path, *lines, b"97,\xc3\x28\xff,x", b"98," + windows_1258(NAMES[0]) + b",x")
    assert names(batch) == NAMES * 5
    assert batch.rejected["reasons"].to_pylist() == [["invalid_encoding"]] * 2
    assert names(read(tmp_path, b"1,A,x", b"2,\xff\xfe,x")) == ["A"]


@pytest.mark.parametrize("name", [*NAMES, "Nguyễn Thị Huyền", "Trần Văn Vĩnh"])
def test_windows_1258_shown_as_western_letters_is_repaired(name: str) -> None:
    assert canonical_name(windows_1258(name).decode("cp1252")) == canonical_name(name)


@pytest.mark.parametrize("name", ["lò văn hòa", "tào thị thìn", "võ hoài", "lương thị mỳ", "đỗ ngọc ý", "trần quý vũ"])
def test_names_in_unicode_stay(name: str) -> None:
    assert canonical_name(name) == canonical_name(canonical_name(name)) == name


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_joined_of_two_encodings_is_read_line_by_line(tmp_path: Path, order: int, mark: bytes) -> None:
    lines = [f"{n},{name},x".encode() for n, name in enumerate(NAMES)]
    lines += [windows_1258(f"{n + 10},{name},x") for n, name in enumerate(NAMES)]
    bad = [b"20,\xc5\xf0\xff\xfe\xe3,x", windows_1258("21,Bùi Đức,x,y,z")]
    path = tmp_path / "doses.csv"
    path.write_bytes(mark + b"\r\n".join([b"dose_id,full_name,address", *lines[::order], *bad]))
    batch = ingest([path], DOSES)
    assert names(batch) == [*NAMES, *NAMES][::order]
    assert "line by line" in str(batch.files[0].note)
    assert batch.rejected["raw"].to_pylist() == bad


def test_a_file_that_changes_its_encoding_late_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ingest.code_pages._SAMPLE_BYTES", 200)
    early = [f"{n},{NAMES[n % 5]},x".encode() for n in range(60)]
    late = [windows_1258(f"{n},{NAMES[n % 5]},x") for n in range(60, 70)]
    assert names(read(tmp_path, *early, *late)) == [NAMES[n % 5] for n in range(70)]


def test_a_damaged_line_of_utf8_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    batch = read(tmp_path, *(f"{n},{name},x".encode() for n, name in enumerate(NAMES)), "9,Nguyễn Hường,x".encode()[:8])
    assert names(batch) == NAMES
    assert batch.rejected.num_rows == 1


HEADER = {"Mã mũi tiêm": "dose_id", "Họ và tên": "full_name", "Số CCCD": "id_number", "Ngày sinh": "date_of_birth"}
OLDER_HEADERS = {
    "TCVN3": ("M· mòi tiªm", "Hä vµ tªn", "Sè CCCD", "Ngµy sinh", "NguyÔn V¨n H¶i"),
    "TCVN3, a font of capitals": ("M· MòI TI£M", "Hä Vµ T£N", "Sè CCCD", "NGµY SINH", "TRÇN THÞ LIÔU"),
    "VNI": ("Maõ muõi tieâm", "Hoï vaø teân", "Soá CCCD", "Ngaøy sinh", "Nguyeãn Vaên Haûi"),
    "VNI in capitals": ("MAÕ MUÕI TIEÂM", "HOÏ VAØ TEÂN", "SOÁ CCCD", "NGAØY SINH", "TRAÀN THÒ LIEÃU"),
}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize("charset", OLDER_HEADERS)
def test_a_header_in_an_older_character_set_is_read(tmp_path: Path, charset: str, encoding: str) -> None:
    *header, name = OLDER_HEADERS[charset]
    again = [header[1], header[0], *header[2:]]  # of a file that was joined to it
    lines = [header, ["E01", name, "1", "1981"], header, ["E02", name, "2", "1982"], again, [name, "E03", "3", "1983"]]
    path = tmp_path / "doses.csv"
    path.write_bytes("".join(";".join(cells) + "\n" for cells in lines).encode(encoding))
    batch = ingest([path], DOSES, columns=HEADER)
    assert batch.accepted.column("dose_id").to_pylist() == ["E01", "E02", "E03"]
    assert names(batch) == [name] * 3
    assert batch.accepted.column("id_number").to_pylist() == ["1", "2", "3"]
    assert batch.accepted.column("date_of_birth").to_pylist() == ["1981", "1982", "1983"]
    assert batch.rejected["reasons"].to_pylist() == [["repeated_header"]] * 2
    assert "ignored" not in str(batch.files[0].note)
