"""What the plan leaves to a person, by pattern and in a decision."""

from __future__ import annotations

import copy
import tomllib
from importlib import resources

import numpy as np
import pytest

from linkage.deciding.decide import MATCHED, REVIEW, decide
from linkage.deciding.doubtful import are_doubtful
from linkage.errors import UsageError
from linkage.plan.reading import load_plan, plan_from
from linkage.scoring.batch import pattern_space
from linkage.scoring.ranking import Ranked, Ranking
from linkage.training.train import starting_parameters

PLAN = load_plan()
SPACE = pattern_space(PLAN)


def code(**levels: str) -> int:
    """The pattern with these levels, all else missing."""
    names = {comparison.name: (comparison, SPACE.strides[i]) for i, comparison in enumerate(PLAN.comparisons)}
    return sum(names[name][0].labels.index(label) * names[name][1] for name, label in levels.items())


NAMESAKE = {"full_name": "same", "commune": "same commune", "birth_date": "same year"}
OTHERS = "different, nobody's"


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (NAMESAKE | {"id_number": OTHERS}, True),
        (NAMESAKE | {"id_number": "different, another person's", "phone": "different"}, True),
        (NAMESAKE | {"id_number": OTHERS, "phone": "same"}, False),
        (NAMESAKE | {"id_number": OTHERS, "birth_date": "same"}, False),
        (NAMESAKE | {"id_number": OTHERS, "insurance_number": "same"}, False),
        (NAMESAKE | {"id_number": "one digit off or two swapped, nobody's"}, False),
        (NAMESAKE, True),
        (NAMESAKE | {"birth_date": "within a year", "id_number": "no number of this length in the registry"}, True),
        (NAMESAKE | {"birth_date": "one digit differs"}, False),
        (NAMESAKE | {"birth_date": "same year, the other 01/01 or incomplete"}, False),
        (NAMESAKE | {"phone": "same"}, False),
    ],
)
def test_a_name_a_place_and_a_year_are_left_to_a_person(levels: dict[str, str], expected: bool) -> None:
    assert are_doubtful(np.array([code(**levels)], np.uint32), PLAN).tolist() == [expected]


def test_they_are_reviewed_and_make_no_room_for_others() -> None:
    """Two claims as sure as can be, one of them left to a person: the threshold is that of the other."""
    weights = np.full((2, 5), -np.inf)
    weights[:, 0] = 60.0
    rows = np.full((2, 5), -1, np.int32)
    rows[:, 0] = (3, 4)
    zeros = np.zeros((2, 5))
    ranked = Ranked(
        rows,
        weights,
        zeros.astype(np.uint16),
        zeros.astype(np.uint32),
        np.ones((2, 5)),
        np.exp2(weights[:, 0]),
        np.ones(2),
    )
    linked = Ranking(np.arange(2), ranked)
    nobody = Ranking(np.arange(0), ranked.at(slice(0, 0)))
    parameters = starting_parameters(PLAN, 1000)
    decided = decide(2, linked, nobody, parameters, PLAN.decision, None, np.array([True, False]))
    assert decided.status.tolist() == [REVIEW, MATCHED]
    assert decided.threshold == decided.best_probabilities[1]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"number": ["same"]}, "no [[comparison]] is named 'number'"),
        ({"phone": ["equal"]}, "comparison 'phone' has no level 'equal'; it has missing, same"),
        ({}, "a rule without comparisons would hold for all"),
    ],
)
def test_a_rule_of_what_the_plan_has_not_is_refused(rule: dict[str, list[str]], message: str) -> None:
    content = copy.deepcopy(
        tomllib.loads(resources.files("linkage.plan").joinpath("vaccination.toml").read_text("utf-8"))
    )
    content["decision"]["never_automatic"] = [rule]
    with pytest.raises(UsageError) as refused:
        plan_from(content, "here")
    assert message in str(refused.value)
