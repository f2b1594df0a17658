"""Files that people edit: whatever stands in one, it is read or refused in one line that names it."""

from __future__ import annotations

import json
import os
import random
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults.structures import HOSTILE, mutated
from linkage.cli.options import column_names
from linkage.errors import InputError, LinkageError, UsageError
from linkage.plan.reading import load_plan, plan_from
from linkage.storage.edited_files import read_json, read_toml
from linkage.training.model_file import Model
from tests.splink_runs import vaccination_model

ROOT = Path(__file__).parents[1]
PLANS = [
    resources.files("linkage.plan").joinpath("vaccination.toml").read_text("utf-8"),
    *(path.read_text("utf-8") for path in sorted((ROOT / "benchmarks" / "plans").glob("*.toml"))),
]


def refusal(read: Callable[[], Any]) -> str | None:
    """What a reader refuses with, as one line that a terminal can show; None where it reads."""
    try:
        read()
    except LinkageError as error:
        text = str(error)
        assert "\n" not in text
        assert text.isprintable()
        assert len(text) < 2500
        return text
    return None


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_with_anything_in_any_place_is_read_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    contents = [tomllib.loads(text) for text in PLANS]
    told = 0
    for _ in range(400):
        content = mutated(rng.choice(contents), rng)[1]
        told += refusal(lambda content=content: plan_from(content, "here")) is not None  # type: ignore[misc]
    assert 300 < told < 400


@pytest.mark.parametrize("seed", range(2))
def test_a_model_with_anything_in_any_place_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "model.json"
    content = vaccination_model(household_rate=1.0).to_dict()
    told = 0
    for _ in range(200):
        path.write_text(json.dumps(mutated(content, rng)[1]), "utf-8")
        told += refusal(lambda: Model.load(path)) is not None
    assert told > 100


def in_toml(path: Path) -> str | None:
    return refusal(lambda: read_toml(path, "write another"))


BYTES = {
    "latin-1": ('name = "Nguy\xean"'.encode("latin-1"), "is not UTF-8 (byte 12)"),
    "utf-16": ('name = "x"'.encode("utf-16"), "is not UTF-8"),
    "no toml": (b"name = ", "not valid TOML"),
    "lists without end": (b"a = " + b"[" * 50_000, "not valid TOML"),
    "lists deep": (b"a = " + b"[" * 60 + b"]" * 60, "tables within tables, 24 deep"),
    "a number of 10,000 digits": (b"a = " + b"9" * 10_000, "not valid TOML (a number of thousands of digits; write a"),
    "a number of 400 digits": (b"a = 1" + b"0" * 400, "more than 18 digits"),
    "no number": (b"a = nan", "a: nan is no number"),
    "no end": (b"a = [0.0, -inf]", "a[2]: -inf is no number"),
    "an escape": (b'a = "\\u001b[31m"', "'\\\\x1b[31m' has characters that nobody sees"),
    "a key twice": (b"a = 1\na = 2", "not valid TOML"),
}


@pytest.mark.parametrize("case", BYTES)
def test_bytes_that_are_no_plan_are_refused(tmp_path: Path, case: str) -> None:
    content, message = BYTES[case]
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    text = in_toml(path)
    assert text is not None
    assert text.startswith(f"{path}: ")
    assert message in text


def test_a_mark_of_the_byte_order_and_line_ends_of_windows_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + PLANS[0].replace("\n", "\r\n").encode())
    assert load_plan(path) == load_plan()


@pytest.mark.parametrize("key", [".".join("a" * 100_000), " . ".join(["'b'", '"c"'] * 50_000)])
@pytest.mark.parametrize("text", ["{} = 1", "x = 1\n[{}]", "x = {{{} = 1}}"])
def test_a_key_of_parts_without_end_is_refused_at_once(tmp_path: Path, key: str, text: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text.format(key))
    with pytest.raises(UsageError, match=r"a.toml: not valid TOML \(tables within tables without end\); mend it"):
        read_toml(path, "mend it")


def test_json_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text('{"m": 1, "m": 2}')
    with pytest.raises(InputError, match="key 'm' stands twice"):
        read_json(path, "write another")
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match="tables within tables without end"):
        read_json(path, "write another")
    path.write_text("3")
    with pytest.raises(InputError, match="holds no table of keys"):
        read_json(path, "write another")


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("gone")
    messages = {
        tmp_path / "pipe": "is a pipe or a device",
        Path("/dev/zero"): "is a pipe or a device",
        Path("/proc/self/mem"): "is a pipe or a device",
        tmp_path: "is a folder",
        tmp_path / "loop": "cannot be read (Too many levels of symbolic links)",
        tmp_path / "nowhere": "cannot be read (No such file or directory)",
        tmp_path / ("x" * 300): "cannot be read (File name too long)",
    }
    for path, message in messages.items():
        text = in_toml(path)
        assert text is not None
        assert message in text


def test_a_plan_of_before_keeps_a_key_that_says_nothing_any_more() -> None:
    content = tomllib.loads(PLANS[0])
    for each in content["comparison"]:
        each["monotone"] = True
    assert plan_from(content, "here") == load_plan()
    with pytest.raises(UsageError, match="no key 'monotone'"):
        plan_from(content | {"monotone": True}, "here")


def test_mutations_reach_every_kind_of_value() -> None:
    """Else the tests above would hold of little."""
    rng = random.Random(0)
    content = {"a": 1, "b": [1, 2], "c": {"d": 1}}
    done = {mutated(content, rng)[0].split(" ", 1)[1] for _ in range(2000)}
    assert {"deleted", "doubled", "beside it one more key"} <= done
    assert all(f"= {value!r:.40}" in done for value in HOSTILE)


@pytest.mark.parametrize(
    ("value", "what"), [("1", "a whole number"), ('["x"]', "a list"), ('{a = "x"}', "a table of keys")]
)
def test_a_mapping_names_the_key_whose_name_is_none(tmp_path: Path, value: str, what: str) -> None:
    path = tmp_path / "columns.toml"
    path.write_text(f'"Mã" = "dose_id"\n"Họ tên" = {value}\n')
    with pytest.raises(UsageError, match=f"columns.toml: Họ tên: must be text, not {what}; write a line"):
        column_names(path)
