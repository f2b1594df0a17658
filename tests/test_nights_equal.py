"""Nights, one after the other, decide as one run on all that is in force: the same bytes, in any order of events."""

from __future__ import annotations

import datetime
import random
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from blocking.lookup import PassIndex
from linkage.nights import touched
from linkage.nights.configuration import read_configuration
from linkage.nights.night import NightSummary
from linkage.nights.registry import Registry
from linkage.nights.taking_back import take_back
from linkage.state.folder import open_state
from linkage.state.rows import rows_in_force, versions_of
from linkage.state.tables import DOSE_VERSIONS, PUBLISHED_DECISIONS
from linkage.stations import Stations
from tests.nights import Epoch, Nights, Row, Town, hashes, make_town, manifest, table, tree
from tests.officers import Said, settle

# What a correction may change, and where its value may come from: another dose, or nowhere.
CHANGED = (
    "full_name",
    "gender",
    "date_of_birth",
    "id_number",
    "phone",
    "subject_id",
    "dose_date",
    "dose_number",
    "vaccine",
)


def seeds(first: int, long: int, end: int) -> list[Any]:
    """Those from the first on are slow, and from another one on asked for by --all alone."""
    marks = [[pytest.mark.slow, *([pytest.mark.long] if seed >= long else [])] for seed in range(first, end)]
    return [pytest.param(first + n, marks=of) for n, of in enumerate(marks)]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return make_town(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def narrow_town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Its blocks are over-full with a few people."""
    return make_town(tmp_path_factory.mktemp("narrow"), max_block=4)


@pytest.fixture(autouse=True)
def _stations_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found of stations is of the files of a night."""
    monkeypatch.setattr("linkage.night.claims.read_stations", lambda *_: Stations())


class Sequence:
    """A random sequence of nights, and what is in force after each by the rules alone."""

    def __init__(self, nights: Nights, seed: int, n_doses: int) -> None:
        self.nights, self.chance = nights, random.Random(seed)
        pool = sorted(nights.town.doses, key=lambda row: str(row["commune_code"]))
        start = self.chance.randrange(max(1, len(pool) - n_doses))
        self.waiting = pool[start : start + n_doses]  # neighbours, who meet each other's doses
        self.chance.shuffle(self.waiting)
        self.waiting = with_silent_stations(self.waiting, seed)
        self.pool = list(self.waiting)
        self.in_force: dict[str, Row] = {}
        self.withdrawn: dict[str, Row] = {}  # what each stated last
        self.changed: set[str] = set()  # subjects
        people = pq.read_table(nights.town.index.parent / "data" / "registry.parquet").to_pylist()
        self.people: dict[str, Row] = {row["person_id"]: row for row in people}
        self.gone: list[Row] = []
        self.n_new = 0
        self.people_after: list[dict[str, Row]] = []  # by night and adoption
        self.said: list[Said] = []
        self.epoch: Epoch | None = None  # that of the first night
        self.persons: dict[str, str] = {}  # whom each dose was decided for, or its best candidate

    def corrected(self, row: Row) -> Row:
        """Something else is stated; often so little that only other doses of the subject say whose it is."""
        other = self.chance.choice(self.pool)
        if self.chance.random() < 0.4:
            words, birth = str(row["full_name"]).split(), str(row["date_of_birth"])
            less = {"full_name": f"{words[0]} {words[-1]}", "date_of_birth": self.chance.choice((birth, birth[-4:]))}
            return row | dict.fromkeys(("id_number", "phone", "insurance_number")) | less
        if self.chance.random() < 0.3:
            # The same person under another subject, on another day: what conflicts is found by the person alone.
            moved = {"phone": None, "subject_id": f"S{self.chance.randrange(10**9)}", "dose_date": other["dose_date"]}
            return row | moved
        names = self.chance.sample(CHANGED, self.chance.choice((1, 1, 2, 3)))
        return row | {name: self.chance.choice((other.get(name), other.get(name), None)) for name in names}

    def filed_again(self, row: Row, number: int) -> Row:
        """Another dose of the same identity, under another subject or none: the claim is no longer one subject's."""
        new, other = f"S{self.chance.randrange(10**9)}", self.chance.choice(self.pool)["subject_id"]
        subject = self.chance.choice((None, new, other))
        return row | {"dose_id": f"{row['dose_id']}-{number}", "subject_id": subject}

    def night(self, number: int, n_new: int, n_corrected: int, n_withdrawn: int) -> None:
        """Write the files of a night, and enter what they say."""
        known = sorted(self.in_force)
        # Half of what changes is about subjects of whom something has changed before.
        hot = [key for key in known if self.in_force[key]["subject_id"] in self.changed]
        came = [self.waiting.pop() for _ in range(min(n_new, len(self.waiting)))]
        again = [self.in_force[key] for key in self.chance.sample(known, min(5, len(known)))]  # says nothing new
        chosen = {*self.some(known, n_corrected // 2), *self.some(hot, n_corrected // 2)}
        mended = [self.corrected(self.in_force[key]) for key in sorted(chosen)]
        others = [key for key in self.some(hot, n_corrected // 2) if key not in chosen]
        mended += [self.filed_again(self.in_force[key], number) for key in others]
        self.changed |= {self.in_force[key]["subject_id"] for key in chosen}
        first = {row["dose_id"]: row for row in (*came, *again)}
        second = {row["dose_id"]: row for row in mended}
        self.nights.write_doses(number, list(first.values()), "doses_1.parquet")
        self.nights.write_doses(number, list(second.values()), "doses_2.parquet")
        for rows in (first, second):
            said = {key: stated(row) for key, row in rows.items()}
            known = {key: stated(row) for key, row in (self.withdrawn | self.in_force).items()}
            self.in_force |= {key: row for key, row in rows.items() if known.get(key) != said[key]}
        gone = {*self.some(sorted(self.in_force), n_withdrawn // 2), *self.some(hot, n_withdrawn // 2)}
        gone = sorted(gone & self.in_force.keys())
        if gone:
            self.nights.write_withdrawals(number, gone)
        for key in gone:
            self.withdrawn[key] = self.in_force.pop(key)
            self.waiting.append(self.corrected(self.withdrawn[key]))  # it may come back as another

    def registry(self, number: int, n_changed: int) -> None:
        """Write a file of changes: people who are changed to what doses state or other people are, die, go, come back
        or come new, half of them people whom claims in force are decided for."""
        linked = sorted(row["person_id"] for row in self.decided() if row["person_id"] in self.people)
        chosen = {*self.some(sorted(self.people), n_changed // 2), *self.some(linked, n_changed // 2)}
        rows = [self.other_person(self.people[key]) for key in sorted(chosen)]
        rows += [self.newborn() for _ in range(n_changed // 4)]
        back = [self.gone.pop() for _ in range(min(len(self.gone), n_changed // 8))]
        rows += [row for row in back if row["person_id"] not in chosen]
        for row in rows:
            if row["status"] == "removed":
                self.gone.append(self.people.pop(row["person_id"]))
            else:
                self.people[row["person_id"]] = row
        cut = self.chance.randrange(1, len(rows))
        self.nights.write_registry(number, rows[:cut], "registry_1.parquet")
        self.nights.write_registry(number, rows[cut:], "registry_2.parquet")

    def decided(self) -> list[Row]:
        state = open_state(self.nights.folder / "state")
        return list(rows_in_force(state, PUBLISHED_DECISIONS, columns=["person_id"]).to_pylist())

    def other_person(self, row: Row) -> Row:
        """What a change says of a person."""
        kind, other = self.chance.random(), self.people[self.chance.choice(sorted(self.people))]
        if kind < 0.15:
            return row | {"status": "removed"}
        if kind < 0.3:
            return row | {"status": "deceased", "date_of_death": f"2021-{self.chance.randrange(6, 13):02d}-15"}
        if kind < 0.5:
            return row | {"id_number": None, "old_id_number": None, "phone": None}
        stated = self.chance.choice(self.pool)
        if kind < 0.8:
            # As a dose states somebody, who then fits other claims.
            name = {"full_name": stated["full_name"], "gender": other["gender"]}
            return row | name | self.chance.choice(({}, {"commune_code": other["commune_code"]}))
        return row | {name: other[name] for name in ("full_name", "date_of_birth", "commune_code")}

    def newborn(self) -> Row:
        """Somebody new: nearly somebody who is there, or of whom a dose states the number."""
        self.n_new += 1
        like = self.people[self.chance.choice(sorted(self.people))]
        number = self.chance.choice((like["id_number"], self.chance.choice(self.pool).get("id_number"), None))
        if number is not None and not (number.isdigit() and len(number) == 12):
            number = None
        return like | {"person_id": f"N{self.n_new:09d}", "id_number": number, "old_id_number": None, "status": "alive"}

    def verdicts(self, number: int, n: int) -> None:
        """Officers decide: often as the engine would, sometimes otherwise, and against each other. Who was asked before
        is asked again."""
        known = sorted(self.in_force)
        asked = [one.row["dose_id"] for one in self.said if one.row["dose_id"] in self.in_force]
        hot = [key for key in known if self.in_force[key]["subject_id"] in self.changed]
        chosen = [*self.some(known, n), *self.some(hot, n), *self.some(asked, n // 2)]
        persons = sorted(set(self.persons.values()) & self.people.keys())
        for dose in chosen:
            word = self.chance.choice(("person", "person", "person", "nobody", "foreigner", "field_check"))
            person = self.persons.get(dose) if self.chance.random() < 0.6 else self.chance.choice(persons)
            if person not in self.people:
                word = "nobody"
            row = {
                "dose_id": dose,
                "verdict": word,
                "person_id": person if word == "person" else None,
                "unit": "00001",
                "decided_by": self.chance.choice("ABC"),
                "decided_at": self.nights.date(number - self.chance.randrange(2)).isoformat(),
            }
            if row not in [one.row for one in self.said]:
                self.said.append(Said(len(self.people_after) + 1, row))
        rows = [one.row for one in self.said if one.night == len(self.people_after) + 1]
        if rows:
            self.nights.write_verdicts(number, [*rows, *[one.row for one in self.said[:3]]])

    def some(self, keys: list[str], n: int) -> list[str]:
        return self.chance.sample(keys, min(n, len(keys)))

    def run(self, number: int) -> NightSummary:
        self.people_after.append(dict(self.people))
        return self.nights.run(number)

    def stray(self, number: int) -> None:
        """A night that should not have been, and is taken back: nothing of it is left."""
        chance, places = random.Random(number), ("state", "index")
        before = [tree(self.nights.folder / place) for place in places]
        known = sorted(self.in_force)
        wrong = [self.in_force[key] | {"full_name": None} for key in chance.sample(known, 30)]
        self.nights.write_doses(number + 50, [*wrong, *self.waiting[:30]])
        self.nights.write_withdrawals(number + 50, chance.sample(known, 10))
        if not (self.nights.folder / "index").is_symlink():
            people = [self.people[key] | {"phone": None} for key in chance.sample(sorted(self.people), 30)]
            self.nights.write_registry(number + 50, people)
        self.nights.run(number + 50)
        take_back(read_configuration(self.nights.config), self.nights.date(number + 50).isoformat())
        assert [tree(self.nights.folder / place) for place in places] == before

    def check(self, number: int) -> None:
        exported = self.nights.export(f"all_{number}")
        folder = self.nights.folder / f"all_{number}"
        decided = table(folder, "decisions")
        self.persons = {row["dose_id"]: row["person_id"] for row in decided if row["person_id"]}
        state = open_state(self.nights.folder / "state")
        doses = versions_of(state, DOSE_VERSIONS).to_pylist()
        verdicts = settle(self.said, doses, self.people_after) if self.said else None
        day = datetime.date.fromisoformat(state.nights[-1]["date"])
        scratch = self.nights.from_scratch(list(self.in_force.values()), day, verdicts, self.epoch)
        for name, digest in hashes(scratch).items():
            if exported[name] != digest:
                ours, theirs = table(self.nights.folder / f"all_{number}", name), table(scratch, name)
                raise AssertionError((number, name, first_difference(ours, theirs)))


def with_silent_stations(rows: list[Row], seed: int) -> list[Row]:
    """The doses of some subjects without their number, of which files without a column for it bring half."""
    chance = random.Random(f"silent {seed}")
    subjects = sorted({str(row["subject_id"]) for row in rows})
    without = set(chance.sample(subjects, len(subjects) // 5))
    found = []
    for row in rows:
        if str(row["subject_id"]) in without:
            less = {name: value for name, value in row.items() if name != "id_number"}
            row = chance.choice((less, less | {"id_number": None}))
        found.append(row)
    return found


def stated(row: Row) -> Row:
    """What a dose says; nothing of a column that its file does not have."""
    return {name: value for name, value in row.items() if value is not None}


def first_difference(ours: list[Row], theirs: list[Row]) -> Any:
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            return {key: (one.get(key), other.get(key)) for key in other if one.get(key) != other.get(key)}, other
    return len(ours), len(theirs)


@pytest.mark.parametrize("seed", [0, *seeds(1, 10, 40)])
def test_random_nights_with_changes_of_the_registry_decide_as_one_run(town: Town, tmp_path: Path, seed: int) -> None:
    nights = Sequence(town.open(tmp_path / "nights", changing=True), 1000 + seed, 1200)
    assert run_with_registry(nights) > 100


@pytest.mark.parametrize("seed", [0, *seeds(1, 5, 20)])
def test_blocks_that_fill_up_or_empty_touch_those_who_ask_for_them(
    narrow_town: Town, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_crossing = 0
    crossing = touched._crossing

    def counted(rows: Any, registry: Registry) -> dict[str, PassIndex]:
        nonlocal n_crossing
        found = crossing(rows, registry)
        n_crossing += sum(index.rows.size for index in found.values())
        return found

    monkeypatch.setattr(touched, "_crossing", counted)
    run_with_registry(Sequence(narrow_town.open(tmp_path / "nights", changing=True), 2000 + seed, 1200))
    assert n_crossing > 10


def test_a_claim_that_is_filed_under_another_subject_too_is_no_sure_sibling_any_more(
    town: Town, tmp_path: Path
) -> None:
    nights = town.open(tmp_path / "nights")
    nothing = dict.fromkeys(("id_number", "phone", "insurance_number", "dose_date", "dose_number"))
    vague: list[Row] = []
    for number, row in enumerate(town.doses[900:960]):
        year = re.search(r"(19|20)\d\d", str(row["date_of_birth"]))
        less = {"date_of_birth": year and year.group(), "subject_id": f"S{number}", "dose_id": f"V{number}"}
        vague.append(row | nothing | less)
    stating = [row | {"id_number": "099099999999", "dose_id": f"I{number}"} for number, row in enumerate(vague)]
    again = [row | {"subject_id": f"T{number}", "dose_id": f"A{number}"} for number, row in enumerate(stating)]
    nights.write_doses(0, vague + stating)
    nights.write_doses(1, again)
    nights.run(0)
    weights = {row["dose_id"]: row["match_weight"] for row in published(nights, "before")}
    nights.run(1)
    exported = nights.export("after")
    after = {row["dose_id"]: row["match_weight"] for row in table(nights.folder / "after", "decisions")}
    assert any(weights[row["dose_id"]] != after[row["dose_id"]] for row in vague)
    assert exported == hashes(nights.from_scratch(vague + stating + again, nights.date(1)))


def published(nights: Nights, name: str) -> list[Row]:
    """The decisions in force."""
    nights.export(name)
    return table(nights.folder / name, "decisions")


def run_with_registry(nights: Sequence) -> int:
    """Four nights, three of them with changes of the registry; returns how many claims these touched."""
    n_touched = 0
    for number in range(4):
        nights.night(number, *((700, 0, 0), (20, 6, 4), (100, 30, 10), (30, 10, 5))[number])
        if number:
            nights.registry(number, (0, 60, 30, 40)[number])
        if number > 1:
            nights.verdicts(number, 12)
        if number == 2:
            nights.stray(number)
        done = nights.run(number)
        n_touched += manifest(done.night_dir)["registry"]["claims_touched"]
        if number in (1, 3):
            nights.check(number)
    return n_touched


@pytest.mark.parametrize("seed", [0, *seeds(1, 10, 40)])
def test_random_nights_decide_as_one_run(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("linkage.state.compacting.MOST_PARTS", 2 + seed % 2)
    nights = Sequence(town.open(tmp_path / "nights"), seed, 1200)
    for number in range(4):
        n_new, n_corrected, n_withdrawn = ((700, 0, 0), (150, 60, 25), (3, 4, 2), (60, 40, 20))[number]
        if number > 1:
            nights.verdicts(number, 12)
        nights.night(number, n_new, n_corrected, n_withdrawn)
        nights.run(number)
        if number in (1, 3):
            nights.check(number)
    assert len(open_state(nights.nights.folder / "state").manifest["parts"]) <= 3
