"""The rows of registry.parquet."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkage.schema import REGISTRY
from linkage.simulate import wording
from linkage.simulate.claims import Source
from linkage.simulate.population import DECEASED
from linkage.simulate.randomness import uniform
from linkage.simulate.units import Communes

PHONE_SHARE = 0.62  # of those with a phone, known to the registry
ETHNICITY_SHARE = 0.97
INSURANCE_SHARE = 0.85
STATUS_NAMES = ["alive", "deceased", "emigrated"]
PERSON_DIGITS = 9


def person_ids(source: Source, order: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """Number in the whole registry of each person of the population, -1 without a row."""
    numbers = np.full(len(source.population), -1, np.int64)
    numbers[order] = source.start.persons + np.arange(len(order)) + 1
    return numbers


def person_texts(numbers: npt.NDArray[np.int64]) -> wording.Texts:
    """P000000123; null for -1."""
    texts = wording.joined("", pa.array(["P"] * len(numbers), pa.string()), wording.padded(numbers, PERSON_DIGITS))
    return wording.blank(texts, numbers < 0)


def registry_codes(communes: Communes, date: str) -> wording.Texts:
    """The commune code of each commune and, when it was split, of each part: entry ``3 * commune + part``."""
    if date == "2021":
        return pa.array([code for code in communes.codes for _ in range(3)], pa.string())
    return pa.array([new[part % len(new)] for new in communes.new_codes for part in range(3)], pa.string())


def registry_tile(
    source: Source,
    rows: npt.NDArray[np.intp],
    numbers: npt.NDArray[np.int64],
    words: wording.Texts,
    codes: wording.Texts,
) -> pa.Table:
    """Registry rows of some people; ``codes`` of ``registry_codes``, ``words`` of ``wording.spaced``."""
    people = source.population
    keys = source.chance.keys("registry", rows)
    # A household stays together in one part of a split commune.
    part = (people.households[rows] % 7 % 3).astype(np.int64)
    residences = people.residences[rows].astype(np.int64)
    dead = (people.statuses[rows] == DECEASED) & people.death_known[rows]
    columns = {
        "person_id": person_texts(numbers[rows]),
        "id_number": wording.padded(people.id_numbers[rows], 12),
        "old_id_number": wording.blank(
            wording.padded(np.maximum(people.old_ids[rows], 0), 9), people.old_ids[rows] < 0
        ),
        "full_name": wording.spelled_names(registered_names(source, rows), words),
        "gender": wording.choose(["Nam", "Nữ"], people.sexes[rows]),
        "date_of_birth": _dates(source, rows),
        "phone": _partly(
            wording.padded(people.phones[rows], 10), people.phones[rows] >= 0, uniform(keys, 1) < PHONE_SHARE
        ),
        "insurance_number": _partly(
            wording.padded(people.insurance[rows], 10), people.insurance[rows] >= 0, uniform(keys, 2) < INSURANCE_SHARE
        ),
        "ethnicity": wording.blank(
            wording.choose(source.peoples, people.peoples[rows]), uniform(keys, 3) >= ETHNICITY_SHARE
        ),
        "commune_code": codes.take(pa.array(people.communes[rows] * 3 + part)),
        "residence_commune_code": wording.blank(
            codes.take(pa.array(np.maximum(residences, 0) * 3 + part)), residences < 0
        ),
        "status": wording.choose(STATUS_NAMES, people.statuses[rows]),
        "date_of_death": wording.blank(
            wording.iso_days(np.where(dead, people.deaths[rows], 0).astype(np.int32)), ~dead
        ),
    }
    return pa.table(columns, schema=REGISTRY.arrow())


def registered_names(source: Source, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
    """Word numbers as the registry writes them: one person in five with the newer placement of tones."""
    names = source.population.names[rows]
    moved = source.population.new_tone_style[rows]
    return np.where(moved[:, None], source.slips.tables["tone_moved"][names, 0], names)


def _partly(texts: wording.Texts, held: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> wording.Texts:
    return wording.blank(texts, ~(held & known))


def _first(width: int, texts: wording.Texts) -> wording.Texts:
    return pc.utf8_slice_codeunits(texts, 0, width)


def _dates(source: Source, rows: npt.NDArray[np.intp]) -> wording.Texts:
    """YYYY-MM-DD, YYYY-MM or YYYY."""
    year, month, day = (part[rows] for part in source.births)
    texts = wording.joined("-", wording.years(year), wording.two_digits(month), wording.two_digits(day))
    for width, where in ((7, (day == 0) & (month > 0)), (4, month == 0)):
        texts = wording.change(texts, np.flatnonzero(where), partial(_first, width))
    return texts
