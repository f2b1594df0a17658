"""From files to queues: what must hold of every run, checked against the inputs with plain Python."""

from __future__ import annotations

import csv
import datetime
import math
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from linkage.deciding.review_worth import LEAST_SHOWN
from linkage.insight.evaluate import Evaluation, evaluate
from linkage.night.run import run
from linkage.registry.from_files import build_from_files
from linkage.schema import DECISIONS, STATUSES
from tests.district import LIST_DATE, District, Row, hashes, make_district, manifest, table, write

TONES = "\u0300\u0301\u0303\u0309\u0323"


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.fixture(scope="module")
def decisions(district: District) -> dict[str, Row]:
    return {row["dose_id"]: row for row in table(district.run_dir, "decisions")}


@pytest.fixture(scope="module")
def doses(district: District) -> dict[str, Row]:
    return {row["dose_id"]: row for row in district.rows("doses")}


@pytest.fixture(scope="module")
def persons(district: District) -> dict[str, Row]:
    return {row["person_id"]: row for row in district.rows("registry")}


@pytest.fixture(scope="module")
def evaluation(district: District) -> Evaluation:
    return evaluate(district.run_dir, district.path("truth"))


def plain_date(text: str | None) -> datetime.date | None:
    """dd/mm/yyyy with any sign between, or ISO; None for anything else."""
    for pattern, order in ((r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", (2, 1, 0)), (r"(\d{4})-(\d\d)-(\d\d)", (0, 1, 2))):
        found = re.fullmatch(pattern, (text or "").strip())
        if found:
            return datetime.date(*(int(found.groups()[i]) for i in order))
    return None


def plain_name(text: str) -> list[tuple[str, list[str]]]:
    """Syllables as letters and tones, so that "hoà" is "hòa"; case and spaces do not count."""
    decomposed = unicodedata.normalize("NFD", text).casefold()
    syllables = re.findall(r"[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*", decomposed)
    return [("".join(c for c in s if c not in TONES), sorted(c for c in s if c in TONES)) for s in syllables]


def test_every_dose_has_one_decision_in_the_order_of_ids(
    district: District, decisions: dict[str, Row], doses: dict[str, Row]
) -> None:
    found = pq.read_table(district.run_dir / "decisions.parquet")
    assert found.schema.equals(DECISIONS.arrow(), check_metadata=False)
    assert found["dose_id"].to_pylist() == sorted(doses)
    counts = Counter(row["status"] for row in decisions.values())
    assert manifest(district.run_dir)["counts"] == {status: counts[status] for status in STATUSES}
    assert all(counts[status] for status in STATUSES), "the district should show every status"


def test_no_table_holds_a_number_that_is_none(district: District) -> None:
    for path in district.run_dir.rglob("*.parquet"):
        found = pq.read_table(path)
        for name in found.column_names:
            if pa.types.is_floating(found[name].type):
                assert all(math.isfinite(v) for v in found[name].drop_null().to_pylist()), f"{path.name} {name}"


def test_probabilities_share_one(district: District, decisions: dict[str, Row]) -> None:
    names = ("match_probability", "runner_up_probability", "none_probability", "unsearched_probability")
    for row in decisions.values():
        parts = [row[name] or 0.0 for name in names]
        assert all(0.0 <= part <= 1.0 + 1e-12 for part in parts), row
        others = row["others_probability"]
        assert others is None or sum(parts) + others == pytest.approx(1.0, abs=1e-12), row
        assert parts[0] >= parts[1], row
        if row["status"] == "excluded":
            assert [row[name] for name in names] == [None] * 4
    by_subject = {row["claim_id"]: row for row in decisions.values()}
    candidates: dict[str, list[float]] = defaultdict(list)
    for row in table(district.run_dir, "queues/review"):
        candidates[row["claim_id"]].append(row["match_probability"])
    of_claim: dict[str, list[float]] = defaultdict(list)
    for row in table(district.run_dir, "candidates"):
        of_claim[row["claim_id"]].append(row["match_probability"])
    assert set(of_claim) >= {key for key in candidates if by_subject[key]["decided_by"] == "model"}
    for key, chances in of_claim.items():
        row = by_subject[key]
        assert sum(chances) + row["none_probability"] + row["unsearched_probability"] <= 1.0 + 1e-12
    for key, chances in candidates.items():
        row = by_subject[key]
        assert chances == sorted(chances, reverse=True)
        assert chances[0] == row["match_probability"]
        rest = row["none_probability"] + row["unsearched_probability"]
        # With fewer candidates than are kept, the others are those that are not worth showing.
        assert sum(chances) + rest <= 1.0 + 1e-9
        assert len(chances) == 5 or sum(chances) + rest >= 1.0 - 5 * LEAST_SHOWN
        assert min(chances[1:], default=1.0) >= LEAST_SHOWN


def test_the_verified_agree_exactly(decisions: dict[str, Row], doses: dict[str, Row], persons: dict[str, Row]) -> None:
    n_dates = n_names = 0
    verified = [row for row in decisions.values() if row["status"] == "verified"]
    for row in verified:
        dose, person = doses[row["dose_id"]], persons[row["person_id"]]
        digits = re.sub(r"\.0+$|\D", "", dose["id_number"])
        numbers = {person["id_number"], person["old_id_number"]}
        assert {digits, digits.zfill(12), digits.zfill(9)} & numbers, (dose, person)
        n_names += plain_name(dose["full_name"]) == plain_name(person["full_name"])
        born = plain_date(dose["date_of_birth"])
        n_dates += born is not None
        assert born is None or born.isoformat() == person["date_of_birth"], (dose, person)
        assert row["wrong_fields"] == []
        assert row["issue"] is None
        assert row["match_probability"] > 0.99, row
    # The others are written in ways this file does not read: old fonts, Telex keys, K' joined to the name, serials.
    assert min(n_names, n_dates) > 0.95 * len(verified) > 1000


def test_nobody_is_vaccinated_after_death(
    decisions: dict[str, Row], doses: dict[str, Row], persons: dict[str, Row]
) -> None:
    n_late = 0
    for row in decisions.values():
        death = plain_date(persons[row["person_id"]]["date_of_death"]) if row["person_id"] else None
        day = plain_date(doses[row["dose_id"]]["dose_date"])
        if death and day and day > death:
            n_late += 1
            assert row["status"] not in ("verified", "matched"), row
    assert n_late > 0


def test_a_dose_after_death_is_not_decided(decisions: dict[str, Row]) -> None:
    late = [row["status"] for row in decisions.values() if "dead_before_dose" in row["conflicts"]]
    assert late
    assert set(late) == {"review"}


def test_foreigners_are_excluded_and_nobody_else(
    district: District, decisions: dict[str, Row], doses: dict[str, Row]
) -> None:
    excluded = {row["claim_id"] for row in decisions.values() if row["status"] == "excluded"}
    queue = table(district.run_dir, "queues/excluded")
    assert {row["claim_id"] for row in queue} == excluded
    assert all(row["reason"] for row in queue)
    vietnamese = {"", "viet nam", "vietnam", "vn", "vnm", "kinh"}
    for row in decisions.values():
        nationality = unicodedata.normalize("NFD", (doses[row["dose_id"]]["nationality"] or "").casefold())
        plain = "".join(c for c in nationality if not unicodedata.combining(c)).strip()
        if row["status"] == "excluded":
            assert row["person_id"] is None
            assert plain not in vietnamese or re.search(r"[A-Za-z]", doses[row["dose_id"]]["id_number"] or "")


def test_the_review_queue_has_every_subject_in_doubt(
    district: District, decisions: dict[str, Row], doses: dict[str, Row]
) -> None:
    queue = table(district.run_dir, "queues/review")
    in_review = [row for row in decisions.values() if row["status"] == "review"]
    n_doses = Counter(row["claim_id"] for row in in_review)
    assert {row["claim_id"]: row["n_doses"] for row in queue} == n_doses
    levels = defaultdict(set)
    for row in in_review:
        levels[row["claim_id"]].add(doses[row["dose_id"]]["facility_level"])
    for row in queue:
        assert row["list_date"] == LIST_DATE
        assert row["deadline"] == LIST_DATE + datetime.timedelta(days=2)
        is_theirs = levels[row["claim_id"]] - {"central", "province", "district"}
        assert row["in_police_list"] == bool(is_theirs), row
    assert {row["in_police_list"] for row in queue} == {True, False}


def test_the_threshold_of_the_manifest_parts_matched_from_review(district: District, decisions: dict[str, Row]) -> None:
    threshold = manifest(district.run_dir)["match_threshold"]
    assert 0.98 <= threshold <= 1.0
    for row in decisions.values():
        if row["status"] == "matched":
            assert row["match_probability"] >= threshold
        # Against another number and without the whole date, of which a part that agrees is not wrong, the plan leaves a
        # claim to a person, however sure it is.
        is_left = "id_number" in row["wrong_fields"]
        if row["status"] == "review" and not row["conflicts"] and not is_left:
            assert 0.02 <= row["match_probability"] < threshold, row
        if row["status"] == "unmatched":
            assert row["person_id"] is None


def test_the_right_people_are_found(evaluation: Evaluation) -> None:
    assert evaluation.precision["automatic"].share is not None
    assert evaluation.precision["automatic"].share >= 0.998
    assert evaluation.recall.share is not None
    assert evaluation.recall.share >= 0.95
    assert evaluation.review.share is not None
    assert evaluation.review.share <= 0.05


def test_a_registry_with_the_codes_of_2025_links_nearly_as_well(evaluation: Evaluation, tmp_path: Path) -> None:
    later = make_district(tmp_path, registry_date="2025")
    assert manifest_of_index(later)["commune_date"] == "2025"
    found = evaluate(later.run_dir, later.path("truth"))
    assert found.precision["automatic"].share is not None
    assert found.precision["automatic"].share >= 0.998
    assert found.recall.share is not None
    assert evaluation.recall.share is not None
    assert found.recall.share >= evaluation.recall.share - 0.01


def manifest_of_index(district: District) -> dict[str, Any]:
    return manifest(district.index / (district.index / "current").read_text().strip())


def test_without_units_codes_are_compared_as_they_are(
    district: District, evaluation: Evaluation, tmp_path: Path
) -> None:
    build_from_files([district.path("registry")], tmp_path / "index")
    summary = run([district.path("doses")], tmp_path / "index", tmp_path / "runs")
    found = evaluate(summary.run_dir, district.path("truth"))
    assert found.precision["automatic"].share is not None
    assert found.precision["automatic"].share >= 0.998
    assert found.recall.share is not None
    assert evaluation.recall.share is not None
    assert found.recall.share >= evaluation.recall.share - 0.02


def test_the_form_of_the_files_does_not_matter(district: District, tmp_path: Path) -> None:
    rows = district.rows("doses")
    names = list(rows[0])
    with (tmp_path / "a.csv").open("w", encoding="utf-16", newline="") as stream:
        writer = csv.DictWriter(stream, names, delimiter=";")
        writer.writeheader()
        writer.writerows(rows[:2000])
    with xlsxwriter.Workbook(tmp_path / "b.xlsx", {"strings_to_numbers": False}) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate([dict(zip(names, names, strict=True)), *rows[2000:4000]]):
            for column, name in enumerate(names):
                if row[name] is not None:
                    sheet.write_string(place, column, row[name])
    files = [
        tmp_path / "a.csv",
        tmp_path / "b.xlsx",
        write(tmp_path / "c.parquet", rows[4000:], district.path("doses")),
    ]
    assert hashes(district.link(files, tmp_path / "runs")) == hashes(district.run_dir)


def test_malformed_records_are_rejected_and_none_is_lost(
    district: District, decisions: dict[str, Row], tmp_path: Path
) -> None:
    rows = district.rows("doses")
    twin, rival, alone = rows[10], rows[11] | {"full_name": "Ai Khác"}, rows[-1]
    write(tmp_path / "doses.parquet", rows[:-1], district.path("doses"))
    names = list(alone)

    def line(row: Row) -> bytes:
        return ",".join(f'"{value}"' if value else "" for value in row.values()).encode()

    lines = [
        ",".join(names).encode(),
        line(alone),
        line(twin),  # the same record again
        line(rival),  # another record under an id of the other file: neither is believed
        b'N1,S1,"Nguy',  # a quote that does not close
        b"N2,S2,Tr\x81n" + b"," * (len(names) - 3),
        b"N3,S3,L\0" + b"," * (len(names) - 3),
        b"N4,S4",
        b"N5" + b"," * (len(names) + 2) + b"x",
        b"," * (len(names) - 1),
    ]
    (tmp_path / "late.csv").write_bytes(b"\n".join(lines) + b"\n")
    run_dir = district.link([tmp_path / "doses.parquet", tmp_path / "late.csv"], tmp_path / "runs")
    inputs = {source["file"]: source for source in manifest(run_dir)["inputs"]}
    for source in inputs.values():
        assert source["physical_records"] == source["decided"] + source["rejected"]
    assert inputs["doses.parquet"]["physical_records"] == len(rows) - 1
    assert inputs["doses.parquet"]["rejected"] == 1
    assert inputs["late.csv"]["physical_records"] == len(lines) - 1
    assert inputs["late.csv"]["decided"] == 1
    rejected = table(run_dir, "queues/rejected")
    assert {(row["file"], row["position"]): set(row["reasons"]) for row in rejected} == {
        ("doses.parquet", 12): {"conflicting_dose_id"},
        ("late.csv", 2): {"duplicate_dose_id"},
        ("late.csv", 3): {"conflicting_dose_id"},
        ("late.csv", 4): {"unclosed_quote"},
        ("late.csv", 5): {"invalid_encoding"},
        ("late.csv", 6): {"nul_byte"},
        ("late.csv", 7): {"too_few_columns"},
        ("late.csv", 8): {"too_many_columns"},
        ("late.csv", 9): {"missing_dose_id"},
    }
    decided = {row["dose_id"]: row for row in table(run_dir, "decisions")}
    assert decided.keys() == decisions.keys() - {rival["dose_id"]}
    assert sum(manifest(run_dir)["counts"].values()) == len(decided)
