"""The tables of a run: subjects as the platform counts them, and queues that hold what the decisions say."""

from __future__ import annotations

import csv
import datetime
import random
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.night.run import run
from linkage.registry.from_files import build_from_files
from linkage.schema import (
    COMMUNES,
    DECISIONS,
    EXCLUDED_QUEUE,
    ISSUES,
    MATCH_QUEUE,
    REVIEW_QUEUE,
    STATED,
    STATUSES,
    SUBJECT_COUNTS,
    SUBJECTS,
    UNMATCHED_QUEUE,
)
from linkage.simulate import simulate
from linkage.standardise.places import Units
from tests.outcomes import DecidedDose, subject_tables
from tests.small_country import write_small_country

Row = dict[str, Any]
QUEUE_OF_DOSE = ("subject_id", "facility_code", "facility_level")
COUNTED_BY = ("subject_id", "claim_id", "status", "issue", "commune_code", "commune_code_now")
# What became of communes in 2025: one was divided, others taken in.
NOW = {"25054": "25054", "25057": "25054", "25075": None, "25084": "25084", None: None}


def tables(doses: list[DecidedDose], folder: Path) -> tuple[list[Row], list[Row], list[Row]]:
    """The two tables, and the rows that they are to be made of."""
    made = subject_tables(doses, Units.load(write_small_country(folder)))
    assert made.subjects.schema.equals(SUBJECTS.arrow())
    assert made.counts.schema.equals(SUBJECT_COUNTS.arrow())
    rows = [
        vars(dose) | {"claim_id": claim_id, "commune_code_now": NOW[dose.commune_code]}
        for dose, claim_id in zip(doses, made.claim_ids, strict=True)
    ]
    return made.subjects.to_pylist(), made.counts.to_pylist(), rows


def dose(
    subject_id: str | None, status: str, issue: str | None, commune: str | None, phone: str = "0912345678"
) -> DecidedDose:
    return DecidedDose(subject_id, status, issue, commune, phone)


def naive_tables(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """The two tables, a subject at a time; claim_id: that of all that is compared as one."""
    by_subject: dict[str, list[Row]] = {}
    for row in rows:
        by_subject.setdefault((row["subject_id"] or "").strip() or row["claim_id"] or "", []).append(row)
    open_subjects, counts = [], Counter[tuple[str | None, str | None, str]]()
    for subject_id, doses in sorted(by_subject.items()):
        is_open = [d for d in doses if d["status"] not in ("verified", "excluded")]
        chosen = next((d for issue in (*ISSUES, None) for d in is_open if d["issue"] == issue), None)
        if chosen is not None:
            kept = {name: chosen[name] for name in ("commune_code", "commune_code_now", "issue")}
            open_subjects.append({"subject_id": subject_id, **kept, "n_doses": len(is_open)})
        states = {d["status"] for d in doses}
        status = next(s for s in ("review", "unmatched", "matched", "verified", "excluded") if s in states)
        stands = chosen or next((d for d in doses if d["status"] == "verified"), doses[0])
        counts[stands["commune_code"], stands["commune_code_now"], status] += 1
    unknown_last = sorted(counts, key=lambda key: tuple((part is None, part or "") for part in key))
    return open_subjects, [dict(zip(SUBJECT_COUNTS.names, (*key, counts[key]), strict=True)) for key in unknown_last]


# --------------------------------------------------------------------------------------------- subjects of the platform


def test_a_subject_with_several_claims_counts_once_with_its_gravest_issue_and_where_it_stands(tmp_path: Path) -> None:
    doses = [
        dose("S1", "matched", "wrong_info", "25054"),
        dose("S1", "review", "no_id", "25057"),
        dose("S1", "matched", "no_id", "25075"),
        dose("S1", "verified", None, "25084"),
    ]
    subjects, counts, _ = tables(doses, tmp_path)
    expected = {"commune_code": "25057", "commune_code_now": "25054", "issue": "no_id", "n_doses": 3}
    assert subjects == [{"subject_id": "S1", **expected}]
    assert [(row["commune_code"], row["status"], row["n_subjects"]) for row in counts] == [("25057", "review", 1)]


def test_where_no_subject_is_stated_the_claim_is_the_subject(tmp_path: Path) -> None:
    one, other = "0912340678", "0987650421"
    stated = ((None, one), ("", other), ("  ", other), (None, "098 765 0421"), ("S1", other))
    subjects, _, rows = tables([dose(name, "review", "no_id", "25054", phone) for name, phone in stated], tmp_path)
    first, second, third, fourth, _ = (row["claim_id"] for row in rows)
    assert first != second == third == fourth  # which are compared as one, however they were typed
    expected = sorted([("S1", 1), (first, 1), (second, 3)])
    assert [(row["subject_id"], row["n_doses"]) for row in subjects] == expected


def test_verified_and_excluded_doses_make_no_open_subject(tmp_path: Path) -> None:
    doses = [
        dose("S1", "verified", None, "25054"),
        dose("S1", "excluded", None, "25057"),
        dose("S2", "excluded", None, "25057"),
        dose("S3", "excluded", None, "25057"),
        dose("S3", "unmatched", "wrong_info", "25084"),
    ]
    subjects, counts, _ = tables(doses, tmp_path)
    assert [(row["subject_id"], row["issue"], row["commune_code"], row["n_doses"]) for row in subjects] == [
        ("S3", "wrong_info", "25084", 1)
    ]
    assert {(row["commune_code"], row["status"]) for row in counts} == {
        ("25054", "verified"),
        ("25057", "excluded"),
        ("25084", "unmatched"),
    }


def test_a_dose_after_death_leaves_a_subject_open_without_an_issue(tmp_path: Path) -> None:
    doses = [dose("S1", "verified", None, "25054"), dose("S1", "review", None, "25057")]
    subjects, _, _ = tables(doses, tmp_path)
    assert [(row["issue"], row["commune_code"], row["n_doses"]) for row in subjects] == [(None, "25057", 1)]


def test_no_dose_gives_empty_tables(tmp_path: Path) -> None:
    assert tables([], tmp_path) == ([], [], [])


@pytest.mark.parametrize("seed", range(20))
def test_subject_tables_equal_the_naive_ones(tmp_path: Path, seed: int) -> None:
    """A claim is right and without an issue, or has one; any of its doses may be after the person's death."""
    rng = random.Random(seed)
    claims = []
    for number in range(20):
        status = rng.choice(STATUSES)
        issue = None if status in ("verified", "excluded") else rng.choice([None, *ISSUES])
        claims.append((status, issue, rng.choice(list(NOW)), f"09{number:08d}"))
    doses = []
    for _ in range(rng.choice([1, 5, 80])):
        status, issue, commune, phone = rng.choice(claims)
        is_after_death = status in ("verified", "matched") and rng.random() < 0.2
        subject = rng.choice([None, "", *(f"S{i}" for i in range(25))])
        typed = rng.choice([phone, f"{phone[:4]} {phone[4:]}"])
        doses.append(dose(subject, "review" if is_after_death else status, issue, commune, typed))
    subjects, counts, rows = tables(doses, tmp_path)
    assert (subjects, counts) == naive_tables(rows)


# --------------------------------------------------------------------------------------------------------- a whole run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run whose doses partly lack the subject, with the facility's level in any case of letters."""
    folder = tmp_path_factory.mktemp("small")
    simulate(3000, 6000, 5, folder / "data")
    doses = pq.read_table(folder / "data" / "doses.parquet")
    rows = np.arange(doses.num_rows)
    changed = {
        "subject_id": pa.array(doses["subject_id"].to_numpy(zero_copy_only=False), mask=rows % 3 == 0),
        "facility_level": pa.array(["Province", "commune", " district ", None])
        .take(pa.array(rows % 7 % 4))
        .cast(pa.string()),
    }
    for name, column in changed.items():
        doses = doses.set_column(doses.column_names.index(name), name, column)
    pq.write_table(doses, folder / "data" / "doses.parquet")
    build_from_files([folder / "data" / "registry.parquet"], folder / "index", units=folder / "data" / "units")
    day = datetime.date(2022, 8, 29)
    summary = run([folder / "data" / "doses.parquet"], folder / "index", folder / "runs", list_date=day)
    summary.run_dir.rename(folder / "run")
    return folder


def read(folder: Path, name: str) -> pa.Table:
    return pq.read_table(folder / "run" / f"{name}.parquet")


def test_every_table_has_the_columns_of_its_schema(folder: Path) -> None:
    for schema in (DECISIONS, COMMUNES, SUBJECTS, SUBJECT_COUNTS, MATCH_QUEUE, UNMATCHED_QUEUE, EXCLUDED_QUEUE):
        assert read(folder, schema.name).schema.equals(schema.arrow()), schema.name
    review = read(folder, REVIEW_QUEUE.name)
    fixed, of_plan = review.column_names[: len(REVIEW_QUEUE.names)], review.column_names[len(REVIEW_QUEUE.names) :]
    assert review.select(fixed).schema.equals(REVIEW_QUEUE.arrow())
    patterns = read(folder, "patterns").column_names[1:-1]
    assert of_plan == [f"{kind}_{name}" for name in patterns for kind in ("level", "weight")]


def test_the_queues_hold_every_dose_of_their_status(folder: Path) -> None:
    decided = Counter(read(folder, "decisions")["status"].to_pylist())
    for queue, status in ((MATCH_QUEUE, "matched"), (UNMATCHED_QUEUE, "unmatched"), (EXCLUDED_QUEUE, "excluded")):
        assert sum(read(folder, queue.name)["n_doses"].to_pylist()) == decided[status] > 0
    review = read(folder, REVIEW_QUEUE.name).to_pylist()
    assert sum(row["n_doses"] for row in review if row["rank"] == 1) == decided["review"] > 0


def test_a_queue_says_in_which_doses_who_is_asked_about_and_who_keyed_them_in(folder: Path) -> None:
    decisions = read(folder, "decisions").to_pylist()
    doses = {row["dose_id"]: row for row in pq.read_table(folder / "data" / "doses.parquet").to_pylist()}
    cleans_up = {id: (row["facility_level"] or "").strip().lower() == "commune" for id, row in doses.items()}
    cleans_up |= {id: True for id, row in doses.items() if row["facility_level"] is None}
    shown_first = most_doses = 0
    for queue, status in zip((MATCH_QUEUE, REVIEW_QUEUE, UNMATCHED_QUEUE, EXCLUDED_QUEUE), STATUSES[1:], strict=True):
        waiting: dict[str, list[str]] = {}
        for row in decisions:
            if row["status"] == status:
                waiting.setdefault(row["claim_id"], []).append(row["dose_id"])
        rows = read(folder, queue.name).to_pylist()
        assert {row["claim_id"] for row in rows} == set(waiting)
        for row in rows:
            ids = sorted(waiting[row["claim_id"]])
            assert (row["dose_ids"], row["n_doses"]) == (ids, len(ids))
            shown = doses[next((id for id in ids if cleans_up[id]), ids[0])]
            shown_first += shown["dose_id"] == ids[0]
            assert {name: row[name] for name in QUEUE_OF_DOSE} == {name: shown[name] for name in QUEUE_OF_DOSE}
            assert [row[f"stated_{name}"] for name in STATED] == [shown[name] for name in STATED]
            assert row["list_date"] == datetime.date(2022, 8, 29)
        most_doses = max([most_doses, *(len(row["dose_ids"]) for row in rows)])
    n_rows = sum(read(folder, f"queues/{name}").num_rows for name in ("match", "review", "unmatched", "excluded"))
    assert most_doses > 1
    assert 0 < shown_first < n_rows  # the dose shown is not the first one everywhere


def test_the_communes_of_a_run_have_their_district_and_province(folder: Path) -> None:
    with (folder / "data" / "units" / "legacy_units_2021-02-03.csv").open(encoding="utf-8-sig") as stream:
        units = {row["commune_code"]: row for row in csv.DictReader(stream)}
    communes = read(folder, "communes").to_pylist()
    codes = [row["commune_code"] for row in communes]
    assert set(codes) == {code for code in read(folder, "decisions")["commune_code"].to_pylist() if code}
    assert codes == sorted(codes)
    names = ("commune_name", "district_code", "district_name", "province_code", "province_name")
    for row in communes:
        assert [row[name] for name in names] == [units[row["commune_code"]][name] for name in names]
    assert {row["province_code_now"] for row in communes} == {row["province_code"] for row in communes}


def test_subjects_are_those_of_the_decisions(folder: Path) -> None:
    decisions = read(folder, "decisions")
    doses = pq.read_table(folder / "data" / "doses.parquet").sort_by("dose_id")
    for name in ("dose_id", "subject_id"):
        assert doses[name].to_pylist() == decisions[name].to_pylist()
    compared_as = {row["claim_id"]: row["compared_as"] or row["claim_id"] for row in read(folder, "claims").to_pylist()}
    rows = [row | {"claim_id": compared_as[row["claim_id"]]} for row in decisions.select(COUNTED_BY).to_pylist()]
    assert any(claim != least for claim, least in compared_as.items())
    subjects, counts = naive_tables(rows)
    assert read(folder, "subjects").to_pylist() == subjects
    assert read(folder, "subject_counts").to_pylist() == counts


def test_a_claim_is_in_the_police_list_when_a_facility_that_cleans_up_keyed_in_a_dose_of_it(folder: Path) -> None:
    decisions = read(folder, "decisions").to_pylist()
    levels = pq.read_table(folder / "data" / "doses.parquet").sort_by("dose_id")["facility_level"].to_pylist()
    listed = {
        row["claim_id"]
        for row, level in zip(decisions, levels, strict=True)
        if row["status"] == "review" and level in (None, "commune")
    }
    review = read(folder, REVIEW_QUEUE.name).to_pylist()
    assert {row["claim_id"] for row in review if row["in_police_list"]} == listed
    assert 0 < len(listed) < len({row["claim_id"] for row in review})


def test_the_deadline_is_two_days_after_the_list(folder: Path) -> None:
    review = read(folder, REVIEW_QUEUE.name)
    assert set(review["list_date"].to_pylist()) == {datetime.date(2022, 8, 29)}
    assert set(review["deadline"].to_pylist()) == {datetime.date(2022, 8, 31)}


def test_the_weights_of_a_candidate_are_those_of_its_levels(folder: Path) -> None:
    review = read(folder, REVIEW_QUEUE.name)
    for name in read(folder, "patterns").column_names[1:-1]:
        pairs = {*zip(review[f"level_{name}"].to_pylist(), review[f"weight_{name}"].to_pylist(), strict=True)}
        assert len(pairs) == len({level for level, _ in pairs})
        assert all(weight == 0.0 for level, weight in pairs if level == "missing")


def test_more_candidates_than_a_byte_counts_have_their_ranks(folder: Path, tmp_path: Path) -> None:
    """150 people alike, and a plan that keeps all of them."""
    data = folder / "data"
    some = pq.read_table(data / "registry.parquet").to_pylist()
    same = some[0] | dict.fromkeys(("id_number", "old_id_number", "phone", "insurance_number"))
    people = [*some, *(same | {"person_id": f"X{number:03}"} for number in range(150))]
    pq.write_table(pa.Table.from_pylist(people, pq.read_schema(data / "registry.parquet")), tmp_path / "people.parquet")
    doses = pq.read_table(data / "doses.parquet")
    names = ("full_name", "gender", "date_of_birth", "commune_code", "ethnicity")
    stated = dict.fromkeys(doses.schema.names) | {name: same[name] for name in names} | {"dose_id": "one of many"}
    stated |= {"dose_date": "2021-08-01"}
    pq.write_table(pa.concat_tables([doses, pa.Table.from_pylist([stated], doses.schema)]), tmp_path / "doses.parquet")
    plan = resources.files("linkage.plan").joinpath("vaccination.toml").read_text("utf-8")
    (tmp_path / "plan.toml").write_text(plan.replace("candidates_kept = 5", "candidates_kept = 200"))
    index = tmp_path / "index"
    build_from_files([tmp_path / "people.parquet"], index, units=data / "units", plan_file=tmp_path / "plan.toml")
    run_dir = run([tmp_path / "doses.parquet"], index, tmp_path / "runs", accept="a small town").run_dir
    rows = pq.read_table(run_dir / "candidates.parquet").to_pylist()
    (claim_id,) = [
        row["claim_id"] for row in pq.read_table(run_dir / "decisions.parquet").to_pylist()
        if row["dose_id"] == "one of many"
    ]  # fmt: skip
    ranks = [row["rank"] for row in rows if row["claim_id"] == claim_id]
    assert ranks == list(range(1, len(ranks) + 1))
    assert len(ranks) > 150
