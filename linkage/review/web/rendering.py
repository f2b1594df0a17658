"""Templates to answers. Templates hold no text of their own: all of it comes from the catalogue."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from linkage.review.differences import SIGNS
from linkage.review.web.wording import Words
from linkage.wording.cell_text import visible

HERE = Path(__file__).parent
STATIC = {
    "review.css": "text/css; charset=utf-8",
    "review.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
LANGUAGE_COOKIE = "language"


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["visible"] = visible
    return made


@cache
def static_file(name: str) -> tuple[bytes, str]:
    """A file that pages load, and a mark that changes with it."""
    content = (HERE / "static" / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]


def words_for(request: Request) -> Words:
    """The words in the language of who asks."""
    visit = getattr(request.state, "visit", None)
    if visit is not None:
        return Words(visit.account.language)
    return Words(request.cookies.get(LANGUAGE_COOKIE, ""))


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page. Every template knows ``t`` (the words), ``visit`` and ``here``, the path with its question."""
    visit = getattr(request.state, "visit", None)
    marks = {name.replace(".", "_"): static_file(name)[1] for name in STATIC}
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    known = {"t": words_for(request), "visit": visit, "here": here if request.method == "GET" else "/", "signs": SIGNS}
    text = environment().get_template(template).render(**known, marks=marks, **values)
    return HTMLResponse(text, status)
