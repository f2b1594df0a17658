"""The table of errors: every way a dose goes wrong, with its share.

No public count splits "wrong information" by field; only the totals are published. So every share here is an
assumption, chosen so that the totals come out (24-26 % of doses with a usable ID differ from the registry, 5-12 % have
no usable ID), and ``SPLITS`` shifts the weight between the fields to show what depends on it.

Of one field a dose suffers at most one kind. A share is the probability among the doses the kind is ``among``. In part
(``PERSISTENCE``) an error belongs to the subject and comes back the same in all its doses.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from linkage.errors import InputError, UsageError
from linkage.simulate import claims as c
from linkage.simulate import field_errors as f
from linkage.simulate import name_errors as n
from linkage.simulate.claims import Claims, Rows
from linkage.simulate.households import DAYS_PER_YEAR
from linkage.simulate.randomness import Floats, Keys, Mask, mix, uniform
from linkage.storage.edited_files import read_bytes

Apply = Callable[[Claims, Rows, Keys], int]

# What a kind does: contradicts the registry; leaves no usable ID; writes the same in another way; other columns.
WRONG, UNUSABLE, FORMAT, OTHER = "wrong", "unusable", "format", "other"
# Share of doses whose error of the field is the subject's own and comes back at every dose.
PERSISTENCE = {
    "id": 0.5,
    "name": 0.6,
    "birth": 0.7,
    "sex": 0.4,
    "phone": 0.6,
    "place": 0.7,
    "insurance": 0.8,
    "ethnicity": 0.8,
}
# Factor on the shares of the kinds that contradict the registry, by field.
SPLITS: dict[str, dict[str, float]] = {
    "default": {},
    "id_heavy": {"id": 2.3, "name": 0.55, "birth": 0.55, "sex": 0.6},
    "name_heavy": {"id": 0.45, "name": 1.75, "birth": 0.5, "sex": 0.6},
    "date_heavy": {"id": 0.45, "name": 0.5, "birth": 1.75, "sex": 0.6},
}


@dataclass(frozen=True)
class ErrorKind:
    """One row of the table."""

    kind: str
    field: str
    effect: str
    share: float
    apply: Apply
    among: str = "all"


TABLE: tuple[ErrorKind, ...] = (
    ErrorKind("id_missing", "id", UNUSABLE, 0.045, f.drop_id, "grown_up"),
    ErrorKind("id_missing_child", "id", UNUSABLE, 0.13, f.drop_id, "children"),
    ErrorKind("id_too_short", "id", UNUSABLE, 0.005, f.shorten_id),
    ErrorKind("id_too_long", "id", UNUSABLE, 0.004, f.lengthen_id),
    ErrorKind("id_letters", "id", UNUSABLE, 0.003, partial(f.set_id_form, c.LETTERED)),
    ErrorKind("id_scientific", "id", UNUSABLE, 0.004, partial(f.set_id_form, c.SCIENTIFIC)),
    ErrorKind("id_words", "id", UNUSABLE, 0.003, partial(f.set_id_form, c.WORDS)),
    ErrorKind("id_zero_lost", "id", FORMAT, 0.020, partial(f.set_id_form, c.ZERO_LOST)),
    ErrorKind("id_decimal", "id", FORMAT, 0.004, partial(f.set_id_form, c.DECIMAL)),
    ErrorKind("id_spaces", "id", FORMAT, 0.006, partial(f.set_id_form, c.SPACED)),
    ErrorKind("id_dots", "id", FORMAT, 0.002, partial(f.set_id_form, c.DOTTED)),
    ErrorKind("id_digit", "id", WRONG, 0.023, f.change_digit),
    ErrorKind("id_swapped", "id", WRONG, 0.009, f.swap_digits),
    ErrorKind("id_of_parent", "id", WRONG, 0.090, f.relatives_id, "children"),
    ErrorKind("id_of_relative", "id", WRONG, 0.006, f.relatives_id, "grown_up"),
    ErrorKind("id_of_neighbour", "id", WRONG, 0.008, f.neighbours_id),
    ErrorKind("name_no_diacritics", "name", WRONG, 0.006, partial(n.respell, "plain")),
    ErrorKind("name_hook_tilde", "name", WRONG, 0.028, partial(n.slip, "hook_tilde")),
    ErrorKind("name_i_y", "name", WRONG, 0.040, partial(n.slip, "i_for_y")),
    ErrorKind("name_sound", "name", WRONG, 0.010, partial(n.slip, "sound")),
    ErrorKind("name_typing", "name", WRONG, 0.015, partial(n.slip, "typing")),
    ErrorKind("name_telex", "name", WRONG, 0.003, partial(n.slip, "telex")),
    ErrorKind("name_vni", "name", WRONG, 0.003, partial(n.respell, "vni")),
    ErrorKind("name_middle_dropped", "name", WRONG, 0.012, partial(n.change_middle, "shorter")),
    ErrorKind("name_marker_inserted", "name", WRONG, 0.008, n.insert_marker),
    ErrorKind("name_marker_dropped", "name", WRONG, 0.006, partial(n.change_middle, "without_marker")),
    ErrorKind("name_abbreviated", "name", WRONG, 0.004, n.abbreviate),
    ErrorKind("name_order", "name", WRONG, 0.003, n.change_order),
    ErrorKind("name_other_middle", "name", WRONG, 0.009, n.other_middle),
    ErrorKind("name_nickname", "name", WRONG, 0.004, n.nickname),
    ErrorKind("name_of_relative", "name", WRONG, 0.003, n.relatives_name),
    ErrorKind("name_of_neighbour", "name", WRONG, 0.001, n.neighbours_name),
    ErrorKind("name_tone_place", "name_tone", FORMAT, 0.24, n.move_tone),
    ErrorKind("name_apostrophe", "name_apostrophe", FORMAT, 0.5, n.set_apostrophe, "apostrophes"),
    ErrorKind("name_upper", "name_form", FORMAT, 0.14, partial(n.set_form, c.UPPER)),
    ErrorKind("name_lower", "name_form", FORMAT, 0.012, partial(n.set_form, c.LOWER)),
    ErrorKind("name_spaces", "name_form", FORMAT, 0.02, partial(n.set_form, c.EXTRA_SPACES)),
    ErrorKind("name_nfd", "name_form", FORMAT, 0.01, partial(n.set_form, c.DECOMPOSED)),
    ErrorKind("name_eth", "name_form", FORMAT, 0.003, partial(n.set_form, c.ETH)),
    ErrorKind("birth_first_of_january", "birth", WRONG, 0.020, f.first_of_january),
    ErrorKind("birth_only_year", "birth", WRONG, 0.012, f.only_year),
    ErrorKind("birth_swapped", "birth", WRONG, 0.026, f.swap_day_month, "swappable"),
    ErrorKind("birth_day", "birth", WRONG, 0.012, f.change_day, "full_dates"),
    ErrorKind("birth_month", "birth", WRONG, 0.009, f.change_month, "full_dates"),
    ErrorKind("birth_year", "birth", WRONG, 0.011, f.change_year),
    ErrorKind("birth_year_off_by_one", "birth", WRONG, 0.014, f.shift_year),
    ErrorKind("birth_lunar_year", "birth", WRONG, 0.025, f.lunar_year, "born_before_tet"),
    ErrorKind("birth_unknown", "birth", WRONG, 0.004, f.unknown_birth),
    ErrorKind("birth_missing", "birth", WRONG, 0.002, partial(f.set_date_form, c.NO_DATE)),
    ErrorKind("birth_excel_serial", "birth", FORMAT, 0.004, partial(f.set_date_form, c.EXCEL_SERIAL)),
    ErrorKind("birth_two_digit_year", "birth", FORMAT, 0.006, partial(f.set_date_form, c.TWO_DIGIT_YEAR)),
    ErrorKind("sex_wrong", "sex", WRONG, 0.020, f.other_sex),
    ErrorKind("sex_missing", "sex", WRONG, 0.004, f.drop_sex),
    ErrorKind("phone_missing", "phone", OTHER, 0.14, f.drop_phone),
    ErrorKind("phone_of_relative", "phone", OTHER, 0.07, f.relatives_phone),
    ErrorKind("phone_of_station", "phone", OTHER, 0.015, f.stations_phone),
    ErrorKind("phone_placeholder", "phone", OTHER, 0.012, f.placeholder_phone),
    ErrorKind("phone_digit", "phone", OTHER, 0.012, f.change_phone_digit),
    ErrorKind("phone_old_prefix", "phone", OTHER, 0.02, partial(f.old_phone_prefix, c.OLD_PREFIX)),
    ErrorKind("phone_plus_84", "phone", FORMAT, 0.03, partial(f.set_phone_form, c.PLUS_84)),
    ErrorKind("phone_84", "phone", FORMAT, 0.006, partial(f.set_phone_form, c.ONLY_84)),
    ErrorKind("phone_zero_lost", "phone", FORMAT, 0.02, partial(f.set_phone_form, c.PHONE_ZERO_LOST)),
    ErrorKind("commune_current", "place", OTHER, 0.45, f.current_commune, "movers"),
    ErrorKind("commune_neighbour", "place", OTHER, 0.015, f.neighbour_commune),
    ErrorKind("commune_code_missing", "place_code", OTHER, 0.10, partial(f.drop, "coded")),
    ErrorKind("commune_name_missing", "place_names", OTHER, 0.05, partial(f.drop, "commune_named")),
    ErrorKind("place_names_missing", "place_names", OTHER, 0.03, partial(f.drop, "place_named")),
    ErrorKind("ethnicity_missing", "ethnicity", OTHER, 0.30, partial(f.drop, "ethnic")),
    ErrorKind("insurance_missing", "insurance", OTHER, 0.75, f.drop_insurance),
    ErrorKind("insurance_digit", "insurance", OTHER, 0.008, f.change_insurance_digit),
    ErrorKind("dose_number_missing", "dose_number", OTHER, 0.01, partial(f.drop, "numbered")),
)


def _age_years(claims: Claims, rows: Rows) -> Floats:
    ages: Floats = (claims.dose_days[rows] - claims.source.population.births[claims.persons[rows]]) / DAYS_PER_YEAR
    return ages


def _apostrophes(claims: Claims, rows: Rows) -> Mask:
    words = claims.source.slips.words[: claims.source.slips.n_words]
    with_apostrophe = np.array([i for i, word in enumerate(words) if word in ("K'", "H'")], np.int32)
    return np.isin(claims.names[rows, 0], with_apostrophe)


def _swappable(claims: Claims, rows: Rows) -> Mask:
    day, month = claims.days[rows], claims.months[rows]
    swappable: Mask = (day > 0) & (day <= 12) & (day != month)
    return swappable


def _born_before_tet(claims: Claims, rows: Rows) -> Mask:
    """Born up to mid-February, when the lunar year often had not begun."""
    day, month = claims.days[rows], claims.months[rows]
    before: Mask = (month == 1) | ((month == 2) & (day <= 14))
    return before


# The doses a kind can fall on.
GROUPS: dict[str, Callable[[Claims, Rows], Mask]] = {
    "all": lambda claims, rows: np.ones(len(rows), bool),
    "children": lambda claims, rows: _age_years(claims, rows) < 15,
    "grown_up": lambda claims, rows: _age_years(claims, rows) >= 15,
    "movers": lambda claims, rows: claims.source.population.residences[claims.persons[rows]] >= 0,
    "apostrophes": _apostrophes,
    "full_dates": lambda claims, rows: claims.days[rows] > 0,
    "swappable": _swappable,
    "born_before_tet": _born_before_tet,
}


def make_errors(claims: Claims, table: tuple[ErrorKind, ...]) -> dict[str, int]:
    """Damage the claims in place; returns how many of them each kind really changed."""
    changed: dict[str, int] = {}
    for number, field in enumerate(dict.fromkeys(kind.field for kind in table), start=1):
        persistent = uniform(claims.dose_keys, number) < PERSISTENCE.get(field, 0.0)
        keys = mix(np.where(persistent, claims.subject_keys, claims.dose_keys) + np.uint64(number))
        lot, low = uniform(keys), 0.0
        for kind in (kind for kind in table if kind.field == field):
            rows = np.flatnonzero((lot >= low) & (lot < low + kind.share))
            rows = rows[GROUPS[kind.among](claims, rows)]
            changed[kind.kind] = kind.apply(claims, rows, keys[rows]) if len(rows) else 0
            low += kind.share
    return changed


def error_table(split: str = "default", overrides: Path | None = None) -> tuple[ErrorKind, ...]:
    """The table for a split, with shares from a file of the user's.

    Parameters
    ----------
    split : one of ``SPLITS``
    overrides : CSV with the columns kind and share, or TOML with ``kind = share``

    Raises
    ------
    UsageError
        The split or a kind does not exist, a share is no probability, or the shares of a field sum to more than one.
    InputError
        The file cannot be read.
    """
    if split not in SPLITS:
        raise UsageError(f"split {split}: does not exist; choose from {', '.join(SPLITS)}")
    factors = SPLITS[split]
    table = [
        replace(row, share=row.share * factors.get(row.field, 1.0)) if row.effect == WRONG else row for row in TABLE
    ]
    if overrides is not None:
        shares = _read_shares(overrides)
        unknown = sorted(set(shares) - {row.kind for row in TABLE})
        if unknown:
            raise UsageError(f"{overrides}: error kind {unknown[0]} does not exist; see assumptions.json for the kinds")
        table = [replace(row, share=shares.get(row.kind, row.share)) for row in table]
    for field in dict.fromkeys(row.field for row in table):
        total = sum(row.share for row in table if row.field == field)
        if total > 1 + 1e-9:
            raise UsageError(
                f"{overrides or split}: shares of field {field} sum to {total:.3f}; lower them to 1 at most"
            )
    return tuple(table)


def _read_shares(path: Path) -> dict[str, float]:
    remedy = "give a CSV with columns kind,share or a TOML file"
    content = read_bytes(path, remedy, InputError)
    try:
        text = content.decode("utf-8-sig")
        if path.suffix == ".toml":
            entries = list(tomllib.loads(text.replace("\r\n", "\n")).items())
        else:
            entries = [(row["kind"], row["share"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise InputError(f"{path}: cannot be read ({error}); {remedy}") from error
    shares = {}
    for kind, value in entries:
        try:
            shares[kind] = float(value)
        except (TypeError, ValueError):
            raise UsageError(f"{path}: {kind} has share {value}; give a number from 0 to 1") from None
        if not 0.0 <= shares[kind] <= 1.0:
            raise UsageError(f"{path}: {kind} has share {value}; give a number from 0 to 1")
    return shares
