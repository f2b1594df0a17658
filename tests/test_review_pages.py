"""The pages of the review: what an officer sees and does without a script, and what nobody may."""

from __future__ import annotations

import datetime
import html.parser
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select

from linkage.plan.reading import load_plan
from linkage.review import audit
from linkage.review.accounts import LANGUAGES, add_account, set_active, set_password
from linkage.review.arriving import BITS
from linkage.review.exporting import export_verdicts, verdict_rows
from linkage.review.looking import look_at
from linkage.review.permissions import RULES, Account, Place, may
from linkage.review.standing import STATES
from linkage.review.tables import audit as entries
from linkage.review.tables import claims, events, sessions
from linkage.review.web import wording
from linkage.review.web.guarding import GuardedRoute
from linkage.review.web.sessions import BLOCKED, IDLE, MOST_FAILURES, MOST_OF_ADDRESS, WHOLE, Attempts
from linkage.review.web.wording import Words, catalogue
from tests.review_served import ACCOUNTS, MORNING, PASSWORD, Browser, Served, make_served
from tests.reviewed import (
    COMMUNE,
    OTHER,
    REGISTERED,
    STATED,
    candidate,
    claim,
    claim_id,
    new_store,
    reviewed,
    take_night,
    write_night,
)

WEB = Path(wording.__file__).parent
MOST_BYTES = 60 << 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    make_served(folder)
    return folder


@pytest.fixture
def served(made: Path, tmp_path: Path) -> Iterator[Served]:
    opened = Served.of(made, tmp_path)
    yield opened
    opened.store.close()


def exported(served: Served) -> list[tuple[str, str, str, str]]:
    with served.store.reading() as connection:
        rows = verdict_rows(connection)
    return [(row["claim_id"][-2:], row["verdict"], row["person_id"], row["decided_by"]) for row in rows]


# ------------------------------------------------------------------------------------------------- an officer's morning


def test_an_officer_works_through_the_list(served: Served) -> None:
    an = served.browser("an")
    assert an.get("/").headers["location"] == "/items"
    page = an.get("/items").text
    assert "Đã xử lý 0 trên 3 đối tượng" in page
    assert "lập ngày 14/03/2026, hạn trả 16/03/2026" in page
    assert "quá hạn" not in page
    first = an.get("/items/next").headers["location"]
    assert first == f"/items/{served.item_of('S1')}"
    answer = an.post(f"{first}/decide", version=0, choice="person:P2", note=" gặp mẹ ", preset="family")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/items/{served.item_of('S2')}")
    page = an.get(answer.headers["location"]).text
    assert "Đã lưu: đúng người P2." in page
    second = an.post(f"/items/{served.item_of('S2')}/decide", version=0, choice="field_check")
    last = an.post(f"{second.headers['location']}/decide", version=0, choice="nobody")
    assert last.headers["location"] == "/items?done=1"
    page = an.get(last.headers["location"]).text
    assert "Đã xử lý hết danh sách" in page
    assert "Chờ xác minh hoặc sửa CSDL (1)" in page
    assert exported(served) == [
        *[("01", "person", "P2", "an"), ("5b", "person", "P2", "an")],
        *[("02", "field_check", "", "an"), ("03", "nobody", "", "an")],
    ]
    with served.store.reading() as connection:
        assert connection.execute(select(events.c.note)).scalars().first() == "Đã gặp gia đình; gặp mẹ"
        audit.verify(connection)


def test_a_slip_is_taken_back_and_one_claim_decided_alone(served: Served) -> None:
    an, number = served.browser("an"), served.item_of("S1")
    an.post(f"/items/{number}/decide", version=0, choice="foreigner")
    assert an.post(f"/items/{number}/undo", version=1).headers["location"] == f"/items/{number}"
    assert served.state_of("S1") == "open"
    rows = re.findall(r'name="claim" value="(\d+)" checked', an.get(f"/items/{number}").text)
    assert len(rows) == 2
    an.post(f"/items/{number}/decide", version=2, choice="person:P1", claim=rows[0])
    assert served.state_of("S1") == "open"
    an.post(f"/items/{number}/decide", version=3, choice="nobody", claim=rows[1])
    assert served.state_of("S1") == "decided"
    assert [row[:3] for row in exported(served)] == [("01", "person", "P1"), ("5b", "nobody", "")]
    refused = served.browser("binh").post(f"/items/{number}/undo", version=4)
    assert (refused.status_code, "Không rút lại được nữa" in refused.text) == (409, True)


def test_of_two_officers_the_second_is_told(served: Served) -> None:
    number = served.item_of("S1")
    served.browser("an").post(f"/items/{number}/decide", version=0, choice="nobody")
    answer = served.browser("binh").post(f"/items/{number}/decide", version=0, choice="person:P1")
    assert answer.status_code == 409
    assert "Có người vừa kết luận" in answer.text
    assert f'href="/items/{number}"' in answer.text
    assert "Nguyễn Văn An đã kết luận lúc 08:00 15/03/2026: không có trong CSDL." in (
        served.browser("binh").get(f"/items/{number}").text
    )
    assert {row[1] for row in exported(served)} == {"nobody"}


def test_what_a_night_took_can_be_decided_anew_and_what_follows_is_said(served: Served, tmp_path: Path) -> None:
    number, before, beside = served.item_of("S2"), "Kết luận mới sẽ thay kết luận trên", "hai kết luận mâu thuẫn"
    served.browser("an").post(f"/items/{number}/decide", version=0, choice="person:P1")
    page = served.browser("binh").get(f"/items/{number}").text
    assert (before in page, beside in page) == (True, False)  # no file has it
    export_verdicts(served.store, tmp_path / "v.csv")
    served.close_item("S2")
    for account, told, untold in (("an", before, beside), ("binh", beside, before)):
        page = served.browser(account).get(f"/items/{number}").text
        assert (told in page, untold in page, 'id="decision"' in page) == (True, False, True)
    answer = served.browser("an").post(f"/items/{number}/decide", version=1, choice="nobody")
    assert answer.status_code == 303
    assert [row[1] for row in exported(served)] == ["person", "nobody"]


def test_who_is_known_but_not_listed_can_be_named(served: Served) -> None:
    page = served.browser("an").get(f"/items/{served.item_of('S1')}").text
    assert "đã biết là ai: chọn “Cần xác minh thực địa” và ghi số CCCD" in page


@pytest.mark.parametrize(
    "sent",
    [
        {"version": 0},
        {"version": 0, "choice": "person:P77"},
        {"version": 0, "choice": "perhaps"},
        {"version": 0, "choice": "nobody", "claim": 999},
        {"version": "x", "choice": "nobody"},
        {"choice": "nobody"},
        {"version": 10**20, "choice": "nobody"},
        {"version": 0, "choice": "nobody", "claim": 10**20},
    ],
)
def test_what_says_nothing_is_refused_in_words(served: Served, sent: dict[str, object]) -> None:
    answer = served.browser("an").post(f"/items/{served.item_of('S1')}/decide", **sent)
    assert (answer.status_code, "Yêu cầu không hợp lệ" in answer.text) == (400, True)
    assert exported(served) == []


def test_a_decision_speaks_of_the_claims_that_the_page_showed(served: Served, tmp_path: Path) -> None:
    """One claim or several: the form sends their rows, and where none is ticked nothing is decided."""
    an = served.browser("an")
    for subject, n_claims in (("S1", 2), ("S2", 1)):
        page = an.get(f"/items/{served.item_of(subject)}").text
        assert len(re.findall(r'name="claim" value="\d+"', page)) == n_claims
        answer = an.post(f"/items/{served.item_of(subject)}/decide", version=0, choice="nobody", claim=[])
        assert (answer.status_code, "ít nhất một thông tin" in answer.text) == (400, True)
    arrived = [row | {"claim_id": claim_id(77), "dose_ids": ["D77"]} for row in reviewed(2, full_name="Somebody else")]
    take_night(served.store, write_night(tmp_path / "nights", 2, arrived))
    answer = an.post(f"/items/{served.item_of('S2')}/decide", version=0, choice="nobody")
    assert (answer.status_code, "vừa có thông tin mới" in answer.text) == (409, True)
    assert exported(served) == []


def test_later_goes_on_and_comes_back(served: Served) -> None:
    an, numbers = served.browser("an"), [served.item_of(name) for name in ("S1", "S2", "S3")]
    seen = [an.get(f"/items/next?after={number}").headers["location"] for number in numbers]
    assert seen == [f"/items/{numbers[1]}", f"/items/{numbers[2]}", f"/items/{numbers[0]}"]


def test_what_is_overdue_is_told(served: Served) -> None:
    served.clock.now = MORNING + datetime.timedelta(days=2)
    page = served.browser("an").get("/items").text
    assert "3 đối tượng quá hạn" in page
    assert "Bắt đầu" in page


def test_a_long_list_has_pages(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    make_served(tmp_path / "made", n_more=60)
    served = Served.of(tmp_path / "made", tmp_path / "copy")
    an = served.browser("an")
    first, second = an.get("/items").text, an.get("/items?state=open&page=2").text
    listed = [re.findall(r'<th scope="row"><a href="/items/(\d+)"', page) for page in (first, second)]
    assert [len(part) for part in listed] == [50, 13]
    assert not set(listed[0]) & set(listed[1])
    assert "Trang 1 trên 2" in first
    assert len(first.encode()) < MOST_BYTES
    assert an.get("/items?page=0").status_code == 400
    served.store.close()


# ----------------------------------------------------------------------------------------------------- the pair screen


def test_differences_reasons_doses_and_warnings_stand_beside_each_other(served: Served) -> None:
    page = served.browser("an").get(f"/items/{served.item_of('S1')}").text
    assert len(page.encode()) < MOST_BYTES
    for told in (
        'Trần <mark class="order">Hoà</mark>',
        "đảo thứ tự",
        '<mark class="day_month">09/05</mark>/1990',
        '<mark class="tone">Hoa</mark>',
        "khả năng 52 %",
        "+14,7 điểm",
        "Khác một chữ số.",
        "Có hai người gần như phù hợp như nhau.",
        "Hai người có cùng ngày sinh và cùng họ",
        "Khoảng cách hai mũi quá ngắn.",
        '<circle class="conflict"',
        "Đã mất",
        "AstraZeneca",
        "04/08/2021",
    ):
        assert told in page, told
    assert page.count("<circle") == 2  # the third dose has no day


def test_numbers_are_hidden_until_asked_for_and_the_asking_stays(served: Served) -> None:
    an, number = served.browser("an"), served.item_of("S1")
    page = an.get(f"/items/{number}").text
    hidden = (STATED["id_number"], STATED["phone"], "068190001284", "0987654321")
    assert [text for text in hidden if text in page] == []
    assert "•••••••••234" in page
    assert an.post(f"/items/{number}/unmask").status_code == 303
    page = an.get(f"/items/{number}").text
    assert STATED["id_number"] in page
    assert '0681900012<mark class="digit">8</mark>4' in page
    assert STATED["id_number"] not in served.browser("binh").get(f"/items/{number}").text
    assert an.post(f"/items/{number}/unmask").status_code == 303
    with served.store.reading() as connection:
        assert audit.n_of_item(connection, number, "unmask") == 1
        assert audit.n_of_item(connection, served.item_of("S2"), "unmask") == 0


def test_what_was_typed_is_text(served: Served) -> None:
    an, number = served.browser("an"), served.item_of("S3")
    for page in (an.get("/items").text, an.get(f"/items/{number}").text):
        assert "&lt;b&gt;Út&lt;/b&gt; &amp; =1+1" in page
        assert "<b>Út" not in page
    assert "Chỉ có mã người P9" in an.get(f"/items/{number}").text


def test_who_states_nothing_has_a_page_too(tmp_path: Path) -> None:
    bare = {f"stated_{name}": None for name in STATED} | {"issue": None}
    (tmp_path / "made").mkdir()
    nobody = candidate("P1", 0.4) | {f"registered_{name}": None for name in REGISTERED}
    new_store(tmp_path / "made", reviewed(1, [nobody], **bare), [claim(2, subject_id=None) | bare]).close()
    served = Served.of(tmp_path / "made", tmp_path / "copy")
    add_account(served.store, "an", "officer", COMMUNE, PASSWORD)
    an = served.browser("an")
    assert an.get("/items").text.count("(không ghi tên)") == 2
    for subject in ("S1", claim_id(2)):
        page = an.get(f"/items/{served.item_of(subject)}").text
        assert "(không ghi tên)" in page
        assert "không ghi</span>" in page or "không tìm thấy người nào" in page
    served.store.close()


class _Texts(html.parser.HTMLParser):
    """Texts between the tags of a template, without its expressions."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found += re.findall(r"[^\W\d_]+", data)


def template_texts(source: str) -> list[str]:
    reader = _Texts()
    reader.feed(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", source, flags=re.DOTALL))
    return reader.found


def test_no_text_stands_in_a_template() -> None:
    templates = sorted((WEB / "templates").glob("*.html"))
    assert len(templates) > 5
    assert {path.name: template_texts(path.read_text("utf-8")) for path in templates} == {
        path.name: [] for path in templates
    }
    assert template_texts('<p title="x">{{ t("a") }} Xin chào</p>') == ["Xin", "chào"]


def test_the_catalogue_says_everything_in_both_languages() -> None:
    for key, texts in catalogue().items():
        assert len(texts) == len(LANGUAGES), key
        assert all(texts), key
        fields = [set(re.findall(r"\{(\w+)\}", text)) for text in texts]
        assert fields[0] == fields[1], key
    sources = [path.read_text("utf-8") for path in (*WEB.glob("*.py"), *WEB.glob("templates/*.html"))]
    asked = {key for source in sources for key in re.findall(r'"([a-z_]+\.[a-z_]+)"', source)}
    asked -= {"review.js", "review.css", "words.toml", "icon.svg"}
    asked -= {key for key in asked if key.endswith((".html", "_")) or key.startswith("linkage.")}
    assert asked - set(catalogue()) == set()
    parts = {*(f"list.state_{name}" for name in STATES), *(f"comparison.{name}" for name in BITS)}
    labels = {f"level.{label}" for spec in load_plan().comparisons for label in spec.labels}
    assert (parts | labels | {f"comparison.{spec.name}" for spec in load_plan().comparisons}) - set(
        catalogue()
    ) == set()
    with pytest.raises(KeyError):
        Words("vi")("no.such_key")


@pytest.mark.parametrize("account", ["an", "dung"])
def test_everything_can_be_read_in_english(served: Served, account: str) -> None:
    browser = served.browser(account)
    assert browser.post("/language", language="en", back="/keys").headers["location"] == "/keys"
    paths = ["/keys", "/items", f"/items/{served.item_of('S1')}"] if account == "an" else ["/progress"]
    for path in paths:
        page = browser.get(path).text
        assert '<html lang="en">' in page
        own = re.sub(r"<(h1|td|th|label|summary|a|p)\b[^>]*>[^<]*(Trần|Hoà|Nguyễn|Phạm|Lộc|Út)[^<]*", "", page)
        assert re.findall(r"\b(?:Danh|Người|Kết luận|Đăng xuất|Tiến độ)\b", own) == []
    assert browser.post("/language", language="fr").status_code == 400
    for path in ("//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example"):
        assert browser.post("/language", language="vi", back=path).headers["location"] == "/"


# ------------------------------------------------------------------------------------------------------ who may do what


def routes(served: Served) -> list[APIRoute]:
    found = [route for route in served.app.routes if isinstance(route, APIRoute)]
    assert len(found) == len(served.app.routes)
    return found


def test_every_route_has_a_rule_and_every_rule_a_route(served: Served) -> None:
    assert {route.name for route in routes(served)} == set(RULES)
    assert all(isinstance(route, GuardedRoute) for route in routes(served))
    with pytest.raises(LookupError, match="has no rule 'open_door'"):
        served.app.add_api_route("/door", lambda: None, name="open_door")


SENT = {
    "log_in": {"account": "an", "password": "wrong"},
    "choose_language": {"language": "vi"},
    "choose_shortcuts": {"are_on": "true"},
    "decide": {"version": "0", "choice": "nobody"},
    "undo": {"version": "0"},
}


def asked(served: Served, browser: Browser, route: APIRoute, item_id: object) -> tuple[int, str]:
    """The answer to a request, without what differs by who asks."""
    path = route.path.replace("{item_id}", str(item_id)).replace("{name}", "review.css")
    is_post = "POST" in (route.methods or ())
    answer = browser.post(path, **SENT.get(route.name, {})) if is_post else browser.get(path)
    text = re.sub(r'value="[^"]*"', "", answer.text)
    return answer.status_code, text


@pytest.mark.parametrize("account", [None, *ACCOUNTS])
@pytest.mark.parametrize("state", ["open", "closed"])
def test_nobody_reads_or_writes_what_no_rule_allows(served: Served, account: str | None, state: str) -> None:
    """Every route, with an item of one's own commune, of another one, and one that is not there."""
    places = {"S1": Place(COMMUNE, COMMUNE), "S4": Place(OTHER, OTHER)}
    if state == "closed":
        for subject in places:
            served.close_item(subject)
    who = None if account is None else Account(account, "", *ACCOUNTS[account][:2], "vi", True)
    browser = served.browser(account)
    for route in sorted(routes(served), key=lambda route: route.name == "log_out"):
        if "{item_id}" not in route.path:
            check_answer(who, route, None, asked(served, browser, route, 0), is_open=True)
            continue
        absent = asked(served, browser, route, 999_999)
        for subject, place in places.items():
            answer = asked(served, browser, route, served.item_of(subject))
            check_answer(who, route, place, answer, is_open=state == "open")
            if who is not None and not may(who, route.name, place):
                assert answer == absent, route.name
    decided = {row[3] for row in exported(served)}
    assert decided == ({account} if state == "open" and who is not None and who.role == "officer" else set())


@pytest.mark.parametrize(
    ("account", "place", "rights"),
    [
        ("an", Place(COMMUNE, COMMUNE), (True, True)),
        ("an", Place(OTHER, COMMUNE), (True, True)),  # a commune of 2021
        ("an", Place(COMMUNE, OTHER), (True, True)),
        ("an", Place(OTHER, OTHER), (False, False)),
        ("an", Place("", ""), (False, False)),
        ("an", None, (False, False)),
        ("dung", Place(COMMUNE, COMMUNE), (False, False)),
        ("em", Place(OTHER, OTHER), (False, False)),
        (None, Place(COMMUNE, COMMUNE), (False, False)),
    ],
)
def test_only_the_officer_of_the_commune_sees_and_decides(
    account: str | None, place: Place | None, rights: tuple[bool, bool]
) -> None:
    who = None if account is None else Account(account, "", *ACCOUNTS[account][:2], "vi", True)
    assert (may(who, "item", place), may(who, "decide", place)) == rights
    assert (may(who, "unmask", place), may(who, "undo", place)) == (rights[0], rights[1])
    assert not may(who, "decide", place, is_open=False)
    assert not may(who, "no_such_rule", place)


DONE = {("log_in", 401), ("undo", 409)}  # a wrong password, nothing to take back


def check_answer(
    who: Account | None, route: APIRoute, place: Place | None, answer: tuple[int, str], *, is_open: bool
) -> None:
    """The answer is what the one function says."""
    status, text = answer
    if may(who, route.name, place, is_open=is_open):
        assert status in (200, 303) or (route.name, status) in DONE, (route.name, status)
        return
    assert STATED["full_name"] not in text, route.name
    if who is None:
        assert status in (303, 401), route.name
    else:
        assert status == (409 if may(who, route.name, place) else 404), route.name


@pytest.mark.parametrize("number", ["0", "-1", "1e3", "99999999999999999999", "%00", "1 OR 1=1"])
def test_numbers_that_no_item_has_are_not_there(served: Served, number: str) -> None:
    assert served.browser("an").get(f"/items/{number}").status_code in (400, 404)


def test_an_item_of_others_is_nothing_to_go_on_from(served: Served) -> None:
    """Its place in the list does not show."""
    an = served.browser("an")
    first, others = (an.get(path).headers["location"] for path in ("/items/next?after=999999", "/items/next"))
    assert first == others == f"/items/{served.item_of('S1')}"
    assert an.get(f"/items/next?after={served.item_of('S4')}").headers["location"] == first


def test_a_supervisor_sees_counts_and_no_person(served: Served) -> None:
    served.browser("an").post(f"/items/{served.item_of('S1')}/decide", version=0, choice="nobody")
    page = served.browser("dung").get("/progress").text
    rows = re.findall(r'<th scope="row">([^<]*)</th>\s*((?:<td[^>]*>[^<]*</td>\s*)+)', page)
    counts = {name: re.findall(r">(\d+)<", cells) for name, cells in rows}
    assert counts == {
        OTHER: ["1", "0", "0", "0", "0", "1"],
        COMMUNE: ["2", "0", "1", "0", "0", "3"],
        "Cộng": ["3", "0", "1", "0", "0", "4"],
    }
    assert "Trần" not in page
    assert COMMUNE not in served.browser("em").get("/progress").text
    assert served.browser("dung").get("/").headers["location"] == "/progress"


# --------------------------------------------------------------------------------------------- sessions, forms, headers


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_form_from_elsewhere_is_refused(served: Served, headers: dict[str, str]) -> None:
    an, number = served.browser("an"), served.item_of("S1")
    an.get("/items")
    sent = {"form_token": an.form_token, "version": "0", "choice": "nobody"}
    assert an.client.post(f"/items/{number}/decide", data=sent, headers=headers).status_code == 403
    assert an.client.post("/login", data={"account": "an", "password": PASSWORD}, headers=headers).status_code == 403
    assert exported(served) == []


@pytest.mark.parametrize("token", ["", "x", "é", "of somebody else"])
def test_a_form_without_the_session_s_token_is_refused(served: Served, token: str) -> None:
    an, binh, number = served.browser("an"), served.browser("binh"), served.item_of("S1")
    binh.get("/items")
    given = binh.form_token if token.startswith("of") else token
    assert an.post(f"/items/{number}/decide", form_token=given, version=0, choice="nobody").status_code == 403
    assert exported(served) == []


def test_answers_say_what_a_browser_may_do_with_them(served: Served) -> None:
    an = served.browser("an")
    for path in ("/items", "/login", "/absent", "/static/review.css", f"/items/{served.item_of('S4')}"):
        headers = an.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        is_static = path.startswith("/static")
        assert headers["cache-control"] == ("public, max-age=31536000, immutable" if is_static else "no-store")
    page = an.get(f"/items/{served.item_of('S1')}").text
    assert re.findall(r"\son\w+=|\sstyle=|<style|<script(?! src=)", page) == []
    assert an.client.get("/openapi.json").status_code == an.client.get("/docs").status_code == 404
    assert an.client.get("/static/..%2fwords.toml").status_code == 404


def test_a_fault_of_the_program_is_told_without_its_reason(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(STATED["full_name"])

    an = served.browser("an")
    monkeypatch.setattr("linkage.review.web.pages.list_items", fail)
    answer = an.get("/items")
    assert (answer.status_code, "Hệ thống đang có lỗi" in answer.text) == (500, True)
    assert STATED["full_name"] not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("is_behind_https", [False, True])
def test_the_cookie_is_for_this_server_alone(made: Path, tmp_path: Path, is_behind_https: bool) -> None:
    served = Served.of(made, tmp_path, is_behind_https=is_behind_https)
    answer = served.browser().post("/login", account="an", password=PASSWORD)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-review=" if is_behind_https else "review=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert ("Secure" in cookie) == is_behind_https
    assert ("strict-transport-security" in answer.headers) == is_behind_https
    with served.store.reading() as connection:
        kept = connection.execute(select(sessions.c.token)).scalar_one()
    assert kept not in cookie
    served.store.close()


def test_sessions_end(served: Served) -> None:
    an, token = served.browser("an"), ""
    token = str(an.client.cookies.get("review"))
    for minutes in (20, 45, 60):  # looked at meanwhile
        served.clock.now = MORNING + datetime.timedelta(minutes=minutes)
        assert an.get("/items").status_code == 200
    served.clock.now += IDLE + datetime.timedelta(minutes=1)
    assert an.get("/items").headers["location"] == "/login"
    assert an.post(f"/items/{served.item_of('S1')}/decide", version=0, choice="nobody").status_code == 401
    served.clock.now = MORNING
    binh = served.browser("binh")
    binh.get("/items")
    served.clock.now = MORNING + WHOLE + datetime.timedelta(minutes=1)
    with served.store.writing() as connection:
        connection.execute(sessions.update().values(seen_at=served.clock.now.isoformat()))
    assert binh.get("/items").status_code == 303
    served.clock.now = MORNING
    for change in (lambda: set_active(served.store, "an", False), lambda: set_password(served.store, "an", PASSWORD)):
        set_active(served.store, "an", True)
        again = served.browser()
        assert again.post("/login", account="an", password=PASSWORD).status_code == 303
        assert again.get("/items").status_code == 200
        change()
        assert again.get("/items").status_code == 303
    out = served.browser("chi")
    token = str(out.client.cookies.get("review"))
    assert out.post("/logout").headers["location"] == "/login"
    out.client.cookies.set("review", token)
    assert out.get("/items").status_code == 303


def test_who_guesses_has_to_wait(served: Served) -> None:
    guessing = served.browser()
    answers = [guessing.post("/login", account="an", password=f"guess {n} of it") for n in range(MOST_FAILURES)]
    assert {answer.status_code for answer in answers} == {401}
    unknown = guessing.post("/login", account="nobody", password="guess of it")
    assert unknown.text.replace("nobody", "an") == answers[0].text
    assert guessing.post("/login", account="an", password=PASSWORD).status_code == 429
    assert served.browser().post("/login", account="binh", password=PASSWORD).status_code == 303
    served.clock.now += BLOCKED + datetime.timedelta(seconds=1)
    assert guessing.post("/login", account="an", password=PASSWORD).status_code == 303
    assert guessing.get("/login").headers["location"] == "/"


def test_who_guesses_at_once_gains_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess counts before its password is looked at: here each begins while the ones before are."""
    begun: list[int] = []
    statuses: list[int] = []

    def slow(*_: object) -> None:
        begun.append(1)
        if len(begun) < 12:
            statuses.append(served.browser().post("/login", account="an", password="a guess of it").status_code)

    monkeypatch.setattr("linkage.review.web.visiting.find_account", slow)
    served.browser().post("/login", account="an", password="a guess of it")
    assert sorted(statuses) == [401] * (MOST_FAILURES - 1) + [429]


def test_who_logs_in_counts_for_nothing(served: Served) -> None:
    attempts = Attempts()
    for _ in range(2 * MOST_OF_ADDRESS):
        assert attempts.begins("an", "address", MORNING)
        attempts.succeeded("an", "address")
    for number in range(MOST_OF_ADDRESS):
        assert attempts.begins(f"account-{number}", "address", MORNING)
    assert not attempts.begins("an", "address", MORNING)


def test_what_speaks_for_a_candidate_is_of_the_claim_shown(tmp_path: Path) -> None:
    """Another claim of the subject is surer of the same person, by a commune that the claim shown does not state."""
    (tmp_path / "made").mkdir()
    of_shown = [candidate("P1", 0.3) | {"level_commune": "other"}, candidate("P2", 0.2)]
    surer = [row | {"claim_id": claim_id(9), "dose_ids": ["D9"]} for row in reviewed(1, [candidate("P1", 0.8)])]
    named = claim(1) | {"claim_id": claim_id(8), "dose_ids": ["D8"]}
    named |= {"candidate_ids": ["P3", "P4"], "candidate_probabilities": [0.9, 0.8]}
    rows = [row | {"in_police_list": True} for row in reviewed(1, of_shown, settle_probability=0.95)]
    store = new_store(tmp_path / "made", [*rows, *surer], [named])
    with store.reading() as connection:
        looked = look_at(connection, 1)
    store.close()
    assert looked.claims[0].claim_id == claim_id(1)
    assert [one.person_id for one in looked.candidates] == ["P1", "P2", "P3", "P4"]
    assert {item.comparison: item.level for item in looked.candidates[0].evidence}["commune"] == "other"


def test_who_is_only_named_is_shown_as_another_claim_tells(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    first = claim(1) | {"candidate_ids": ["P1"], "candidate_probabilities": [0.2]}
    second = [row | {"claim_id": claim_id(9), "dose_ids": ["D9"]} for row in reviewed(1)]
    store = new_store(tmp_path / "made", second, [first])
    with store.writing() as connection:
        rows = connection.execute(select(claims).where(claims.c.claim_id == claim_id(9))).all()
        content = rows[0].content | {"priority": 3}
        connection.execute(claims.update().where(claims.c.claim_id == claim_id(9)).values(content=content))
    with store.reading() as connection:
        looked = look_at(connection, 1)
    store.close()
    assert looked.claims[0].claim_id == claim_id(1)
    (one,) = looked.candidates
    assert (one.registered["full_name"], one.evidence) == (REGISTERED["full_name"], [])


def test_what_is_longer_than_any_form_is_not_read(served: Served) -> None:
    an = served.browser("an")
    number = served.item_of("S1")
    answer = an.post(f"/items/{number}/decide", version=0, choice="nobody", note="x" * 70_000)
    assert answer.status_code == 413
    chunks = an.client.post("/login", content=iter([b"account=an"]), headers={"Origin": "http://127.0.0.1"})
    assert chunks.status_code == 413


def test_keys_can_be_switched_off(served: Served) -> None:
    an = served.browser("an")
    assert "review.js" in an.get("/keys").text
    an.post("/keys", are_on="false")
    assert "review.js" not in an.get("/items").text
    an.post("/keys", are_on="true")
    assert "review.js" in an.get("/items").text


def test_nobody_s_name_or_number_stands_in_a_log_or_the_audit(
    served: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    an, number = served.browser("an"), served.item_of("S1")
    an.get("/items")
    an.get(f"/items/{number}")
    an.post(f"/items/{number}/unmask")
    an.post(f"/items/{number}/decide", version=0, choice="person:P1", note=STATED["full_name"])
    an.post(f"/items/{number}/decide", version=0, choice="nobody")
    with served.store.reading() as connection:
        told = json.dumps([tuple(row) for row in connection.execute(select(entries))], ensure_ascii=False)
    own = [record.getMessage() for record in caplog.records if record.name.startswith("linkage")]
    written = told + "".join(own) + "".join(capfd.readouterr())
    for text in (STATED["full_name"], STATED["id_number"], STATED["phone"], "068190001284"):
        assert text not in written


def test_the_application_listens_on_the_loopback_alone(monkeypatch: pytest.MonkeyPatch, served: Served) -> None:
    import socket

    import uvicorn

    from linkage.errors import LinkageError
    from linkage.review.web.serving import serve

    bound: list[tuple[str, int]] = []
    told: list[str] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: bound.extend(s.getsockname() for s in sockets))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(LinkageError, match=f"--port {port}: cannot be listened on"):
            serve(served.store, port, told.append)
    serve(served.store, port, told.append)
    assert told == [f"http://127.0.0.1:{port}"]
    assert bound == [("127.0.0.1", port)]
