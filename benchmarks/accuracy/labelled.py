"""The labelled sets: their files, made ready once for all linkers, and which records are the same.

Every linker reads the same Parquet files: texts trimmed, empty ones null, dates of pseudopeople as ISO. Truth is kept
in a file of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.accuracy.metrics import ScoredPairs

PLANS = Path(__file__).parents[1] / "plans"
# Month and day of a census form may stand in either order; only one order is a date where the other is not.
_US_DATE = (
    "strftime(coalesce(try_strptime(date_of_birth, '%m/%d/%Y'), try_strptime(date_of_birth, '%d/%m/%Y')), '%Y-%m-%d')"
)
_SSA = """
SELECT replace(ssn, '-', '') AS ssn, first_name, left(middle_name, 1) AS middle_initial, last_name,
       substr(date_of_birth, 1, 4) || '-' || substr(date_of_birth, 5, 2) || '-' || substr(date_of_birth, 7, 2)
           AS date_of_birth, sex::VARCHAR AS sex, simulant_id AS entity
FROM '{folder}/pseudopeople/ssa_2020.parquet'
QUALIFY row_number() OVER (PARTITION BY simulant_id ORDER BY event_type IS DISTINCT FROM 'creation', ssn) = 1
ORDER BY ssn
"""
_CENSUS = f"""
SELECT first_name, middle_initial, last_name, {_US_DATE} AS date_of_birth, sex::VARCHAR AS sex, street_number,
       street_name, unit_number, simulant_id AS entity
FROM '{{folder}}/pseudopeople/census_2020.parquet'
"""
_W2 = """
SELECT replace(ssn, '-', '') AS ssn, first_name, middle_initial, last_name,
       mailing_address_street_number AS street_number, mailing_address_street_name AS street_name,
       mailing_address_unit_number AS unit_number, simulant_id AS entity
FROM '{folder}/pseudopeople/tax_w2_2020.parquet'
"""
_FEBRL = (
    "SELECT *, split_part(trim(rec_id), '-', 2) AS entity FROM read_csv('{{folder}}/febrl/{0}', all_varchar = true)"
)
_FAKE = "SELECT * RENAME (cluster AS entity) FROM read_csv('{folder}/fake_1000/fake_1000.csv', all_varchar = true)"
_ONS = (
    "SELECT * EXCLUDE (puid), puid AS entity "
    "FROM read_csv('{{folder}}/ons_pes_mock/Mock_Data_{0}.csv', all_varchar = true)"
)


@dataclass(frozen=True)
class LabelledSet:
    """Two files, or one with itself, as queries over the folder of labelled sets.

    id: the column that identifies a record; None takes the position in the file, from 1. Queries name the true entity
    ``entity``; right None links the left file with itself.
    """

    name: str
    plan: str
    id: str | None
    left: str
    right: str | None = None

    @property
    def plan_file(self) -> Path:
        return PLANS / self.plan


SETS = (
    *(LabelledSet(f"febrl{i}", "febrl_self.toml", "rec_id", _FEBRL.format(f"dataset{i}.csv")) for i in (1, 2, 3)),
    LabelledSet("febrl4", "febrl.toml", "rec_id", _FEBRL.format("dataset4b.csv"), _FEBRL.format("dataset4a.csv")),
    LabelledSet("fake_1000", "fake_1000.toml", "unique_id", _FAKE),
    LabelledSet("ons_pes", "ons_pes.toml", None, _ONS.format("Pes"), _ONS.format("Census")),
    LabelledSet("census_ssa", "census_ssa.toml", None, _CENSUS, _SSA),
    LabelledSet("w2_ssa", "w2_ssa.toml", None, _W2, _SSA),
    LabelledSet("w2_census", "w2_census.toml", None, _W2, _CENSUS),
)


@dataclass(frozen=True)
class Prepared:
    """A set made ready: what linkers read, and the truth: Parquet of id and entity for each side."""

    left: Path
    right: Path
    truth_left: Path
    truth_right: Path

    @property
    def is_self(self) -> bool:
        return self.left == self.right


def prepare(chosen: LabelledSet, data: Path, work: Path) -> Prepared:
    """Write the files of a set into ``work``. Raises duckdb.Error when a source is missing or has other columns."""
    work.mkdir(parents=True, exist_ok=True)
    queries = {"left": chosen.left} | ({} if chosen.right is None else {"right": chosen.right})
    for side, query in queries.items():
        records, truth = _records(query.format(folder=data / "labelled"), chosen.id)
        pq.write_table(records, work / f"{side}.parquet")
        pq.write_table(truth, work / f"truth_{side}.parquet")
    return prepared(chosen, work)


def prepared(chosen: LabelledSet, work: Path) -> Prepared:
    """The files that `prepare` wrote."""
    right = "left" if chosen.right is None else "right"
    paths = ("left.parquet", f"{right}.parquet", "truth_left.parquet", f"truth_{right}.parquet")
    return Prepared(*(work / path for path in paths))


def _records(query: str, key: str | None) -> tuple[pa.Table, pa.Table]:
    """Trimmed records without their truth, and the truth by id."""
    with duckdb.connect() as connection:
        names = connection.sql(query).columns
        trimmed = ", ".join(f'nullif(trim("{name}"::VARCHAR), \'\') AS "{name.strip()}"' for name in names)
        table = connection.sql(f"SELECT {trimmed} FROM ({query})").to_arrow_table().combine_chunks()
    position = pa.array(np.arange(1, table.num_rows + 1)).cast(pa.string())
    ids = position if key is None else table.column(key)
    return table.drop_columns(["entity"]), pa.table({"id": ids, "entity": table.column("entity")})


_JUDGED = """
SELECT p.match_probability, p.match_weight, coalesce(l.entity = r.entity, false) AS is_true,
       dense_rank() OVER (ORDER BY p.left_id) AS left_number
FROM pairs p JOIN truth_left l ON l.id = p.left_id JOIN truth_right r ON r.id = p.right_id
"""


def judge(pairs: pa.Table, files: Prepared) -> ScoredPairs:
    """Pairs (left_id, right_id, match_probability, match_weight) beside the truth; each pair must stand there once."""
    with duckdb.connect() as connection:
        connection.register("pairs", pairs)
        for side, path in (("left", files.truth_left), ("right", files.truth_right)):
            connection.execute(f"CREATE TEMP TABLE truth_{side} AS SELECT * FROM read_parquet(?)", [str(path)])
        count = "sum(n * (n - 1) // 2)" if files.is_self else "sum(n * m)"
        n_true = connection.execute(
            f"SELECT {count} FROM (SELECT entity, count(*) AS n FROM truth_left GROUP BY entity) "
            "JOIN (SELECT entity, count(*) AS m FROM truth_right GROUP BY entity) USING (entity)"
        ).fetchall()[0][0]
        n_left = connection.execute("SELECT count(*) FROM truth_left").fetchall()[0][0]
        columns = connection.execute(_JUDGED).fetchnumpy()
    return ScoredPairs(
        probability=np.asarray(columns["match_probability"], np.float64),
        weight=np.asarray(columns["match_weight"], np.float64),
        is_true=np.asarray(columns["is_true"], np.bool_),
        left=np.asarray(columns["left_number"], np.int64),
        n_true=int(n_true or 0),
        n_left=int(n_left),
    )
