"""Logging in and out, the language, the keys, and the files that pages load."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import update

from linkage.review import audit
from linkage.review.accounts import LANGUAGES, MOST_PASSWORD, find_account
from linkage.review.tables import accounts
from linkage.review.web import sessions
from linkage.review.web.guarding import Refused, cookie_name, visit_of
from linkage.review.web.rendering import LANGUAGE_COOKIE, STATIC, render
from linkage.review.web.rendering import static_file as content_of

_MOST_NAME = 80
_MOST_TYPED = 3 * MOST_PASSWORD  # a letter with two marks comes as three signs from some keyboards


def static_file(name: str) -> Response:
    """A style or a script, which a browser keeps: pages ask for it by what is in it."""
    if name not in STATIC:
        raise Refused(404, "refused.not_found")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content_of(name)[0], media_type=STATIC[name], headers=headers)


def log_in_page(request: Request) -> Response:
    if request.state.visit is not None:
        return RedirectResponse("/", 303)
    return render(request, "login.html", told=None, minutes=0)


def log_in(request: Request, account: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "") -> Response:
    """Begin a session; wrong names take as long as wrong passwords, and too many of them are not even looked at."""
    app, at = request.app.state, request.app.state.clock()
    name, address = account.strip()[:_MOST_NAME], request.client.host if request.client else ""
    minutes = int(sessions.BLOCKED.total_seconds() // 60)
    if not app.attempts.begins(name, address, at):
        return render(request, "login.html", 429, told="login.too_many", minutes=minutes)
    found = find_account(app.store, name, password) if len(password) <= _MOST_TYPED else None
    if found is None:
        return render(request, "login.html", 401, told="login.wrong", minutes=minutes)
    app.attempts.succeeded(name, address)
    with app.store.writing() as connection:
        secret = sessions.begin(connection, found, at)
        audit.append(connection, found.unit, found.account, "log_in", at.isoformat(timespec="seconds"), {})
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        cookie_name(app.is_behind_https), secret, path="/", httponly=True, samesite="lax", secure=app.is_behind_https
    )
    return answer


def log_out(request: Request) -> Response:
    app, visit = request.app.state, visit_of(request)
    with app.store.writing() as connection:
        sessions.end(connection, visit.token)
        at = app.clock().isoformat(timespec="seconds")
        audit.append(connection, visit.account.unit, visit.account.account, "log_out", at, {})
    answer = RedirectResponse("/login", 303, headers={"Clear-Site-Data": '"cache"'})
    answer.delete_cookie(cookie_name(app.is_behind_https), path="/", httponly=True, secure=app.is_behind_https)
    return answer


def choose_language(request: Request, language: Annotated[str, Form()], back: Annotated[str, Form()] = "/") -> Response:
    """Another language, of the account or, before logging in, of the browser."""
    if language not in LANGUAGES:
        raise Refused(400, "refused.form")
    answer = RedirectResponse(_own_path(back), 303)
    visit = request.state.visit
    if visit is None:
        answer.set_cookie(LANGUAGE_COOKIE, language, path="/", samesite="lax", httponly=True)
        return answer
    _change(request, {"language": language})
    return answer


def help_page(request: Request) -> Response:
    return render(request, "keys.html")


def choose_shortcuts(request: Request, are_on: Annotated[bool, Form()]) -> Response:
    _change(request, {"has_shortcuts": are_on})
    return RedirectResponse("/keys", 303)


def _change(request: Request, values: dict[str, object]) -> None:
    name = visit_of(request).account.account
    with request.app.state.store.writing() as connection:
        connection.execute(update(accounts).where(accounts.c.account == name).values(**values))


def _own_path(path: str) -> str:
    """A path of this application; the first page for what leads elsewhere."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else "/"
