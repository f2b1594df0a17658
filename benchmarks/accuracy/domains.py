"""Two made-up domains that no plan of ours knows: customers of a shop and of a register, and companies of two lists.

Names are drawn by rank (a common one is as common as in life), homes are shared by families and offices by sister
companies, and the left file has the slips of its keeper: typing errors, nicknames, abbreviations, moves, values that
are missing. Both sides call their columns differently and write dates and telephone numbers in their own form. The same
seed gives the same files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.accuracy.labelled import Prepared

Rows = list[dict[str, Any]]

GIVEN = (
    "oliver george harry jack jacob noah charlie thomas oscar james william joshua alfie henry freddie archie "
    "ethan isaac joseph alexander samuel daniel logan edward lucas max mohammed benjamin mason harrison theo jake "
    "sebastian finley arthur adam dylan riley zachary david robert michael richard peter john christopher andrew "
    "anthony stephen amelia olivia emily isla ava jessica poppy isabella sophie mia ruby lily grace evie sophia "
    "ella scarlett chloe isabelle freya charlotte sienna daisy phoebe millie eva alice lucy florence sofia layla "
    "lola holly imogen molly matilda lilly rosie elizabeth katherine margaret susan patricia jennifer linda "
    "barbara deborah helen victoria"
)
NICK = {
    "robert": "bob", "william": "bill", "thomas": "tom", "james": "jim", "michael": "mike", "richard": "dick",
    "christopher": "chris", "andrew": "andy", "anthony": "tony", "stephen": "steve", "elizabeth": "liz",
    "katherine": "kate", "margaret": "peggy", "susan": "sue", "patricia": "pat", "jennifer": "jen", "deborah": "debbie",
    "victoria": "vicky", "samuel": "sam", "daniel": "dan", "joseph": "joe", "benjamin": "ben", "edward": "ted",
    "alexander": "alex", "joshua": "josh", "david": "dave", "peter": "pete", "isabella": "bella", "charlotte": "lottie",
}  # fmt: skip
FAMILY_STEMS = (
    "smith jones taylor brown wil hart wood clark hall hill ash brad cart dun eld fair gold had ing ken lang mar nor"
)
FAMILY_ENDS = " son s er ton ley ford man worth field by well wick shaw more"
_STREETS = "high station church park victoria green london mill manor king queen bridge school grove york north castle"
_STREET_KINDS = {"street": "st", "road": "rd", "avenue": "ave", "lane": "ln", "drive": "dr", "close": "cl"}
_TOWNS = (
    "london birmingham leeds glasgow sheffield bradford liverpool edinburgh manchester bristol kirklees cardiff "
    "leicester coventry nottingham newcastle sunderland brighton hull plymouth stoke derby swansea southampton "
    "aberdeen portsmouth york peterborough dundee lancaster oxford newport preston norwich chester cambridge "
    "salisbury exeter gloucester lisburn chichester winchester londonderry carlisle worcester bath durham lincoln "
    "hereford"
)
MAIL_HOSTS = ["gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "btinternet.com"]
_STEMS = "al ber cor del em fal gra hol in jor kal lum mon nor or pel quin rad sol tor ul ven wes xen yar zan"
_ENDS = "ta via nex tron dyne mar lux gen is on ax era tech co"
_TRADES = {
    "trading": "trdg", "logistics": "log.", "engineering": "eng.", "consulting": "consult.", "holdings": "hldgs",
    "foods": "foods", "services": "svcs", "international": "intl", "solutions": "solns", "construction": "constr.",
    "partners": "ptnrs", "systems": "sys.", "pharma": "pharma", "energy": "energy", "media": "media",
}  # fmt: skip
_SUFFIXES = {
    "GB": ("Ltd", "Limited", "LTD.", "Ltd."),
    "DE": ("GmbH", "G.m.b.H.", "GMBH", "GmbH & Co. KG"),
    "US": ("Inc", "Inc.", "Incorporated", "Corp."),
}


@dataclass(frozen=True)
class Made:
    """The files of a domain, and what each side calls the columns that both have: name in common -> left, right."""

    files: Prepared
    columns: dict[str, tuple[str, str]]


def make_customers(folder: Path, seed: int, n: int = 5000) -> Made:
    """A shop's customers and a loyalty register: of n people in the register about 60 % buy, a quarter of the buyers
    are not in it."""
    rng = np.random.default_rng(seed)
    people = _people(rng, n + n // 5)
    bought = rng.permutation(len(people))[: int(0.75 * n)]
    right = [_registered(person) for person in people[:n]]
    left = [_bought(rng, people[i]) for i in bought]
    left += [_bought(rng, people[i]) for i in bought[: len(bought) // 25]]  # some ordered twice
    columns = {
        "first_name": ("forename", "first_name"),
        "surname": ("surname", "last_name"),
        "dob": ("birthdate", "dob"),
        "email": ("e-mail", "email"),
        "street": ("street", "address"),
        "city": ("town", "city"),
        "postcode": ("zip", "postcode"),
        "phone": ("mobile", "phone"),
    }
    return write_made(folder, rng, left, right, ("order_no", "member_id"), columns)


def make_companies(folder: Path, seed: int, n: int = 5000) -> Made:
    """A purchaser's suppliers and a company register of n companies, a quarter of the suppliers not in it."""
    rng = np.random.default_rng(seed)
    companies = _companies(rng, n + n // 5)
    supplying = rng.permutation(len(companies))[: int(0.75 * n)]
    right = [dict(company) for company in companies[:n]]
    left = [_supplying(rng, companies[i]) for i in supplying]
    columns = {
        "company": ("supplier", "legal_name"),
        "street": ("street", "address"),
        "city": ("city", "town"),
        "postcode": ("postal_code", "postcode"),
        "country": ("country", "country"),
        "number": ("reg_no", "registration_number"),
    }
    return write_made(folder, rng, left, right, ("vendor_id", "id"), columns)


# ------------------------------------------------------------------------------------------------------ customers


def _people(rng: np.random.Generator, n: int) -> Rows:
    """People in homes of one to five; those of a home share street, town, postcode and mostly the family name, some
    the phone."""
    people: Rows = []
    families = made_words(FAMILY_STEMS, FAMILY_ENDS)
    while len(people) < n:
        home = draw_home(rng)
        family, landline = draw_ranked(rng, families), draw_phone(rng)
        for member in range(int(rng.choice([1, 2, 3, 4, 5], p=[0.4, 0.3, 0.14, 0.12, 0.04]))):
            given = draw_ranked(rng, GIVEN.split())
            surname = family if rng.random() < 0.85 else draw_ranked(rng, families)
            year = int(rng.integers(1940, 2004)) if member < 2 else int(rng.integers(1995, 2010))
            born = f"{year}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}"
            people.append(
                {
                    "first_name": given,
                    "surname": surname,
                    "dob": born,
                    "email": _email(rng, given, surname),
                    "phone": landline if rng.random() < 0.3 else draw_phone(rng),
                    **home,
                    "entity": f"p{len(people)}",
                }
            )
    order = rng.permutation(len(people))
    return [people[i] for i in order[:n]]


def draw_home(rng: np.random.Generator) -> dict[str, str]:
    street = f"{rng.integers(1, 120)} {draw_ranked(rng, _STREETS.split())} {draw_ranked(rng, list(_STREET_KINDS))}"
    town = int(_rank(rng, len(towns := _TOWNS.split())))
    letters = "".join(rng.choice(list("abdefghjlnpqrstuwxyz"), 2))
    area = f"{towns[town][:2]}{rng.integers(1, 20)}"
    return {"street": street, "city": towns[town], "postcode": f"{area} {rng.integers(1, 10)}{letters}".upper()}


def draw_phone(rng: np.random.Generator) -> str:
    return f"07{rng.integers(100, 1000)} {rng.integers(100000, 1000000)}"


def _email(rng: np.random.Generator, given: str, surname: str) -> str:
    forms = (f"{given}.{surname}", f"{given[0]}{surname}{rng.integers(1, 99)}", f"{surname}{rng.integers(1950, 2010)}")
    return f"{forms[rng.integers(0, 3)]}@{draw_ranked(rng, MAIL_HOSTS)}"


def _registered(person: dict[str, Any]) -> dict[str, Any]:
    return {**person, "first_name": person["first_name"].title(), "surname": person["surname"].title()}


def _bought(rng: np.random.Generator, person: dict[str, Any]) -> dict[str, Any]:
    """A person who keyed in the record anew on another day."""
    row = dict(person)
    if rng.random() < 0.08:
        row |= draw_home(rng)
    if rng.random() < 0.25:
        row["email"] = _email(rng, row["first_name"], row["surname"])
    if rng.random() < 0.2:
        row["phone"] = draw_phone(rng)
    if rng.random() < 0.03:
        row["surname"] = draw_ranked(rng, made_words(FAMILY_STEMS, FAMILY_ENDS))
    if rng.random() < 0.3:
        row["first_name"] = NICK.get(row["first_name"], row["first_name"])
    if rng.random() < 0.01:
        row["first_name"], row["surname"] = row["surname"], row["first_name"]
    if rng.random() < 0.3:
        words = row["street"].split()
        row["street"] = " ".join([*words[:-1], _STREET_KINDS[words[-1]]])
    year, month, day = row["dob"].split("-")
    if rng.random() < 0.02 and int(day) <= 12:
        month, day = day, month
    row = with_slips(rng, row, ("first_name", "surname", "email", "street", "city", "postcode", "phone"), 0.08)
    digits = _slip_of_digit(rng, f"{day}{month}{year}") if rng.random() < 0.04 else f"{day}{month}{year}"
    row["dob"] = f"{digits[:2]}/{digits[2:4]}/{digits[4:]}"
    row["phone"] = "+44 " + row["phone"][1:] if rng.random() < 0.5 else row["phone"]
    missing = {
        "dob": 0.15,
        "email": 0.1,
        "phone": 0.25,
        "street": 0.05,
        "city": 0.05,
        "postcode": 0.08,
        "first_name": 0.02,
    }
    return {name: None if rng.random() < missing.get(name, 0) else value for name, value in row.items()}


# ------------------------------------------------------------------------------------------------------ companies


def _companies(rng: np.random.Generator, n: int) -> Rows:
    """Companies, some with sisters of the same first word in the same house."""
    companies: Rows = []
    stems = made_words(_STEMS, _ENDS)
    while len(companies) < n:
        home, country, first = (
            draw_home(rng),
            str(rng.choice(list(_SUFFIXES), p=[0.6, 0.25, 0.15])),
            draw_ranked(rng, stems),
        )
        second = f" {draw_ranked(rng, stems)}" if rng.random() < 0.4 else ""
        trades = list(dict.fromkeys(draw_ranked(rng, list(_TRADES)) for _ in range(4)))
        for trade in trades[: int(rng.choice([1, 2, 3], p=[0.85, 0.1, 0.05]))]:
            name = f"{first}{second} {trade}".title()
            companies.append(
                {
                    "company": f"{name} {_SUFFIXES[country][0]}",
                    "number": f"{country}{rng.integers(10**6, 10**7)}",
                    "country": country,
                    **home,
                    "entity": f"c{len(companies)}",
                }
            )
    order = rng.permutation(len(companies))
    return [companies[i] for i in order[:n]]


def _supplying(rng: np.random.Generator, company: dict[str, Any]) -> dict[str, Any]:
    """A company as its customer's purchaser keyed it in."""
    row = dict(company)
    words = row["company"].split()
    suffixes = _SUFFIXES[row["country"]]
    words[-1] = str(rng.choice(suffixes)) if rng.random() < 0.5 else words[-1]
    if rng.random() < 0.15:
        words = words[:-1]
    words = [_TRADES.get(w.lower(), w) if rng.random() < 0.2 else w for w in words]
    if rng.random() < 0.05 and len(words) > 2:
        words.pop(1)
    row["company"] = " ".join(words).upper() if rng.random() < 0.2 else " ".join(words)
    if rng.random() < 0.08:
        row |= draw_home(rng)
    if rng.random() < 0.3:
        parts = row["street"].split()
        row["street"] = " ".join([*parts[:-1], _STREET_KINDS[parts[-1]]])
    row = with_slips(rng, row, ("company", "street", "city", "postcode", "number"), 0.07)
    missing = {"number": 0.45, "postcode": 0.1, "street": 0.1, "city": 0.03}
    return {name: None if rng.random() < missing.get(name, 0) else value for name, value in row.items()}


# ------------------------------------------------------------------------------------------------------ in common


def made_words(stems: str, ends: str) -> list[str]:
    """Names made of a stem and an end."""
    return [stem + end for end in ["", *ends.split()] for stem in stems.split()]


def _rank(rng: np.random.Generator, n: int) -> int:
    """A rank from 0: the k-th is about 1 / (k + 5) as frequent as the first five."""
    weights = 1.0 / (np.arange(n) + 5.0)
    return int(np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random()))


def draw_ranked(rng: np.random.Generator, words: list[str]) -> str:
    return words[_rank(rng, len(words))]


def with_slips(rng: np.random.Generator, row: dict[str, Any], names: tuple[str, ...], share: float) -> dict[str, Any]:
    """Typing errors: a letter left out, doubled, changed, or exchanged with the next."""
    return row | {name: _slip(rng, row[name]) for name in names if row[name] and rng.random() < share}


def _slip(rng: np.random.Generator, text: str) -> str:
    at = int(rng.integers(0, len(text)))
    letter = str(rng.choice(list("abcdefghijklmnopqrstuvwxyz")))
    kinds = (
        text[:at] + text[at + 1 :],
        text[:at] + text[at] + text[at:],
        text[:at] + letter + text[at + 1 :],
        text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :],
    )
    return kinds[rng.integers(0, 4)] or text


def _slip_of_digit(rng: np.random.Generator, digits: str) -> str:
    at = int(rng.integers(0, len(digits)))
    return f"{digits[:at]}{rng.integers(0, 10)}{digits[at + 1 :]}"


def write_made(
    folder: Path,
    rng: np.random.Generator,
    left: Rows,
    right: Rows,
    ids: tuple[str, str],
    columns: dict[str, tuple[str, str]],
) -> Made:
    """Both files in a random order with their own names and ids, and the truth of each beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for side, (name, rows) in enumerate(zip(("left", "right"), (left, right), strict=True)):
        order = rng.permutation(len(rows))
        keys = [f"{'LR'[side]}{10_000 + number}" for number in rng.permutation(len(rows))]
        table = {ids[side]: keys}
        table |= {of[side]: [rows[i][common] for i in order] for common, of in columns.items()}
        pq.write_table(pa.table(table), folder / f"{name}.parquet")
        truth = {"id": keys, "entity": [rows[i]["entity"] for i in order]}
        pq.write_table(pa.table(truth), folder / f"truth_{name}.parquet")
    paths = ("left.parquet", "right.parquet", "truth_left.parquet", "truth_right.parquet")
    return Made(Prepared(*(folder / path for path in paths)), columns)
