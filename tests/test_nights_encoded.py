"""The encoded columns of claims that a state keeps are those that the claims' doses are encoded as."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.encode.syllables import MAX_SYLLABLES, SyllableDictionary
from linkage.nights import touched
from linkage.nights.configuration import read_configuration
from linkage.nights.encoded import are_of, can_be_kept, kept_rows, restored, units_key
from linkage.nights.night import run_night
from linkage.nights.reading import read_versions
from linkage.registry.index import open_index
from linkage.state.folder import open_state
from linkage.state.rows import rows_in_force
from linkage.state.tables import DOSE_VERSIONS
from tests.nights import Nights, Town, manifest


@pytest.fixture(scope="module")
def nights(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Two nights, the second of which corrects some doses of the first."""
    opened = town.open(tmp_path_factory.mktemp("encoded"), changing=True)
    opened.write_doses(0, town.doses[:400])
    corrected = [row | {"full_name": "Phạm Quốc Zyx"} for row in town.doses[:5]]
    opened.write_doses(1, [*corrected, *town.doses[400:500]])
    for number in (0, 1):
        run_night(read_configuration(opened.config), opened.date(number))
    return opened


def test_restored_columns_are_those_of_the_doses(nights: Nights, tmp_path: Path) -> None:
    index, state = open_index(nights.folder / "index"), open_state(nights.folder / "state")
    doses = rows_in_force(state, DOSE_VERSIONS)
    work = touched.Work(1, tmp_path, None)  # type: ignore[arg-type]
    read = read_versions(doses, index, work)
    dictionaries = index.dictionaries.copy()
    kept = pa.concat_tables(kept_rows(state, 1))
    assert are_of(kept, units_key(dictionaries))
    keys, columns = restored(kept, index.plan, dictionaries)
    is_excluded = read.doses.excluded[read.claims.first_dose] > 0
    compared, excluded = read.claims.keys[~is_excluded], read.claims.keys[is_excluded]
    assert set(compared.tolist()) <= set(keys.tolist())
    assert excluded.size > 0
    assert not set(excluded.tolist()) & set(keys.tolist())
    assert keys.size > compared.size  # of the corrected doses also what they were
    at = np.array([int(np.flatnonzero(keys == key)[-1]) for key in compared])
    of_doses = np.searchsorted(read.claims.keys, compared)
    marks = {comparison.marks for comparison in index.plan.comparisons}
    assert set(columns) == set(read.batch.columns) - marks
    syllables, own = (np.array(of.syllables.syllables) for of in (dictionaries, read.batch.dictionaries))
    assert set(own) - set(open_index(nights.folder / "index").dictionaries.syllables.syllables)
    for name, column in columns.items():
        expected = read.batch.columns[name][of_doses]
        if name == "full_name":
            assert (syllables[column[at]] == own[expected]).all()
        elif name != "full_name.signature":  # of ids, which grew in another order
            assert column.dtype == expected.dtype, name
            assert (column[at] == expected).all(), name
    assert (columns["full_name.signature"] == dictionaries.syllables.signatures(columns["full_name"])).all()


def test_a_name_that_the_dictionary_has_no_place_for_is_unknown(nights: Nights) -> None:
    index, state = open_index(nights.folder / "index"), open_state(nights.folder / "state")
    full = index.dictionaries.copy()
    rows = pa.concat_tables(kept_rows(state, 1))
    (known, _), *_ = Counter(rows["full_name.0"].to_pylist()).most_common(1)
    full.syllables = SyllableDictionary(["", known, *(f"x{n}" for n in range(MAX_SYLLABLES - 2))])
    _, columns = restored(rows, index.plan, full)
    # Of those with the known family name too.
    is_known = rows["full_name.1"].is_null().to_numpy()
    assert not columns["full_name"][~is_known].any()
    assert columns["full_name.key"].any()


def test_claims_of_other_units_are_read_again(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what a night finds so is what it finds from the columns."""
    people = pq.read_table(nights.town.index.parent / "data" / "registry.parquet").to_pylist()
    found, seen = [], []
    reading = touched._claims_in_force

    def counted(*given: object) -> object:
        seen.append(1)
        return reading(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(touched, "_claims_in_force", counted)
    for is_of in (are_of, lambda rows, key: False):
        monkeypatch.setattr(touched, "are_of", is_of)
        folder = nights.town.open(nights.folder / f"copy{len(found)}", changing=True)
        for number, rows in ((0, nights.town.doses[:400]), (1, nights.town.doses[400:500])):
            folder.write_doses(number, rows)
            run_night(read_configuration(folder.config), folder.date(number))
        folder.write_registry(2, [row | {"full_name": "Lê Văn Xuân"} for row in people[:40]])
        done = run_night(read_configuration(folder.config), folder.date(2))
        found.append((done.counts, done.changes, manifest(done.night_dir)["registry"]))
    assert found[0] == found[1]
    assert len(seen) == 1


def test_columns_of_words_are_not_kept(nights: Nights) -> None:
    plan = open_index(nights.folder / "index").plan
    assert can_be_kept(plan)
    words = msgspec.structs.replace(plan.fields[0], kind="text")
    assert not can_be_kept(msgspec.structs.replace(plan, fields=[words, *plan.fields[1:]]))
