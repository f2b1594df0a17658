"""Starting values of level shares that a plan leaves out: among matches (m), and between relatives (household).

Training replaces them; they matter where it finds little. Kinds with labels of their own have a table, which follows
the vaccination plan; of the others the shares fall from level to level. A comparison with ``shared_number`` compares
what one household has in common, so there relatives agree as well.
"""

from __future__ import annotations

from itertools import pairwise

SAME_OF_MATCHES = 0.8  # share of the first level of comparisons without a table; the others take half of each before
SAME_OF_RELATIVES = 0.1  # the same between relatives, where what is compared is a person's own
SHARED_BY_RELATIVES = 0.8  # the same where it is the household's
ABSENT = 0.1  # share of the level "no value on the right side", of matches and of relatives
HOUSEHOLD_RATE = 1.0  # relatives per claim, where something is compared that a household has in common
OF_HOUSEHOLDS = ("digits", "address")  # kinds that are taken for such where a plan says nothing: phones, cards, homes
OF_HOMES = ("postcode", "distance")  # kinds of what a household has in common, though it does not tell a household

_M = {
    "category": (0.95, 0.05),
    "date": (0.85, 0.04, 0.01, 0.03, 0.03, 0.01, 0.015, 0.01, 0.005),
    "digits": (0.8, 0.05, 0.15),
    "person_number": (0.66, 0.02, 0.01, 0.17, 0.059, 0.001, 0.05, 0.01, 0.02),
    "place": (0.85, 0.08, 0.03, 0.02, 0.02),
    "vietnamese_name": (0.8, 0.03, 0.04, 0.01, 0.01, 0.045, 0.03, 0.005, 0.01, 0.005, 0.01, 0.005),
}
_HOUSEHOLD = {
    "category": (0.5, 0.5),
    "date": (0.01, 0.002, 0.001, 0.005, 0.01, 0.01, 0.03, 0.06, 0.872),
    "digits": (0.04, 0.02, 0.94),
    "person_number": (0.17, 0.3, 0.03, 0.1, 0.004, 0.006, 0.05, 0.05, 0.29),
    "place": (0.85, 0.06, 0.03, 0.03, 0.03),
    "vietnamese_name": (0.002, 0.001, 0.001, 0.001, 0.001, 0.007, 0.003, 0.003, 0.02, 0.02, 0.5, 0.441),
}
# A plan of before says nothing of levels that have been told apart since, and has another order: for each of today's
# levels its place in that plan's list. Of a level that was told apart each part takes its share of the defaults.
_EARLIER = {
    "person_number": (0, 1, 2, 3, 4, 4, 5, 6, 7),
    "vietnamese_name": (0, 1, 2, 5, 6, 3, 4, 3, 7, 8, 9, 10),
}
_SHARED = {"category": (0.8, 0.2), "digits": (0.8, 0.01, 0.19)}


def default_m(kind: str, n_compared: int, *, absent_level: bool = False) -> list[float]:
    """Shares of the levels among matches, "missing" left out; they sum to 1.

    Parameters
    ----------
    n_compared : levels that come of comparing, "missing" left out
    absent_level : that the right side has no value is one more level, the last
    """
    return _with_absent(list(_M.get(kind) or _falling(SAME_OF_MATCHES, n_compared)), absent_level)


def default_household(
    kind: str, n_compared: int, *, shared_number: bool = False, absent_level: bool = False
) -> list[float]:
    """The same between two people of one household who share a number.

    Parameters
    ----------
    shared_number : what is compared is such a number, which relatives have in common
    """
    table = (_SHARED if shared_number and kind in _SHARED else _HOUSEHOLD).get(kind)
    if table is None:
        is_shared = shared_number or kind in OF_HOMES
        same = SHARED_BY_RELATIVES if is_shared else SAME_OF_RELATIVES
        table = tuple(_falling(same, n_compared) if is_shared else _mostly_last(same, n_compared))
    return _with_absent(list(table), absent_level)


def of_todays_levels(kind: str, shares: list[float], defaults: list[float]) -> list[float]:
    """Shares as a plan states them, one for each of today's levels; defaults: those of the comparison, in that form.

    A list that fits neither today's levels nor the earlier ones stays as it is.
    """
    places = _EARLIER.get(kind, ())
    n_more = len(defaults) - len(places)  # the level of what the right side lacks
    if len(shares) == len(defaults) or not places or len(shares) != max(places) + 1 + n_more:
        return shares
    places += tuple(range(max(places) + 1, len(shares)))
    of_place = [sum(part for part, at in zip(defaults, places, strict=True) if at == place) for place in places]
    return [shares[place] * part / of for place, part, of in zip(places, defaults, of_place, strict=True)]


def _falling(first: float, n: int) -> list[float]:
    """n shares: the first, then half of what is left each, and the rest for the last."""
    if n == 1:
        return [1.0]
    cuts = [1.0, *((1.0 - first) * 0.5**k for k in range(n - 1)), 0.0]
    return [a - b for a, b in pairwise(cuts)]


def _mostly_last(first: float, n: int) -> list[float]:
    """n shares: the first, as much again over those between, and the rest for the last."""
    if n == 1:
        return [1.0]
    between = [first / max(n - 2, 1)] * (n - 2)
    return [first, *between, 1.0 - first - sum(between)]


def _with_absent(shares: list[float], is_wanted: bool) -> list[float]:
    return [*(share * (1.0 - ABSENT) for share in shares), ABSENT] if is_wanted else shares
