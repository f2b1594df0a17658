"""A model says which term frequencies it was trained with, and a run how far they have moved."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from linkage.cohorts import within_cohort
from linkage.drift import describe_tables, drift_notes
from linkage.frequencies import COHORT, LOCAL, PEOPLE, Frequencies
from linkage.value_counts import Counts, add_up
from tests.district import District, call, make_district


def table(counts: list[int]) -> Frequencies:
    return Frequencies.of(np.arange(1, len(counts) + 1, dtype=np.uint64), np.array(counts, np.uint32)[:, None])


def test_a_table_is_described_without_its_values() -> None:
    names = table([6, 3, 1])
    described = describe_tables({"name": names, "name" + LOCAL: names, "name" + PEOPLE: names})
    assert described == {
        "name": {
            "sha256": hashlib.sha256(names.values.tobytes() + names.counts.tobytes()).hexdigest(),
            "values": 3,
            "bearers": 10,
            "mean_share": pytest.approx(0.46),
            "commonest_shares": [0.6, 0.3, 0.1],
        }
    }


def test_an_empty_table_has_no_share_of_nothing() -> None:
    described = describe_tables({"name": Frequencies.of(np.empty(0, np.uint64), np.empty((0, 1), np.uint32))})
    assert described["name"]["values"] == 0
    assert np.isfinite(described["name"]["mean_share"])


def test_only_what_has_moved_far_is_noted() -> None:
    training = {"term_frequencies": describe_tables({"name": table([50, 50]), "commune": table([1] * 100)})}
    near, far = table([55, 45]), table([100, 1])
    assert drift_notes(training, {"name": near, "commune": table([1] * 90)}) == ()
    (note,) = drift_notes(training, {"name": far, "commune": table([1] * 100)})
    assert "the same name 2 times as often" in note
    (note,) = drift_notes(training, {"name": near, "commune": table([1] * 50)})
    assert "commune" in note
    assert drift_notes({}, {"name": far}) == ()
    assert drift_notes(training, {}) == ()


def by_cohort(counts: list[int], cohorts: list[int]) -> Frequencies:
    """Names by cohort; who is alone with his name is counted in the sums only."""
    values = within_cohort(np.arange(1, len(counts) + 1, dtype=np.uint64), np.array(cohorts, np.uint64))
    order = np.argsort(values)
    part = Counts(values[order], np.array(counts, np.uint32)[order, None])
    return add_up("name" + COHORT, [part])


def test_a_cohort_that_has_moved_is_noted() -> None:
    """The mean over all ages may stay where it is."""
    then = by_cohort([60, 40, 1, 50, 50], [2, 2, 2, 8, 8])
    described = describe_tables({"name" + COHORT: then})["name" + COHORT]
    assert described["bearers"] == 201
    assert described["mean_shares"] == {
        "1955-1969": pytest.approx((60 * 59 + 40 * 39) / 101 / 100),
        "from 2010": pytest.approx(2 * 50 * 49 / 100 / 99),
    }
    training = {"term_frequencies": {"name" + COHORT: described}}
    assert drift_notes(training, {"name" + COHORT: by_cohort([50, 50, 60, 40], [2, 2, 8, 8])}) == ()
    (note,) = drift_notes(training, {"name" + COHORT: by_cohort([60, 40, 100], [2, 2, 8])})
    assert "two people born from 2010 of this index have the same name 2 times as often" in note


def test_a_cohort_of_too_few_namesakes_says_nothing() -> None:
    described = describe_tables({"name" + COHORT: by_cohort([10, 5], [2, 8])})
    assert described["name" + COHORT]["mean_shares"] == {}


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("drift"))


def test_a_run_names_the_tables_of_its_model_that_have_moved(district: District, tmp_path) -> None:
    model = district.run_dir / "model.json"
    text = model.read_text("utf-8")
    assert '"term_frequencies": {' in text
    moved = tmp_path / "moved.json"
    first, _, rest = text.partition('"commune": {')
    share = rest.partition('"mean_share": ')[2].partition(",")[0]
    moved.write_text(first + '"commune": {' + rest.replace(share, str(float(share) / 3), 1), "utf-8")
    said = [
        call(
            "run",
            "--doses",
            district.path("doses"),
            "--index",
            district.index,
            "--model",
            file,
            "--out",
            tmp_path / "r",
        )
        for file in (model, moved)
    ]
    assert "the same commune" not in str(said[0])
    assert "the same commune 3 times as often" in str(said[1])
