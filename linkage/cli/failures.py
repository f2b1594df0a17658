"""What is said when a command does not do what was asked: one line on standard error and, with --json, one object on
standard output: {"error": the line, "kind": a word, "exit_code": the code}."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import typer

from linkage.cli.printing import print_json
from linkage.cli.stopping import INTERRUPTED
from linkage.cli.talk import complain
from linkage.errors import LinkageError, UsageError
from linkage.machine.faults import fault_of

PROGRAM = "linkage"
# What typer raises for a call that it cannot read; it gives this class no public name.
CallError: type[Exception] = typer.BadParameter.__mro__[2]


@dataclass(frozen=True)
class Failure:
    """The end of a command that did not succeed."""

    error: str
    kind: str
    exit_code: int
    result: Mapping[str, object] = field(default_factory=dict)


INTERRUPTION = Failure("interrupted; what was not finished is removed", "interrupted", INTERRUPTED)


def failure_of(error: BaseException) -> Failure | None:
    """What an exception means to the user; None where it is a mistake of the program."""
    if (fault := fault_of(error)) is not None:
        return Failure(str(fault), fault.kind, fault.exit_code)
    if isinstance(error, LinkageError):
        return Failure(str(error), error.kind, error.exit_code, error.result)
    if isinstance(error, CallError):
        return Failure(_call_line(error), UsageError.kind, UsageError.exit_code)
    if isinstance(error, OSError):
        # The disk or the rights, wherever no better message was found.
        where, why = error.filename or "system", error.strerror or error
        return Failure(f"{where}: {why}; check the path, the rights and the free space", LinkageError.kind, 1)
    return None


def tell(failure: Failure, as_json: bool) -> None:
    """Say it to people, and to programs that asked for JSON."""
    complain(failure.error)
    if as_json:
        with suppress(LinkageError):  # of an output that takes no more, which the line has told
            told = {"error": failure.error, "kind": failure.kind, "exit_code": failure.exit_code}
            print_json({**failure.result, **told})


def _call_line(error: Any) -> str:
    """Which command, what of it cannot be read, what may have been meant."""
    context = getattr(error, "ctx", None)
    path = PROGRAM if context is None else str(context.command_path)
    where = path.removeprefix(PROGRAM).strip()
    what = _what_is_wrong(error, context)
    more = "" if what.endswith("?") else f"; '{path} --help' tells more"
    return f"{where}{': ' if where else ''}{what}{more}"


def _what_is_wrong(error: Any, context: Any) -> str:
    if context is not None:
        option = getattr(error, "option_name", None)
        if option is not None and hasattr(error, "possibilities"):
            return f"there is no option {option}{_other_option(option, context)}"
        command = re.match(r"No such command '(.*?)'", str(error))
        if command is not None:
            return f"there is no command {command[1]!r}{_other_command(command[1], context)}"
        if not str(error.message):
            return _missing(context)
    text = " ".join(str(error.format_message()).replace("Value error, ", "").split()).rstrip(".")
    return text[:1].lower() + text[1:]


def _other_option(option: str, context: Any) -> str:
    """The nearest option of the command, or that the option stands before the command."""
    known = {name.lstrip("-"): name for name in _options(context)}
    near = get_close_matches(option.lstrip("-"), known, 1)
    if option in _options(context.find_root()):
        return f" here; it stands before the command: {PROGRAM} {option} ..."
    return f"; did you mean {known[near[0]]}?" if near else ""


def _options(context: Any) -> list[str]:
    return [name for parameter in context.command.params for name in parameter.opts if name.startswith("-")]


def _other_command(word: str, context: Any) -> str:
    """The nearest of all commands, by what is typed behind the name of the program."""
    here = context.command_path.removeprefix(PROGRAM).strip()
    paths = {" ".join(path): path[-1] for path in _commands(context.find_root().command)}
    typed = f"{here} {word}".strip()
    near = get_close_matches(typed, paths, 1) or [path for path, last in paths.items() if last == word][:1]
    near = near or get_close_matches(word, [*paths, *paths.values()], 1)
    found = next((path for path, last in paths.items() if near and near[0] in (path, last)), None)
    return "" if found is None else f"; did you mean '{PROGRAM} {found}'?"


def _commands(group: Any, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        path = (*before, name)
        found += _commands(command, path) if hasattr(command, "commands") else [path]
    return found


def _missing(context: Any) -> str:
    """All that the command needs and was not given."""
    lacking = [p for p in context.command.params if p.required and context.params.get(p.name) is None]
    names = [p.opts[0] if p.param_type_name == "option" else p.name.upper() for p in lacking]
    return f"{' and '.join((', '.join(names[:-1]), names[-1]) if names[1:] else names)} must be given"
