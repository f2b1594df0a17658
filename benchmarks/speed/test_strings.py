"""Strings: our kernels, rapidfuzz, and the plain twin that a kernel is tested against.

Pairs are of full names without diacritics, each of a list with each. rapidfuzz is asked for the whole matrix at once,
its fastest way, on one core; ours runs on one core too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit
from pytest_benchmark.fixture import BenchmarkFixture
from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler, Levenshtein

from benchmarks.speed.measuring import measure
from linkage.encode.words import word_table
from linkage.scoring.batch import Pairs
from models.comparators import text, text_bounds
from tests import naive

N_WORDS, N_TWIN_WORDS = 1000, 60
SECTION = "Strings"


@njit(nogil=True, error_model="numpy")
def each_with_each(similarity: Any, letters: Any, starts: Any) -> float:
    """The sum over all pairs of a list of words, so that nothing is left out."""
    longest = np.diff(starts).max()
    scratch = np.empty((longest + 2) * (longest + 2) + 8, np.int64)
    total = 0.0
    for i in range(starts.shape[0] - 1):
        a = letters[starts[i] : starts[i + 1]]
        for j in range(starts.shape[0] - 1):
            total += similarity(a, letters[starts[j] : starts[j + 1]], scratch)
    return total


MEASURES: dict[str, tuple[Any, Callable[..., float]]] = {
    "jaro_winkler": (text.jaro_winkler, JaroWinkler.similarity),
    "levenshtein": (text.levenshtein, Levenshtein.distance),
    "damerau_levenshtein": (text.damerau_levenshtein, DamerauLevenshtein.distance),
}


def sum_of_ours(name: str, words: list[str]) -> float:
    starts = np.concatenate([[0], np.cumsum([len(word) for word in words])]).astype(np.int64)
    letters = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    return float(each_with_each(MEASURES[name][0], letters, starts))


@pytest.mark.parametrize("name", MEASURES)
def test_ours(benchmark: BenchmarkFixture, plain_names: list[str], name: str) -> None:
    words = plain_names[:N_WORDS]
    measure(benchmark, SECTION, len(words) ** 2, "pairs", lambda: sum_of_ours(name, words), rounds=3)
    theirs = process.cdist(words, words, scorer=MEASURES[name][1], dtype=np.float64).sum()
    assert sum_of_ours(name, words) == pytest.approx(float(theirs))


@pytest.mark.parametrize("name", MEASURES)
def test_rapidfuzz(benchmark: BenchmarkFixture, plain_names: list[str], name: str) -> None:
    words, scorer = plain_names[:N_WORDS], MEASURES[name][1]
    work = lambda: process.cdist(words, words, scorer=scorer, workers=1)  # noqa: E731
    measure(benchmark, SECTION, len(words) ** 2, "pairs", work, rounds=3)


# A level asks no more than whether a threshold is met, which both may decide early; the loosest is rapidfuzz's cutoff.
THRESHOLDS = {"jaro_winkler": [0.92, 0.8], "levenshtein": [1.0, 2.0], "damerau_levenshtein": [1.0, 2.0]}


@pytest.mark.parametrize("name", MEASURES)
def test_levels(benchmark: BenchmarkFixture, plain_names: list[str], name: str) -> None:
    """As a comparison asks for it: the level of each pair by two thresholds, most of them by signatures."""
    words = word_table(plain_names[:N_WORDS])
    # Word 0 is the missing one.
    ids = np.arange(1, words.n_words, dtype=np.uint32)
    spans = (np.zeros(ids.size, np.int64), np.arange(0, ids.size**2 + 1, ids.size, dtype=np.int64), ids, ids)
    levels, codes = np.empty(ids.size**2, np.uint8), np.zeros(ids.size**2, np.uint32)
    measure_code, thresholds = text.MEASURES[name], np.array(THRESHOLDS[name])
    limits = text_bounds.least_scores(measure_code, thresholds)
    table = (words.letters, words.starts, words.longest, words.n_letters)

    def work() -> None:
        text_bounds.best_text_levels(*spans, words.signatures, measure_code, limits, levels)
        # The words themselves are read where that leaves a doubt, see linkage.scoring.batch.Quick.
        open_pairs = Pairs(np.arange(ids.size), *spans[:2], None).at(
            np.flatnonzero((levels >= 2) & (levels < 2 + thresholds.size))
        )
        left, right = open_pairs.left(ids), ids[open_pairs.rows]
        open_spans = (open_pairs.first, open_pairs.offsets, left, right)
        text.text_levels(*open_spans, table, measure_code, thresholds, np.uint32(1), codes[: right.size])

    measure(benchmark, SECTION, codes.size, "pairs", work, rounds=3)


@pytest.mark.parametrize("name", MEASURES)
def test_rapidfuzz_with_cutoff(benchmark: BenchmarkFixture, plain_names: list[str], name: str) -> None:
    words, scorer, cutoff = plain_names[:N_WORDS], MEASURES[name][1], THRESHOLDS[name][-1]
    work = lambda: process.cdist(words, words, scorer=scorer, score_cutoff=cutoff, workers=1)  # noqa: E731
    measure(benchmark, SECTION, len(words) ** 2, "pairs", work, rounds=3)


def test_twin(benchmark: BenchmarkFixture, plain_names: list[str]) -> None:
    """Jaro-Winkler only: the twins of the other two try every way, which takes for ever on words of this length."""
    words = plain_names[:N_TWIN_WORDS]
    work = lambda: sum(naive.jaro_winkler(a, b) for a in words for b in words)  # noqa: E731
    measure(benchmark, SECTION, len(words) ** 2, "pairs", work, rounds=1, is_compiled=True)
