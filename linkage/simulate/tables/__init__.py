"""The simulator's own tables, read from the files beside this module."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt


def read_csv(name: str) -> list[dict[str, str]]:
    """The rows of a table, in the order of the file."""
    return list(csv.DictReader((files(__name__) / name).read_text(encoding="utf-8").splitlines()))


def read_toml(name: str) -> dict[str, Any]:
    """A table of tables."""
    with (files(__name__) / name).open("rb") as source:
        return tomllib.load(source)


def weighted(text: str) -> tuple[list[str], list[tuple[float, float]]]:
    """Entries of ``"Name a b; Name a; ..."``: names, and their two weights (a name with one weight has it twice)."""
    names: list[str] = []
    weights: list[tuple[float, float]] = []
    for entry in " ".join(text.split("\n")).split(";"):
        words = entry.split(" ")
        numbers = [float(word) for word in words if _is_number(word)]
        names.append(" ".join(word for word in words if word and not _is_number(word)))
        weights.append((numbers[0], numbers[-1]))
    return names, weights


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()


def between(points: Sequence[tuple[float, float]], at: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Values on the straight lines through ``points`` (x rising, y), constant outside; shape of ``at``."""
    x, y = np.array(points, np.float64).T
    values: npt.NDArray[np.float64] = np.interp(at, x, y)
    return values
