"""Communes by date, from codes and from typed names; a small country, and the real one where it is at hand."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import InputError, UsageError
from linkage.standardise.dates import pack_date
from linkage.standardise.places import Units
from linkage.standardise.places_files import CROSSWALK, UNITS_2021
from linkage.standardise.places_names import read_commune, read_district, read_province
from tests.small_country import CROSSWALK_ROWS, LIST_2021, write_small_country

ADMIN = Path(__file__).parents[2] / "shared" / "data" / "admin"
SUMMER_2021, SUMMER_2025 = pack_date(2021, 8, 3), pack_date(2025, 8, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_country(tmp_path_factory.mktemp("units"))


@pytest.fixture(scope="module")
def units(folder: Path) -> Units:
    return Units.load(folder)


def strings(*texts: str | None) -> pa.StringArray:
    return pa.array(texts, pa.string())


def doses(units: Units, codes: pa.StringArray, *, date: int = int(SUMMER_2021)) -> np.ndarray:
    none = pa.nulls(len(codes), pa.string())
    return units.resolve_doses(codes, none, none, none, np.full(len(codes), date, np.uint32))


def by_name(
    units: Units, province: str | None, district: str | None, commune: str | None, date: int = int(SUMMER_2021)
) -> str | None:
    """The code of the dose place of typed names."""
    columns = [strings(text) for text in (None, province, district, commune)]
    found = units.resolve_doses(*columns, np.array([date], np.uint32))
    code: str | None = units.doses.code[int(found[0])].as_py()
    return code


# ---------------------------------------------------------------------------------------------------------------- codes


def test_a_code_is_read_with_the_date(units: Units) -> None:
    codes = strings("25054", " 25054 ", "1290", "25054.0", "99999", "", None)
    places = doses(units, codes)
    assert places.dtype == np.uint16
    assert units.doses.name.take(pa.array(places)).to_pylist() == [
        *["Thị trấn Lộc Thắng"] * 2,
        "Thị trấn Pác Miầu",
        "Thị trấn Lộc Thắng",
        *[None] * 3,
    ]
    later = doses(units, codes, date=int(SUMMER_2025))
    assert units.doses.name.take(pa.array(later)).to_pylist()[:3] == ["Xã Bảo Lâm 1", "Xã Bảo Lâm 1", "Xã Bảo Lâm"]
    assert not set(places[:3]) & set(later[:3])


def test_the_first_day_of_the_new_codes_and_an_unknown_date(units: Units) -> None:
    dates = np.array([pack_date(2025, 6, 30), pack_date(2025, 7, 1), 0], np.uint32)
    none = pa.nulls(3, pa.string())
    places = units.resolve_doses(strings("25054", "25054", "25054"), none, none, none, dates)
    assert units.doses.name.take(pa.array(places)).to_pylist() == [
        "Thị trấn Lộc Thắng",
        "Xã Bảo Lâm 1",
        "Thị trấn Lộc Thắng",
    ]


def test_codes_of_between_and_abolished_codes(units: Units) -> None:
    assert units.doses.code.take(pa.array(doses(units, strings("25099")))).to_pylist() == ["01291"]
    abolished = doses(units, strings("25057"), date=int(SUMMER_2025))
    assert units.doses.name.take(pa.array(abolished)).to_pylist() == ["Xã Lộc Bảo"]


def test_the_code_goes_before_the_names(units: Units) -> None:
    names = [strings("Lâm Đồng"), strings("Bảo Lâm"), strings("Lộc An")]
    place = units.resolve_doses(strings("25057"), *names, np.array([SUMMER_2021], np.uint32))
    assert units.doses.name[int(place[0])].as_py() == "Xã Lộc Bảo"


# ---------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("province", "district", "commune", "code"),
    [
        ("Tỉnh Lâm Đồng", "Huyện Bảo Lâm", "Xã Lộc An", "25084"),
        ("Lâm Đồng", "Bảo Lâm", "Lộc An", "25084"),
        ("LAM DONG", "BAO LAM", "LOC AN", "25084"),
        ("T. Lâm Đồng", "H.Bảo Lâm", "X.Lộc An", "25084"),
        ("lâm đồng", "h bảo lâm", "xa loc an", "25084"),
        ("Lâm Đồng", "Bảo Lâm", "TT Lộc Thắng", "25054"),
        ("Lâm Đồng", "Bảo Lâm", "TT. Lộc Thắng", "25054"),
        ("Lâm Đồng", "Bảo Lâm", "T.T Lộc Thắng", "25054"),
        ("Lâm Đồng", "Bảo Lâm", "thị trấn Lộc Thắng, huyện Bảo Lâm", "25054"),
        ("Lâm Đồng", "Bảo Lâm", "Xã Lộc Thắng", "25054"),
        ("Lâm Đồng", "Bảo Lâm", "B'Lá", "25075"),
        ("Lâm Đồng", "Bảo Lâm", "B’Lá", "25075"),
        ("Lâm Đồng", "Bảo Lâm", "Xã B` Lá", "25075"),
        ("Lâm Đồng", "Bảo Lâm", "BLa", "25075"),
        ("Lâm Đồng", "TP Bảo Lộc", "P.1", "24817"),
        ("Lâm Đồng", "T.P Bảo Lộc", "Phường 01", "24817"),
        ("Lâm Đồng", "Bảo Lộc", "P1", "24817"),
        ("Lâm Đồng", "Bảo Lộc", "F1", "24817"),
        ("Lâm Đồng", "Bảo Lộc", "Phường I", "24817"),
        ("Lâm Đồng", "Bảo Lộc", "phuong 1", "24817"),
        ("Bình Thuận", "Phan Thiết", "1", "22915"),
        ("Bình Thuận", "Phan Thiết", "Hải Châu 2", "22918"),
        ("Lâm Đồng", "Bảo Lộc", "Phường Lộc Tiến", "24820"),
        ("Lâm Đồng", "Bảo Lộc", "X. Loc Tien", "24823"),
        ("Cao Bằng", "Bảo Lâm", "Hòa Bình", "01291"),
        ("Cao Bằng", "Bảo Lâm", "Xa Phin", "01292"),
        ("Cao Bằng", "Bảo Lâm", "Xà Phìn", "01292"),
        # what is blank or known nowhere is left out of account
        (None, "Bảo Lâm", "Lộc An", "25084"),
        ("Lâm Đồng", "", "Lộc An", "25084"),
        ("Lâm Đồng", "Bảo Lam Huyện", "Lộc An", "25084"),
        ("Lâmm Đồng", "Bảo Lâm", "Lộc An", "25084"),
        # nothing is guessed
        ("Lâm Đồng", "Bảo Lộc", "Lộc Tiến", None),
        ("Lâm Đồng", "Bảo Lộc", "Lộc An", None),
        ("Bình Thuận", "Bảo Lâm", "Lộc An", None),
        (None, None, "Lộc An", None),
        ("Lâm Đồng", "Bảo Lâm", "", None),
        ("Lâm Đồng", "Bảo Lâm", None, None),
        ("Lâm Đồng", "Bảo Lâm", "Xã", None),
    ],
)
def test_typed_names(units: Units, province: str | None, district: str | None, commune: str, code: str | None) -> None:
    assert by_name(units, province, district, commune) == code


def test_names_of_2025_have_no_district(units: Units) -> None:
    assert by_name(units, "Lâm Đồng", None, "xã bảo lâm 2", int(SUMMER_2025)) == "25084"
    assert by_name(units, "Lâm Đồng", "Bảo Lâm", "Bao Lam 1", int(SUMMER_2025)) == "25054"
    assert by_name(units, "Cao Bằng", None, "Đặc khu Cồn Cỏ", int(SUMMER_2025)) == "11742"
    assert by_name(units, "Cao Bằng", None, "Hòa Bình", int(SUMMER_2025)) is None


def test_a_province_of_2025_may_have_no_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / UNITS_2021).write_bytes((folder / UNITS_2021).read_bytes())
    (tmp_path / CROSSWALK).write_text(CROSSWALK_ROWS.replace("Bảo Lâm,04", "Bảo Lâm,05"), "utf-8")
    renumbered = Units.load(tmp_path)
    assert by_name(renumbered, "Cao Bằng", None, "Bảo Lâm", int(SUMMER_2025)) is None
    assert renumbered.province_of_doses(doses(renumbered, strings("01290", "01292")), "2025").tolist() == [5, 5]


def test_a_column_is_its_rows_one_by_one(units: Units) -> None:
    codes = strings("25054", None, None, "99999", None, "25054")
    names = [
        strings("Cao Bằng", "Lâm Đồng", "Lâm Đồng", "Lâm Đồng", "Cao Bằng", None),
        strings("Bảo Lâm", "Bảo Lâm", "Bảo Lộc", "Bảo Lộc", None, None),
        strings("Hòa Bình", "B'Lá", "P1", "P1", "Đặc khu Cồn Cỏ", None),
    ]
    dates = np.array([*[SUMMER_2021] * 4, SUMMER_2025, SUMMER_2025], np.uint32)
    together = units.resolve_doses(codes, *names, dates)
    for row in range(6):
        alone = units.resolve_doses(codes[row : row + 1], *(c[row : row + 1] for c in names), dates[row : row + 1])
        assert alone[0] == together[row] > 0


@given(st.lists(st.tuples(*[st.none() | st.text(max_size=12)] * 4), max_size=5))
def test_any_text_is_taken(units: Units, rows: list[tuple[str | None, ...]]) -> None:
    columns = [strings(*(row[i] for row in rows)) for i in range(4)]
    assert len(units.resolve_doses(*columns, np.full(len(rows), SUMMER_2025))) == len(rows)
    for row in rows:
        for text in row:
            readings = (*read_commune(text or ""), *read_district(text or ""))
            assert all(reading.exact for reading in readings)
            assert isinstance(read_province(text or ""), tuple)


# ---------------------------------------------------------------------------------------------------------- two dates


def test_the_date_of_a_registry_is_inferred(units: Units) -> None:
    assert units.coverage(strings("25054", "25057", "25084", None, "")).as_of == "2021"
    assert units.coverage(strings("25054", "25084", "xx", None)).as_of == "2025"
    assert units.coverage(strings("xx")).as_of == "2021"
    found = units.coverage(strings("25054", "25057", "25057", "xx", None, ""))
    assert (found.n_rows, found.n_in_2021, found.n_in_2025) == (4, 3, 1)


def target_names(units: Units, code: str, as_of: str, date: int = int(SUMMER_2021)) -> list[str]:
    place = int(doses(units, strings(code), date=date)[0])
    targets = units.registry_targets(as_of)
    members = targets.members[targets.offsets[place] : targets.offsets[place + 1]]
    names: list[str] = units.registry(as_of).name.take(pa.array(members)).to_pylist()
    return names


def test_targets_lead_to_every_commune_the_people_may_be_in(units: Units) -> None:
    assert target_names(units, "25057", "2025") == ["Xã Bảo Lâm 1"]
    assert target_names(units, "25075", "2025") == ["Xã Bảo Lâm 1", "Xã Bảo Lâm 2"]
    assert target_names(units, "25075", "2021") == ["Xã B' Lá"]
    # not traced: whatever took of its district
    assert target_names(units, "01292", "2025") == ["Xã Bảo Lâm"]
    # doses with new codes
    assert target_names(units, "25084", "2025", int(SUMMER_2025)) == ["Xã Bảo Lâm 2"]
    assert target_names(units, "25084", "2021", int(SUMMER_2025)) == ["Xã B' Lá", "Xã Lộc An"]
    targets = units.registry_targets("2025")
    assert targets.offsets.dtype == np.int64
    assert targets.members.dtype == np.uint16
    assert len(targets.offsets) == len(units.doses) + 2
    assert targets.offsets[1] == 0


def test_relation(units: Units) -> None:
    places = doses(units, strings("25057", "25075", "24817", "22915", "01292", None))
    communes = units.resolve_registry(strings("25054", "25084", "24817", "22918", "01290", "xx", "25084"), "2025")
    assert units.relation(places, communes, "2025").tolist() == [
        [3, 2, 1, 1, 0, 0, 2],
        [3, 3, 1, 1, 0, 0, 3],
        [1, 1, 3, 1, 0, 0, 1],
        [1, 1, 1, 3, 0, 0, 1],
        [0, 0, 0, 0, 2, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
    communes = units.resolve_registry(strings("25057", "25084", "24817", "22918", "xx"), "2021")
    assert units.relation(places[:4], communes, "2021").tolist() == [
        [3, 2, 1, 0, 0],
        [2, 2, 1, 0, 0],
        [1, 1, 3, 0, 0],
        [0, 0, 0, 2, 0],
    ]


def test_provinces_are_compared_in_the_terms_of_the_registry(units: Units) -> None:
    places = doses(units, strings("25057", "22915", "01292", None))
    assert units.province_of_doses(places, "2021").tolist() == [68, 60, 4, 0]
    assert units.province_of_doses(places, "2025").tolist() == [68, 68, 4, 0]
    assert units.province_of_registry(units.resolve_registry(strings("22915", "xx"), "2025"), "2025").tolist() == [
        68,
        0,
    ]
    new = doses(units, strings("22915", "11742"), date=int(SUMMER_2025))
    assert units.province_of_doses(new, "2021").tolist() == [60, 0]


def test_code_now(units: Units) -> None:
    places = doses(units, strings("25057", "25075", "22915", "01292", None))
    assert units.code_now(places, "2025").to_pylist() == ["25054", None, "22915", None, None]
    assert units.code_now(places, "2021").to_pylist() == ["25057", "25075", "22915", "01292", None]
    new = doses(units, strings("25054"), date=int(SUMMER_2025))
    assert units.code_now(new, "2025").to_pylist() == ["25054"]
    assert units.code_now(new, "2021").to_pylist() == [None]


def test_names_for_reports(units: Units) -> None:
    place = int(doses(units, strings("24820"))[0])
    of_dose = units.doses
    assert (of_dose.name[place].as_py(), of_dose.district_name[place].as_py()) == (
        "Phường Lộc Tiến",
        "Thành phố Bảo Lộc",
    )
    assert units.registry("2025").province_name.to_pylist()[1:] == [*["Tỉnh Cao Bằng"] * 2, *["Tỉnh Lâm Đồng"] * 5]


# ------------------------------------------------------------------------------------------------------------ no files


def test_without_a_folder_codes_are_compared_as_they_are() -> None:
    plain = Units.none(strings("b7", "25054", None, "25054", "", "1290"))
    codes = strings("25054", "b7", "01290", "zz", None)
    for date in (SUMMER_2021, SUMMER_2025):
        assert doses(plain, codes, date=int(date)).tolist() == [2, 3, 1, 0, 0]
    as_of = plain.coverage(codes).as_of
    communes = plain.resolve_registry(codes, as_of)
    assert communes.tolist() == [2, 3, 1, 0, 0]
    assert plain.relation(communes[:2], communes, as_of).tolist() == [[3, 0, 0, 0, 0], [0, 3, 0, 0, 0]]
    assert plain.code_now(communes, as_of).to_pylist() == ["25054", "b7", "01290", None, None]
    assert plain.registry_targets(as_of).members.tolist() == [1, 2, 3]
    assert plain.province_of_doses(communes, as_of).tolist() == [0] * 5


def test_a_date_that_no_set_has_is_refused(units: Units) -> None:
    with pytest.raises(UsageError, match=r"'2030'.*2021, 2025"):
        units.relation(np.zeros(1, np.uint16), np.zeros(1, np.uint16), "2030")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (UNITS_2021, None, "no such file"),
        (CROSSWALK, None, "no such file"),
        (UNITS_2021, "a,b\n1,2\n", "province_code"),
        (CROSSWALK, "a,b\n1,2\n", "commune_code_2021"),
        (UNITS_2021, "", "cannot be read"),
        (UNITS_2021, LIST_2021.partition("\n")[0] + "\n", "no commune"),
        (UNITS_2021, LIST_2021 + LIST_2021.splitlines()[1] + "\n", "row 15: commune_code '25054' stands there twice"),
        (UNITS_2021, LIST_2021.replace(",68,", ",LD,", 1), "row 2: province_code 'LD'"),
        (UNITS_2021, LIST_2021.replace("Xã Lộc Bảo", ""), "row 3: commune_name of commune '25057' is empty"),
        (UNITS_2021, LIST_2021.replace(",25057,", ",25058,"), "row 3: commune_code_2021 '25057' is not in"),
        (CROSSWALK, CROSSWALK_ROWS.replace("Bảo Lâm 1,68", "Bảo Lâm 1,", 1), "row 2: new_province_code ''"),
        (UNITS_2021, LIST_2021.encode("utf-16-be"), "cannot be read|province_code"),
    ],
)
def test_a_malformed_folder_is_one_line(
    folder: Path, tmp_path: Path, file: str, content: str | bytes | None, message: str
) -> None:
    for name in (UNITS_2021, CROSSWALK):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message) as caught:
        Units.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_absent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such folder"):
        Units.load(tmp_path / "nowhere")


# ---------------------------------------------------------------------------------------------------- the real country


@pytest.fixture(scope="module")
def country() -> Units:
    if not ADMIN.is_dir():
        pytest.skip("reference units are not here")
    return Units.load(ADMIN)


@pytest.fixture(scope="module")
def listed(country: Units) -> dict[str, pa.StringArray]:
    with (ADMIN / UNITS_2021).open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["commune_code"]]
    return {column: pa.array([row[column] for row in rows]) for column in rows[0]}


def plain(texts: pa.StringArray) -> pa.StringArray:
    """As typed by someone in a hurry: no kind, no diacritics, no apostrophes."""
    return pa.array([read_commune(text)[0].folded for text in texts.to_pylist()])


def test_every_commune_of_2021_is_found_by_code_and_by_names(country: Units, listed: dict[str, pa.StringArray]) -> None:
    n = len(listed["commune_code"])
    assert n == 10_603
    places = doses(country, listed["commune_code"])
    assert len(set(places.tolist()) - {0}) == n
    none, dates = pa.nulls(n, pa.string()), np.full(n, SUMMER_2021, np.uint32)
    names = [listed[column] for column in ("province_name", "district_name", "commune_name")]
    assert (country.resolve_doses(none, *names, dates) == places).all()
    hurried = country.resolve_doses(none, *names[:2], plain(names[2]), dates)
    assert (hurried == places).mean() >= 0.99
    assert np.isin(hurried, (0, *places)).all()
    assert ((hurried > 0) & (hurried != places)).sum() == 0


def test_the_sets_of_both_dates_relate(country: Units, listed: dict[str, pa.StringArray]) -> None:
    assert country.coverage(listed["commune_code"]).as_of == "2021"
    assert country.coverage(country.registry("2025").code).as_of == "2025"
    assert len(country.registry("2025")) == 3_321
    places = doses(country, listed["commune_code"])
    targets = country.registry_targets("2025")
    n_targets = np.diff(targets.offsets)[places]
    assert n_targets.min() >= 1
    assert (np.diff(targets.offsets)[1:] >= 1).all()
    assert 441 <= (n_targets > 1).sum() <= 520
    assert (country.province_of_doses(places, "2025") > 0).all()
    row, commune = targets.take(places)
    levels = country.relation(places[:200], np.arange(3_322, dtype=np.uint16), "2025")
    near = levels[row[row < 200], commune[row < 200]]
    assert np.isin(near, (2, 3)).all()
    assert (near == 3).mean() > 0.9
