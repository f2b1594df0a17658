"""A night that ends in the midst of its work, by a kill, a loss of power or a disk that refuses something, at any event
of its files: the same command goes on, and everything is as after a night that nobody disturbed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.nights.adopting import adopt
from linkage.nights.configuration import read_configuration
from linkage.nights.exporting import export_state
from linkage.storage.work_folders import PREFIX, STANDING
from tests.crashes import recorded, refusing
from tests.district import call
from tests.nights import Nights, Row, Town, hashes
from tests.test_nights_sequences import other_models

SLOW = pytest.mark.slow


def prepared(town: Town, folder: Path, number: int) -> Nights:
    """The files of a night: the first one, or the second one with everything that may come."""
    nights = town.open(folder, changing=True)
    (folder / "model.json").unlink()
    shutil.copyfile(town.model, folder / "model.json")
    rows = town.doses
    nights.write_doses(0, rows[:300])
    if number > 0:
        nights.run(0)
        nights.write_doses(1, [*(row | {"full_name": "Nguyễn Văn Ất"} for row in rows[:5]), *rows[300:400]])
        nights.write_withdrawals(1, [rows[10]["dose_id"]])
        people = pq.read_table(town.index.parent / "data" / "registry.parquet").to_pylist()
        nights.write_registry(1, [row | {"phone": "0912345678"} for row in people[:20]])
        nights.write_verdicts(1, [nobody(rows[20]["dose_id"], nights)])
    return nights


def nobody(dose: str, nights: Nights) -> Row:
    said = {"dose_id": dose, "verdict": "nobody", "unit": "00001", "decided_by": "A"}
    return said | {"decided_at": nights.date(1).isoformat()}


def everything(folder: Path) -> dict[str, str]:
    """What is in force, what was published and what stands, by hashes and names; nothing else is left."""
    export_state(read_configuration(folder / "night.toml"), folder / "all")
    assert [path for path in folder.rglob("*") if path.name.startswith((PREFIX, STANDING, "adoption"))] == []
    found = {f"all/{name}": digest for name, digest in hashes(folder / "all").items()}
    for night in (folder / "nights").iterdir():
        found |= {f"{night.name}/{name}": digest for name, digest in hashes(night).items()}
    for kind in ("state", "index"):
        # Its digest is that of a manifest with seconds in it.
        found |= {f"{kind}/{path.name.split('-')[0]}": "is there" for path in (folder / kind).glob("v*")}
        found[f"{kind}/current"] = (folder / kind / "current").read_text("ascii").split("-")[0]
    return found


def differences(
    nights: Nights, number: int, expected: dict[str, str], folder: Path, command: Sequence[object] = ("night",)
) -> list[Any]:
    """What is otherwise than expected after the same command, started in a folder; [] where nothing is."""
    ended = call(*command, "--config", folder / "night.toml", "--date", nights.date(number), "--json")
    if ended.code != 0:
        return [ended.code, ended.err]
    found = everything(folder)
    return [
        (name, found.get(name)) for name in sorted(found.keys() | expected) if found.get(name) != expected.get(name)
    ]


@pytest.mark.parametrize(
    ("number", "every"),
    [(1, 12), pytest.param(1, 1, marks=SLOW), pytest.param(0, 1, marks=[SLOW, pytest.mark.long])],
)
@pytest.mark.parametrize("most_parts", [16, pytest.param(1, marks=[SLOW, pytest.mark.long])])
def test_after_a_kill_or_a_loss_of_power_at_any_event_the_next_start_ends_right(
    town: Town, tmp_path: Path, number: int, every: int, most_parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkage.state.compacting.MOST_PARTS", most_parts)
    nights, images = prepared(town, tmp_path / "nights", number), tmp_path / "images"
    with recorded(nights.folder, images) as recorder:
        nights.run(number)
    expected = everything(nights.folder)
    assert len(recorder.told) > 15
    wrong = []
    for n in range(len(recorder.told) - 1, -1, -every):
        if found := differences(nights, number, expected, images / f"{n:03d}"):
            wrong.append((recorder.told[n], found))
    assert wrong == []


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=SLOW)])
def test_an_adoption_killed_at_any_event_ends_right_with_the_next_start(town: Town, tmp_path: Path, every: int) -> None:
    """Prepared in another one's place and, within the limits of the configuration, applied by one command."""
    nights, images = prepared(town, tmp_path / "nights", 0), tmp_path / "images"
    nights.run(0)
    model, other = other_models(town)[:2]
    assert not adopt(read_configuration(nights.config), other, nights.date(1)).in_force
    limits = "[adoption]\nchanged_share = 1.0\nother_person_share = 1.0\nlost_share = 1.0\n"
    nights.config.write_text(f"{nights.config.read_text('utf-8')}{limits}", "utf-8")
    with recorded(nights.folder, images) as recorder:
        assert adopt(read_configuration(nights.config), model, nights.date(1)).in_force
    expected = everything(nights.folder)
    assert len(recorder.told) > 25
    wrong = []
    for n in range(len(recorder.told) - 1, -1, -every):
        if found := differences(nights, 1, expected, images / f"{n:03d}", ("model", "adopt", model)):
            wrong.append((recorder.told[n], found))
    assert wrong == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("n_tries", [4, pytest.param(30, marks=[SLOW, pytest.mark.long])])
def test_what_the_disk_refuses_is_one_line_and_the_next_start_ends_right(
    town: Town, tmp_path: Path, code: int, n_tries: int
) -> None:
    nights = prepared(town, tmp_path / "nights", 1)
    expected, n_events = undisturbed(nights, tmp_path / "undisturbed")
    assert n_events > 100
    wrong = []
    for trial in range(n_tries):
        folder = tmp_path / "trial"
        shutil.copytree(nights.folder, folder)
        with refusing(folder, 1 + trial * n_events // n_tries, code) as refused:
            ended = call("night", "--config", folder / "night.toml", "--date", nights.date(1))
        assert refused.event
        if ended.code not in (0, 1) or (ended.code == 1) != ended.err.splitlines()[-1].startswith("linkage: "):
            wrong.append((refused.event, ended.code, ended.err))
        if found := differences(nights, 1, expected, folder):
            wrong.append((refused.event, found))
        shutil.rmtree(folder)
    assert wrong == []


def undisturbed(nights: Nights, folder: Path) -> tuple[dict[str, str], int]:
    """What stands after a night that nobody disturbs, and how many events of its files it has."""
    shutil.copytree(nights.folder, folder)
    with refusing(folder, 0, 0) as asked:
        assert call("night", "--config", folder / "night.toml", "--date", nights.date(1)).code == 0
    return everything(folder), asked.n_events


def test_a_part_cut_short_by_a_full_disk_is_one_line(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are written without Python: a disk that is full shows in the middle of one."""
    nights = prepared(town, tmp_path / "nights", 1)
    expected, _ = undisturbed(nights, tmp_path / "undisturbed")

    def write_half(rows: pa.Table, path: Path, **options: Any) -> None:
        write_table(rows, path, **options)
        os.truncate(path, path.stat().st_size // 2)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write_table = pq.write_table
    with monkeypatch.context() as patched:
        patched.setattr("linkage.state.folder.pq.write_table", write_half)
        ended = call("night", "--config", nights.config, "--date", nights.date(1), "--json")
    assert (ended.code, "No space left" in ended.json["error"]) == (1, True)
    assert differences(nights, 1, expected, nights.folder) == []
