"""Mutations of tables: cells with hostile values, columns of another type or name, twice or gone, rows twice."""

from __future__ import annotations

import datetime
import decimal
import random
from collections.abc import Callable

import pyarrow as pa

_TEXTS = (
    *("", " ", "\0", "\x1b[31m", "\u200b", "\u202e", "\ufffd", "\u0301" * 40, "x" * 70_000, "a\nb", '"', "=1+1", "'"),
    *("#REF!", "N/A", "null", "nan", "-", "0", "-1", "1e400", "9" * 60, "1.0", "2.021E+14", "０１２", "²", "½", "٣"),
    *("31/02/1981", "00/00/0000", "01/01/0001", "9999-12-31", "10000-01-01", "-0001-01-01", "29/02/1900", "1/1/1"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2022-08-30T25:61:61", "2022-08-30T10:00:00+99:99"),
    *("2022-08-30T10:00:00.123456789123Z", "45000", "45000.5", "-45000", "355104000000000000", "mùng 3 tháng Chạp"),
    *("Nguyễn Văn A", "K' Brểu", "%u0110", "&#1114112;", "Ã¡", "còn sống", "removed", "xóa", "person", "nobody"),
    *("field_check", "c1-" + "f" * 32, "c1-", "D000000000", "P000000001", "full_name", "dose_id", "Tổng cộng"),
)
_MOST_ROWS = 8
_DAY = datetime.date(2022, 8, 30)

# A column as something else, from its texts and a source of chance.
_Typed = Callable[[list[str | None], random.Random], pa.Array]


def _each(kind: pa.DataType, value: Callable[[random.Random], object]) -> _Typed:
    return lambda texts, rng: pa.array([None if rng.random() < 0.1 else value(rng) for _ in texts], kind)


_TYPES: dict[str, _Typed] = {
    "whole numbers": _each(
        pa.int64(), lambda rng: rng.choice((0, -1, 2**63 - 1, -(2**63), 45_000, rng.getrandbits(40)))
    ),
    "small numbers": _each(pa.uint8(), lambda rng: rng.randrange(256)),
    "fractions": _each(
        pa.float64(), lambda rng: rng.choice((0.0, -0.0, float("nan"), float("inf"), 1e308, 5e-324, 45_000.5, 1e15))
    ),
    "truths": _each(pa.bool_(), lambda rng: rng.random() < 0.5),
    "days": _each(pa.date32(), lambda rng: rng.choice((_DAY, datetime.date.min, datetime.date.max))),
    "days beyond any calendar": _each(pa.int32(), lambda rng: rng.choice((2**31 - 1, -(2**31)))),
    "moments": _each(
        pa.timestamp("us", "UTC"), lambda rng: rng.choice((0, -1, 2**62, -(2**62), 1_661_817_600_000_000))
    ),
    "nanoseconds": _each(pa.timestamp("ns"), lambda rng: rng.choice((0, 2**62, -(2**62)))),
    "times": _each(pa.time64("us"), lambda rng: rng.choice((0, 86_399_999_999))),
    "spans": _each(pa.duration("s"), lambda rng: rng.choice((0, -1, 2**40))),
    "decimals": _each(pa.decimal128(38, 10), lambda rng: decimal.Decimal(rng.choice(("1.5", "-9e20", "0")))),
    "bytes": _each(pa.binary(), lambda rng: rng.choice((b"", b"\xff\xfe", b"\0", "Nguyễn".encode(), b"\xc3"))),
    "lists": _each(pa.list_(pa.string()), lambda rng: rng.choice(([], ["x"], ["x", None]))),
    "tables": _each(pa.struct([("a", pa.string())]), lambda rng: {"a": "x"}),
    "maps": _each(pa.map_(pa.string(), pa.int64()), lambda rng: [("x", 1)]),
    "nothing": lambda texts, rng: pa.nulls(len(texts)),
    "numbered texts": lambda texts, rng: pa.array(texts, pa.string()).dictionary_encode(),
    "large texts": lambda texts, rng: pa.array(texts, pa.large_string()),
}


def mutated_table(table: pa.Table, rng: random.Random, *, has_types: bool) -> tuple[str, pa.Table]:
    """(what was done, a table of texts with it done once to three times); has_types: whether the format that it is
    written in has columns of others."""
    done = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        what, table = _once(table, rng, has_types)
        done.append(what)
    return ", ".join(done), table


def _once(table: pa.Table, rng: random.Random, has_types: bool) -> tuple[str, pa.Table]:
    place = rng.randrange(table.num_columns)
    name = table.column_names[place]
    texts = table.column(place).combine_chunks()
    match rng.randrange(8):
        case 0 if table.num_columns > 1:
            return f"column {name} gone", table.remove_column(place)
        case 1:
            other = rng.choice((name.upper(), f" {name}\u200b", "", "x", rng.choice(table.column_names)))
            return f"column {name} called {other!r}", table.rename_columns(
                [other if number == place else each for number, each in enumerate(table.column_names)]
            )
        case 2 if has_types and pa.types.is_string(texts.type):
            kind = rng.choice(list(_TYPES))
            return f"column {name} of {kind}", table.set_column(place, name, _TYPES[kind](texts.to_pylist(), rng))
        case 3:
            rows = [rng.randrange(table.num_rows) for _ in range(table.num_rows + 3)] if table.num_rows else []
            return "rows in another order, some twice", table.take(pa.array(rows, pa.int64()))
        case 4:
            return "no rows", table.slice(0, 0)
        case _:
            if not len(texts) or not pa.types.is_string(texts.type):
                return "nothing", table
            values = texts.to_pylist()
            told = ""
            for _ in range(rng.randrange(1, _MOST_ROWS)):
                row, told = rng.randrange(len(values)), rng.choice(_TEXTS)
                values[row] = rng.choice((told, told, f"{values[row]}{told}", None))
            return f"column {name}: {told[:20]!r}", table.set_column(place, name, pa.array(values, pa.string()))
