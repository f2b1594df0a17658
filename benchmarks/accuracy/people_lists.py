"""A made-up list of people in which some stand several times: who they are is known.

People live alone or in households of 2 to 12 that share address, phone and mostly the family name. Some are entered
again, up to ten thousand times, as they were or with the slips of whoever typed: a letter, a syllable, a digit, day and
month swapped, a phone or an address that is missing or another. The same seed gives the same list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from linkage.simulate import spelling
from linkage.simulate.names import draw_names, load_names

TWINS = 0.02  # share of children after the first who are twins of the one before
HOUSEHOLD_SIZES = tuple(range(2, 13))
COLUMNS = ("id", "full_name", "gender", "date_of_birth", "phone", "address")
_STREETS = "Lê Lợi,Trần Phú,Hai Bà Trưng,Quang Trung,Nguyễn Huệ,Hùng Vương,Lý Thường Kiệt,Phan Chu Trinh,Yên Thế"
_WARDS = "Tân Lập,Hòa Bình,Phú Mỹ,An Khánh,Long Thạnh,Vĩnh Phước,Bình Minh,Xuân Hòa,Đông Sơn,Thạnh Lộc,Mỹ An,Tam Hiệp"
_SHORT = {"đường": "đ.", "xã": "x.", "số": ""}

# How often an entry made again has each slip; several may meet.
SLIPS = {
    "letter": 0.05,
    "diacritics": 0.04,
    "syllable": 0.03,
    "day": 0.03,
    "swapped": 0.02,
    "year": 0.02,
    "no_phone": 0.10,
    "digit": 0.03,
    "other_phone": 0.05,
    "short_address": 0.10,
    "no_address": 0.05,
    "no_gender": 0.03,
}

Row = dict[str, str]


@dataclass(frozen=True)
class PeopleList:
    """The list in a random order, and the entity of each of its records."""

    records: pa.Table
    entities: list[str]


@dataclass(frozen=True)
class Wanted:
    """How many live alone, how many households there are of each size, and how many entries further people have, those
    from households and those who live alone in turn; with_slips: of the entries made again."""

    singles: int
    households: int
    clusters: Sequence[int]
    with_slips: bool


def make_list(wanted: Wanted, seed: int) -> PeopleList:
    """The list of some people, see `Wanted`."""
    rng = np.random.default_rng(seed)
    sizes = [1] * wanted.singles + [size for size in HOUSEHOLD_SIZES for _ in range(wanted.households)]
    people = _people(rng, sizes)
    repeated = _repeated(rng, wanted, len(people))
    typist = _Typist(rng)
    rows = [*people]
    for person, n in zip(repeated, wanted.clusters, strict=True):
        for _ in range(n - 1):
            rows.append(typist.again(people[person]) if wanted.with_slips else dict(people[person]))
    order = rng.permutation(len(rows))
    entities = [rows[i]["id"] for i in order]
    keys = [f"r{number:06d}" for number in range(len(rows))]
    columns = {name: keys if name == "id" else [rows[i][name] for i in order] for name in COLUMNS}
    return PeopleList(pa.table(columns), entities)


def _repeated(rng: np.random.Generator, wanted: Wanted, n_people: int) -> list[int]:
    """The people of the clusters: of those alone and those of households in turn."""
    alone, together = rng.permutation(wanted.singles), wanted.singles + rng.permutation(n_people - wanted.singles)
    return [int((together if i % 2 else alone)[i // 2]) for i in range(len(wanted.clusters))]


def _people(rng: np.random.Generator, sizes: Sequence[int]) -> list[Row]:
    """The people of households of these sizes; the second is the first one's spouse, with a family name of their own,
    all others have that of the first."""
    model, place = load_names(), np.concatenate([np.arange(size) for size in sizes])
    n = place.size
    home = np.repeat(np.arange(len(sizes)), sizes)
    years = np.where(place < 2, rng.integers(1940, 1985, n), rng.integers(1980, 2020, n)).astype(np.int32)
    sexes = rng.integers(0, 2, n).astype(np.int32)
    names = draw_names(rng, model, sexes, years, np.zeros(n, np.int32), np.zeros(n, np.bool_))
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    names[:, 0] = np.where(place == 1, names[:, 0], names[first[home], 0])
    born = [f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/{year}" for year in years]
    for i in np.flatnonzero((place > 2) & (rng.random(n) < TWINS)):
        born[i] = born[i - 1]
    phones = rng.choice(10**8, len(sizes), replace=False)
    addresses = [_address(rng) for _ in sizes]
    words = model.vocabulary.words
    return [
        {
            "id": f"p{i}",
            "full_name": " ".join(words[word] for word in names[i] if word),
            "gender": ("Nam", "Nữ")[sexes[i]],
            "date_of_birth": born[i],
            "phone": f"09{phones[home[i]]:08d}",
            "address": addresses[home[i]],
        }
        for i in range(n)
    ]


def _address(rng: np.random.Generator) -> str:
    street, ward = rng.choice(_STREETS.split(",")), rng.choice(_WARDS.split(","))
    return f"số {rng.integers(1, 400)} đường {street} xã {ward}"


class _Typist:
    """Types entries again, with slips."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.slips = {
            "letter": self._letter,
            "diacritics": lambda row: row | {"full_name": spelling.without_diacritics(row["full_name"])},
            "syllable": self._syllable,
            "day": self._day,
            "swapped": _swapped,
            "year": self._year,
            "no_phone": lambda row: row | {"phone": ""},
            "digit": self._digit,
            "other_phone": lambda row: row | {"phone": f"09{rng.integers(10**8):08d}"},
            "short_address": _short_address,
            "no_address": lambda row: row | {"address": ""},
            "no_gender": lambda row: row | {"gender": ""},
        }

    def again(self, person: Row) -> Row:
        row = person
        for name, share in SLIPS.items():
            if self.rng.random() < share:
                row = self.slips[name](row)
        return row

    def _letter(self, row: Row) -> Row:
        words = row["full_name"].split()
        at = int(self.rng.integers(len(words)))
        words[at] = str(self.rng.choice(spelling.typing_slips(words[at])))
        return row | {"full_name": " ".join(words)}

    def _syllable(self, row: Row) -> Row:
        words = row["full_name"].split()
        return row | {"full_name": " ".join([words[0], *words[2:]] if len(words) > 2 else words)}

    def _day(self, row: Row) -> Row:
        day, rest = row["date_of_birth"].split("/", 1)
        return row | {"date_of_birth": f"{int(day) % 28 + 1:02d}/{rest}"}

    def _year(self, row: Row) -> Row:
        day, month, year = row["date_of_birth"].split("/")
        return row | {"date_of_birth": f"{day}/{month}/{int(year) + int(self.rng.choice([-10, -1, 1, 10]))}"}

    def _digit(self, row: Row) -> Row:
        if not row["phone"]:
            return row
        at = int(self.rng.integers(2, len(row["phone"])))
        digit = (int(row["phone"][at]) + int(self.rng.integers(1, 10))) % 10
        return row | {"phone": f"{row['phone'][:at]}{digit}{row['phone'][at + 1 :]}"}


def _swapped(row: Row) -> Row:
    day, month, year = row["date_of_birth"].split("/")
    return row | {"date_of_birth": f"{month}/{day}/{year}"} if int(day) <= 12 else row


def _short_address(row: Row) -> Row:
    words = [_SHORT.get(word, word) for word in row["address"].split()]
    return row | {"address": " ".join(word for word in words if word)}
