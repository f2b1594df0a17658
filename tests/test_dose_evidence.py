"""What doses say of each other, through the whole run: subjects decide the open claims, and families are not merged."""

from __future__ import annotations

import json
import math
import random
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from linkage.insight.explain import explain
from linkage.storage.sealed import sealed
from linkage.training.model_file import Model
from tests.district import DOSES, District, Row, hashes, make_district, manifest, table, write

BITS = ("rarity_bits", "near_number_bits", "household_bits", "subject_bits", "schedule_bits")
FAMILY = 40  # doses of children under a mother's subject


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.fixture(scope="module")
def truth(district: District) -> dict[str, str | None]:
    return {row["dose_id"]: row["person_id"] for row in district.rows("truth")}


def by_dose(rows: list[Row]) -> dict[str, Row]:
    return {row["dose_id"]: row for row in rows}


def is_decided(row: Row) -> bool:
    return row["status"] in ("verified", "matched")


def vague(row: Row) -> Row:
    """Every third dose keyed in with little more than name, sex and year of birth."""
    if int(row["dose_id"][1:]) % 3:
        return row
    year = re.search(r"(19|20)\d\d", row["date_of_birth"] or "")
    blank = ("id_number", "insurance_number", "phone", "commune_code", "province", "district", "commune")
    return row | dict.fromkeys(blank) | {"date_of_birth": year and year.group()}


@pytest.fixture(scope="module")
def model(district: District, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vague doses' own model, had it seen a hundred times as many subjects: few cannot vouch for one in 10,000."""
    folder = tmp_path_factory.mktemp("model")
    content = json.loads((link_vague(district, folder) / "model.json").read_bytes())
    content["evidence"] = {name: [100 * n for n in counts] for name, counts in content["evidence"].items()}
    (folder / "model.json").write_text(json.dumps(sealed(content)), "utf-8")
    return folder / "model.json"


@pytest.fixture(scope="module")
def vague_run(district: District, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_vague(district, tmp_path_factory.mktemp("vague"), model)


def link_vague(district: District, folder: Path, model: Path | None = None, **changes: Any) -> Path:
    rows = [vague(row) | changes for row in district.rows("doses")]
    doses = write(folder / "doses.parquet", rows, district.path("doses"))
    return district.link([doses], folder / "runs", model_file=model)


def test_subjects_decide_what_was_open_and_rightly(
    district: District, truth: dict[str, str | None], model: Path, vague_run: Path, tmp_path: Path
) -> None:
    with_subjects = by_dose(table(vague_run, "decisions"))
    without = by_dose(table(link_vague(district, tmp_path, model, subject_id=None), "decisions"))
    gained = [dose for dose, row in with_subjects.items() if is_decided(row) and not is_decided(without[dose])]
    lost = [dose for dose, row in without.items() if is_decided(row) and not is_decided(with_subjects[dose])]
    assert len(gained) > 20
    assert len(gained) > 2 * len(lost)
    assert [dose for dose in gained if with_subjects[dose]["person_id"] != truth[dose]] == []
    # The budget of expected errors that the sure ones leave lets a few others in.
    assert len([dose for dose in gained if "subject" in with_subjects[dose]["found_by"]]) > len(gained) / 2


def test_the_evidence_is_told_and_adds_up(vague_run: Path) -> None:
    decisions = table(vague_run, "decisions")
    candidates = {(row["claim_id"], row["person_id"]): row for row in table(vague_run, "candidates")}
    evidence = {pair: row for pair, row in candidates.items() if row["subject_bits"] or row["schedule_bits"]}
    assert all(row["schedule_bits"] <= 0 for row in evidence.values())
    assert all(row["subject_bits"] <= 0 or "subject" in row["found_by"] for row in evidence.values())
    linked = [row for row in decisions if row["status"] in ("matched", "review") and row["found_by"]]
    told = [row for row in linked if (row["claim_id"], row["person_id"]) in evidence]
    assert told
    for row in told[:10]:
        best = explain(vague_run, row["dose_id"]).candidates[0]
        assert best.person_id == row["person_id"]
        assert best.match_weight == pytest.approx(row["match_weight"], abs=1e-9)
        assert best.probability == pytest.approx(row["match_probability"], abs=1e-9)
        assert best.subject_bits == evidence[row["claim_id"], row["person_id"]]["subject_bits"]
        assert ("subject" in best.found_by) == ("subject" in row["found_by"])
    for row in table(vague_run, "queues/review"):
        bits = candidates[row["claim_id"], row["person_id"]]
        assert {name: row[name] for name in BITS} == {name: bits[name] for name in BITS}
    weights = [name for name in next(iter(candidates.values())) if name.startswith("weight_")]
    for row in candidates.values():
        assert sum(row[name] for name in (*BITS, *weights)) == pytest.approx(row["match_weight"], abs=1e-9)


def test_no_order_of_the_doses_changes_the_evidence(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")
    random.Random(5).shuffle(rows)
    shuffled = district.link([write(tmp_path / "doses.parquet", rows, district.path("doses"))], tmp_path / "runs")
    assert hashes(shuffled) == hashes(district.run_dir)


def mothers(district: District) -> list[tuple[Row, Row]]:
    """Verified doses of grown women, one a person, and what the registry says of her."""
    persons = {row["person_id"]: row for row in district.rows("registry")}
    doses = by_dose(district.rows("doses"))
    found = {}
    for row in table(district.run_dir, "decisions"):
        person = persons.get(row["person_id"])
        is_mother = row["status"] == "verified" and person["gender"] == "Nữ" and person["date_of_birth"] < "1995"
        if is_mother and len(person["full_name"].split()) > 2 and doses[row["dose_id"]]["subject_id"]:
            found[row["person_id"]] = (doses[row["dose_id"]], person)
    return list(found.values())[:FAMILY]


def child(mother: Row, number: int) -> dict[str, Any]:
    """A boy whom the registry does not hold, keyed in under his mother's subject and phone."""
    family = mother["full_name"].split()[0]
    return {"full_name": f"{family} Gia Bảo Khôi", "gender": "Nam", "date_of_birth": f"{1 + number % 28:02}/09/2016"}


def twin(mother: Row, number: int) -> dict[str, Any]:
    """A sister born the same day, whom the registry does not hold either."""
    words = mother["full_name"].split()
    return {"full_name": " ".join([*words[:-1], "Trâm" if number % 2 else "Vy"])}


@pytest.mark.parametrize("relative", [child, twin])
def test_a_family_under_one_subject_is_not_made_one_person(district: District, tmp_path: Path, relative: Any) -> None:
    """Whom the mother's subject_id would have decided for her is decided without it too."""
    decided = []
    for name in ("hers", "none"):
        added = []
        for number, (dose, person) in enumerate(mothers(district)):
            others = {"id_number": None, "insurance_number": None, "dose_date": None}
            subject = dose["subject_id"] if name == "hers" else None
            family = relative(person, number) | {"dose_id": f"X{number:08}", "subject_id": subject}
            added.append(dose | others | family)
        assert len(added) == FAMILY
        path = write(tmp_path / f"{name}.parquet", district.rows("doses") + added, district.path("doses"))
        model = district.run_dir / "model.json"  # not one that takes the added relatives for matches
        decisions = by_dose(table(district.link([path], tmp_path / "runs", model_file=model), "decisions"))
        decided.append({row["dose_id"] for row in added if is_decided(decisions[row["dose_id"]])})
    assert decided[0] <= decided[1]
    if relative is child:
        assert decided[0] == set()


def namesakes(district: District, *, one_subject: bool) -> list[Row]:
    """Of people who got no dose three claims each: what anybody may know of them, the same with a full number that is
    nobody's, and with a phone; under one subject or under none."""
    given = {row["person_id"] for row in district.rows("truth")}
    persons = [
        row
        for row in district.rows("registry")
        if row["person_id"] not in given
        and "1985" < row["date_of_birth"] < "2000"
        and len(row["date_of_birth"]) == 10
        and row["commune_code"]
    ]
    blank = dict.fromkeys(district.rows("doses")[0])
    added = []
    for number, person in enumerate(persons[:FAMILY]):
        year = int(person["date_of_birth"][:4]) + (1 if number % 2 else -1)
        same = {name: person[name] for name in ("full_name", "gender", "commune_code")}
        subject = f"N{number}" if one_subject else None
        same |= {"date_of_birth": str(year), "subject_id": subject, "vaccine": "AstraZeneca"}
        century_and_sex = "0" if person["gender"] == "Nam" else "1"
        nobodys = f"099{century_and_sex}{year % 100:02}{999_000 + number}"
        for claim, typed in enumerate(({}, {"id_number": nobodys}, {"phone": "0912000111"})):
            added.append(blank | same | typed | {"dose_id": f"N{number:05}{claim}"})
    return added


def bits_of_namesakes(district: District, folder: Path, rows: list[Row]) -> dict[str, dict[str, Row]]:
    """The candidates of each added dose by person."""
    path = write(folder / "doses.parquet", district.rows("doses") + rows, district.path("doses"))
    run = district.link([path], folder / "runs", model_file=district.run_dir / "model.json", accept="a test")
    claims = {row["dose_id"]: row["claim_id"] for row in table(run, "decisions") if row["dose_id"][0] == "N"}
    by_claim: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in table(run, "candidates"):
        by_claim[row["claim_id"]][row["person_id"]] = row
    return {dose: by_claim[claim] for dose, claim in claims.items()}


def test_a_number_that_another_claim_of_the_subject_states_counts_against_who_has_another(
    district: District, tmp_path: Path
) -> None:
    """Of a claim that states none: by as much as it would in the claim itself, but for what subjects are worth."""
    (tmp_path / "one").mkdir()
    (tmp_path / "none").mkdir()
    together = bits_of_namesakes(district, tmp_path / "one", namesakes(district, one_subject=True))
    apart = bits_of_namesakes(district, tmp_path / "none", namesakes(district, one_subject=False))
    rates = manifest(district.run_dir)["evidence_rates"]
    same, of = (rates[f"subjects{name}_by_claims"][1] for name in ("_of_one_person", ""))
    rho = (same + 0.5) / (of + 1.0)
    n_lowered = 0
    for dose, candidates in together.items():
        others = [dose[:-1] + number for number in "12"]
        for person, row in candidates.items() if dose[-1] == "0" else ():
            if row["subject_bits"] < 0 and all(person in apart[name] for name in (dose, *others)):
                silent, *stating = (2.0 ** apart[name][person]["match_weight"] for name in (dose, *others))
                # Of the two the worse.
                weight = math.log2(rho * min(stating) + (1.0 - rho) * silent)
                assert row["match_weight"] == pytest.approx(weight, abs=1e-9)
                assert row["subject_bits"] == pytest.approx(weight - math.log2(silent), abs=1e-9)
                n_lowered += 1
    assert n_lowered > FAMILY / 2


def test_shared_ids_are_learnt_to_say_little(district: District, tmp_path: Path) -> None:
    """Where whole families stand under one subject, the share of subjects that are one person falls."""
    households = defaultdict(list)
    for row in district.rows("doses"):
        households[row["phone"]].append(row)
    rows = []
    for phone, doses in households.items():
        rows += [row | {"subject_id": f"F{phone}" if phone else row["subject_id"]} for row in doses]
    run = district.link([write(tmp_path / "doses.parquet", rows, district.path("doses"))], tmp_path / "runs")
    families, subjects = (manifest(folder)["evidence_rates"] for folder in (run, district.run_dir))
    for rates, is_one in ((families, False), (subjects, True)):
        same, of = sum(rates["subjects_of_one_person_by_claims"]), sum(rates["subjects_by_claims"])
        assert of > 50
        assert (same / of > 0.99) == is_one
    found = {row["dose_id"]: row["person_id"] for row in district.rows("truth")}
    decided = [row for row in table(run, "decisions") if is_decided(row)]
    assert len([row for row in decided if row["person_id"] != found[row["dose_id"]]]) <= DOSES // 1000


# ------------------------------------------------------------------------------------------------ schedule and product


@pytest.fixture(scope="module")
def with_mixed_products(district: District, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of doses whose products were mixed up among all."""
    folder = tmp_path_factory.mktemp("products")
    rows = district.rows("doses")
    products = [row["vaccine"] for row in rows]
    random.Random(3).shuffle(products)
    mixed = [row | {"vaccine": product} for row, product in zip(rows, products, strict=True)]
    return district.link([write(folder / "doses.parquet", mixed, district.path("doses"))], folder / "runs")


def test_a_conflict_as_common_among_verified_doses_does_not_hold_up_a_match(
    district: District, with_mixed_products: Path
) -> None:
    before, after = (table(folder, "decisions") for folder in (district.run_dir, with_mixed_products))
    in_conflict = [row for row in after if "product_mismatch" in row["conflicts"]]
    assert len([row for row in in_conflict if row["status"] == "verified"]) > 200
    assert len([row for row in in_conflict if row["status"] == "matched"]) > 100
    in_review = [len([row for row in rows if row["status"] == "review"]) for rows in (before, after)]
    assert in_review[1] <= in_review[0] + DOSES // 500


def test_a_conflict_never_seen_among_verified_doses_goes_to_review(
    district: District, truth: dict[str, str | None], tmp_path: Path
) -> None:
    """A claim that only nearly agrees, with a second first dose a few days after the verified one."""
    theirs = {person["person_id"] for _, person in mothers(district)}
    doses, added = [row for row in district.rows("doses") if truth[row["dose_id"]] not in theirs], []
    for dose, person in mothers(district):
        doses.append(dose | {"dose_date": "2021-07-01", "dose_number": "1"})
        near = {"id_number": None, "date_of_birth": person["date_of_birth"][:4], "subject_id": None}
        later = {"dose_date": "2021-07-05", "phone": None, "insurance_number": None}
        added.append(doses[-1] | near | later | {"dose_id": f"X{dose['dose_id']}"})
    run = district.link([write(tmp_path / "doses.parquet", doses + added, district.path("doses"))], tmp_path / "runs")
    decisions = by_dose(table(run, "decisions"))
    held = [decisions[row["dose_id"]] for row in added]
    assert {row["status"] for row in held} <= {"review", "unmatched"}
    told = [row for row in held if row["status"] == "review" and row["person_id"] in theirs]
    assert told
    assert all("dose_number_twice" in row["conflicts"] for row in told)
    queue = {row["claim_id"]: row for row in table(run, "queues/review") if row["rank"] == 1}
    assert all(queue[row["claim_id"]]["schedule_bits"] < -5 for row in told)


def test_a_small_batch_goes_by_the_rates_of_its_model(
    district: District, with_mixed_products: Path, tmp_path: Path
) -> None:
    model = with_mixed_products / "model.json"
    rates = json.loads(model.read_bytes())["evidence"]
    assert rates == manifest(with_mixed_products)["evidence_rates"]
    few = write(tmp_path / "doses.parquet", district.rows("doses")[:200], district.path("doses"))
    run = district.link([few], tmp_path / "runs", model_file=model)
    assert manifest(run)["evidence_rates"] == rates
    assert Model.load(run / "model.json").digest() == Model.load(model).digest()
