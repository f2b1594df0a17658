"""Numbers agree with their nouns."""

from __future__ import annotations

from linkage.wording.counted import counted


def test_one_is_singular_and_nothing_else() -> None:
    assert [counted(n, "key") for n in (0, 1, 2, 1234)] == ["0 keys", "1 key", "2 keys", "1,234 keys"]
    assert [counted(n, "row", ("is", "are")) for n in (0, 1, 2)] == ["0 rows are", "1 row is", "2 rows are"]
