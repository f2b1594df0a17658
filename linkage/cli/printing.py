"""The result of a command on standard output: as JSON, in two columns or as a table."""

from __future__ import annotations

import datetime
import json
import sys
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console, RenderableType

_WIDE = 200  # characters


def print_json(content: object) -> None:
    typer.echo(json.dumps(plain(content), ensure_ascii=False, allow_nan=False))


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
    width = max(map(len, content))
    for name, value in content.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {part}" for key, part in value.items())
        typer.echo(f"{name:<{width}}  {json.dumps(plain(value)) if isinstance(value, list) else value}")


def print_table(table: RenderableType) -> None:
    """A table on standard output; in a file or a pipe nothing is cut off for want of room."""
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
