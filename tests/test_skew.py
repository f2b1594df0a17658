"""Skewed lists cost no more than they must, lose no row and still find the right people; the manifest names the blocks.

A commune of 150,000, a phone on 5,000 records, 01/01/1900 on 2 % of people and one name 300 times in a commune.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from linkage.night.run import run
from linkage.registry.from_files import build_from_files
from linkage.simulate import simulate
from tests.district import LIST_DATE, manifest
from tests.skew import PHONE, Mask, skew

PERSONS, DOSES = 165_000, 12_000
COMMUNE, N_PHONES, UNKNOWN_SHARE, NAMESAKES = 150_000, 5000, 0.02, 300


@dataclass(frozen=True)
class Linked:
    """A run against the truth; arrays of shape (doses,)."""

    manifest: dict[str, Any]
    statuses: npt.NDArray[np.object_]
    known: Mask  # the person is in the registry
    decided: Mask  # without a human being
    right: Mask  # decided, for the right person

    def recall(self, doses: Mask | bool = True) -> float:
        return float(self.right[self.known & doses].mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("skew")


@pytest.fixture(scope="module")
def touched(folder: Path) -> dict[str, Mask]:
    simulate(PERSONS, DOSES, 3, folder / "plain")
    return skew(
        folder / "plain",
        folder / "skewed",
        commune=COMMUNE,
        n_phones=N_PHONES,
        unknown_share=UNKNOWN_SHARE,
        namesakes=NAMESAKES,
    )


@pytest.fixture(scope="module")
def plain(folder: Path, touched: dict[str, Mask]) -> Linked:
    return _link(folder, "plain")


@pytest.fixture(scope="module")
def skewed(folder: Path, touched: dict[str, Mask]) -> Linked:
    return _link(folder, "skewed")


def _link(folder: Path, name: str) -> Linked:
    where = folder / name
    build_from_files([where / "registry.parquet"], where / "index", units=folder / "plain" / "units")
    run_dir = run([where / "doses.parquet"], where / "index", where / "runs", list_date=LIST_DATE).run_dir
    decisions = pq.read_table(run_dir / "decisions.parquet", columns=["dose_id", "status", "person_id"])
    truth = pq.read_table(folder / "plain" / "truth.parquet")
    # No row is lost, and none comes twice: the truth has each dose once, in order.
    assert decisions["dose_id"].to_pylist() == truth["dose_id"].to_pylist()
    statuses, persons = (decisions[column].to_numpy(zero_copy_only=False) for column in ("status", "person_id"))
    right_persons = truth["person_id"].to_numpy(zero_copy_only=False)
    decided = np.isin(statuses, ["verified", "matched"])
    known = np.array([person is not None for person in right_persons])
    return Linked(manifest(run_dir), statuses, known, decided, decided & known & (persons == right_persons))


def test_the_files_are_skewed(folder: Path, touched: dict[str, Mask]) -> None:
    registry = pq.read_table(folder / "skewed" / "registry.parquet")
    counts = {
        name: np.unique(registry[name].drop_null().to_numpy(zero_copy_only=False), return_counts=True)
        for name in ("commune_code", "phone", "date_of_birth")
    }
    assert counts["commune_code"][1].max() >= COMMUNE
    assert counts["phone"][1].max() == N_PHONES
    assert counts["phone"][0][counts["phone"][1].argmax()] == PHONE
    assert counts["date_of_birth"][1].max() > 0.9 * UNKNOWN_SHARE * PERSONS
    assert all(doses.sum() >= 10 for doses in touched.values())


def test_every_row_is_decided(skewed: Linked) -> None:
    (file,) = skewed.manifest["inputs"]
    assert (file["physical_records"], file["decided"], file["rejected"]) == (DOSES, DOSES, 0)
    assert sum(skewed.manifest["counts"].values()) == DOSES


def test_the_right_people_are_found_nearly_as_often(plain: Linked, skewed: Linked, touched: dict[str, Mask]) -> None:
    assert skewed.recall() > plain.recall() - 0.006
    assert skewed.recall(touched["phone"]) > 0.985
    assert skewed.recall(touched["name"]) > 0.9
    # Without a date of birth in the registry more has to be looked at.
    assert skewed.recall(touched["date"]) > 0.88
    assert (skewed.decided & ~skewed.right).sum() <= 3


def test_the_cost_stays_bounded(skewed: Linked, touched: dict[str, Mask]) -> None:
    passes, n_claims = skewed.manifest["passes"], skewed.manifest["subjects"]
    # Each of the phone's doses would meet all its records; the given name leaves about one in forty.
    assert passes["phone"]["pairs"] < 0.1 * touched["phone"].sum() * N_PHONES
    for name, most in (("phone", 50), ("commune_name", 400), ("commune_birthday", 400)):
        assert passes[name]["pairs"] < most * n_claims, name
    # A birth year of a commune of 150,000 has some 2,000 people; no subject meets many more.
    assert skewed.manifest["candidate_pairs"] < 2500 * n_claims


def test_the_manifest_names_the_narrowed_blocks(plain: Linked, skewed: Linked) -> None:
    assert not any(counts["narrowed_blocks"] for counts in plain.manifest["passes"].values())
    narrowed = {name for name, counts in skewed.manifest["passes"].items() if counts["narrowed_blocks"]}
    assert {"phone", "commune_name", "commune_birthday"} <= narrowed
    assert skewed.manifest["passes"]["phone"]["largest_block"] == N_PHONES
