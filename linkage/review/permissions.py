"""Who may do what: one function, and what no rule allows is refused.

A role says which actions are possible at all, the unit where. An officer works on the items of one commune, by its code
of today or of 2021; a supervisor sees counts of the communes of a district, a province or the country, and no person.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

OFFICER, SUPERVISOR = ROLES = ("officer", "supervisor")
COUNTRY = "*"  # the unit of who sees all communes


@dataclass(frozen=True)
class Account:
    """Who is logged in."""

    account: str
    full_name: str
    role: str
    unit: str
    language: str
    has_shortcuts: bool


@dataclass(frozen=True)
class Place:
    """Where an item belongs: its commune by today's code and by that of 2021, "" where not known."""

    unit: str
    unit_then: str


@dataclass(frozen=True)
class Rule:
    """roles : who may, NOBODY_YET for who is not logged in too; of_item: whether it is about an item, whose place then
    counts; needs_open : whether the item must stand in a queue still, or have a verdict of officers
    that a night took."""

    roles: Collection[str]
    of_item: bool = False
    needs_open: bool = False


ANYBODY, LOGGED_IN = ("", *ROLES), ROLES
# By the names of the routes: one that has no rule does not start (linkage.review.web.guarding).
RULES: dict[str, Rule] = {
    "static_file": Rule(ANYBODY),
    "log_in_page": Rule(ANYBODY),
    "log_in": Rule(ANYBODY),
    "choose_language": Rule(ANYBODY),
    "log_out": Rule(LOGGED_IN),
    "choose_shortcuts": Rule(LOGGED_IN),
    "start": Rule(LOGGED_IN),
    "help_page": Rule(LOGGED_IN),
    "item_list": Rule((OFFICER,)),
    "next_item": Rule((OFFICER,)),
    "progress": Rule((SUPERVISOR,)),
    "item": Rule((OFFICER,), of_item=True),
    "unmask": Rule((OFFICER,), of_item=True),
    "decide": Rule((OFFICER,), of_item=True, needs_open=True),
    "undo": Rule((OFFICER,), of_item=True),
}


def may(who: Account | None, action: str, place: Place | None = None, *, is_open: bool = True) -> bool:
    """Whether somebody, None for who is not logged in, may do something; place and is_open: of the item, where it is
    about one."""
    rule = RULES.get(action)
    if rule is None or ("" if who is None else who.role) not in rule.roles:
        return False
    if not rule.of_item:
        return True
    if who is None or place is None or (rule.needs_open and not is_open):
        return False
    return who.unit != "" and who.unit in (place.unit, place.unit_then)
