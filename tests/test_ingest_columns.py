"""What only a whole file tells: its order of day and month, and columns of which nothing can be read."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.ingest import Ingested, ingest
from linkage.ingest.date_order import DateOrder
from linkage.schema import DOSES
from linkage.standardise.dates import standardise_birth_dates, to_iso

DAYS = [datetime.date(1950 + n % 50, 1 + n % 12, 1 + n % 28) for n in range(60)]


def read(tmp_path: Path, **columns: list[object] | pa.Array) -> Ingested:
    n = len(next(iter(columns.values())))
    table = {"dose_id": [f"D{row}" for row in range(n)], "full_name": ["Lê Lan"] * n, **columns}
    pq.write_table(pa.table(table), tmp_path / "doses.parquet")
    return ingest([tmp_path / "doses.parquet"], DOSES)


def births(batch: Ingested) -> list[str | None]:
    column = batch.accepted.column("date_of_birth")
    return list(to_iso(standardise_birth_dates(column, latest=datetime.date(2022, 1, 1))).to_pylist())


ISO = [day.isoformat() for day in DAYS]


@pytest.mark.parametrize("form", ["%m/%d/%Y", "%m-%d-%Y", "%m/%d/%Y 12:00:00 AM", "%m/%d/%y", "%m·%d·%Y", "%m／%d／%Y"])
def test_a_file_that_writes_the_month_first(tmp_path: Path, form: str) -> None:
    batch = read(tmp_path, date_of_birth=[day.strftime(form) for day in DAYS], dose_date=["17/09/2021"] * 60)
    assert births(batch) == ISO
    assert "date_of_birth: read as month/day/year" in str(batch.files[0].note)
    assert set(batch.accepted.column("dose_date").to_pylist()) == {"17/09/2021"}


@pytest.mark.parametrize(
    "typed",
    [
        [day.strftime("%d/%m/%Y") for day in DAYS],
        [day.isoformat() for day in DAYS],
        ["04/13/1981", *(day.strftime("%d/%m/%Y") for day in DAYS[1:])],  # a slip
        ["04/13/1981"] * 60 + ["13/04/1981", "04/03/1981"],
        ["04/13/1981"] * 60 + ["13/04/1981 10:00", "04/03/1981"],
    ],
)
def test_a_file_that_writes_the_day_first(tmp_path: Path, typed: list[object]) -> None:
    batch = read(tmp_path, date_of_birth=typed)
    assert batch.accepted.column("date_of_birth").to_pylist() == typed
    assert batch.files[0].note is None


def test_few_dates_with_the_month_first_are_no_habit_but_told(tmp_path: Path) -> None:
    # One date nineteen times, as of one person's doses, and six more: seven slips in a row are not unheard of.
    typed: list[object] = ["04/13/1981"] * 19 + [f"05/{day}/1990" for day in range(14, 20)] + ["04/03/1981", "5/5/1990"]
    batch = read(tmp_path, date_of_birth=typed)
    assert batch.accepted.column("date_of_birth").to_pylist() == typed
    assert batch.files[0].note == (
        "date_of_birth: 25 dates can only be month/day/year and none day/month/year, too few to be sure: the day is "
        "taken as first in 1 that can be either; where the file puts the month first, write its dates as year-month-day"
    )


def test_eight_different_dates_with_the_month_first_and_none_with_the_day_are_a_habit(tmp_path: Path) -> None:
    typed: list[object] = [f"9/{day}/1990" for day in range(20, 28)]
    assert births(read(tmp_path, date_of_birth=[*typed, "4/3/1981"]))[-1] == "1981-04-03"
    assert births(read(tmp_path, date_of_birth=[*typed[1:], "4/3/1981"]))[-1] == "1981-03-04"
    assert births(read(tmp_path, date_of_birth=[*typed, "30/4/1981", "4/3/1981"]))[-1] == "1981-03-04"


def test_few_dates_with_the_month_first_are_not_told_where_no_other_hangs_on_them(tmp_path: Path) -> None:
    assert read(tmp_path, date_of_birth=["04/13/1981"] * 3 + ["1981-04-03", "5/5/1981"]).files[0].note is None


def test_one_telling_date_is_enough_where_another_column_has_more(tmp_path: Path) -> None:
    typed = ["04/13/1981"] + ["04/03/1981"] * 7
    batch = read(tmp_path, date_of_birth=typed, dose_date=[f"9/{day}/2021" for day in range(17, 25)])
    assert births(batch) == ["1981-04-13"] + ["1981-04-03"] * 7


def test_the_order_holds_from_the_first_part_of_a_file_on(tmp_path: Path) -> None:
    path = tmp_path / "doses.csv"
    rows = [f"D{n},Lê Lan,{DAYS[n % 60]:%m/%d/%Y}\n" for n in range(70_000)]
    path.write_text("dose_id,full_name,date_of_birth\n" + "".join(rows))
    assert births(ingest([path], DOSES)) == [ISO[n % 60] for n in range(70_000)]


@pytest.mark.parametrize("is_telling_first", [True, False])
def test_slips_turn_no_file_wherever_they_stand(is_telling_first: bool) -> None:
    chunks = [["04/13/1981"] * 30, [f"{day:%d/%m/%Y}" for day in DAYS]]
    given: list[pa.Table] = []
    order = DateOrder(DOSES, given.append)
    for typed in chunks if is_telling_first else chunks[::-1]:
        nulls = {name: pa.nulls(len(typed), pa.string()) for name in DOSES.names}
        order(pa.table(nulls | {"date_of_birth": typed}))
    assert order.month_first() == frozenset()
    assert "13/04/1981" not in pa.concat_tables(given).column("date_of_birth").to_pylist()


def test_a_file_that_is_read_again_keeps_its_place(tmp_path: Path) -> None:
    for number, form in enumerate(("%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y")):
        rows = "".join(f"D{number}{n:02},Lan,{day.strftime(form)}\n" for n, day in enumerate(DAYS))
        (tmp_path / f"{number}.csv").write_text(f"dose_id,full_name,date_of_birth\n{rows},Lan,\n")
    batch = ingest([tmp_path / f"{number}.csv" for number in range(3)], DOSES)
    assert births(batch) == ISO * 3
    assert batch.accepted.column("dose_id").to_pylist() == [
        f"D{number}{n:02}" for number in range(3) for n in range(60)
    ]
    assert [(file.accepted, file.rejected) for file in batch.files] == [(60, 1)] * 3
    assert [file.note for file in batch.files] == [None, "date_of_birth: read as month/day/year, 48 dates", None]


@pytest.mark.parametrize("zone", ["UTC", None])
def test_midnights_of_viet_nam_kept_in_utc(tmp_path: Path, zone: str | None) -> None:
    moments = [datetime.datetime.combine(day, datetime.time()) - datetime.timedelta(hours=7) for day in DAYS]
    assert births(read(tmp_path, date_of_birth=pa.array(moments, pa.timestamp("us", tz=zone)))) == ISO


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("hours", [0, 7])
def test_counts_since_1970(tmp_path: Path, unit: int, hours: int) -> None:
    days = [datetime.date(1950 + n % 50, 5 + n % 8, 1 + n % 28) for n in range(60)]
    counts = [((day - datetime.date(1970, 1, 1)).days * 86_400 - hours * 3600) * unit for day in days]
    assert births(read(tmp_path, date_of_birth=pa.array(counts, pa.int64()))) == [day.isoformat() for day in days]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("gender", pa.array([True, False] * 30)),
        ("date_of_birth", ["tuổi Tý"] * 40 + ["1981"] * 20),
        ("id_number", ["A-17"] * 60),
        ("phone", ["trạm"] * 50 + [None] * 10),
        ("full_name", ["1983", "1984"] * 30),
    ],
)
def test_a_column_that_gives_nothing_is_told(tmp_path: Path, name: str, values: list[object]) -> None:
    batch = read(tmp_path, **{name: values})
    n_stated = sum(value is not None for value in values)
    assert f"column {name}: " in str(batch.files[0].note)
    assert f" of {n_stated} values cannot be read" in str(batch.files[0].note)


def test_tags_entities_and_escapes_are_no_part_of_any_value(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "dose_id,full_name<br/>,&nbsp;date_of_birth,id_number,address,phone,province\n"
        'A<br>,"<b>Lê Lan</b>",&nbsp;24&#47;04&#47;1953<br/>,079&nbsp;123&nbsp;456&nbsp;789,'
        "Th<U+00F4>n 2 & 3 <5>,<NA>,<br>\n"
    )
    read_so = ingest([tmp_path / "a.csv"], DOSES).accepted.read().to_pylist()[0]
    assert {name: value for name, value in read_so.items() if value} == {
        "dose_id": "A<br>",
        "full_name": "Lê Lan",
        "date_of_birth": "24/04/1953",
        "id_number": "079\u00a0123\u00a0456\u00a0789",
        "address": "Thôn 2 & 3 <5>",
        "phone": "<NA>",
    }


def test_columns_of_which_some_values_are_unusual_are_not_told(tmp_path: Path) -> None:
    batch = read(tmp_path, phone=["trạm"] * 20 + ["0912345670"] * 40, gender=["x", "Nam", "Nữ"] * 20)
    assert batch.files[0].note is None


def test_dates_by_the_moon_are_told(tmp_path: Path) -> None:
    """Of them the year is read at most, and the station is told to send what the papers say."""
    dates = ["05/12/1983", "mùng 3 tháng Giêng năm 1981", "12/3/1980 (âm lịch)", "3 tháng Chạp 1980", "7/8/1975"]
    path = tmp_path / "d.csv"
    path.write_text("dose_id,full_name,date_of_birth\n" + "".join(f"D{n},Lê Lan,{d}\n" for n, d in enumerate(dates)))
    note = str(ingest([path], DOSES).files[0].note)
    assert "date_of_birth: 3 dates are by the lunar calendar, of which the year is read at most: write" in note
    months_first = "".join(f"E{n},Lê Lan,{n % 12 + 1}/{n % 15 + 13}/19{n + 40}\n" for n in range(40))
    path.write_text(path.read_text().replace("D0,Lê Lan,05/12/1983\n", "") + months_first)
    note = str(ingest([path], DOSES).files[0].note)
    assert "3 dates are by the lunar calendar" in note
    assert "read as month/day/year" in note
