"""What a state of nights keeps belongs to the format's number: years of nights lie in it, and a column more, fewer or
of another type would be asked of parts that do not have it."""

from __future__ import annotations

import hashlib

from linkage.state.folder import FORMAT
from linkage.state.tables import TABLES, StateTable

# When this test fails because the tables were meant to change: raise FORMAT and write its digest here.
# 7 keeps the encoded columns of claims.
DIGESTS = {7: "731b6ea8fe3e9e9081eb5ae47a86179a641b4f79fc54a4aaf0717943f4a90863"}


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
