"""What a state of nights keeps belongs to the format's number: years of nights lie in it, and a column more, fewer or
of another type would be asked of parts that do not have it."""

from __future__ import annotations

import hashlib

from linkage.state.folder import FORMAT
from linkage.state.tables import TABLES, StateTable

# When this test fails because the tables were meant to change: raise FORMAT and write its digest here.
# 6 leads to claims by the numbers that they state, in the same columns, and has the figures of nights.
DIGESTS = {6: "432047b9414451fd82d85e69b48a021f2f687ed4a09104116b95d0411f7eda33"}


def digest(tables: dict[str, StateTable]) -> str:
    lines = [
        f"{name} {table.key} {table.order} {table.sort} {[(field.name, str(field.type)) for field in table.schema]}"
        for name, table in sorted(tables.items())
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_the_tables_of_a_state_are_those_of_its_format() -> None:
    assert digest(TABLES) == DIGESTS[FORMAT]


def test_another_column_is_noticed() -> None:
    doses = TABLES["doses"]
    fewer = StateTable(doses.name, doses.key, doses.schema.remove(len(doses.schema) - 1), doses.order, doses.sort)
    assert digest({**TABLES, "doses": fewer}) != DIGESTS[FORMAT]
