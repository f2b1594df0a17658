"""Pictures of the national benchmark as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert

from benchmarks.national.findings import LEAST_FITTED, Growth, Result, growth, registries, runs_of, stage_seconds, wall
from benchmarks.tables import count

_WIDTH = 620
_CONFIG = {"background": "white", "font": "DejaVu Sans, sans-serif", "view": {"stroke": "#d8dde1"}}


def draw(results: Sequence[Result]) -> dict[str, str]:
    """The pictures that the results allow, by name."""
    done = [result for result in results if not result["failure"]]
    if not any(runs_of(done, persons) for persons in registries(done)):
        return {}
    return {"national-cost": _svg(cost(done)), "national-stages": _svg(stages(done))}


def cost(done: Sequence[Result]) -> Any:
    """Seconds against doses, both on log axes, a line per registry; the fitted power dashed."""
    points = [
        {"registry": _registry(persons), "doses": run["doses"], "seconds": wall(run)}
        for persons in registries(done)
        for run in runs_of(done, persons)
    ]
    names = [_registry(persons) for persons in registries(done)]
    base = alt.Chart(alt.InlineData(values=points)).encode(
        x=alt.X("doses:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s"), title="doses"),
        y=alt.Y("seconds:Q", scale=alt.Scale(type="log"), title="seconds, files to published queues"),
        color=alt.Color("registry:N", sort=names, title=None, legend=alt.Legend(orient="top-left", labelLimit=400)),
    )
    fits = [row for one in growth(done) for row in _fitted(one, done)]
    dashed = (
        alt.Chart(alt.InlineData(values=fits))
        .mark_line(strokeDash=[5, 4], opacity=0.7)
        .encode(x="doses:Q", y="seconds:Q", color=alt.Color("registry:N", sort=names))
    )
    layers = alt.layer(base.mark_line(), base.mark_point(filled=True, size=50), dashed)
    return layers.properties(width=_WIDTH, height=380, title=_title(done))


def _fitted(one: Growth, done: Sequence[Result]) -> list[dict[str, Any]]:
    """The two ends of the fitted line of a registry, over all sizes run from the fit's smallest on."""
    sizes = [run["doses"] for run in runs_of(done, one.persons) if run["doses"] >= LEAST_FITTED]
    if one.fit is None:
        return []
    ends = (min(sizes), max(sizes))
    return [{"registry": _registry(one.persons), "doses": size, "seconds": one.seconds(size)} for size in ends]


def _title(done: Sequence[Result]) -> str:
    exponents = [f"{one.exponent:.2f} ({count(one.persons)})" for one in growth(done) if one.exponent is not None]
    return f"Fitted exponents (dashed): {', '.join(exponents)}" if exponents else "Cost against size"


def _registry(persons: int) -> str:
    return f"{count(persons)} people"


def stages(done: Sequence[Result]) -> Any:
    """Shares of the stages in the time of every run, a row of bars per registry."""
    rows = [
        {
            "registry": _registry(persons),
            "run": f"{count(run['doses'])} ({wall(run):.3g} s)",
            "size": run["doses"],
            "stage": stage,
            "order": order,
            "share": value / wall(run),
        }
        for persons in registries(done)
        for run in runs_of(done, persons)
        for order, (stage, value) in enumerate(stage_seconds(run).items())
    ]
    names = list(dict.fromkeys(row["stage"] for row in sorted(rows, key=lambda row: row["order"])))
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=alt.X("share:Q", stack="zero", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]), title=None),
            y=alt.Y("run:N", sort=alt.EncodingSortField("size"), title="doses"),
            color=alt.Color("stage:N", sort=names, title=None),
            order="order:Q",
        )
        .properties(width=_WIDTH - 120, height=alt.Step(20))
    )
    header = alt.Header(title=None, labelAnchor="start")
    order = [_registry(persons) for persons in registries(done)]
    faceted = bars.facet(row=alt.Row("registry:N", sort=order, header=header))
    return faceted.resolve_scale(y="independent")


def _svg(chart: Any) -> str:
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    spec = chart.configure(**_CONFIG).to_dict()
    drawn: str = vl_convert.vegalite_to_svg(spec, vl_version=version)
    return drawn
