"""Long texts take no longer than their length: every regular expression of Python's engine, which backtracks, and what
standardises values as typed. Arrow's expressions run in linear time by themselves."""

from __future__ import annotations

import ast
import datetime
import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pyarrow as pa
import pytest

import linkage
from linkage.ingest.cleaning import normal_name
from linkage.ingest.csv_kernels import MAX_FIELD_BYTES
from linkage.standardise import categories, dates, identifiers, phones, places_names
from linkage.standardise.names import canonical_name, canonical_names
from linkage.standardise.phones_international import standardise_international_phones
from linkage.wording.cell_text import csv_cell, visible

LENGTH = 8000  # characters; what takes their number squared needs a tenth of a second and more
LIMIT_SECONDS = 0.05
N_LETTERS = 9  # of an expression that texts are made of
_MODULES = [
    found.name
    for found in pkgutil.walk_packages(linkage.__path__, "linkage.")
    if not found.name.endswith(("__main__", "splink.checking", "migrations.env"))
]


# -------------------------------------------------------------------------------------------------- every expression


def expressions() -> Iterator[tuple[str, re.Pattern[Any], str]]:
    """Name, expression and method of every compiled expression that a module of linkage calls."""
    for module_name in _MODULES:
        module = importlib.import_module(module_name)
        source = Path(str(module.__file__)).read_text("utf-8")
        for name, value in vars(module).items():
            for pattern in patterns_in(value):
                for method in methods_of(name, source):
                    yield f"{module_name}.{name}", pattern, method


def patterns_in(value: object) -> list[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        return [value]
    members = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [found for found in itertools.islice(members, 100) if isinstance(found, re.Pattern)]


def methods_of(name: str, source: str) -> set[str]:
    """How a module calls an expression; one that it takes out of a table it may search with."""
    called = {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).split("[")[0] == name
    }
    methods = called & {"match", "fullmatch"}
    return methods | ({"search"} if called - methods - {"values", "items"} or not called else set())


def letters(tree: Any) -> Iterator[str]:
    """Characters that the parts of an expression stand for."""
    for kind, content in tree:
        if kind is codes.LITERAL:
            yield chr(content)
        elif kind is codes.NOT_LITERAL:
            yield "z"
        elif kind is codes.IN:
            yield from class_letters(content)
        elif kind in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            yield from letters(content[2])
        elif kind is codes.SUBPATTERN:
            yield from letters(content[3])
        elif kind is codes.BRANCH:
            yield from itertools.chain.from_iterable(map(letters, content[1]))
        elif kind in (codes.ASSERT, codes.ASSERT_NOT):
            yield from letters(content[1])


def class_letters(members: Any) -> list[str]:
    of_category = {codes.CATEGORY_DIGIT: "1", codes.CATEGORY_SPACE: " ", codes.CATEGORY_NOT_WORD: "-"}
    found = ["q", "1", "-"] if any(kind is codes.NEGATE for kind, _ in members) else []
    for kind, content in members:
        if kind is codes.LITERAL:
            found.append(chr(content))
        elif kind is codes.RANGE:
            found.append(chr(content[0]))
        elif kind is codes.CATEGORY:
            found.append(of_category.get(content, "a"))
    return found[:4]


def texts_against(pattern: str) -> Iterator[str]:
    """Long texts of one or two characters of an expression, at whose end it may fail; behind its own beginning too."""
    every = [*dict.fromkeys(letters(parser.parse(pattern)))]
    few = [*dict.fromkeys([*every[: N_LETTERS - 2], "a", " "])]
    for unit in [*few, *map("".join, itertools.product(few, repeat=2)), "".join(every[:5])]:
        yield unit * (LENGTH // len(unit)) + "\0"
        yield unit * (LENGTH // len(unit))
    for letter in few:
        yield "".join(every[:3]) + letter * LENGTH + "\0"


def slowest(pattern: re.Pattern[Any], method: str) -> tuple[float, str]:
    """Processor seconds of the text that takes longest, and its beginning."""
    is_bytes = isinstance(pattern.pattern, bytes)
    source = pattern.pattern.decode("latin-1") if is_bytes else pattern.pattern
    call: Callable[[Any], object] = getattr(pattern, method)
    found = (0.0, "")
    for text in texts_against(source):
        argument = text.encode("latin-1", "replace") if is_bytes else text
        seconds = seconds_of(call, argument)
        if seconds > LIMIT_SECONDS:
            # The least of three: a clock that ticked for others is no fault of the expression.
            seconds = min(seconds, seconds_of(call, argument), seconds_of(call, argument))
        found = max(found, (seconds, text[:20]))
        if seconds > LIMIT_SECONDS:
            break
    return found


def seconds_of(call: Callable[[Any], object], argument: object) -> float:
    start = time.process_time()
    call(argument)
    return time.process_time() - start


def test_every_expression_runs_in_linear_time() -> None:
    asked = list(expressions())
    assert len(asked) > 40
    measured = {f"{name}: {pattern.pattern!r}.{method}": slowest(pattern, method) for name, pattern, method in asked}
    assert {name: found for name, found in measured.items() if found[0] > LIMIT_SECONDS} == {}


@pytest.mark.parametrize("pattern", [r"row\s[^<>]*?r=", r"\s+$"])
def test_a_slow_expression_is_found(pattern: str) -> None:
    assert slowest(re.compile(pattern), "search")[0] > LIMIT_SECONDS


# ------------------------------------------------------------------------------------------------------- every value


VALUE_BYTES = MAX_FIELD_BYTES // 4  # long enough to tell: what takes the length squared took seconds
VALUE_SECONDS = 1.0
UNITS = (
    "bé ", "ông ", "con ", "gái ", "năm ", "nt ", "x", "(", "[(", "a(a", "A^", "a?", "?", "\ufffd", "q1", "dd9",
    "&amp;", "%41", "\\u0041", "=41", "-", "1", "1.", "1/", "tháng ", "THÁNG 1 ", "t . x ", "Ã©", "aâ", "AaBb", "KB",
    "tức ", "\u0301", "+84", ";", "#N/A", "kinh ", "vn", "1E", "phường ", "x\u0303 ", "=\"", "\u200b",
    "một nghìn ", "2496 (", "12//", "๒", "พ.", "<", "<br>", "<U+1EC5>", "<e1>", "&nbsp", "\\xe1",
    "tự ", "tên gọi ", "- ",
)  # fmt: skip


def of_one(standardise: Callable[..., object]) -> Callable[[str], object]:
    return lambda text: standardise(pa.array([text]))


STANDARDISERS: dict[str, Callable[[str], object]] = {
    "name": canonical_name,
    "names": of_one(canonical_names),
    "sex": of_one(categories.standardise_sex),
    "ethnicity": of_one(categories.standardise_ethnicity),
    "foreign": lambda text: categories.foreign_reason(pa.array([text]), pa.array([text])),
    "birth date": lambda text: dates.standardise_birth_dates(pa.array([text]), latest=datetime.date(2026, 1, 1)),
    "number": of_one(identifiers.standardise_ids),
    "insurance": of_one(identifiers.standardise_insurance),
    "phone": of_one(phones.standardise_phones),
    "phone abroad": lambda text: standardise_international_phones(pa.array([text]), "GB"),
    "commune": places_names.read_commune,
    "district": places_names.read_district,
    "province": places_names.read_province,
    "column name": normal_name,
    "cell": csv_cell,
    "shown cell": visible,
}


@pytest.mark.parametrize("name", STANDARDISERS)
def test_long_values_are_standardised_at_once(name: str) -> None:
    standardise = STANDARDISERS[name]
    standardise("1")  # what is loaded once is no time of a value
    slow = {}
    for unit in UNITS:
        text = unit * (VALUE_BYTES // len(unit.encode()))
        seconds = seconds_of(standardise, text)
        if seconds > VALUE_SECONDS:
            slow[unit] = seconds
    assert slow == {}
