"""An officer's day in a real browser: by keyboard alone, without a script, and for who cannot see."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Route, sync_playwright

from linkage.review.exporting import verdict_rows
from tests.review_served import PASSWORD, Served, make_served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="no browser here")
N_MORE = 30
WIDE, SMALL = {"width": 1366, "height": 768}, {"width": 360, "height": 740}


@dataclass
class Site:
    served: Served
    address: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    make_served(folder, N_MORE)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def site(made: Path, tmp_path: Path) -> Iterator[Site]:
    """The application on a port of its own, as it is served."""
    served = Served.of(made, tmp_path)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(served.app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Site(served, f"http://127.0.0.1:{listening.getsockname()[1]}")
    server.should_exit = True
    thread.join(10)
    listening.close()
    served.store.close()


def new_page(browser: Browser, size: dict[str, int], *, has_script: bool = True) -> tuple[Page, list[str]]:
    """A page of a new browser window, and what its console says."""
    context = browser.new_context(viewport=size, java_script_enabled=has_script)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return page, said


def verdicts(site: Site) -> list[str]:
    with site.served.store.reading() as connection:
        return [row["verdict"] for row in verdict_rows(connection)]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.value || ''"))


@pytest.mark.slow
def test_a_day_by_keyboard_alone(browser: Browser, site: Site) -> None:
    page, said = new_page(browser, WIDE)
    page.goto(site.address)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    for _ in range(8):
        if focused(page) == "account":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("an")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/items")
    page.keyboard.press("Enter")  # begin
    page.wait_for_selector("#decision")
    for number in range(N_MORE + 3):
        here = page.url
        page.keyboard.press(("Digit1", "KeyD", "KeyR", "Digit0")[number % 4] if number < N_MORE + 2 else "KeyF")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url, here=here: url != here)
    page.wait_for_url("**/items?done=1")
    assert "Đã xử lý hết danh sách" in page.inner_text("main")
    found = verdicts(site)
    assert len(found) == N_MORE + 4  # one subject has two claims
    assert [found.count(word) for word in ("person", "field_check", "registry_wrong", "nobody", "foreigner")] == [
        *(9, 8, 8, 8, 1),
    ]
    page.locator(".told button").press("Enter")  # the last one was a slip
    page.wait_for_selector("#decision")
    assert verdicts(site) == found[:-1]
    assert said == []
    page.context.close()


def test_keys_do_nothing_while_one_types_or_composes(browser: Browser, site: Site) -> None:
    page, said = new_page(browser, WIDE)
    log_in(page, site, "an")
    page.goto(f"{site.address}/items/next")
    here = page.url
    page.keyboard.press("KeyG")
    assert focused(page) == "note"
    page.keyboard.type("sdr 12 f0")
    assert page.input_value("#note") == "sdr 12 f0"
    assert page.locator("input[type=radio]:checked").count() == 0
    compose = (
        "document.body.dispatchEvent(new KeyboardEvent('keydown', "
        "{code: 'Digit1', bubbles: true, isComposing: %s, ctrlKey: %s}))"
    )
    for how in (("true", "false"), ("false", "true")):
        page.evaluate("document.activeElement.blur()")
        page.evaluate(compose % how)
        assert page.locator("input[type=radio]:checked").count() == 0
    page.evaluate(compose % ("false", "false"))
    assert page.locator("input[type=radio]:checked").count() == 1
    page.keyboard.press("KeyW")
    assert page.locator("#why").get_attribute("open") is not None
    page.keyboard.press("KeyS")
    page.wait_for_url(lambda url: url != here)
    assert (verdicts(site), said) == ([], [])
    page.context.close()


def log_in(page: Page, site: Site, account: str) -> None:
    page.goto(f"{site.address}/login")
    page.fill("#account", account)
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_selector("h1")


def test_a_day_without_a_script(browser: Browser, site: Site) -> None:
    page, _ = new_page(browser, SMALL, has_script=False)
    log_in(page, site, "an")
    page.click("#begin")
    page.click("#unmask")
    assert "068190001284" in page.inner_text(".compared")
    page.click("label:has(input[value='person:P2'])")
    page.select_option("#preset", "papers")
    page.click("#save")
    assert "Đã lưu: đúng người P2." in page.inner_text(".told")
    page.click(".told button")
    assert verdicts(site) == []
    page.click("label:has(input[value=nobody])")
    page.click("#save")
    page.click("#later")
    assert verdicts(site) == ["nobody", "nobody"]
    page.click("header form[action='/language'] button")
    assert page.get_attribute("html", "lang") == "en"
    page.click("header form[action='/logout'] button")
    page.goto(f"{site.address}/items")
    assert page.url.endswith("/login")
    page.context.close()


def shown_pages(site: Site) -> list[tuple[str | None, str]]:
    """Every page there is, and whose it is."""
    item = f"/items/{site.served.item_of('S1')}"
    return [
        *[(None, "/login"), ("an", "/items"), ("an", "/items?state=decided"), ("an", item)],
        *[("an", "/keys"), ("an", "/items/999999"), ("dung", "/progress")],
    ]


def test_what_was_sent_without_an_answer_can_be_sent_again(browser: Browser, site: Site) -> None:
    page, _ = new_page(browser, WIDE)
    log_in(page, site, "an")
    page.goto(f"{site.address}/items/next")
    sent: list[str] = []

    def lose(route: Route) -> None:
        sent.append(route.request.url)
        route.fulfill(status=204)  # the page stays

    page.route("**/decide", lose)
    page.check("input[value=nobody]")
    with page.expect_request("**/decide"):
        page.dblclick("#save")
    page.wait_for_timeout(200)
    assert len(sent) == 1
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow'))")
    page.unroute("**/decide")
    here = page.url
    page.click("#save")
    page.wait_for_url(lambda url: url != here)
    assert set(verdicts(site)) == {"nobody"}
    page.context.close()


@pytest.mark.slow
def test_every_page_can_be_used_by_everybody(browser: Browser, site: Site) -> None:
    """axe finds nothing, and nothing has to be moved sideways, from 320 px on."""
    from axe_playwright_python.sync_playwright import Axe

    found: dict[str, list[str]] = {}
    page, said = new_page(browser, WIDE)
    who = None
    for account, path in shown_pages(site):
        if account != who:
            page.context.clear_cookies()
            if account is not None:
                log_in(page, site, account)
            who = account
        page.set_viewport_size(WIDE)
        page.goto(site.address + path)
        if page.locator("#why").count():
            page.click("#why summary")
        faults = Axe().run(page).response["violations"]
        found[path] = [f"{fault['id']}: {fault['nodes'][0]['html'][:120]}" for fault in faults]
        for width in (360, 320):
            page.set_viewport_size({"width": width, "height": 740})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found[path].append(f"wider than {width} px")
        small = page.evaluate(
            "[...document.querySelectorAll('button, input:not([type=hidden]), select')]"
            ".filter(e => { const r = (e.closest('label') || e).getBoundingClientRect();"
            " return r.height > 0 && r.height < 24 }).length"
        )
        assert small == 0, path
    assert found == {path: [] for path in found}
    assert [text for text in said if "404" not in text] == []
    page.context.close()
