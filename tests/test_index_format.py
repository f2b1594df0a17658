"""What an index holds, and how a batch is encoded to be compared with it, belong to the format's number.

An index of a hundred million people is built once and changed every night, by whatever version of the program is
installed. So a change of what is stored must raise ``linkage.registry.manifest.FORMAT``, and no other change may.
"""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from linkage.encode.columns import encode
from linkage.encode.keys import pass_keys
from linkage.ingest.records import Records
from linkage.plan.reading import load_plan
from linkage.registry.build import build_index
from linkage.registry.index import Index
from linkage.registry.manifest import FORMAT
from linkage.schema import DOSES, REGISTRY, TableSchema

TODAY = datetime.date(2022, 9, 1)
# When this test fails because stored or encoded values were meant to change: raise FORMAT and write its digest here.
DIGESTS = {12: "3f0424d0335d1ac2b428c88b8ce31b499fb3cb4183d7f10ed6653017c9df677f"}

NAMES = ["Nguyễn Văn Hùng", "NGUYEN VAN HUNG", "Tòng Thị Phấu", "H’ Hương Niê", "Lý A Sử", "Trần Thị Mỹ Duyên", None]
BIRTHS = ["1976-01-01", "2001-10-28", "1965", "1963-02", "20/05/1976", "34834", None]
NUMBERS = ["020201004177", "011076756551", "041562914", "33082859787.0", "12345", None]
PHONES = ["0386756205", "+84 386 756 205", "0999999999", None]
COMMUNES = ["00010", "00025", "09718", "x", None]


def _table(schema: TableSchema, **columns: list[str | None]) -> pa.Table:
    """Sixty rows, in which the values of each column follow one another in cycles of different lengths."""
    values = {name: [texts[row % len(texts)] for row in range(60)] for name, texts in columns.items()}
    values[schema.names[0]] = [f"{schema.names[0]}-{row:03d}" for row in range(60)]
    return pa.table([pa.array(values.get(name, [None] * 60), pa.string()) for name in schema.names], schema.arrow())


def _index(folder: Path) -> Index:
    people = _table(
        REGISTRY,
        full_name=NAMES,
        date_of_birth=BIRTHS,
        id_number=NUMBERS,
        old_id_number=["041562914", None, "083593934"],
        gender=["Nam", "Nữ"],
        phone=PHONES,
        insurance_number=["2005506067", "2035815067", None],
        ethnicity=["Kinh", "Tày", "Thái", None, "Ê Đê"],
        commune_code=COMMUNES,
        residence_commune_code=[None, None, "00025"],
    )
    return build_index(Records.of(people), load_plan(None), folder, as_of=TODAY)


def _digest_of_batch(index: Index) -> bytes:
    """The encoded columns of doses that state what the registry has, and more, with their keys in every pass."""
    doses = _table(
        DOSES,
        full_name=[*NAMES, "Nguyen V. Hung", "Phấu Tòng Thị", "Trần T Mỹ Dyên"],
        date_of_birth=[*BIRTHS, "17-01-2001", "2019"],
        id_number=[*NUMBERS, "020 201 004 178", "B1234567"],
        gender=["Nam", "Nữ", "F", "0", None],
        phone=PHONES,
        insurance_number=["GD4010105506067", "2035815067", None],
        ethnicity=["kinh", "TÀY", None],
        commune_code=COMMUNES,
        dose_date=["2021-08-01", "05/09/2021"],
    )
    dictionaries = index.dictionaries.copy()
    columns = encode(doses, index.plan, "left", dictionaries)
    total = hashlib.sha256()
    for name in sorted(columns):
        total.update(name.encode() + np.ascontiguousarray(columns[name]).tobytes())
    for rule in index.plan.passes:
        total.update(np.ascontiguousarray(pass_keys(rule, "left", columns, index.plan, dictionaries)).tobytes())
    return total.digest()


def test_stored_values_belong_to_the_format(tmp_path: Path) -> None:
    index = _index(tmp_path / "index")
    files = index.manifest["files"]
    names = [name for name in sorted(files) if not name.startswith("persons.")]  # whose bytes are Arrow's
    stored = "".join(files[name] for name in names)
    digest = hashlib.sha256(stored.encode() + _digest_of_batch(index)).hexdigest()
    assert DIGESTS.get(FORMAT) == digest, "what an index holds has changed: raise FORMAT, and write its digest above"
