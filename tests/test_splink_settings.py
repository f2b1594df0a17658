"""What cannot go to Splink or come from it is refused by name, and SQL conditions say what our levels say."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler, Levenshtein

from linkage.errors import UsageError
from linkage.splink.conditions import Alphabet, alphabet_of, jaro_winkler, level_conditions
from linkage.splink.exporting import export_splink
from linkage.splink.importing import import_splink, read_settings
from tests.splink_runs import (
    EVERY_KIND,
    a_comparison,
    changed,
    level,
    made_up_model,
    saved_by_splink,
    slipped,
    train_in_splink,
    vaccination_model,
    with_absent_levels,
    without,
    write_people,
)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_people(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def trained(people: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_in_splink(people, tmp_path_factory.mktemp("trained") / "splink.json")


# ------------------------------------------------------------------------------------------------------------- refusals


def test_what_splink_cannot_hold_is_refused_by_name() -> None:
    model = vaccination_model(household_rate=1.0)
    lines = export_splink(model, nearest=True).deviations
    with pytest.raises(UsageError) as refused:
        export_splink(model)
    n_lost = len(lines) - 3  # the last say what Splink does otherwise with equal weights
    assert f": {n_lost} things would be lost, the first: {lines[0]}; --nearest" in str(refused.value)
    assert "\n" not in str(refused.value)
    for start in (
        "comparison 'full_name': the levels of a Vietnamese name",
        "comparison 'full_name': term frequencies by sex",
        "comparison 'commune': places",
        "comparison 'id_number': a number is weighed",
        "household:",
        "pass 'commune_birth_year': its parts",
        "pass 'id_number_slip': its parts",
    ):
        assert sum(line.startswith(start) for line in lines) == 1, start
    assert not any("comparison 'phone'" in line or "pass 'phone'" in line for line in lines)


def test_frequencies_of_one_column_that_differ_in_scale_are_refused_by_name() -> None:
    comparisons = EVERY_KIND["comparison"]
    plain = next(c for c in comparisons if c["name"] == "ethnicity")
    other = {**with_absent_levels([plain])[0], "name": "ethnicity_or_none"}
    model = made_up_model(changed(EVERY_KIND, comparison=[*comparisons, other]), 150, 0.5)
    with pytest.raises(UsageError, match="term frequencies of ethnicity: two comparisons scale them differently"):
        export_splink(model)


def test_the_nearest_of_the_vaccination_model_opens_in_splink_and_says_what_it_lost() -> None:
    model = vaccination_model(household_rate=1.0)
    export = export_splink(model, nearest=True)
    assert len(saved_by_splink(export.settings)["comparisons"]) == len(model.plan.comparisons)
    levels = {c["output_column_name"]: c["comparison_levels"] for c in export.settings["comparisons"]}
    assert [level["sql_condition"] for level in levels["full_name"]] == [
        '"full_name_key_l" IS NULL OR "full_name_key_r" IS NULL',
        '"full_name_key_l" = "full_name_key_r"',
        "ELSE",
    ]
    name = model.parameters.comparisons[[c.name for c in model.plan.comparisons].index("full_name")]
    assert levels["full_name"][2]["m_probability"] == pytest.approx(name.used_m[2:].sum())
    number = model.parameters.comparisons[[c.name for c in model.plan.comparisons].index("id_number")]
    absent, missing, same, different = levels["id_number"]
    assert absent["sql_condition"] == '"id_number_l" IS NOT NULL AND "id_number_r" IS NULL'
    assert (absent["label_for_charts"], absent["m_probability"]) == (number.labels[-1], number.m[-1])
    assert missing["is_null_level"]
    assert same["u_probability"] == pytest.approx(number.u[1:4].sum())
    assert different["u_probability"] == pytest.approx(number.u[4:-1].sum())


def test_a_text_of_too_many_letters_and_a_model_without_plain_passes_are_refused() -> None:
    plan = changed(EVERY_KIND, comparison=without(EVERY_KIND, "term_frequency"))
    words = {name: [""] for name in ("full_name", "id_number", "ethnicity", "everybody")}
    many = words | {"full_name": ["", "".join(chr(0x4E00 + i) for i in range(200))]}
    model = made_up_model(plan, 150, 0.5)
    with pytest.raises(UsageError, match="comparison 'letters': has more letters than bytes can tell apart"):
        export_splink(model, many)
    assert "text: DuckDB counts bytes" in export_splink(model).deviations[-1]
    assert not any(line.startswith("text:") for line in export_splink(model, words).deviations)
    vague = [{"name": "year", "left": ["birth_date.year"], "right": ["birth_date.year"]}]
    with pytest.raises(UsageError, match="no pass of the plan is on plain columns"):
        export_splink(made_up_model(changed(EVERY_KIND, **{"pass": vague}), 150, 0.5), nearest=True)


def condition(comparison: int, place: int, sql: str) -> Callable[[dict[str, Any]], None]:
    return lambda s: level(s, comparison, place).__setitem__("sql_condition", sql)


UNREADABLE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another function": (
        condition(0, 2, 'jaccard("first_name_l", "first_name_r") >= 0.9'),
        r"comparison 'first_name', level 'Jaro.*': cannot read 'jaccard",
    ),
    "another column": (
        condition(0, 2, 'jaro_winkler_similarity("surname_l", "surname_r") >= 0.9'),
        "other columns",
    ),
    "two conditions": (condition(1, 1, '"surname_l" = "surname_r" AND "city_l" = "city_r"'), "comparison 'surname'"),
    "two measures": (condition(0, 3, 'levenshtein("first_name_l", "first_name_r") <= 2'), "one measure"),
    "levels in the wrong order": (
        condition(0, 2, 'jaro_winkler_similarity("first_name_l", "first_name_r") >= 0.7'),
        "strictest level first",
    ),
    "what another column lacks": (
        condition(0, 0, '"surname_l" IS NOT NULL AND "surname_r" IS NULL'),
        "comparison 'first_name': its first",
    ),
    "what is lacked after the null level": (
        condition(0, 1, '"first_name_l" IS NOT NULL AND "first_name_r" IS NULL'),
        "only equal",
    ),
    "what another column than the null level's lacks": (
        lambda s: s["comparisons"][0]["comparison_levels"].insert(
            0, {"sql_condition": '"surname_l" IS NOT NULL AND "surname_r" IS NULL'}
        ),
        "other columns than the null level",
    ),
    "no null level": (lambda s: s["comparisons"][2]["comparison_levels"].pop(0), "comparison 'number': its first"),
    "no else": (lambda s: s["comparisons"][2]["comparison_levels"].pop(), "comparison 'number'.*must be ELSE"),
    "untrained": (lambda s: level(s, 2, 1).pop("m_probability"), "comparison 'number'.*m_probability is None"),
    "zero": (lambda s: level(s, 2, 1).update(u_probability=0.0), "comparison 'number'.*u_probability is 0.0"),
    "a value that nobody has": (
        lambda s: s["comparisons"][0]["comparison_levels"].insert(
            0,
            {
                "sql_condition": '"first_name_l" IS NOT NULL AND "first_name_r" IS NULL',
                "m_probability": 0.1,
                "u_probability": 1.0,
            },
        ),
        "comparison 'first_name': u_probability of its first level must be under 1",
    ),
    "half a term frequency": (lambda s: level(s, 1, 1).update(tf_adjustment_weight=0.5), "'surname'.*weight 1"),
    "a least term frequency": (lambda s: level(s, 1, 1).update(tf_minimum_u_value=0.01), "'surname'.*no minimum"),
    "a fuzzy term frequency": (lambda s: level(s, 1, 2).update(tf_adjustment_column="surname"), "'surname'.*exact"),
    "a column of two kinds": (condition(4, 1, 'ABS("city_l" - "city_r") <= 1'), "comparison 'city'"),
    "a rule with OR": (
        lambda s: s["blocking_rules_to_generate_predictions"].append({"blocking_rule": 'l."a" = r."a" OR 1=1'}),
        "blocking rule .*OR",
    ),
    "a rule on parts": (
        lambda s: s["blocking_rules_to_generate_predictions"].append(
            {"blocking_rule": "SUBSTR(l.a, 1, 2) = SUBSTR(r.a, 1, 2)"}
        ),
        "blocking rule .*SUBSTR",
    ),
    "exploded arrays": (
        lambda s: s["blocking_rules_to_generate_predictions"][0].update(arrays_to_explode=["surname"]),
        "explodes arrays",
    ),
    "no rule": (lambda s: s["blocking_rules_to_generate_predictions"].clear(), r"\[\[pass\]\]"),
    "another dialect": (lambda s: s.update(sql_dialect="spark"), "sql_dialect 'spark'"),
    "both link types": (lambda s: s.update(link_type="link_and_dedupe"), "link_type 'link_and_dedupe'"),
    "no comparisons": (lambda s: s.pop("comparisons"), "not in Splink's form"),
    "a prior of nothing": (lambda s: s.update(probability_two_random_records_match=0), "between 0 and 1"),
    "more matches than records": (lambda s: s.update(probability_two_random_records_match=0.9), "matches per record"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_refused_by_name(trained: Path, case: str) -> None:
    settings = read_settings(trained)
    import_splink(settings, 400)
    change, message = UNREADABLE[case]
    change(settings)
    with pytest.raises(UsageError, match=message):
        import_splink(settings, 400)


def test_unusable_settings_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_settings(tmp_path / "nothing.json")
    for text, message in (("{", "not valid JSON"), ("[]", "no table of keys")):
        (tmp_path / "bad.json").write_text(text, "utf-8")
        with pytest.raises(UsageError, match=message):
            read_settings(tmp_path / "bad.json")


# -------------------------------------------------------------------------------------------------- the SQL of a level


def in_duckdb(pairs: list[tuple[str, str]], *expressions: str) -> list[tuple[Any, ...]]:
    """Expressions over "x_l" and "x_r"."""
    words = pa.table({"x_l": [a for a, _ in pairs], "x_r": [b for _, b in pairs]})
    with duckdb.connect() as connection:
        connection.register("words", words)
        found: list[tuple[Any, ...]] = connection.execute(f"SELECT {', '.join(expressions)} FROM words").fetchall()
    return found


def slipped_words(letters: str, n: int) -> list[tuple[str, str]]:
    """Unequal words of few letters, with one to six slips."""
    rng = random.Random(1)
    pairs: list[tuple[str, str]] = []
    while len(pairs) < n:
        a = b = "".join(rng.choice(letters) for _ in range(rng.randint(1, 13)))
        for _ in range(rng.randint(1, 3)):
            b = "".join(c if c in letters else letters[0] for c in slipped(b, rng) or letters[0])
        if a != b:
            pairs.append((a, b))
    return pairs


@pytest.mark.parametrize("letters", ["abc", "aăâđeếệ "])
def test_jaro_winkler_falls_on_the_side_of_the_threshold_where_ours_does(letters: str) -> None:
    pairs = slipped_words(letters, 20_000)
    alphabet = alphabet_of([letters]) or Alphabet()
    thresholds = (0.92, 0.8, 0.9, 0.7)
    answers = in_duckdb(pairs, *(jaro_winkler('"x_l"', '"x_r"', alphabet, t) for t in thresholds))
    expected = [tuple(JaroWinkler.similarity(a, b) >= t for t in thresholds) for a, b in pairs]
    assert answers == expected
    # DuckDB's own function does not, which is why the long condition is written.
    own = in_duckdb(pairs, 'jaro_winkler_similarity("x_l", "x_r") >= 0.92')
    assert [row[0] for row in own] != [row[0] for row in expected]


@pytest.mark.parametrize("letters", ["abcd", "aăâđeếệ "])
def test_distances_are_ours_letter_by_letter(letters: str) -> None:
    pairs = slipped_words(letters, 5_000)
    alphabet = alphabet_of([letters]) or Alphabet()
    for measure, distance in (("levenshtein", Levenshtein), ("damerau_levenshtein", DamerauLevenshtein)):
        spec = changed(
            EVERY_KIND, comparison=[a_comparison("x", "text", "full_name", 3, measure=measure, thresholds=[2])]
        )
        conditions = level_conditions(spec.comparisons[0], alphabet)
        assert conditions is not None
        answers = in_duckdb(pairs, conditions[2].replace("full_name", "x"))
        assert [row[0] for row in answers] == [distance.distance(a, b) <= 2 for a, b in pairs]


def test_an_alphabet_stands_in_with_characters_that_no_word_uses() -> None:
    assert alphabet_of(["abc", "a b"]) == Alphabet()
    found = alphabet_of(["AĐ", "ế"])
    assert found is not None
    assert found.letters == "Đế"
    assert len(set(found.stand_ins) - set("A'")) == 2
    assert all(0 < ord(letter) < 128 for letter in found.stand_ins)
    assert alphabet_of(["".join(map(chr, range(200, 400)))]) is None
