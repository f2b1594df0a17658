"""The application: its routes, each with the name of its rule, and what is answered when something is refused."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from linkage.errors import LinkageError, UsageError
from linkage.machine.clock import now
from linkage.review.deciding import CannotUndoError, DecidedMeanwhileError
from linkage.review.store import Store
from linkage.review.web import pages, visiting
from linkage.review.web.guarding import HEADERS, GuardedRoute, Headers, NotLoggedIn, Refused
from linkage.review.web.rendering import render
from linkage.review.web.sessions import Attempts

_LOG = logging.getLogger("linkage.review")
_GETS: dict[str, Callable[..., Response]] = {
    "/": pages.start,
    "/login": visiting.log_in_page,
    "/static/{name}": visiting.static_file,
    "/keys": visiting.help_page,
    "/items": pages.item_list,
    "/items/next": pages.next_item,
    "/items/{item_id}": pages.item,
    "/progress": pages.progress,
}
_POSTS: dict[str, Callable[..., Response]] = {
    "/login": visiting.log_in,
    "/logout": visiting.log_out,
    "/language": visiting.choose_language,
    "/keys": visiting.choose_shortcuts,
    "/items/{item_id}/unmask": pages.unmask,
    "/items/{item_id}/decide": pages.decide,
    "/items/{item_id}/undo": pages.undo,
}


def make_application(
    store: Store, *, is_behind_https: bool = False, clock: Callable[[], datetime.datetime] = now
) -> FastAPI:
    """The application on a store.

    is_behind_https : whether browsers reach it by HTTPS alone; its cookies are then for nothing else
    clock : the moment, in the zone of Viet Nam
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.route_class = GuardedRoute
    app.state.store, app.state.clock, app.state.is_behind_https = store, clock, is_behind_https
    app.state.attempts = Attempts()
    for method, routes in (("GET", _GETS), ("POST", _POSTS)):
        for path, page in routes.items():
            app.add_api_route(path, page, methods=[method], response_model=None)
    app.add_middleware(Headers, is_behind_https=is_behind_https)
    app.add_exception_handler(NotLoggedIn, _to_log_in)
    app.add_exception_handler(Exception, _failed)
    for kind in (Refused, HTTPException, RequestValidationError, LinkageError):
        app.add_exception_handler(kind, _refused)
    return app


def _to_log_in(request: Request, _: Exception) -> Response:
    if request.method != "GET":
        return render(request, "login.html", 401, told="login.ended", minutes=0)
    return RedirectResponse("/login", 303)


def _refused(request: Request, error: Exception) -> Response:
    """What was not done, in words: the log names no person, and the answer no fault of the program."""
    item_id = request.path_params.get("item_id", "")
    number = int(item_id) if str(item_id).isdecimal() else None
    status, key = 500, "refused.failed"
    if isinstance(error, Refused):
        status, key = error.status, error.key
        number = error.item_id
    elif isinstance(error, HTTPException):
        status, key, number = error.status_code, "refused.not_found", None
    elif isinstance(error, RequestValidationError | UsageError):
        status, key = 400, "refused.form"
    elif isinstance(error, DecidedMeanwhileError):
        status, key = 409, "refused.meanwhile"
    elif isinstance(error, CannotUndoError):
        status, key = 409, "refused.cannot_undo"
    else:
        _LOG.error("%s", error)
    return render(request, "refused.html", status, key=key, item_id=number)


def _failed(request: Request, _: Exception) -> Response:
    """A fault of the program: its log has the traceback, the answer has not."""
    answer = render(request, "refused.html", 500, key="refused.failed", item_id=None)
    answer.headers.update({**HEADERS, "Cache-Control": "no-store"})  # it is sent outside of what adds them
    return answer
