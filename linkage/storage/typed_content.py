"""Whether what a file holds has the keys and types that it must have; a fault in one line, in the words of the file."""

from __future__ import annotations

import difflib
import re
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import inspect

from linkage.errors import LinkageError

T = TypeVar("T")

_PATH = re.compile(r" - at `(?:key in )?\$(.*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_BOUNDS = {"<=": "{:g} at most", ">=": "{:g} at least", "<": "under {:g}", ">": "over {:g}"}
_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table of keys",
    "null": "nothing",
    "datetime": "a date",
    "date": "a date",
}


def shaped(content: Any, like: type[T], where: str, fault: type[LinkageError], remedy: str) -> T:
    """Content as the type asked for, as msgspec converts it; ``fault`` names file, key, what is wrong and the
    remedy."""
    try:
        return msgspec.convert(content, like)
    except msgspec.ValidationError as error:
        raise fault(f"{where}: {_in_words(str(error), content, like, remedy)}") from error


def _in_words(message: str, content: Any, like: type, remedy: str) -> str:
    """msgspec's message in the words of the file: "pass 'phone': no key 'narow'; did you mean 'narrow'?"."""
    found = _PATH.search(message)
    steps = [name or int(place) for name, place in _STEP.findall(found[1] if found else "") if place != "..."]
    if get_origin(like) is dict and isinstance(content, dict):
        steps.insert(0, _wrong_key(content, get_args(like)[1]))
    what = message[: found.start()] if found else message
    place = _place(steps, content)
    before = f"{place}: " if place else ""
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        known = _keys_at(steps, like)
        near = difflib.get_close_matches(unknown[1], known, 1)
        better = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known)}"
        return f"{before}no key {unknown[1][:80]!r}; {better}"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        return f"{before}key {missing[1]!r} is missing; {remedy}"
    if expected := re.fullmatch(r"Expected `(.*)`, got `(.*)`", what):
        names = [_TYPES.get(name, name) for name in expected[1].split(" | ") if name != "null"]
        return f"{before}must be {' or '.join(names)}, not {_TYPES.get(expected[2], expected[2])}; {remedy}"
    if bound := re.fullmatch(r"Expected `(?:int|float)` (<=|>=|<|>) (.*)", what):
        return f"{before}must be {_BOUNDS[bound[1]].format(float(bound[2]))}; {remedy}"
    return f"{before}{what}; {remedy}"


def _wrong_key(content: dict[str, Any], like: type) -> str:
    """The first key whose value is not as the type wants it: of a table of any keys msgspec does not name it."""
    for key, value in content.items():
        try:
            msgspec.convert(value, like)
        except msgspec.ValidationError:
            return key[:80]
    return ""


def _place(steps: list[str | int], content: Any) -> str:
    """Where in the file, a table of a list by its name where it has one, else by its number from 1."""
    place = ""
    for step in steps:
        try:
            content = content[step]
        except (LookupError, TypeError):
            content = None
        if isinstance(step, int):
            name = content.get("name") if isinstance(content, dict) else None
            place += f" {name[:80]!r}" if isinstance(name, str) else f"[{step + 1}]"
        else:
            place += f": {step}" if place.endswith("'") else f".{step}"
    return place.lstrip(".")


def _keys_at(steps: list[str | int], like: type) -> list[str]:
    """The keys that a table has at a place of the type."""
    found: Any = inspect.type_info(like)
    for step in steps:
        found = _of_tables(found)
        if isinstance(step, int):
            found = getattr(found, "item_type", None)
        else:
            fields = {field.encode_name: field.type for field in getattr(found, "fields", ())}
            found = fields.get(step, getattr(found, "value_type", None))
    return [field.encode_name for field in getattr(_of_tables(found), "fields", ())]


def _of_tables(found: Any) -> Any:
    """Of types of which any may be, the one that has parts."""
    of = [part for part in getattr(found, "types", ()) if not isinstance(part, inspect.NoneType)]
    return of[0] if of else found
