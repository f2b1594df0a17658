"""Made-up domains whose columns are made of each other: alumni and donors, a clinic and an insurer.

Of alumni and donors neither file has a date of birth. The e-mail address is mostly made of the names and the user name
always, of initials, family name and year; a donor's full name stands beside its parts; the town follows from the
postcode. Namesakes thus agree in four columns at once. Proposing was developed on seeds 1 and 2 of alumni, and on none
of the insured.
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
    """A person years after: moved, married, another address for mail."""
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


def make_insured(folder: Path, seed: int, n: int = 5000) -> Made:
    """A clinic's patients and the members of an insurer: seven patients in ten are members. The member's number begins
    with initials and date of birth; the clinic has the name in one column."""
    rng = np.random.default_rng(seed)
    people = [_member(rng, f"p{i}") for i in range(n + n // 3)]
    seen = rng.permutation(len(people))[: int(0.6 * n)]
    columns = {
        "name": ("patient", "member"),
        "dob": ("birth_date", "date_of_birth"),
        "number": ("policy", "policy_number"),
        "email": ("contact_email", "email"),
        "street": ("address", "street"),
        "postcode": ("postcode", "postal_code"),
    }
    patients = [_admitted(rng, people[i]) for i in seen]
    return write_made(folder, rng, patients, people[:n], ("visit", "member_id"), columns)


def _member(rng: np.random.Generator, entity: str) -> dict[str, Any]:
    given, surname, place = draw_ranked(rng, GIVEN.split()), draw_ranked(rng, _FAMILIES), draw_home(rng)
    year, month, day = int(rng.integers(1935, 2005)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    return {
        "name": f"{given} {surname}".title(),
        "dob": f"{year}-{month:02}-{day:02}",
        "number": f"{given[0]}{surname[0]}{year % 100:02}{month:02}{day:02}{rng.integers(0, 1000):03}".upper(),
        "email": _email(rng, given, surname, year),
        "street": place["street"],
        "postcode": place["postcode"],
        "entity": entity,
    }


def _admitted(rng: np.random.Generator, person: dict[str, Any]) -> dict[str, Any]:
    """A member as the clinic's desk typed the record."""
    row = dict(person)
    given, surname = row["name"].lower().split()
    if rng.random() < 0.05:
        surname = draw_ranked(rng, _FAMILIES)
    if rng.random() < 0.2:
        given = NICK.get(given, given)
    row["name"] = f"{given} {surname}".title()
    if rng.random() < 0.35:
        row["email"] = _email(rng, given, surname, int(row["dob"][:4]))
    if rng.random() < 0.2:
        place = draw_home(rng)
        row |= {"street": place["street"], "postcode": place["postcode"]}
    row = with_slips(rng, row, ("name", "number", "email", "street", "postcode"), 0.07)
    year, month, day = row["dob"].split("-")
    if rng.random() < 0.03:
        day = f"{rng.integers(1, 29):02}"
    row["dob"] = f"{day}/{month}/{year}"
    missing = {"dob": 0.1, "number": 0.4, "email": 0.3, "street": 0.1, "postcode": 0.1}
    return {name: None if rng.random() < missing.get(name, 0) else value for name, value in row.items()}
