"""Errors of names: each takes claims, the rows it falls on and a key per row, and returns how many it changed."""

from __future__ import annotations

import numpy as np

from linkage.simulate.claims import Claims, Rows
from linkage.simulate.randomness import Int32s, Keys, below, uniform


def slip(kind: str, claims: Claims, rows: Rows, keys: Keys) -> int:
    """Misspell one of the three parts, any that can be misspelt in this way."""
    names = claims.names[rows]
    table = claims.source.slips.tables[kind]
    misspelt = table[names, below(keys, table.shape[1], 2)[:, None]]
    lots = np.stack([uniform(keys, use) for use in (3, 4, 5)], axis=1)
    part = np.argmax(np.where(misspelt != names, lots + 1, 0), axis=1)
    each = np.arange(len(rows))
    return _set_part(claims, rows, part, misspelt[each, part])


def respell(kind: str, claims: Claims, rows: Rows, keys: Keys) -> int:
    """Write the whole name in another way."""
    names = claims.names[rows]
    respelt = claims.source.slips.tables[kind][names, 0]
    claims.names[rows] = respelt
    return int((names != respelt).any(axis=1).sum())


def change_middle(kind: str, claims: Claims, rows: Rows, keys: Keys) -> int:
    """Change the middle part by one of the tables."""
    middle = claims.names[rows, 1]
    return _set_part(claims, rows, np.ones(len(rows), np.intp), claims.source.slips.tables[kind][middle, 0])


def insert_marker(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Put in Thị or Văn by the sex, as macros of typists do ("nt" = nguyễn thị)."""
    tables, middle = claims.source.slips.tables, claims.names[rows, 1]
    women = claims.source.population.sexes[claims.persons[rows]] == 1
    marked = np.where(women, tables["with_thi"][middle, 0], tables["with_van"][middle, 0])
    return _set_part(claims, rows, np.ones(len(rows), np.intp), marked)


def abbreviate(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Nguyễn Thị Lan → Nguyễn T. Lan; half of the time the surname too: Ng. T. Lan."""
    table, names = claims.source.slips.tables["abbreviated"], claims.names[rows]
    short = names.copy()
    short[:, 1] = table[names[:, 1], 0]
    both = (uniform(keys, 2) < 0.5) | (names[:, 1] == 0)
    short[both, 0] = table[names[both, 0], 0]
    claims.names[rows] = short
    return int((short != names).any(axis=1).sum())


def change_order(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Given name first, or middle and given name exchanged."""
    names = claims.names[rows]
    first = (uniform(keys, 2) < 0.5) | (names[:, 1] == 0)
    turned = np.where(first[:, None], names[:, [2, 0, 1]], names[:, [0, 2, 1]])
    claims.names[rows] = turned
    return int((turned != names).any(axis=1).sum())


def other_middle(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Another middle part, as people of the same sex bear it."""
    strangers = _strangers(claims, rows, keys)
    return _set_part(claims, rows, np.ones(len(rows), np.intp), claims.source.population.names[strangers, 1])


def nickname(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The name used at home: surname and another given name."""
    strangers = _strangers(claims, rows, keys)
    names = claims.names[rows]
    called = np.stack(
        [names[:, 0], np.zeros(len(rows), np.int32), claims.source.population.names[strangers, 2]], axis=1
    )
    claims.names[rows] = called
    return int((called != names).any(axis=1).sum())


def relatives_name(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The name of a parent or of the spouse."""
    return _take_names(claims, rows, relatives(claims, rows, keys))


def neighbours_name(claims: Claims, rows: Rows, keys: Keys) -> int:
    """The name of somebody else of the same list."""
    return _take_names(claims, rows, neighbours(claims, rows, keys))


def move_tone(claims: Claims, rows: Rows, keys: Keys) -> int:
    """Hòa for Hoà and the reverse; the same letters, another habit."""
    names = claims.names[rows]
    known = names < claims.source.slips.n_words
    table = claims.source.slips.tables["tone_moved"]
    can = (known & (table[np.where(known, names, 0), 0] != names)).any(axis=1)
    claims.tone_moved[rows] ^= True
    return int(can.sum())


def set_form(form: int, claims: Claims, rows: Rows, keys: Keys) -> int:
    """The name in capitals, decomposed and the like."""
    claims.name_forms[rows] = form
    return len(rows)


def set_apostrophe(claims: Claims, rows: Rows, keys: Keys) -> int:
    """K' Brểu as K'Brểu, K’ Brểu, K.Brểu, KBrểu."""
    claims.apostrophes[rows] = 1 + below(keys, 4, 2)
    return len(rows)


def relatives(claims: Claims, rows: Rows, keys: Keys) -> Int32s:
    """Row of the population of a parent (two times in three where there is one) or the spouse; -1 none."""
    population, persons = claims.source.population, claims.persons[rows]
    parent = np.where(uniform(keys, 6) < 0.6, population.mothers[persons], population.fathers[persons])
    spouse = population.spouses[persons]
    return np.where((parent >= 0) & ((spouse < 0) | (uniform(keys, 7) < 0.33)), parent, spouse)


def neighbours(claims: Claims, rows: Rows, keys: Keys) -> Int32s:
    """Someone of the houses around: the population stands in order of commune and household."""
    distance = 1 + below(keys, 40, 8)
    n = np.count_nonzero(claims.source.population.countries == 0)
    return ((claims.persons[rows] + distance) % n).astype(np.int32)


def _strangers(claims: Claims, rows: Rows, keys: Keys) -> Int32s:
    """Someone of the same sex from anywhere; the next of the list where the draw gave the other sex."""
    population = claims.source.population
    drawn = below(keys, np.count_nonzero(population.countries == 0), 9)
    sexes = population.sexes[claims.persons[rows]]
    for step in range(1, 5):
        drawn = np.where(population.sexes[drawn] == sexes, drawn, np.maximum(drawn - step, 0))
    return drawn.astype(np.int32)


def _take_names(claims: Claims, rows: Rows, others: Int32s) -> int:
    rows, others = rows[others >= 0], others[others >= 0]
    before = claims.names[rows]
    claims.names[rows] = claims.source.population.names[others]
    return int((before != claims.names[rows]).any(axis=1).sum())


def _set_part(claims: Claims, rows: Rows, part: Rows, words: Int32s) -> int:
    changed = claims.names[rows, part] != words
    claims.names[rows, part] = words
    return int(changed.sum())
