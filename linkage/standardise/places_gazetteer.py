"""Find a commune by the names typed for it. A name that fits several communes finds none: nothing is guessed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from linkage.standardise.places_names import Reading, read_commune, read_district, read_province

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Gazetteer:
    """The communes of one date by name.

    ``communes`` and ``districts``: key of a name to the numbers of the units that bear it; ``provinces``: key to the
    districts inside. ``district_of``: district of each commune, by commune number.
    """

    communes: dict[Key, tuple[int, ...]]
    districts: dict[Key, tuple[int, ...]]
    provinces: dict[str, frozenset[int]]
    district_of: Sequence[int]

    def find(self, province: str, district: str, commune: str) -> int:
        """The number of the one commune that the typed names fit; 0 when none or several do.

        A province or district that is blank or that no unit bears is left out of account, but not both: a commune's
        name alone finds nothing. A district known only outside the typed province finds nothing.
        """
        area = self._area_of(province, district)
        for name in _keys(_read_commune(commune)) if area else ():
            fitting = [number for number in self.communes.get(name, ()) if self.district_of[number] in area]
            if fitting:
                return fitting[0] if len(fitting) == 1 else 0
        return 0

    @cached_property
    def _area_of(self) -> Callable[[str, str], frozenset[int]]:
        """``_area``, of the provinces and districts met last worked out once."""
        return lru_cache(maxsize=50_000)(self._area)

    def _area(self, province: str, district: str) -> frozenset[int]:
        """The districts in which the commune may lie; empty when nothing is known or the names contradict."""
        inside = next((self.provinces[key] for key in _read_province(province) if key in self.provinces), frozenset())
        known = False
        for name in _keys(_read_district(district)):
            bearing = frozenset(self.districts.get(name, ()))
            known |= bool(bearing)
            if area := bearing & inside if inside else bearing:
                return area
        return frozenset() if known else inside


_read_commune = lru_cache(maxsize=200_000)(read_commune)
_read_district = lru_cache(maxsize=50_000)(read_district)
_read_province = lru_cache(maxsize=10_000)(read_province)


def _keys(readings: Iterable[Reading]) -> Iterable[Key]:
    return (key for reading in readings for key in reading.keys)


def build_gazetteer(
    commune_names: Sequence[str],
    district_of: Sequence[int],
    district_names: Sequence[str],
    province_names: Sequence[str],
) -> Gazetteer:
    """Index the communes of one date.

    Parameters
    ----------
    commune_names : name per commune number; number 0 is no commune.
    district_of : district number per commune number.
    district_names, province_names : name of the district and of its province per district number; number 0 is none, and
        the name of a unit that has none is empty.
    """
    provinces: defaultdict[str, set[int]] = defaultdict(set)
    for number, name in enumerate(province_names):
        for key in read_province(name)[:1] if number else ():
            provinces[key].add(number)
    return Gazetteer(
        communes=_index(map(_read_commune, commune_names)),
        districts=_index(map(_read_district, district_names)),
        provinces={key: frozenset(districts) for key, districts in provinces.items()},
        district_of=district_of,
    )


def _index(readings: Iterable[tuple[Reading, ...]]) -> dict[Key, tuple[int, ...]]:
    """Numbers by every key of the first reading of their name."""
    index: defaultdict[Key, list[int]] = defaultdict(list)
    for number, of_name in enumerate(readings):
        for key in of_name[0].keys if number and of_name else ():
            index[key].append(number)
    return {key: tuple(numbers) for key, numbers in index.items()}
