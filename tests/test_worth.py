"""Which claims are worth an officer's time, and in which order they are looked at."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from linkage.deciding.review_worth import (
    LEAST_SHOWN,
    SETTLED_OF_CLAIMS,
    is_worth_review,
    priorities,
    settle_probability,
)
from linkage.plan.sections import Decision
from tests.district import District, Row, make_district, manifest, table


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> District:
    return make_district(tmp_path_factory.mktemp("district"))


@pytest.fixture(scope="module")
def run_dir(district: District) -> Path:
    return district.run_dir


def test_a_claim_is_settled_when_its_person_is_among_those_shown() -> None:
    chances = np.array([[0.45, 0.45, 0.05], [0.3, 0.0004, 0.0003], [0.0002, 0.0001, 0.0], [0.7, 0.4, 0.0]])
    assert settle_probability(chances) == pytest.approx([0.95, 0.3, 0.0002, 1.0])


def test_one_in_ten_is_worth_it_and_the_plan_may_ask_for_more() -> None:
    chances = np.array([[0.06, 0.05], [0.09, 0.0], [0.1, 0.0], [0.3, 0.0]])
    assert is_worth_review(chances, Decision(lowest_review_probability=0.02)).tolist() == [True, False, True, True]
    assert is_worth_review(chances, Decision(lowest_review_probability=0.25)).tolist() == [False, False, False, True]


def test_the_order_within_a_commune() -> None:
    communes = np.array([5, 5, 5, 5, 9, 5])
    is_listed = np.array([True, True, False, True, False, True])
    settled = np.array([0.4, 0.9, 0.99, 0.4, 0.2, 0.4])
    n_doses = np.array([1, 1, 3, 2, 1, 1], np.int32)
    # The listed first; of equal hope the one of two doses; then in the order of the keys.
    assert priorities(communes, is_listed, settled, n_doses).tolist() == [3, 1, 5, 2, 1, 4]
    assert priorities(communes[:0], is_listed[:0], settled[:0], n_doses[:0]).size == 0


def claims_of(run_dir: Path, queue: str) -> dict[str, list[Row]]:
    found = defaultdict(list)
    for row in table(run_dir, queue):
        found[row["claim_id"]].append(row)
    return found


def test_the_queue_says_what_is_looked_at_first(run_dir: Path) -> None:
    claims = claims_of(run_dir, "queues/review")
    places = defaultdict(list)
    for rows in claims.values():
        first = rows[0]
        assert {(row["priority"], row["settle_probability"]) for row in rows} == {
            (first["priority"], first["settle_probability"])
        }
        assert first["settle_probability"] == pytest.approx(sum(row["match_probability"] for row in rows))
        places[first["commune_code_now"] or first["commune_code"]].append(first)
    assert max(len(rows) for rows in places.values()) > 1
    for rows in places.values():
        in_order = sorted(rows, key=lambda row: row["priority"])
        assert [row["priority"] for row in in_order] == list(range(1, len(rows) + 1))
        worth = [(row["in_police_list"], row["settle_probability"], row["n_doses"]) for row in in_order]
        assert worth == sorted(worth, reverse=True)


def test_claims_of_little_hope_are_searched_for_from_their_candidates(run_dir: Path) -> None:
    assert all(
        rows[0]["settle_probability"] >= SETTLED_OF_CLAIMS for rows in claims_of(run_dir, "queues/review").values()
    )
    unmatched = table(run_dir, "queues/unmatched")
    with_candidates = [row for row in unmatched if row["candidate_ids"]]
    assert len(with_candidates) > 1
    for row in with_candidates:
        chances = row["candidate_probabilities"]
        assert len(chances) == len(row["candidate_ids"])
        assert chances == sorted(chances, reverse=True)
        assert min(chances) >= LEAST_SHOWN
        assert sum(chances) < SETTLED_OF_CLAIMS
    assert manifest(run_dir)["counts"]["unmatched"] == sum(row["n_doses"] for row in unmatched)
