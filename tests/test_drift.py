"""A model says which term frequencies it was trained with, and a run how far they have moved."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from linkage.drift import describe_tables, drift_notes
from linkage.frequencies import LOCAL, PEOPLE, Frequencies
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
