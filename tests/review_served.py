"""The application of the review for tests: a store with items and accounts, and who asks."""

from __future__ import annotations

import datetime
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import insert, select

from linkage.machine.clock import ZONE
from linkage.review.accounts import add_account
from linkage.review.deciding import waiting
from linkage.review.store import Store, open_store
from linkage.review.tables import claims, doses, items
from linkage.review.web.application import make_application
from tests.reviewed import COMMUNE, OTHER, candidate, claim, claim_id, new_store, reviewed

PASSWORD = "con trâu ăn cỏ non"
BASE = "http://127.0.0.1"
ACCOUNTS = {
    "an": ("officer", COMMUNE, "Nguyễn Văn An"),
    "binh": ("officer", COMMUNE, "Lê Thị Bình"),
    "chi": ("officer", OTHER, "Trần Chi"),
    "dung": ("supervisor", "*", "Phạm Dung"),
    "em": ("supervisor", OTHER, "Vũ Em"),
}
MORNING = datetime.datetime(2026, 3, 15, 8, 0, tzinfo=ZONE)
RIVALS = [
    candidate("P1", 0.52),
    candidate("P2", 0.31, full_name="Trần Hoà Thị", date_of_birth="1990-05-09", id_number="068190001243"),
    candidate("P3", 0.1, full_name="Trần Thị Hoa", phone="0987654321", status="deceased", ethnicity="Kinh"),
]


@dataclass
class Clock:
    """The moment, as tests set it."""

    now: datetime.datetime = MORNING

    def __call__(self) -> datetime.datetime:
        return self.now


def make_served(folder: Path, n_more: int = 0) -> None:
    """A store with items of two communes, with doses of the first, and an account for everybody."""
    second = claim(1, full_name="Trần T. Hoà") | {"claim_id": claim_id(91), "dose_ids": ["D91"]}
    more = [row for number in range(10, 10 + n_more) for row in reviewed(number, settle_probability=0.5)]
    review = [*reviewed(1, RIVALS, conflicts=["interval_too_short"]), *reviewed(2), *reviewed(4, commune=OTHER), *more]
    named = claim(3, issue="no_id", full_name="<b>Út</b> & =1+1", candidate_ids=["P9"], candidate_probabilities=[0.03])
    store = new_store(folder, review, [second, named])
    of_dose = {"vaccine": "AstraZeneca", "facility_code": "2509001", "full_name": "Trần Thị Hoà", "status": "verified"}
    days = (("04/08/2021", []), ("2021-09-01", ["interval_too_short"]), (None, []))
    with store.writing() as connection:
        for number, (day, conflicts) in enumerate(days, 1):
            content = of_dose | {"dose_date": day, "dose_number": str(number), "conflicts": conflicts}
            connection.execute(insert(doses).values(item_id=1, dose_id=f"D{number}", content=content))
    with mock.patch("linkage.review.accounts._HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)):
        for name, (role, unit, full_name) in ACCOUNTS.items():
            add_account(store, name, role, unit, PASSWORD, full_name)
    store.close()


@dataclass
class Served:
    """An application on a copy of a store, and a browser without a script for each account."""

    store: Store
    app: FastAPI
    clock: Clock
    _browsers: dict[str, Browser] = field(default_factory=dict)

    @classmethod
    def of(cls, made: Path, folder: Path, *, is_behind_https: bool = False) -> Served:
        shutil.copytree(made, folder, dirs_exist_ok=True)
        store, clock = open_store(folder / "review.db"), Clock()
        return cls(store, make_application(store, is_behind_https=is_behind_https, clock=clock), clock)

    def browser(self, account: str | None = None) -> Browser:
        """Somebody's browser, logged in; a new one for nobody."""
        if account is None:
            return Browser(self.app)
        if account not in self._browsers:
            self._browsers[account] = made = Browser(self.app)
            assert made.post("/login", account=account, password=PASSWORD).status_code == 303
        return self._browsers[account]

    def item_of(self, subject: str) -> int:
        with self.store.reading() as connection:
            query = select(items.c.item_id).where(items.c.subject == subject)
            return int(connection.execute(query).scalar_one())

    def state_of(self, subject: str) -> str:
        with self.store.reading() as connection:
            return str(connection.execute(select(items.c.state).where(items.c.subject == subject)).scalar_one())

    def close_item(self, subject: str) -> None:
        """As a night does that no longer has it in a queue."""
        from linkage.review.standing import refresh

        with self.store.writing() as connection:
            number = self.item_of(subject)
            connection.execute(claims.update().where(claims.c.item_id == number).values(is_open=False))
            refresh(connection, [number])


class Browser:
    """What a browser without a script does: follows links and sends forms with what stands in them."""

    def __init__(self, app: FastAPI) -> None:
        self.client = TestClient(app, base_url=BASE, follow_redirects=False, raise_server_exceptions=False)
        self.form_token = ""
        self._app = app

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        if found := re.search(r'name="form_token" value="([^"]+)"', answer.text):
            self.form_token = found[1]
        return answer

    def _shown(self, path: str) -> list[int]:
        """The claims that a form sends along: all that may be decided on, where nobody unticks one."""
        query = select(claims).where(claims.c.item_id == path.split("/")[2])
        with self._app.state.store.reading() as connection:
            return [row.claim_row for row in waiting(connection.execute(query).all())]

    def post(self, path: str, **values: object) -> Any:
        if "form_token" not in values and path != "/login" and not self.form_token:
            self.get("/keys")
        if path.endswith("/decide") and "claim" not in values:
            values["claim"] = self._shown(path)
        sent = {"form_token": self.form_token, **values}
        return self.client.post(path, data=sent, headers={"Origin": BASE})
