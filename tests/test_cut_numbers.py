"""Numbers that lost or gained a digit find their people."""

from __future__ import annotations

from pathlib import Path

from tests.district import make_district, table, write

N_DOSES = 60


def test_a_number_that_lost_or_gained_a_digit_finds_its_person(tmp_path: Path) -> None:
    district = make_district(tmp_path / "district")
    people = {row["person_id"]: row for row in district.rows("registry")}
    doses = {row["dose_id"]: row for row in district.rows("doses")}
    truth = {}
    for row in table(district.run_dir, "decisions"):
        if row["status"] == "verified" and len(truth) < N_DOSES:
            number = people[row["person_id"]]["id_number"]
            if number is None:
                continue
            place = 4 + len(truth) % 8
            cut = number[:place] + number[place + 1 :] if len(truth) % 3 else f"{number[:place]}7{number[place:]}"
            # Nothing else that would find the person: no day of birth, place, phone or insurance number.
            year = people[row["person_id"]]["date_of_birth"][:4]
            blank = dict.fromkeys(("commune_code", "province", "district", "commune", "phone", "insurance_number"))
            near = {"id_number": cut, "date_of_birth": year, "subject_id": None}
            doses[row["dose_id"]] = doses[row["dose_id"]] | blank | near
            truth[row["dose_id"]] = row["person_id"]
    assert len(truth) == N_DOSES
    path = write(tmp_path / "doses.parquet", list(doses.values()), district.path("doses"))
    found = [row for row in table(district.link([path], tmp_path / "runs"), "decisions") if row["dose_id"] in truth]
    right = [row for row in found if row["status"] == "matched" and row["person_id"] == truth[row["dose_id"]]]
    assert [row for row in found if row["status"] == "matched" and row not in right] == []
    assert len(right) > 0.9 * N_DOSES
    assert all("id_number_slip" in row["found_by"] for row in right)
    assert {row["issue"] for row in right} <= {"bad_id_format", "wrong_info"}
