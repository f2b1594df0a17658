"""Files that people edit by hand, plans, models and manifests: read whole, or refused in one line.

What TOML and JSON can hold and the program cannot is refused here, once for all of them: numbers that are none or have
hundreds of digits, characters that nobody sees, keys that stand twice, tables within tables without end. What a file
of each sort must hold is linkage.storage.typed_content' matter.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from linkage.errors import InputError, LinkageError, UsageError
from linkage.storage.checksums import unreadable
from linkage.wording.cell_text import visible

_MOST_BYTES = 256 << 20  # a manifest that names a million files has less
_MOST_DEPTH = 24
_MOST_CHARACTERS = 100_000
# A key of many parts; tomllib takes their number squared, minutes for what fits on a page.
_PARTED_KEY = re.compile(r"""(?<![\w"'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+)++""")
_MOST_PARTS = 1_000
_MOST_INTEGER = 2**63 - 1
_LINE_ENDS = str.maketrans("", "", "\t\n\r")


def read_toml(path: Path, remedy: str) -> dict[str, Any]:
    """The content of a TOML file; UsageError names the file and what is wrong. A mark of the byte order is passed
    over."""
    return parsed(read_bytes(path, remedy, UsageError), str(path), _loads_toml, "TOML", remedy, UsageError)


def parse_toml(text: str, where: str, remedy: str) -> dict[str, Any]:
    """The same of a text."""
    return parsed(text.encode("utf-8", "replace"), where, _loads_toml, "TOML", remedy, UsageError)


def read_json(
    path: Path, remedy: str, fault: type[LinkageError] = InputError, *, is_edited: bool = True
) -> dict[str, Any]:
    """The object that a JSON file holds; ``fault`` names the file and what is wrong. What a program wrote, and nobody
    edited, may have characters that nobody sees: it names files that have."""
    return parsed(read_bytes(path, remedy, fault), str(path), _loads, "JSON", remedy, fault, is_edited=is_edited)


def parsed(
    content: bytes,
    where: str,
    parse: Callable[[str], Any],
    form: str,
    remedy: str,
    fault: type[LinkageError],
    *,
    is_edited: bool = True,
) -> dict[str, Any]:
    """The table that bytes hold, every value of which the program can hold too."""
    try:
        found = parse(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        raise fault(f"{where}: is not UTF-8 (byte {error.start}); save it as UTF-8, or {remedy}") from error
    except ValueError as error:
        # What Python says of a number that it does not read is about Python.
        is_number = "integer string conversion" in str(error)
        what = "a number of thousands of digits; write a smaller one" if is_number else _short(str(error))
        raise fault(f"{where}: not valid {form} ({what}); {remedy}") from error
    except RecursionError as error:
        raise fault(f"{where}: not valid {form} (tables within tables without end); {remedy}") from error
    if not isinstance(found, dict):
        raise fault(f"{where}: holds no table of keys; {remedy}")
    check_values(found, where, fault, is_edited=is_edited)
    return found


def check_values(
    content: dict[str, Any],
    where: str,
    fault: type[LinkageError],
    longest: int = _MOST_CHARACTERS,
    *,
    is_edited: bool = True,
) -> None:
    """``fault`` names the first value that the program cannot hold; longest: characters of a text."""
    for key, problem in _unusable(content, longest, is_edited):
        raise fault(f"{where}: {key}: {problem}")


def read_bytes(path: Path, remedy: str, fault: type[LinkageError]) -> bytes:
    """The bytes of a regular file: a pipe may never end, and a device never does."""
    try:
        found = os.stat(path)
        if stat.S_ISDIR(found.st_mode):
            raise fault(f"{path}: is a folder; {remedy}")
        if not stat.S_ISREG(found.st_mode) or is_made_up(path):
            raise fault(f"{path}: is a pipe or a device; {remedy}")
        if found.st_size > _MOST_BYTES:
            raise fault(f"{path}: has {found.st_size:,} bytes, which no such file has; {remedy}")
        return path.read_bytes()
    except PermissionError as error:
        raise unreadable(path, error, remedy) from error
    except OSError as error:
        raise fault(f"{path}: cannot be read ({error.strerror}); {remedy}") from error


def is_made_up(path: Path) -> bool:
    """Whether the kernel makes up the bytes of a file as it is read: it has no size then and may have no end."""
    real = os.path.realpath(path)
    return real.startswith(("/proc/", "/sys/", "/dev/")) and not real.startswith("/dev/shm/")


def _loads_toml(text: str) -> dict[str, Any]:
    if any(found[0].count(".") > _MOST_PARTS for found in _PARTED_KEY.finditer(text)):
        raise RecursionError
    return tomllib.loads(text)


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_doubles)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON keeps the last of two values under one key, and says nothing."""
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} stands twice")
    return table


def _unusable(content: dict[str, Any], longest: int, is_edited: bool) -> Iterator[tuple[str, str]]:
    """(key, what is wrong and what would be right) of values that the program cannot hold."""
    waiting: list[tuple[str, Any, int]] = [("", content, 0)]
    while waiting:
        key, value, depth = waiting.pop()
        if depth > _MOST_DEPTH:
            yield _short(key), f"tables within tables, {_MOST_DEPTH} deep; take them apart"
        elif isinstance(value, dict):
            waiting += [(f"{key}.{name}".lstrip("."), of, depth + 1) for name, of in value.items()]
            waiting += [(f"{key}.{_short(str(name))}".lstrip("."), name, depth + 1) for name in value]
        elif isinstance(value, list):
            waiting += [(f"{key}[{number}]", of, depth + 1) for number, of in enumerate(value, 1)]
        elif is_edited and isinstance(value, str) and _has_unseen(value):
            yield visible(_short(key)), f"{_short(visible(value))!r} has characters that nobody sees; write it anew"
        elif isinstance(value, str) and len(value) > longest:
            yield visible(_short(key)), f"a text of {len(value):,} characters; {longest:,} at most"
        elif isinstance(value, float) and not math.isfinite(value):
            yield visible(_short(key)), f"{value} is no number; write one"
        elif isinstance(value, int) and abs(value) > _MOST_INTEGER:
            yield visible(_short(key)), "a number of more than 18 digits; write a smaller one"


def _has_unseen(text: str) -> bool:
    plain = text.translate(_LINE_ENDS)
    return visible(plain) != plain


def _short(text: str) -> str:
    """A text of a message: on one line, and cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:119] + "…"
