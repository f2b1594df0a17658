"""An explanation repeats the decision it explains: the same candidates, weights that sum up, the same probability."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len

from linkage.cli.tables import print_fitted
from linkage.encode.columns import encode
from linkage.errors import UsageError
from linkage.insight.explain import explain
from linkage.insight.explanation import Explanation
from linkage.insight.sources import source_of
from linkage.insight.weighing import weigh
from linkage.published.reader import read_manifest
from linkage.registry.from_files import apply_changes
from linkage.registry.index import open_index
from linkage.reports.explanation import render
from linkage.scoring.batch import prepare_batch
from linkage.scoring.scorer import Scorer
from linkage.training.model_file import Model
from tests.district import District, Row, call, heavy_modules_of, make_district, table, write


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.fixture(scope="module")
def some(district: District) -> Callable[[str], list[Row]]:
    # A verified dose of a dead person goes to review as it was found, by exact agreement, which weighs no rivals.
    rows = [row for row in table(district.run_dir, "decisions") if "dead_before_dose" not in row["conflicts"]]
    return lambda status: [row for row in rows if row["status"] == status][:4]


def shown(explanation: Explanation, width: int = 100) -> str:
    stream = io.StringIO()
    with redirect_stdout(stream), mock.patch("linkage.cli.tables._WIDE", width):
        print_fitted(render(explanation))
    return stream.getvalue()


@pytest.mark.parametrize("status", ["matched", "review"])
def test_the_decision_is_found_again(district: District, some: Callable[[str], list[Row]], status: str) -> None:
    for row in some(status):
        explanation = explain(district.run_dir, row["dose_id"])
        assert explanation.decision == row
        best = explanation.candidates[0]
        assert (best.person_id, best.found_by) == (row["person_id"], row["found_by"])
        assert best.probability == pytest.approx(row["match_probability"], abs=1e-12)
        assert best.match_weight == pytest.approx(row["match_weight"], abs=1e-9)
        assert explanation.none_probability == pytest.approx(row["none_probability"], abs=1e-12)
        assert explanation.unsearched_probability == pytest.approx(row["unsearched_probability"], abs=1e-12)
        if row["runner_up_person_id"] is not None:
            rival = explanation.candidates[1]
            assert rival.person_id == row["runner_up_person_id"]
            assert rival.probability == pytest.approx(row["runner_up_probability"], abs=1e-12)


def test_the_bits_sum_to_the_match_weight(district: District, some: Callable[[str], list[Row]]) -> None:
    for row in [*some("verified"), *some("matched"), *some("review")]:
        for candidate in explain(district.run_dir, row["dose_id"]).candidates:
            bits = sum(evidence.weight_bits for evidence in candidate.evidence)
            total = bits + candidate.term_frequency_bits + candidate.neighbour_bits + candidate.household_bits
            total += candidate.subject_bits + candidate.schedule_bits
            assert total == pytest.approx(candidate.match_weight, abs=1e-9)
            assert candidate.household_bits <= 1e-9, "relatives who agree can only speak against a match"


def test_what_is_compared_is_shown_as_typed(district: District, some: Callable[[str], list[Row]]) -> None:
    row = some("verified")[0]
    dose = next(d for d in district.rows("doses") if d["dose_id"] == row["dose_id"])
    person = next(p for p in district.rows("registry") if p["person_id"] == row["person_id"])
    evidence = {e.comparison: e for e in explain(district.run_dir, row["dose_id"]).candidates[0].evidence}
    assert evidence["full_name"].stated == dose["full_name"]
    assert evidence["full_name"].registered == person["full_name"]
    assert evidence["birth_date"].stated == dose["date_of_birth"]
    assert person["id_number"] in evidence["id_number"].registered
    assert evidence["full_name"].level == "same"


def test_a_person_whom_no_pass_found(district: District, some: Callable[[str], list[Row]]) -> None:
    row = some("matched")[0]
    plain = explain(district.run_dir, row["dose_id"])
    compared = {candidate.person_id for candidate in plain.candidates}
    # Somebody of another commune, sex and year shares no key with the dose.
    best = plain.candidates[0].registered
    stranger = next(
        p["person_id"]
        for p in district.rows("registry")
        if p["person_id"] not in compared
        and p["commune_code"] != best["commune_code"]
        and p["gender"] != best["gender"]
        and p["date_of_birth"][:4] != best["date_of_birth"][:4]
        and p["date_of_birth"][5:] != best["date_of_birth"][5:]
    )
    asked = explain(district.run_dir, row["dose_id"], stranger)
    assert asked.candidates[:-1] == plain.candidates
    last = asked.candidates[-1]
    assert last.person_id == asked.asked_for == stranger
    assert last.found_by == []
    assert 0.0 <= last.probability < 1e-3
    text = shown(asked)
    assert f"person {stranger}, asked for, found by no pass" in text


def test_the_best_candidate_asked_for_stands_last(district: District, some: Callable[[str], list[Row]]) -> None:
    row = some("review")[0]
    plain, asked = (explain(district.run_dir, row["dose_id"], p) for p in (None, row["person_id"]))
    assert asked.candidates == [*plain.candidates[1:], plain.candidates[0]]


@pytest.mark.parametrize("status", ["verified", "matched", "review", "unmatched", "excluded"])
def test_it_fits_a_terminal_of_100_columns(district: District, some: Callable[[str], list[Row]], status: str) -> None:
    for row in some(status):
        text = shown(explain(district.run_dir, row["dose_id"]))
        first = text.splitlines()[0]
        assert first.startswith(f"dose {row['dose_id']}: {status}")
        # In columns: a letter with its tone apart is two characters.
        assert max(map(cell_len, text.splitlines())) <= 100
        assert "…" not in text
        assert "nan" not in text.casefold().split()
        if row["person_id"]:
            assert f"person {row['person_id']} with probability {row['match_probability']:.6f}" in first


def test_an_excluded_dose_says_why(district: District, some: Callable[[str], list[Row]]) -> None:
    row = some("excluded")[0]
    reasons = {r["claim_id"]: r["reason"] for r in table(district.run_dir, "queues/excluded")}
    explanation = explain(district.run_dir, row["dose_id"])
    assert explanation.excluded_reason == reasons[row["claim_id"]]
    assert reasons[row["claim_id"]] in shown(explanation)


def test_the_command_prints_json(district: District, some: Callable[[str], list[Row]]) -> None:
    row = some("matched")[0]
    copied = f" {row['dose_id']}\u200b"  # from a message, with what stands around it
    assert call("explain", district.run_dir, copied).code == 0
    ended = call("explain", district.run_dir, row["dose_id"], "--json")
    assert ended.code == 0
    assert ended.json["decision"]["person_id"] == ended.json["candidates"][0]["person_id"] == row["person_id"]


def test_the_inputs_no_longer_matter(tmp_path: Path) -> None:
    district = make_district(tmp_path)
    dose, person = (district.rows(name)[0] for name in ("doses", "registry"))
    changes = write(tmp_path / "changes.parquet", [person | {"full_name": "Đổi Tên"}], district.path("registry"))
    before = explain(district.run_dir, dose["dose_id"])
    apply_changes(changes, district.index)
    assert explain(district.run_dir, dose["dose_id"]) == before, "a run is explained with the index it was linked with"
    write(district.path("doses"), [dose | {"full_name": "Đổi Tên"}], district.path("doses"))
    assert explain(district.run_dir, dose["dose_id"]) == before
    district.path("doses").unlink()
    assert explain(district.run_dir, dose["dose_id"]) == before
    with pytest.raises(UsageError, match="not among its decisions"):
        explain(district.run_dir, "D0")


def test_persons_are_found_among_the_changes_of_an_index(tmp_path: Path) -> None:
    district = make_district(tmp_path)
    before = next(row for row in table(district.run_dir, "decisions") if row["status"] == "verified")
    person = next(p for p in district.rows("registry") if p["person_id"] == before["person_id"])
    changes = write(tmp_path / "changes.parquet", [person | {"phone": "0912384567"}], district.path("registry"))
    apply_changes(changes, district.index)
    run_dir = district.link([district.path("doses")], tmp_path / "again", model_file=district.run_dir / "model.json")
    best = explain(run_dir, before["dose_id"]).candidates[0]
    assert (best.person_id, best.registered["phone"]) == (person["person_id"], "0912384567")
    rows = [row for row in table(run_dir, "decisions") if row["person_id"] not in (None, person["person_id"])]
    for row in rows[:: max(1, len(rows) // 8)]:
        found = explain(run_dir, row["dose_id"]).candidates[0]
        assert found.registered["person_id"] == row["person_id"]


def test_a_name_is_as_rare_as_in_its_cohort(district: District, some: Callable[[str], list[Row]]) -> None:
    """Of claims that agree in everything: among those born when the person was, counted in the columns of the index."""
    manifest = read_manifest(district.run_dir)
    index = open_index(Path(manifest["index"]["path"]))
    columns = {name: column.large for name, column in index.columns.items()}
    model = Model.load(district.run_dir / "model.json", index.plan)
    names = [comparison.name for comparison in index.plan.comparisons]
    n_in_commune = 0
    for row in some("verified"):
        candidate = explain(district.run_dir, row["dose_id"]).candidates[0]
        level = {evidence.comparison: evidence.level for evidence in candidate.evidence}
        if level["commune"] != "same commune" or level["ethnicity"] == "missing":
            continue
        n_in_commune += 1
        dictionaries = index.dictionaries.copy()
        dose = encode(source_of(district.run_dir).dose(row["dose_id"]), index.plan, "left", dictionaries)
        tile = Scorer(prepare_batch(dose, dictionaries, index), index, model.parameters).tile(slice(0, 1))
        by_name = dict(zip(names, tile.ratios, strict=True))
        place, people = by_name["commune"], by_name["ethnicity"]
        assert place is not None
        assert people is not None
        others = place[0, 0, 1] * people[0, 1, 1 if level["ethnicity"] == "same" else 2]
        person = int(index.rows_of(pa.array([candidate.person_id]))[0])
        same = model.parameters.comparisons[names.index("full_name")].u[1]
        expected = -np.log2(_share_by_hand(columns, person) / same * others)
        assert candidate.term_frequency_bits == pytest.approx(expected, abs=1e-9)
    assert n_in_commune > 0


def _share_by_hand(columns: dict[str, Any], person: int) -> float:
    """Of a person's name, among those of his sex, cohort and commune, by the rule that linkage.registry.frequencies
    states."""
    key, sex, commune = (columns[name] for name in ("full_name.key", "sex", "commune"))
    cohorts = np.searchsorted((1955, 1970, 1985, 1995, 2000, 2005, 2010), columns["birth_date"] >> 9, side="right")
    is_born, is_sex, has_name = columns["birth_date"] > 0, sex == sex[person], key == key[person]
    peers = is_sex & is_born & (cohorts == cohorts[person]) & (key != 0)
    neighbours = is_sex & (commune == commune[person])
    country = max((is_sex & has_name).sum() - 1, 0.5) / ((is_sex & (key != 0)).sum() - 1)
    cohort = country * ((peers & has_name).sum() - 1 + 3) / (country * (peers.sum() - 1) + 3)
    namesakes = max((neighbours & has_name).sum() - 1 - 0.5, 0)
    here = (namesakes + 10 * country) / (neighbours.sum() - 1 + 10)
    return float(min(cohort * max(here / country, 1), 1))


def test_an_explanation_loads_no_kernel(district: District, some: Callable[[str], list[Row]]) -> None:
    """Nor DuckDB, nor the rules of a plan: to load them takes longer than to explain a dose."""
    for status in ("verified", "matched", "review", "unmatched", "excluded"):
        printed, heavy = heavy_modules_of("explain", district.run_dir, some(status)[0]["dose_id"])
        assert f": {status}" in printed.splitlines()[0]
        assert heavy == "", status


def test_who_is_weighed_anew_weighs_what_was_published(district: District, some: Callable[[str], list[Row]]) -> None:
    source = source_of(district.run_dir)
    for row in [*some("verified")[:1], *some("matched")[:2], *some("review")[:2], *some("unmatched")[:1]]:
        for candidate in explain(district.run_dir, row["dose_id"]).candidates:
            anew = weigh(source, row, candidate.person_id)
            assert (anew.person_id, anew.registered) == (candidate.person_id, candidate.registered)
            assert anew.evidence == candidate.evidence
            assert anew.match_weight == pytest.approx(candidate.match_weight, abs=1e-9)
            if row["status"] != "verified":  # for whom no pass was asked
                assert anew.found_by == candidate.found_by
                assert anew.probability == pytest.approx(candidate.probability, abs=1e-9)


def test_who_was_not_asked_for_a_number_is_weighed_as_such(district: District, tmp_path: Path) -> None:
    """To state no number speaks for nobody in the registry, but for a dose of whom no file asked for one."""
    rows = [row for row in district.rows("doses") if row["id_number"]][:600]
    silent = pa.Table.from_pylist(rows).drop_columns(["id_number"])
    pq.write_table(silent, tmp_path / "silent.parquet")
    model = district.run_dir / "model.json"
    run_dir = district.link([tmp_path / "silent.parquet"], tmp_path / "runs", model_file=model, accept="no number")
    source, n_weighed = source_of(run_dir), 0
    for row in table(run_dir, "decisions"):
        if row["status"] in ("matched", "review") and n_weighed < 12:
            for candidate in explain(run_dir, row["dose_id"]).candidates[:1]:
                anew = weigh(source, row, candidate.person_id)
                assert anew.match_weight == pytest.approx(candidate.match_weight, abs=1e-9)
                assert anew.probability == pytest.approx(candidate.probability, abs=1e-9)
                n_weighed += 1
    assert n_weighed == 12
