"""Model files that cannot be used are refused by one line that says where and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkage.errors import InputError, UsageError
from linkage.plan.reading import load_plan
from linkage.training.model_file import Model
from tests.splink_runs import vaccination_model

Change = Callable[[dict[str, Any]], Any]


def comparison(content: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in content["comparisons"] if c["name"] == name)
    return found


def level(name: str, place: int, **shares: float) -> Change:
    return lambda content: comparison(content, name)["levels"][place].update(shares)


def neighbours(name: str, share: float) -> Change:
    return lambda content: [level.update(neighbour=share) for level in comparison(content, name)["levels"]]


BAD: dict[str, tuple[Change, type[Exception], str]] = {
    "another format": (lambda c: c.update(format=0), UsageError, "model format 0, this version reads .*train it again"),
    "no comparisons": (
        lambda c: c.pop("comparisons"),
        InputError,
        "key 'comparisons' is missing; give a file as made by",
    ),
    "words for shares": (
        level("sex", 1, m="most"),
        InputError,
        r"comparisons 'sex': levels\[2\].m: must be a number, not text",
    ),
    "another order": (lambda c: c["comparisons"].reverse(), InputError, "not those of its plan, in their order"),
    "a level short": (lambda c: comparison(c, "sex")["levels"].pop(), InputError, "'sex': its levels are not those"),
    "a share of 0": (level("birth_date", 2, u=0.0), InputError, "'birth_date': u must be over 0 and at most 1"),
    "a share over 1": (level("birth_date", 2, m=1.5), InputError, "'birth_date': m must be over 0 and at most 1"),
    "a share that is no number": (
        level("phone", 1, household=float("nan")),
        InputError,
        r"comparisons\[4\].levels\[2\].household: nan is no number",
    ),
    "neighbours": (neighbours("id_number", -0.5), InputError, "'id_number': neighbour must be from 0 to 1"),
    "a value that nobody has": (level("id_number", -1, u=1.0), InputError, "'id_number': u of .* must be under 1"),
    "nobody there": (lambda c: c.update(share_in_registry=0), InputError, "share_in_registry, .* out of its range"),
    "hardly anybody there": (
        lambda c: c.update(share_in_registry=5e-324),
        InputError,
        "share_in_registry, .* its range",
    ),
    "namesakes without end": (
        lambda c: comparison(c, "id_number").update(namesakes_missing=1e308),
        InputError,
        "'id_number': namesakes_missing is out of its range",
    ),
    "nobody without a number": (lambda c: c.update(numberless_m=0.0), InputError, "numberless_m and .* under 1"),
    "only without a number": (
        lambda c: c.update(numberless_u=1.0),
        InputError,
        "numberless_u must be over 0 and under 1",
    ),
    "everybody there": (lambda c: c.update(share_in_registry=1.0), InputError, "share_in_registry must be under 1"),
    "a weight of what is missing": (level("sex", 0, m=0.5), InputError, "'sex': m of 'missing' must be 1"),
    "a plan changed since": (
        lambda c: c["plan"]["decision"].update(candidates_kept=7),
        InputError,
        "plan: was changed after the training",
    ),
    "a training of words": (lambda c: c.update(training="good"), InputError, "training: must be a table of keys"),
    "counts of words": (
        lambda c: c["training"].update(subjects="many", random_pairs=1),
        InputError,
        "training.subjects: must be a whole number, not text",
    ),
    "a correlation short": (
        lambda c: c["training"].update(residual_correlation=[[0.0]]),
        InputError,
        "training.residual_correlation: must be 8 lists of 8 numbers",
    ),
    "a recall over 1": (lambda c: c.update(blocking_recall=1.1), InputError, "blocking_recall, .* out of its range"),
}


def test_entries_of_a_training_that_are_null_are_none(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    vaccination_model(household_rate=1.0).save(path)
    content = json.loads(path.read_bytes())
    del content["digest"]
    content["training"]["best_candidates"] = None
    path.write_text(json.dumps(content), "utf-8")
    assert "best_candidates" not in Model.load(path).training


@pytest.mark.parametrize("case", BAD)
def test_a_model_file_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    path = tmp_path / "model.json"
    vaccination_model(household_rate=1.0).save(path)
    assert Model.load(path, load_plan()).digest() == vaccination_model(household_rate=1.0).digest()
    content = json.loads(path.read_bytes())
    change, error, message = BAD[case]
    change(content)
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(error, match=message) as refused:
        Model.load(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
