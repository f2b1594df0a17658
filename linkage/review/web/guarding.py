"""What stands before every page: who asks, whether that is allowed, and what a browser may do with the answer.

A route has the name of a rule (linkage.review.permissions); one that has none does not start. What is not allowed looks
like what is not there.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linkage.review.looking import place_of
from linkage.review.permissions import RULES, may
from linkage.review.web import sessions
from linkage.review.web.sessions import Visit

FORM_TOKEN = "form_token"
MOST_BYTES = 64 << 10  # of what a form sends
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a form's Origin is "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Refused(Exception):  # noqa: N818, it is an answer
    """What is not done. status: of the answer; key: of the catalogue; item_id: to look at again."""

    def __init__(self, status: int, key: str, item_id: int | None = None) -> None:
        super().__init__(key)
        self.status, self.key, self.item_id = status, key, item_id


class NotLoggedIn(Exception):  # noqa: N818
    """Nobody is logged in who could ask for this."""


class GuardedRoute(APIRoute):
    """A route that asks who may take it before anything else is done."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if self.name not in RULES:
            raise LookupError(f"route {path}: linkage.review.permissions has no rule {self.name!r}")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            if request.method not in ("GET", "HEAD"):
                _check_origin(request)
            request.state.visit = visit = await run_in_threadpool(_admitted, request, self.name)
            if request.method not in ("GET", "HEAD") and visit is not None:
                form = await request.form()
                given = form.get(FORM_TOKEN)
                if not isinstance(given, str) or not hmac.compare_digest(given.encode(), visit.form_token.encode()):
                    raise Refused(403, "refused.form")
            return await handle(request)

        return guarded


def visit_of(request: Request) -> Visit:
    """Who asks, on a page for those who are logged in."""
    visit: Visit | None = request.state.visit
    if visit is None:
        raise NotLoggedIn
    return visit


def cookie_name(is_behind_https: bool) -> str:
    """A cookie that no other host and no plain connection can set, where there is HTTPS."""
    return "__Host-review" if is_behind_https else "review"


def _admitted(request: Request, action: str) -> Visit | None:
    """Who asks, None for nobody. Raises where they may not do what they ask for."""
    app = request.app.state
    now = app.clock()
    secret = request.cookies.get(cookie_name(app.is_behind_https))
    visit, place, is_open = None, None, False
    with app.store.reading() as connection:
        is_to_note = False
        if secret:
            visit, is_to_note = sessions.find(connection, secret, now)
        item_id = request.path_params.get("item_id")
        if item_id is not None and visit is not None:
            found = place_of(connection, _number(item_id))
            place, is_open = found if found is not None else (None, False)
    if not may(None if visit is None else visit.account, action, place, is_open=is_open):
        if visit is None:
            raise NotLoggedIn
        if may(visit.account, action, place):
            raise Refused(409, "decide.closed", _number(item_id))
        raise Refused(404, "refused.not_found")
    if visit is not None and is_to_note:
        with app.store.writing() as connection:
            sessions.note_seen(connection, visit.token, now)
    return visit


def _number(text: str | None) -> int:
    """The number of an item; -1, which none has, for what is no number that a database takes."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else -1


def _check_origin(request: Request) -> None:
    """A form comes from a page of ours: browsers say so, and what does not is refused."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        is_ours = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not is_ours:
        raise Refused(403, "refused.form")


class Headers:
    """Adds to every answer what a browser may do with it; refuses what is longer than any form of ours."""

    def __init__(self, app: ASGIApp, *, is_behind_https: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if is_behind_https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        said = dict(scope["headers"]).get(b"content-length", b"0")
        is_chunked = b"transfer-encoding" in dict(scope["headers"])
        if is_chunked or not said.isdigit() or int(said) > MOST_BYTES:
            await Response(status_code=413)(scope, receive, send_with)
            return
        await self._app(scope, receive, send_with)
