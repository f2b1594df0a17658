"""Which errors of the family the program raises, read from its sources: one that is only defined is none."""

from __future__ import annotations

import ast
from pathlib import Path

from linkage import errors
from linkage.errors import LinkageError

PACKAGES = ("linkage", "blocking", "models")


def made_in(source: str) -> set[str]:
    """Names of the classes that a module raises, or makes and returns for another to raise."""
    made = set()
    for node in ast.walk(ast.parse(source)):
        value = node.exc if isinstance(node, ast.Raise) else node.value if isinstance(node, ast.Return) else None
        for part in ast.walk(value) if value is not None else ():
            if isinstance(part, ast.Call):
                made.add(ast.unparse(part.func).rpartition(".")[2])
    return made


def raised_errors() -> set[type[LinkageError]]:
    root = Path(__file__).parents[1]
    sources = [path.read_text("utf-8") for package in PACKAGES for path in (root / package).rglob("*.py")]
    names = set().union(*map(made_in, sources))
    family = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, LinkageError)]
    return {each for each in family if each.__name__ in names}
