"""The rows of doses.parquet: claims put into the words and figures that stations type."""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from linkage.schema import DOSES, UPDATED_AT
from linkage.simulate import claims as c
from linkage.simulate import wording
from linkage.simulate.claims import Claims
from linkage.simulate.doses import LEVELS, PRODUCTS, Doses
from linkage.simulate.identifiers import MOVED_PREFIXES
from linkage.simulate.places import N_FORMS, draw_forms
from linkage.simulate.randomness import Int32s, Ints, below, uniform
from linkage.simulate.tables import read_csv

# What is simulated comes once: no row says when it was changed.
SIMULATED = replace(DOSES, columns=tuple(column for column in DOSES.columns if column.name != UPDATED_AT))
DOSE_DIGITS, SUBJECT_DIGITS = 9, 9
_SEXES = ["Nam", "Nữ", "", "M", "F", "", "1", "0", "", "NAM", "NỮ", ""]
_SEX_FORM_EDGES = np.array([0.88, 0.92, 0.97])
_NO_NUMBER = ["không có", "0", "000000000000", "chưa có", "KHONG CO", "x"]
_NATIONALITIES = ["Việt Nam", "VN", "Vietnam", "", "VIỆT NAM"]
_NATIONALITY_EDGES = np.array([0.72, 0.84, 0.88, 0.96])
_APOSTROPHES = ["' ", "'", "\u2019 ", ".", ""]
_HAMLETS = ["Thôn", "Ấp", "Tổ", "Khu phố", "Xóm", "Bản", "Tổ dân phố"]
_EXCEL_ORIGIN_DAY = np.datetime64("1899-12-30", "D")


@dataclass(frozen=True)
class Wordings:
    """Tables of text made once for all tiles."""

    words: wording.Texts  # of ``wording.spaced``
    places: dict[str, wording.Texts]  # of ``places.place_tables``
    codes: wording.Texts  # commune codes of 2021


def dose_tile(claims: Claims, doses: Doses, rows: c.Rows, tables: Wordings) -> pa.Table:
    """The doses in ``rows``, which the claims are of."""
    n, keys, start = len(claims), claims.dose_keys, claims.source.start
    subjects = start.subjects + doses.subjects[rows].astype(np.int64)
    numbers = doses.numbers[rows]
    products = doses.products[rows]
    places = {
        name: _place(claims, tables, name, use) for name, use in (("province", 11), ("district", 12), ("commune", 13))
    }
    columns = {
        "dose_id": dose_ids(claims.source, rows),
        "subject_id": wording.joined("", _constant("S", n), wording.padded(subjects + 1, SUBJECT_DIGITS)),
        "full_name": name_texts(claims, tables.words),
        "gender": wording.choose(_SEXES, claims.sexes + 3 * np.searchsorted(_SEX_FORM_EDGES, uniform(keys, 14))),
        "date_of_birth": birth_texts(claims),
        "id_number": id_texts(claims),
        "nationality": _nationality_texts(claims),
        "phone": phone_texts(claims),
        "insurance_number": _insurance_texts(claims),
        "ethnicity": _ethnicity_texts(claims),
        "commune_code": wording.blank(tables.codes.take(pa.array(claims.communes)), ~claims.coded),
        **places,
        "address": _address_texts(claims),
        "vaccine": _vaccine_texts(products, below(keys, 3, 15)),
        "dose_number": wording.blank(wording.short_numbers(numbers), ~claims.numbered),
        "dose_date": _dose_date_texts(claims),
        "lot": _lot_texts(claims, products),
        **_facility_columns(doses, rows, tables.codes),
    }
    return pa.table({name: columns[name] for name in SIMULATED.names}, schema=SIMULATED.arrow())


def dose_ids(source: c.Source, rows: c.Rows) -> wording.Texts:
    """D000000123."""
    return wording.joined("", _constant("D", len(rows)), wording.padded(source.start.doses + rows + 1, DOSE_DIGITS))


def _constant(text: str, n: int) -> wording.Texts:
    return pa.repeat(pa.scalar(text, pa.string()), n)


def name_texts(claims: Claims, words: wording.Texts) -> wording.Texts:
    """Full names in their forms."""
    slips, names = claims.source.slips, claims.names
    # Misspelt words have no other placement of their tone in the table.
    known = names < slips.n_words
    moved = np.where(known, slips.tables["tone_moved"][np.where(known, names, 0), 0], names)
    texts = wording.spelled_names(np.where(claims.tone_moved[:, None], moved, names), words)
    for form, mark in enumerate(_APOSTROPHES):
        rows = np.flatnonzero(claims.apostrophes == form)
        if form and len(rows):
            texts = wording.change(texts, rows, partial(_first_apostrophe, mark))
    by_form = {
        c.UPPER: pc.utf8_upper,
        c.LOWER: pc.utf8_lower,
        c.EXTRA_SPACES: lambda some: pc.binary_join_element_wise(
            pc.replace_substring(some, " ", "  ", max_replacements=1), "", " "
        ),
        c.DECOMPOSED: lambda some: pc.utf8_normalize(some, "NFD"),
        c.ETH: lambda some: pc.replace_substring(some, "Đ", "Ð"),
    }
    for form, change in by_form.items():
        texts = wording.change(texts, np.flatnonzero(claims.name_forms == form), change)
    return texts


def _first_apostrophe(mark: str, texts: wording.Texts) -> wording.Texts:
    return pc.replace_substring(texts, "' ", mark, max_replacements=1)


def id_texts(claims: Claims) -> wording.Texts:
    """ID numbers in their forms; null for none."""
    widths, keys = claims.id_widths, claims.dose_keys
    texts = wording.padded(np.where(widths > 0, claims.ids, 0), np.maximum(widths, 1))
    for form, change in (
        (
            c.SPACED,
            partial(pc.replace_substring_regex, pattern=r"^(.{3})(.{3})(.{3})(.*)$", replacement=r"\1 \2 \3 \4"),
        ),
        (
            c.DOTTED,
            partial(pc.replace_substring_regex, pattern=r"^(.{3})(.{3})(.{3})(.*)$", replacement=r"\1.\2.\3.\4"),
        ),
        (c.ZERO_LOST, partial(pc.utf8_ltrim, characters="0")),
        (c.DECIMAL, lambda some: pc.binary_join_element_wise(pc.utf8_ltrim(some, characters="0"), ".0", "")),
    ):
        texts = wording.change(texts, np.flatnonzero(claims.id_forms == form), change)
    texts = wording.change(texts, np.flatnonzero(claims.id_forms == c.SPACED), pc.utf8_rtrim_whitespace)
    texts = wording.change(texts, np.flatnonzero(claims.id_forms == c.DOTTED), partial(pc.utf8_rtrim, characters="."))
    rows = np.flatnonzero(claims.id_forms == c.LETTERED)
    letters = wording.choose(list(string.ascii_uppercase), below(keys[rows], 26, 16))
    texts = wording.put(
        texts, rows, wording.joined("", pc.utf8_slice_codeunits(texts.take(pa.array(rows)), 0, 7), letters)
    )
    rows = np.flatnonzero(claims.id_forms == c.SCIENTIFIC)
    texts = wording.put(texts, rows, _scientific(claims.ids[rows]))
    rows = np.flatnonzero(claims.id_forms == c.WORDS)
    texts = wording.put(texts, rows, wording.choose(_NO_NUMBER, below(keys[rows], len(_NO_NUMBER), 17)))
    rows = np.flatnonzero(
        (claims.source.population.countries[claims.persons] > 0) & (widths > 0) & (claims.id_forms != c.WORDS)
    )
    countries = claims.source.population.countries[claims.persons[rows]]
    texts = wording.put(
        texts,
        rows,
        wording.joined(
            "",
            wording.choose([row["passport_letter"] for row in read_csv("foreigners.csv")], countries - 1),
            texts.take(pa.array(rows)),
        ),
    )
    return wording.blank(texts, (widths == 0) & (claims.id_forms != c.WORDS))


def _scientific(numbers: Ints) -> wording.Texts:
    """3.8E+10, as Excel shows a long number in a narrow column."""
    exponents = np.floor(np.log10(np.maximum(numbers, 1))).astype(np.int64)
    leading = np.floor(numbers / 10.0 ** (exponents - 1)).astype(np.int64)
    parts = [wording.short_numbers(leading // 10), wording.short_numbers(leading % 10), wording.two_digits(exponents)]
    return pc.binary_join_element_wise(parts[0], ".", parts[1], "E+", parts[2], "")


def birth_texts(claims: Claims) -> wording.Texts:
    """Dates of birth in their forms; a month alone is not typed, so a date without a day is its year."""
    year, month, day = (wording.years(claims.years), wording.two_digits(claims.months), wording.two_digits(claims.days))
    texts = wording.joined("/", day, month, year)
    forms = claims.date_forms
    with_day = (claims.months > 0) & (claims.days > 0)
    rows = np.flatnonzero(forms == c.ISO)
    at = pa.array(rows)
    texts = wording.put(texts, rows, wording.joined("-", year.take(at), month.take(at), day.take(at)))
    rows = np.flatnonzero(forms == c.DASHES)
    at = pa.array(rows)
    texts = wording.put(texts, rows, wording.joined("-", day.take(at), month.take(at), year.take(at)))
    for form, years in (
        (c.SHORT_SLASHES, wording.years),
        (c.TWO_DIGIT_YEAR, lambda some: wording.two_digits(some % 100)),
    ):
        rows = np.flatnonzero(forms == form)
        short = wording.short_numbers if form == c.SHORT_SLASHES else wording.two_digits
        texts = wording.put(
            texts,
            rows,
            wording.joined("/", short(claims.days[rows]), short(claims.months[rows]), years(claims.years[rows])),
        )
    rows = np.flatnonzero((forms == c.ONLY_YEAR) | ~with_day)
    texts = wording.put(texts, rows, year.take(pa.array(rows)))
    rows = np.flatnonzero((forms == c.EXCEL_SERIAL) & with_day)
    texts = wording.put(texts, rows, _excel_serials(claims.years[rows], claims.months[rows], claims.days[rows]))
    return wording.blank(texts, forms == c.NO_DATE)


def _excel_serials(years: Int32s, months: Int32s, days: Int32s) -> wording.Texts:
    first = ((years - 1970) * 12 + months - 1).astype("datetime64[M]").astype("datetime64[D]")
    serials = (first - _EXCEL_ORIGIN_DAY).astype(np.int64) + days - 1
    return pa.array(serials).cast(pa.string())


def phone_texts(claims: Claims) -> wording.Texts:
    """Phones in their forms; null for none."""
    phones = np.maximum(claims.phones, 0)
    digits = wording.padded(phones, 9)
    texts = wording.joined("", _constant("0", len(digits)), digits)
    for form, prefix in ((c.PLUS_84, "+84"), (c.ONLY_84, "84"), (c.PHONE_ZERO_LOST, "")):
        rows = np.flatnonzero(claims.phone_forms == form)
        texts = wording.put(texts, rows, wording.joined("", _constant(prefix, len(rows)), digits.take(pa.array(rows))))
    rows = np.flatnonzero((claims.phone_forms == c.OLD_PREFIX) & (claims.phones >= 0))
    old = np.zeros(100, np.int64)
    old[list(MOVED_PREFIXES)] = list(MOVED_PREFIXES.values())
    texts = wording.put(
        texts, rows, wording.padded(old[phones[rows] // 10_000_000] * 10_000_000 + phones[rows] % 10_000_000, 11)
    )
    return wording.blank(texts, claims.phones < 0)


def _insurance_texts(claims: Claims) -> wording.Texts:
    """The last ten digits, or the whole card: two letters of the group, its grade, the province, the ten digits."""
    numbers = np.maximum(claims.insurance, 0)
    texts = wording.padded(numbers, 10)
    rows = np.flatnonzero(claims.insurance_card)
    groups = wording.choose(
        ["GD4", "DN4", "HS4", "TE1", "HT3", "CH4", "DT2", "HN2"], below(claims.subject_keys[rows], 8, 18)
    )
    texts = wording.put(
        texts, rows, wording.joined("", groups, wording.two_digits(numbers[rows] // 10**8), texts.take(pa.array(rows)))
    )
    return wording.blank(texts, claims.insurance < 0)


def _nationality_texts(claims: Claims) -> wording.Texts:
    countries = claims.source.population.countries[claims.persons]
    forms = np.searchsorted(_NATIONALITY_EDGES, uniform(claims.dose_keys, 19))
    names = [*_NATIONALITIES, *(row["country"] for row in read_csv("foreigners.csv"))]
    return wording.choose(names, np.where(countries > 0, len(_NATIONALITIES) - 1 + countries, forms))


def _ethnicity_texts(claims: Claims) -> wording.Texts:
    people = claims.source.population
    texts = wording.choose(claims.source.peoples, people.peoples[claims.persons])
    return wording.blank(texts, ~claims.ethnic | (people.countries[claims.persons] > 0))


def _place(claims: Claims, tables: Wordings, name: str, use: int) -> wording.Texts:
    at = claims.communes.astype(np.int64) * N_FORMS + draw_forms(uniform(claims.dose_keys, use))
    missing = ~claims.place_named | (~claims.commune_named if name == "commune" else False)
    return wording.blank(tables.places[name].take(pa.array(at)), missing)


def _address_texts(claims: Claims) -> wording.Texts:
    household = claims.source.chance.keys("hamlets", claims.source.population.households[claims.persons])
    kinds = wording.choose(_HAMLETS, below(household, len(_HAMLETS), 1))
    texts = wording.joined(" ", kinds, wording.short_numbers(1 + below(household, 18, 2)))
    return wording.blank(texts, uniform(claims.subject_keys, 20) < 0.35)


def _vaccine_texts(products: Int32s, forms: Ints) -> wording.Texts:
    """The product as typed, mostly in its first form."""
    table = [typed[form % len(typed)] for _, _, typed in PRODUCTS for form in range(3)]
    return wording.choose(table, products.astype(np.int64) * 3 + forms)


def _dose_date_texts(claims: Claims) -> wording.Texts:
    days = claims.dose_days.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    day = wording.two_digits((days - months).astype(np.int64) + 1)
    month = wording.two_digits(months.astype(np.int64) % 12 + 1)
    year = wording.years(months.astype(np.int64) // 12 + 1970)
    texts = wording.joined("/", day, month, year)
    rows = np.flatnonzero(uniform(claims.dose_keys, 21) < 0.2)
    return wording.put(texts, rows, wording.iso_days(claims.dose_days[rows]))


def _lot_texts(claims: Claims, products: Int32s) -> wording.Texts:
    """Product and a number that changes every few weeks."""
    lots = claims.dose_days.astype(np.int64) // 24 * 8 + below(claims.dose_keys, 8, 22)
    texts = wording.joined(
        "", wording.choose([code for code, _, _ in PRODUCTS], products), wording.padded(lots * 7919 % 100_000, 5)
    )
    return wording.blank(texts, uniform(claims.dose_keys, 23) < 0.03)


def _facility_columns(doses: Doses, rows: c.Rows, codes: wording.Texts) -> dict[str, wording.Texts]:
    """Code of the station, made of its commune and level, and the level."""
    levels = doses.levels[rows]
    suffixes = wording.choose(["01", "50", "80", "99"], levels)
    where: npt.NDArray[np.int32] = doses.communes[rows]
    return {
        "facility_code": wording.joined("", codes.take(pa.array(where)), suffixes),
        "facility_level": wording.choose(list(LEVELS), levels),
    }
