"""The result of a command on standard output: as JSON, in two columns, in lines or as a table."""

from __future__ import annotations

import datetime
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import RenderableType

from linkage.cli.tables import print_fitted, wrapped
from linkage.errors import LinkageError
from linkage.wording.cell_text import json_text, visible


def print_json(content: object) -> None:
    """One line. What nobody sees is written as JSON escapes it, and what an output that is not UTF-8 may lack."""
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    print_lines([json_text(json.dumps(plain(content), ensure_ascii=not is_utf8, allow_nan=False))])


def plain(content: Any) -> Any:
    """Dataclasses, paths and dates as JSON knows them."""
    if is_dataclass(content) and not isinstance(content, type):
        return plain(asdict(content))
    if isinstance(content, dict):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(value) for value in content]
    return str(content) if isinstance(content, Path | datetime.date) else content


def print_result(content: dict[str, Any], as_json: bool) -> None:
    """A small result as JSON or in two columns, long values unbroken so that paths can be copied."""
    if as_json:
        print_json(content)
        return
    margin = max(map(len, content)) + 2
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    room = max(1, shutil.get_terminal_size().columns - margin) if is_terminal else sys.maxsize
    for name, value in content.items():
        first, *others = wrapped(visible(_words(value)), room)
        print_lines([f"{name:<{margin}}{first}", *(" " * margin + other for other in others)])


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(_words(part) for part in value)
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


def print_lines(lines: Iterable[str]) -> None:
    """Lines as they are."""
    with _to_stdout():
        for line in lines:
            typer.echo(line)


def print_table(table: RenderableType) -> None:
    """A table, or several with lines between them, as wide as the terminal at most."""
    with _to_stdout():
        print_fitted(table)


@contextmanager
def _to_stdout() -> Iterator[None]:
    """LinkageError where the output is closed or takes no more; whoever reads a pipe may stop early."""
    if sys.stdout is None:
        raise LinkageError("standard output: is closed; the command did its work, and what it says is lost")
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LinkageError(
            f"standard output: cannot be written ({error.strerror}); the command did its work, and what it says is lost"
        ) from error
