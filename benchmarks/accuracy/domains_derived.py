"""A made-up domain whose columns are made of each other: the alumni of a university and the donors of its foundation.

Neither file has a date of birth. The e-mail address is mostly made of the names and the user name always, of initials,
family name and year; a donor's full name stands beside its parts; the town follows from the postcode. Namesakes thus
agree in four columns at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.domains import (
    FAMILY_ENDS,
    FAMILY_STEMS,
    GIVEN,
    MAIL_HOSTS,
    NICK,
    Made,
    draw_home,
    draw_phone,
    draw_ranked,
    made_words,
    with_slips,
    write_made,
)

_FAMILIES = made_words(FAMILY_STEMS, FAMILY_ENDS)


def make_alumni(folder: Path, seed: int, n: int = 5000) -> Made:
    """Of n alumni about half give, two donors in five are no alumni; some stand among the donors twice."""
    rng = np.random.default_rng(seed)
    people = [_person(rng, f"p{i}") for i in range(n + n // 3)]
    given = rng.permutation(len(people))[: int(0.6 * n)]
    donors = [_gave(rng, people[i]) for i in given]
    columns = {
        "first_name": ("first_name", "given_name"),
        "surname": ("surname", "family_name"),
        "full_name": ("donor_name", "display_name"),
        "email": ("email", "email_address"),
        "username": ("username", "username"),
        "phone": ("phone", "telephone"),
        "city": ("town", "city"),
        "postcode": ("postcode", "post_code"),
        "year": ("class_of", "graduation_year"),
    }
    return write_made(folder, rng, donors, people[:n], ("donor_no", "alumni_id"), columns)


def _person(rng: np.random.Generator, entity: str) -> dict[str, Any]:
    given, surname = draw_ranked(rng, GIVEN.split()), draw_ranked(rng, _FAMILIES)
    year = int(rng.integers(1970, 2022))
    place = draw_home(rng)
    return {
        "first_name": given.title(),
        "surname": surname.title(),
        "full_name": f"{given} {surname}".title(),
        "email": _email(rng, given, surname, year),
        "username": f"{given[0]}{surname[:6]}{year % 100:02}{rng.integers(0, 10)}",
        "phone": draw_phone(rng),
        "city": place["city"],
        "postcode": place["postcode"],
        "year": str(year),
        "entity": entity,
    }


def _email(rng: np.random.Generator, given: str, surname: str, year: int) -> str:
    forms = f"{given}.{surname}", f"{given}{surname}", f"{given[0]}.{surname}", f"{given}{year % 100:02}"
    name = forms[int(rng.choice(4, p=[0.45, 0.2, 0.2, 0.15]))]
    name += str(rng.integers(1, 99)) if rng.random() < 0.3 else ""
    return f"{name}@{draw_ranked(rng, MAIL_HOSTS)}"


def _gave(rng: np.random.Generator, person: dict[str, Any]) -> dict[str, Any]:
    """A person as he gave years after: moved, married, another address for mail."""
    row = dict(person)
    given, surname = row["first_name"].lower(), row["surname"].lower()
    if rng.random() < 0.08:
        surname = draw_ranked(rng, _FAMILIES)
    if rng.random() < 0.15:
        given = NICK.get(given, given)
    if rng.random() < 0.4:
        row["email"] = _email(rng, given, surname, int(row["year"]))
    if rng.random() < 0.3:
        place = draw_home(rng)
        row |= {"city": place["city"], "postcode": place["postcode"]}
    if rng.random() < 0.35:
        row["phone"] = draw_phone(rng)
    if rng.random() < 0.06:
        row["year"] = str(int(row["year"]) + int(rng.choice([-1, 1])))
    row |= {"first_name": given.title(), "surname": surname.title()}
    row = with_slips(rng, row, ("first_name", "surname", "email", "username", "phone", "city", "postcode"), 0.06)
    row["full_name"] = f"{row['first_name']} {row['surname']}"
    missing = {"email": 0.2, "username": 0.5, "phone": 0.4, "city": 0.05, "postcode": 0.1, "year": 0.25}
    return {name: None if rng.random() < missing.get(name, 0) else value for name, value in row.items()}
