"""Shares of names within cohorts of birth, against counting by hand and in a registry whose names change."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.encode.columns import encode
from linkage.ingest.records import Records
from linkage.plan.reading import load_plan, plan_from
from linkage.registry.build import build_index
from linkage.registry.cohorts import FIRST_YEARS, N_COHORTS, cohort_names, cohorts_in, cohorts_of, within_cohort
from linkage.registry.frequencies import COHORT, N_GROUPS
from linkage.scoring.batch import pattern_space, prepare_batch
from linkage.scoring.scorer import Scorer
from linkage.training.train import starting_parameters
from models.comparators import date, name
from tests.test_frequencies import NAME, count_frequencies, ratios_by_level, registry

SAME, PLAIN = name.LEVELS.index("same"), name.LEVELS.index("same without diacritics")
YEARS = (0, 1950, 1954, 1955, 2004, 2005, 2020)


def packed(years: list[int]) -> np.ndarray:
    return np.array(years, np.uint32) << np.uint32(9)


@pytest.mark.kernel
def test_a_year_has_the_cohort_of_its_band() -> None:
    years = [0, 1901, 1954, 1955, 1969, 1970, 1999, 2000, 2009, 2010, 2030]
    assert cohorts_of(packed(years)).tolist() == [0, 1, 1, 2, 2, 3, 5, 6, 7, 8, 8]
    assert len(cohort_names()) == N_COHORTS - 1 == len(FIRST_YEARS) + 1
    assert cohort_names()[0] == "before 1955"
    assert cohort_names()[5:] == ["2000-2004", "2005-2009", "from 2010"]


@pytest.mark.kernel
@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, N_COHORTS - 1)), min_size=1))
def test_a_key_tells_its_cohort(pairs: list[tuple[int, int]]) -> None:
    values, cohorts = (np.array(column, np.uint64) for column in zip(*pairs, strict=True))
    keys = within_cohort(values, cohorts)
    is_missing = (values == 0) | (cohorts == 0)
    assert (keys[is_missing] == 0).all()
    assert np.array_equal(cohorts_in(keys)[~is_missing], cohorts[~is_missing].astype(np.int64))
    assert np.unique(keys[~is_missing]).size == len({pair for pair in pairs if all(pair)})


people = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 2), st.sampled_from(YEARS)), min_size=1, max_size=40
)


@pytest.mark.kernel
@given(people, st.sampled_from(YEARS), st.integers(0, 2))
def test_ratios_within_a_cohort_equal_counting(rows: list[tuple[int, int, int, int]], born: int, commune: int) -> None:
    keys, sexes, communes, years = (list(column) for column in zip(*rows, strict=True))
    frequencies = count_frequencies(registry(keys, keys, sexes, communes, years=years))
    names = np.arange(1, 6, dtype=np.uint64)
    left = {"full_name.key": names, "full_name.plain": names}
    at, cohorts = np.full((5, 1), commune, np.uint64), np.repeat(cohorts_of(packed([born])), 5)
    u = np.full(len(name.LEVELS), 0.1)
    ratios = ratios_by_level(NAME, left, names[:, None], at, cohorts, frequencies, u)
    assert ratios.shape == (5, 4 * N_GROUPS, len(name.LEVELS))
    country_and_here = ratios_by_level(NAME, left, names[:, None], at, None, frequencies, u)
    assert np.array_equal(ratios[:, : 2 * N_GROUPS], country_and_here)
    cohort = int(cohorts_of(packed([born]))[0])
    mean = frequencies["full_name.plain"].mean_share()[0]
    for group in range(N_GROUPS):
        for k in range(1, 6):
            among = [(key, c, y) for key, s, c, y in rows if group in (0, s)]
            bearers, people = (sum(key in of for key, _, _ in among) for of in ((k,), range(1, 100)))
            share = max(bearers - 1, 0.5) / max(people - 1, 1)
            peers = [key for key, _, y in among if key and cohort and int(cohorts_of(packed([y]))[0]) == cohort]
            # Of a name with one bearer in the cohort, of whatever sex, no entry is kept.
            borne = sum(key == k and y and int(cohorts_of(packed([y]))[0]) == cohort for key, _, _, y in rows)
            others = max(peers.count(k) - 1, 0) if borne > 1 else 0
            expected = share * (others + 3) / (share * max(len(peers) - 1, 0) + 3)
            assert ratios[k - 1, 2 * N_GROUPS + group, SAME] == pytest.approx(expected / 0.1)
            assert ratios[k - 1, 2 * N_GROUPS + group, PLAIN] == pytest.approx(expected / mean)
            here = [key for key, c, _ in among if commune and c == commune]
            namesakes = here.count(k) if sum(key == k and c == commune for key, _, c, _ in rows) > 1 and commune else 0
            local = (max(max(namesakes - 1, 0) - 0.5, 0) + 10 * share) / (max(len(here) - 1, 0) + 10)
            expected = min(expected * max(local / share, 1), 1)
            assert ratios[k - 1, 3 * N_GROUPS + group, SAME] == pytest.approx(expected / 0.1)


# ---------------------------------------------------------------------------------------------- a registry of two ages

OLD, YOUNG, RARE = "Nguyễn Văn Hùng", "Trần Bảo An", "Tòng Văn Phấu"
PLAN: dict[str, Any] = {
    "format": 1,
    "name": "two ages",
    "left_id": "id",
    "right_id": "id",
    "field": [
        {"name": "block", "kind": "category", "left": ["block"], "right": ["block"]},
        {"name": "born", "kind": "birth_date", "left": ["born"], "right": ["born"]},
        {"name": "name", "kind": "vietnamese_name", "left": ["name"], "right": ["name"]},
    ],
    "pass": [{"name": "block", "left": ["block"], "right": ["block"], "max_block": 10**6}],
    "comparison": [
        {
            "name": "born",
            "kind": "date",
            "left": ["born"],
            "right": ["born"],
            "m": [0.85, 0.04, 0.01, 0.03, 0.03, 0.01, 0.015, 0.01, 0.005],
        },
        {
            "name": "name",
            "kind": "vietnamese_name",
            "left": ["name"],
            "right": ["name"],
            "term_frequency": True,
            "cohort": "born",
            "m": [0.8, 0.03, 0.04, 0.01, 0.01, 0.045, 0.03, 0.005, 0.01, 0.005, 0.01, 0.005],
        },
    ],
}
N_OF_AN_AGE = 2000


def two_ages() -> pa.Table:
    """Two thousand people born 1956-69 and two thousand born from 2010 on; one in twenty of each has a name that none
    of the others has, one in a hundred of all another."""
    rng = np.random.default_rng(4)
    syllables = ["Lan", "Hoa", "Minh", "Tú", "Sơn", "Hà", "Vy", "Ngân", "Đức", "Khôi", "Thắng", "Quỳnh"]
    rows = []
    for number in range(2 * N_OF_AN_AGE):
        is_young = number >= N_OF_AN_AGE
        year = rng.integers(2010, 2018) if is_young else rng.integers(1956, 1970)
        kind = rng.choice(3, p=[0.05, 0.01, 0.94])
        own = (YOUNG if is_young else OLD, RARE, " ".join(["Lê", *rng.choice(syllables, 3)]))
        born = f"{year}-{rng.integers(2, 13):02}-{rng.integers(2, 29):02}"
        rows.append({"id": f"{number:05}", "block": "x", "born": born, "name": own[kind]})
    return pa.Table.from_pylist(rows)


def shares_by_level(folder: Path, plan_content: dict[str, Any]) -> dict[tuple[str, str, str], float]:
    """What the weights take for the share of a claim's name, by name, claim's birth year and level of the dates."""
    plan = plan_from(plan_content, "two ages")
    index = build_index(Records.of(two_ages()), plan, folder)
    claims = pa.Table.from_pylist(
        [
            {"id": f"{n}{b}", "block": "x", "born": b, "name": n}
            for n in (OLD, YOUNG, RARE)
            for b in ("1960-05-17", "2015-05-17")
        ]
    )
    dictionaries = index.dictionaries.copy()
    batch = prepare_batch(encode(claims, plan, "left", dictionaries), dictionaries, index)
    parameters = starting_parameters(plan, index.n_persons)
    scored = Scorer(batch, index, parameters, floor_log2=-np.inf).link(slice(0, claims.num_rows))[0]
    levels = pattern_space(plan).levels_of(scored.codes)
    subjects = np.repeat(np.arange(claims.num_rows), np.diff(scored.candidates.offsets))
    u = parameters.comparisons[1].u[SAME]
    found: dict[tuple[str, str, str], set[float]] = {}
    for subject, (of_date, of_name), ratio in zip(
        subjects.tolist(), levels.tolist(), scored.ratios.tolist(), strict=True
    ):
        if of_name == SAME:
            said = claims.slice(subject, 1).to_pylist()[0]
            found.setdefault((said["name"], said["born"][:4], date.LEVELS[of_date]), set()).add(ratio * u)
    assert all(len(shares) == 1 for shares in found.values())
    return {key: shares.pop() for key, shares in found.items()}


def test_a_name_of_one_age_has_its_share_there(tmp_path: Path) -> None:
    shares = shares_by_level(tmp_path / "index", PLAN)
    # Among those of one year the true share, one in twenty; among strangers of any age the country's, half of it.
    assert shares[OLD, "1960", "same year"] == pytest.approx(0.05, rel=0.15)
    assert shares[YOUNG, "2015", "same year"] == pytest.approx(0.05, rel=0.15)
    assert shares[OLD, "1960", "different"] == pytest.approx(0.025, rel=0.15)
    assert shares[OLD, "2015", "different"] == pytest.approx(0.025, rel=0.15)
    # Of all ages: no cohort makes a difference.
    for year in ("1960", "2015"):
        assert shares[RARE, year, "same year"] == pytest.approx(shares[RARE, year, "different"], rel=0.3)


def test_a_plan_without_cohorts_counts_all_ages_together(tmp_path: Path) -> None:
    plan = copy.deepcopy(PLAN)
    del plan["comparison"][1]["cohort"]
    shares = shares_by_level(tmp_path / "index", plan)
    assert shares[OLD, "1960", "same year"] == shares[OLD, "1960", "different"] == pytest.approx(0.025, rel=0.15)
    assert not list((tmp_path / "index").rglob(f"*{COHORT}*"))


def test_a_text_goes_by_cohort_too(tmp_path: Path) -> None:
    plan = copy.deepcopy(PLAN)
    plan["field"][2]["kind"] = "text"
    plan["comparison"][1] |= {"kind": "text", "measure": "jaro_winkler", "thresholds": [0.9], "m": [0.8, 0.1, 0.1]}
    shares = shares_by_level(tmp_path / "index", plan)
    assert shares[YOUNG, "2015", "same year"] == pytest.approx(0.05, rel=0.15)
    assert shares[YOUNG, "2015", "different"] == pytest.approx(0.025, rel=0.15)


def test_the_vaccination_plan_goes_by_cohort() -> None:
    assert next(c for c in load_plan().comparisons if c.name == "full_name").cohort == "birth_date"
