"""A page that needs no other file: text, tables and Vega-Lite charts, drawn without eval and without the network.

The libraries that draw are put into the page from vl-convert, which carries them. Vega compiles expressions with the
Function constructor, which a content security policy without unsafe-eval forbids; with ``ast`` it interprets them. The
policy in the page allows its one script by hash and nothing from outside.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any

import altair
import vl_convert

from linkage.machine.address_limit import need_addresses
from linkage.wording.cell_text import TEXT_CELL, TEXT_STYLE, visible

_DRAWING_BYTES = 400 << 20  # of addresses, which the library that draws takes at once
# The charts of the page, in its own order; a chart that cannot be drawn says so in its place.
_DRAW = """
for (const figure of document.querySelectorAll("figure")) {
  const place = figure.querySelector(".chart");
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const actions = {export: true, source: false, compiled: false, editor: false};
  vegaEmbed(place, spec, {ast: true, renderer: "svg", actions}).catch((error) => {
    place.textContent = "This chart cannot be drawn: " + error.message;
    throw error;
  });
}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src {hash}; base-uri 'none'; form-action 'none'"


class Html(str):
    """Text that is markup already; any other is escaped when it enters the page."""

    __slots__ = ()


def page(title: str, sections: Iterable[Html]) -> str:
    """The whole page; the same sections give the same bytes."""
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = _POLICY.format(hash=f"'sha256-{digest}'")
    style = resources.files("linkage.reports").joinpath("statistics.css").read_text("utf-8")
    body = "\n".join(sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escaped(title)}</title>\n'
        f"<style>\n{style}{TEXT_STYLE}\n</style></head>\n<body>\n{body}\n<script>{script}</script>\n</body></html>\n"
    )


def section(anchor: str, heading: str, *parts: Html) -> Html:
    """A part of the page with a heading that can be linked to."""
    return Html(f'<section id="{anchor}"><h2>{escaped(heading)}</h2>\n' + "\n".join(parts) + "\n</section>")


def paragraph(text: str, kind: str = "") -> Html:
    return Html(f"<p{f' class={kind}' if kind else ''}>{escaped(text)}</p>")


def subheading(text: str) -> Html:
    return Html(f"<h3>{escaped(text)}</h3>")


def details(summary: str, content: Html) -> Html:
    """Content that opens when its summary is chosen."""
    return Html(f"<details><summary>{escaped(summary)}</summary>\n{content}</details>")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], total: Sequence[object] | None = None) -> Html:
    """A table; numbers stand to the right, and so does text that was a number, under a heading that begins with "#"."""
    is_figure = [heading.startswith("#") for heading in headings]
    head = _row("th", [heading.removeprefix("#") for heading in headings], is_figure)
    body = "\n".join(_row("td", cells, is_figure) for cells in rows)
    foot = "" if total is None else f"\n<tfoot>{_row('th', total, is_figure)}</tfoot>"
    return Html(f'<div class="scroll"><table><thead>{head}</thead>\n<tbody>{body}</tbody>{foot}</table></div>')


def chart(spec: dict[str, Any], description: str) -> Html:
    """A Vega-Lite chart with a text for those who cannot see it."""
    content = json.dumps({**spec, "description": description}, ensure_ascii=False, sort_keys=True, allow_nan=False)
    # A value must not end the script element.
    content = content.replace("<", "\\u003c")
    return Html(
        f'<figure aria-label="{escaped(description)}"><div class="chart"></div>'
        f'<script type="application/json">{content}</script></figure>'
    )


def escaped(text: object) -> Html:
    """Text as markup, unless it is markup already."""
    return text if isinstance(text, Html) else Html(html.escape(visible(str(text))))


def percent(count: int, of: int) -> str:
    """A share in per cent; a dash of nothing."""
    return f"{count / of:.2%}" if of else "–"


def per_10_000(rate: float | None) -> str | None:
    """A rate as a number of 10,000; None stays unknown."""
    return None if rate is None else f"{1e4 * rate:,.2f}"


def signed_bits(bits: float) -> str:
    """Signed, two decimals, no negative zero, the minus sign of the charts."""
    return f"{round(bits, 2) + 0.0:+.2f}".replace("-", "−")


def _row(tag: str, cells: Sequence[object], is_figure: Sequence[bool]) -> str:
    marked = (
        f"<{tag} {'class=n' if right else TEXT_CELL}>{escaped(_text(cell))}</{tag}>"
        for cell, right in zip(cells, is_figure, strict=True)
    )
    return f"<tr>{''.join(marked)}</tr>"


def _text(cell: object) -> object:
    if cell is None:
        return "–"
    return f"{cell:,}" if isinstance(cell, int) else cell


@cache
def _script() -> str:
    """Vega, Vega-Lite and Vega-Embed with its interpreter in one script that draws the charts of the page."""
    version = ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    need_addresses(_DRAWING_BYTES, "drawing the charts")
    return vl_convert.javascript_bundle(_DRAW, vl_version=version)
