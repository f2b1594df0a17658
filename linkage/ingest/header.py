"""Finds the header of a file and tells which of its columns is which column of the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from linkage.errors import InputError, UsageError
from linkage.ingest.cleaning import normal_name
from linkage.schema import TableSchema
from linkage.standardise.charsets import in_each_charset

SEARCHED_ROWS = 20
FULL_NAME = "full_name"
# What forms and programs call the two parts of a name, as normal_name gives it.
_FAMILY_AND_GIVEN = (
    ("family_name", "given_name"),
    ("last_name", "first_name"),
    ("surname", "given_name"),
    ("surname", "first_name"),
    ("họ đệm", "tên"),
    ("họ và đệm", "tên"),
    ("họ và tên đệm", "tên"),
    ("họ, tên đệm", "tên"),
    ("họ và chữ đệm", "tên"),
    ("họ, chữ đệm", "tên"),
    ("họ lót", "tên"),
    ("họ và tên lót", "tên"),
    ("họ", "tên"),
    ("ho_dem", "ten"),
    ("ho", "ten"),
)
_FEWEST_WITHOUT_KEY = 3  # columns that a header without the key has at least
_MOST_SHOWN, _LONGEST_SHOWN = 12, 40
_SQUEEZED = "\0"
_HINT = re.compile(r"\s*\(.*\)\s*")  # under a name, "(dd/mm/yyyy)"
_LIKE_DATA = re.compile(r"\d{4}|\d/\d|@")


@dataclass(frozen=True)
class Header:
    """A header row of a file, matched with a schema.

    ``index`` has, for every column of the schema in order, its place in the file, or -1 when the file lacks it;
    ``more`` the further places of a column that the file has in several, such as family and given name. Where the file
    has no key column, a key is ``key_prefix`` and the position of its record.
    """

    names: tuple[str, ...]
    index: tuple[int, ...]
    ignored: tuple[str, ...]
    more: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    key_prefix: str | None = None

    @property
    def places(self) -> list[int]:
        """All places that are read, ascending."""
        return sorted({place for place in self.index if place >= 0}.union(*self.more.values()))

    def lacks_key(self, table: TableSchema) -> bool:
        """Whether keys have to be derived."""
        return table.key is not None and self.index[table.names.index(table.key)] < 0

    def columns(self, table: TableSchema) -> frozenset[str]:
        """The columns of the schema that the file has."""
        return frozenset(name for name, place in zip(table.names, self.index, strict=True) if place >= 0)

    def name_of(self, table: TableSchema, column: str | None) -> str | None:
        """What the file calls a column of the schema; None for None, and for one that it lacks."""
        place = -1 if column is None else self.index[table.names.index(column)]
        return None if place < 0 else self.names[place]


def match_header(names: Sequence[str], table: TableSchema, columns: Mapping[str, str] | None, file: str) -> Header:
    """Matches the names of a header row with the schema.

    Parameters: ``names`` as in the file; ``columns`` from column names of the file to those of the schema.
    Returns the header. Raises InputError when a required column is missing or a column occurs twice, UsageError when
    the mapping names a column that the schema does not have.
    """
    targets = _targets(table, columns)
    as_written, names = names, _in_unicode(names, targets)
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        target = targets.get(normal_name(name))
        if target is not None:
            found.setdefault(target, []).append(place)
    for place, name in enumerate(names):
        target = _target_of(name, targets)
        if target is not None and target not in found:
            found[target] = [place]
    read = {place for places in found.values() for place in places}
    ignored = [" ".join(name.split()) for place, name in enumerate(names) if place not in read and name.strip()]
    parts = _name_parts(names, table, found)
    for target, places in found.items():
        if len(places) > 1 and target not in parts:
            raise InputError(
                f"{file}: column {target} occurs twice, as column {places[0] + 1} and {places[1] + 1}: keep one"
            )
    found |= parts
    missing = [name for name in table.names if name in _required(table, set(found)) and name not in found]
    if missing:
        raise InputError(_missing_message(file, missing, names, targets, table.remedy))
    index = tuple(found.get(name, [-1])[0] for name in table.names)
    joined = {place for places in parts.values() for place in places}
    unread = tuple(name for name in ignored if normal_name(name) not in {normal_name(names[p]) for p in joined})
    return Header(tuple(as_written), index, unread, {name: tuple(places[1:]) for name, places in parts.items()})


def _name_parts(names: Sequence[str], table: TableSchema, found: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """The places of a full name that stands in two columns, family name first: both were mapped to it, or are called
    so, or a heading stands over both."""
    if FULL_NAME not in table.names:
        return {}
    places = found.get(FULL_NAME, [])
    if len(places) == 2:
        adjacent = places[1] == places[0] + 1
        differ = normal_name(names[places[0]]) != normal_name(names[places[1]])
        return {FULL_NAME: places} if adjacent or differ else {}
    plain = [normal_name(name) for name in names]
    for family, given in _FAMILY_AND_GIVEN:
        if not places and plain.count(family) == plain.count(given) == 1:
            return {FULL_NAME: [plain.index(family), plain.index(given)]}
    return {}


def is_header(names: Sequence[str], table: TableSchema, columns: Mapping[str, str] | None) -> bool:
    """Whether a row in the midst of records is a header: what it states are names of columns, but for a few."""
    stated = [name for name in names if name.strip()]
    return len(stated) > 1 and 2 * n_known(stated, table, columns) > len(stated)


def find_header(
    rows: Sequence[Sequence[str]], table: TableSchema, columns: Mapping[str, str] | None, file: str
) -> tuple[int, Header]:
    """The first of ``rows`` that has all required columns, alone or with the row under it, and the header it makes.

    Returns the number of its last row. Raises InputError that names the missing columns of the row that comes closest.
    """
    targets = _targets(table, columns)
    written, rows = rows, [_in_unicode(row, targets) for row in rows]
    known = [_known(row, targets) for row in rows]
    for number, names in enumerate(known):
        under = rows[number + 1] if number + 1 < len(rows) else ()
        both = _joined_rows(rows[number], under, targets)
        required = _required(table, names | _known(both, targets))
        adds = not _known(under, targets) <= names and _continues(rows[number], under, targets)
        if required <= names and not adds:
            return number, match_header(written[number], table, columns, file)
        below = _known(under, targets)
        is_whole = _required(table, below) <= below and not _names_beside(rows[number], under, targets)
        is_whole &= table.key not in names - below  # above nothing: no title says that
        if names and required <= _known(both, targets) and not is_whole:
            as_written = _joined_rows(rows[number], under, targets, written[number : number + 2])
            return number + 1, match_header(as_written, table, columns, file)
    required = _required(table, set())
    closest = max(range(len(rows)), key=lambda number: len(known[number]), default=None)
    if closest is None or not known[closest]:
        wanted = ", ".join(sorted(required))
        # Not what they hold: of a list without a header that is a person's name.
        n_columns = max((sum(bool(name.strip()) for name in row) for row in rows), default=0)
        there = f" ({n_columns} column{'s' * (n_columns != 1)} there)" if n_columns else ""
        raise InputError(
            f"{file}: no header with the columns {wanted} in the first {SEARCHED_ROWS} rows{there}: name the columns in"
            f" one row, or {table.remedy}"
        )
    missing = [name for name in table.names if name in required - known[closest]]
    raise InputError(_missing_message(file, missing, rows[closest], targets, table.remedy))


def _required(table: TableSchema, known: set[str]) -> set[str]:
    """The columns without which a row is no header; the key is among them unless several others prove that it is."""
    required = {column.name for column in table.columns if column.required}
    can_derive = not known.isdisjoint(table.derives_key) and len(known) >= _FEWEST_WITHOUT_KEY
    return required - {table.key} if can_derive else required


def _known(row: Sequence[str], targets: Mapping[str, str]) -> set[str]:
    """The columns of the schema that a row names."""
    plain = {normal_name(name) for name in row}
    has_parts = FULL_NAME in targets.values() and any({*pair} <= plain for pair in _FAMILY_AND_GIVEN)
    found = {target for name in plain if (target := _target_of(name, targets)) is not None}
    return found | ({FULL_NAME} if has_parts else set())


def _in_unicode(names: Sequence[str], targets: Mapping[str, str]) -> Sequence[str]:
    """The names of a row that is typed in the font of an older character set ("Hä vµ tªn"): as the set has them that
    makes most of them known. Those that are known as written stay."""
    if all(name.isascii() for name in names):
        return names
    best, n_best = names, len(_known(names, targets))
    for decoded in in_each_charset(names):
        row = [name if _target_of(name, targets) else other for name, other in zip(names, decoded, strict=True)]
        if (n_row := len(_known(row, targets))) > n_best:
            best, n_best = row, n_row
    return best


def _joined_rows(
    upper: Sequence[str], lower: Sequence[str], targets: Mapping[str, str], written: Sequence[Sequence[str]] = ()
) -> list[str]:
    """A header of two rows: a group above, the names of its columns below; where nothing is below, or a word about the
    name above, this. written: both rows as the file has them, whose words are taken."""
    joined = []
    for above, below, *shown in zip_longest(upper, lower, *(written or (upper, lower)), fillvalue=""):
        is_above = not below.strip() or (_target_of(below, targets) is None and _target_of(above, targets) is not None)
        joined.append(shown[0 if is_above else 1])
    return joined


def _continues(upper: Sequence[str], lower: Sequence[str], targets: Mapping[str, str]) -> bool:
    """Whether the lower row states nothing under the names that are known above it, or these again: merged cells; or
    names of columns for the most part, which no record does."""
    pairs = zip(upper, lower, strict=False)
    stated = [name for name in lower if name.strip() and not _HINT.fullmatch(name)]
    n_names = sum(_target_of(name, targets) is not None for name in stated)
    return (n_names > 1 and 2 * n_names > len(stated)) or all(
        not b.strip() or normal_name(a) == normal_name(b) for a, b in pairs if _target_of(a, targets) is not None
    )


def _names_beside(upper: Sequence[str], lower: Sequence[str], targets: Mapping[str, str]) -> bool:
    """Whether the upper row, too, is of the header: it names columns where the lower one, which has the others, has
    nothing. One such name may stand in a title, unless the rows have a merged cell in common."""
    pairs = [(_target_of(a, targets), a, b) for a, b in zip(upper, lower, strict=False)]
    beside = {target for target, _, b in pairs if target is not None and not b.strip()} - _known(lower, targets)
    is_merged = any(target is not None and normal_name(a) == normal_name(b) for target, a, b in pairs)
    return len(beside) > 1 or (is_merged and bool(beside))


def n_known(names: Sequence[str], table: TableSchema, columns: Mapping[str, str] | None) -> int:
    """How many of the names are columns of the schema."""
    targets = _targets(table, columns)
    return len(_known(_in_unicode(names, targets), targets))


def unmatched_names(columns: Mapping[str, str], names: Sequence[str], read: frozenset[str]) -> tuple[str, ...]:
    """Names of the mapping that no file has, where what they stand for is not read by another name either.

    Parameters: ``names`` of all columns of the files; ``read``, the columns of the schema that they have.
    """
    there = {normal_name(name) for name in names}
    mapped = {target for name, target in columns.items() if normal_name(name) in there}
    return tuple(
        name
        for name, target in columns.items()
        if normal_name(name) not in there and (target in mapped or target not in read)
    )


def header_notes(header: Header, n_titles: int) -> list[str]:
    """What of the file was passed over, for the report on it."""
    notes = []
    if n_titles:
        notes.append(f"title rows above the header skipped: {n_titles}")
    notes += key_notes(header)
    if header.ignored:
        notes.append(f"columns ignored{_shown(header.ignored) or f': {len(header.ignored)}'}")
    return notes


def key_notes(header: Header) -> list[str]:
    """What is told of a file without a key column."""
    if header.key_prefix is None:
        return []
    return [
        f"no column for keys: they are the file's content and the place of each record ({header.key_prefix}-1 …), so a "
        "record that stands in another file too, or twice in this one, counts twice"
    ]


def _target_of(name: str, targets: Mapping[str, str]) -> str | None:
    """The column of the schema that a name means: the same but for case, or else but for blanks and strokes too, as
    "ph one" and "Full Name"."""
    plain = normal_name(name)
    return targets.get(plain) or targets.get(_squeezed(plain))


def _squeezed(plain: str) -> str:
    """A name without what may stand between its words; marked, so that it is no name as written."""
    return _SQUEEZED + re.sub(r"[\W_]+", "", plain)


def _targets(table: TableSchema, columns: Mapping[str, str] | None) -> dict[str, str]:
    """Schema names by compared name: the schema's own, and those of the mapping, which go first; and by squeezed name,
    where no two columns have the same."""
    targets = {normal_name(name): name for name in table.names}
    for source, target in (columns or {}).items():
        if target not in table.names:
            raise UsageError(
                f"column mapping {source} = {target}: {table.name} has no column {target}: correct the mapping"
            )
        targets[normal_name(source)] = target
    squeezed: dict[str, set[str]] = {}
    for plain, target in targets.items():
        squeezed.setdefault(_squeezed(plain), set()).add(target)
    return targets | {name: meant.pop() for name, meant in squeezed.items() if len(meant) == 1 and name != _SQUEEZED}


def _missing_message(
    file: str, missing: Sequence[str], names: Sequence[str], targets: Mapping[str, str], remedy: str
) -> str:
    """What is missing, beside what is there."""
    known = [" ".join(name.split()) for name in names if _target_of(name, targets) is not None]
    others = [name for name in names if name.strip() and _target_of(name, targets) is None]
    found = ", ".join([*known, f"{len(others)} unknown{_shown(others)}"] if others else known)
    word = "column" if len(missing) == 1 else "columns"
    return f"{file}: {word} {', '.join(missing)} missing (found: {found}): add it, or {remedy}"


def _shown(names: Sequence[str]) -> str:
    """Unknown names, unless one of them may be data: a row with a number in it may be no header."""
    if not names or any(_LIKE_DATA.search(name) for name in names):
        return ""
    shown = ", ".join(" ".join(name.replace(";", ",").split())[:_LONGEST_SHOWN] for name in names[:_MOST_SHOWN])
    return f": {shown}{' …' if len(names) > _MOST_SHOWN else ''}"
