"""The pictures of the statistical report as Vega-Lite, made with Altair from plain rows; no chart loads anything."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2, log10
from typing import Any, TypeAlias

import altair as alt

from linkage.insight.evaluate import CalibrationBin
from linkage.reports.examples import Example
from linkage.reports.rounding import FEW, rounded
from linkage.reports.statistics import HIGHEST_ODDS, LOWEST_ODDS, Bar, Group
from models.parameters import Parameters

Rows: TypeAlias = list[dict[str, Any]]
Spec: TypeAlias = dict[str, Any]

STATUS_COLOURS = {
    "verified": "#1f6f6b",
    "matched": "#63a8a0",
    "review": "#dd9a2b",
    "unmatched": "#b0503f",
    "excluded": "#8d8d8d",
}
_FOR, _AGAINST, _NEUTRAL, _RULE = "#1f6f6b", "#b0503f", "#55606b", "#222222"
_WIDTH = 560
_ROW_LABELS = alt.Header(labelAngle=0, labelAlign="left", labelFontWeight="bold", labelLimit=170, title=None)
# Odds of 10^k, k from LOWEST_ODDS on, as the probabilities that the readers think in.
_ODDS_LABELS = (
    "['0.01 %', '0.1 %', '1 %', '9 %', '50 %', '91 %', '99 %', '99.9 %', '99.99 %', '99.999 %', '99.9999 %', "
    f"'7 nines', '8 nines'][datum.value - ({LOWEST_ODDS})]"
)
_CONFIG = {
    "font": "system-ui, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif",
    "axis": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "gridColor": "#eceff1"},
    "header": {"labelFontSize": 11},
    "legend": {"labelFontSize": 11},
    "view": {"stroke": "#d8dde1"},
}


def match_weights(parameters: Parameters) -> Spec:
    """Bits for or against a match that each level of each comparison brings."""
    rows = [row for row in _levels(parameters) if row["occurs"]]
    bars = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            x=alt.X("bits:Q", title="match weight, log2(m/u), bits"),
            y=alt.Y("level:N", sort=None, title=None, axis=alt.Axis(labelLimit=260)),
            color=alt.Color("direction:N", scale=_two("for", "against"), legend=alt.Legend(title=None, orient="top")),
            tooltip=["comparison:N", "level:N", _figure("bits", ".2f"), _figure("m", ".4g"), _figure("u", ".4g")],
        )
        .properties(width=_WIDTH - 100, height=alt.Step(15))
    )
    return _by_comparison(bars, parameters)


def m_and_u(parameters: Parameters) -> Spec:
    """How often each level occurs among matches (m) and among pairs of different people (u)."""
    kinds = {"m": "matches (m)", "u": "different people (u)"}
    rows = [
        {"comparison": row["comparison"], "level": row["level"], "among": kinds[key], "share": row[key]}
        for row in _levels(parameters)
        for key in kinds
    ]
    bars = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title="share of the pairs", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("level:N", sort=None, title=None, axis=alt.Axis(labelLimit=260)),
            yOffset=alt.YOffset("among:N", sort=list(kinds.values())),
            color=alt.Color("among:N", scale=_two(*kinds.values()), legend=alt.Legend(title=None, orient="top")),
            tooltip=["comparison:N", "level:N", "among:N", _figure("share", ".4g")],
        )
        .properties(width=_WIDTH - 100, height=alt.Step(9))
    )
    return _by_comparison(bars, parameters)


def weight_histogram(bars: Sequence[Bar], threshold: float | None) -> Spec:
    """Doses by the match weight of their best candidate, a panel per status, each with a scale of its own."""
    axis = alt.X("start:Q", bin="binned", title="match weight of the best candidate, bits")
    return _histogram(bars, axis, threshold)


def odds_histogram(bars: Sequence[Bar], threshold: float) -> Spec:
    """Doses by the posterior of their best candidate, as odds, so that both ends can be read."""
    position = min(max(log10(threshold / (1.0 - threshold)), LOWEST_ODDS), HIGHEST_ODDS) if threshold < 1.0 else None
    axis = alt.X(
        "start:Q",
        bin="binned",
        title="match probability of the best candidate",
        axis=alt.Axis(labelExpr=_ODDS_LABELS, tickMinStep=1, labelOverlap=True),
        scale=alt.Scale(domain=[LOWEST_ODDS, HIGHEST_ODDS + 0.5]),
    )
    return _histogram(bars, axis, position)


def _histogram(bars: Sequence[Bar], x: alt.X, threshold: float | None) -> Spec:
    rows = [{"status": b.status, "start": b.start, "end": b.end, "doses": b.n_doses} for b in bars]
    statuses = [status for status in STATUS_COLOURS if any(b.status == status for b in bars)]
    base = alt.Chart(_data(rows))
    layers: list[alt.Chart] = [
        base.mark_bar(stroke="white", strokeWidth=0.5).encode(
            x=x,
            x2="end:Q",
            y=alt.Y("doses:Q", title="doses", axis=alt.Axis(tickCount=3, tickMinStep=1, format=",d")),
            color=alt.Color("status:N", scale=_of_statuses(), legend=None),
            tooltip=["status:N", _figure("start", ".1f"), _figure("end", ".1f"), _figure("doses", ",d")],
        )
    ]
    if threshold is not None:
        rule = base.mark_rule(color=_RULE, strokeDash=[4, 3]).encode(x=alt.datum(threshold))
        layers.append(rule)
    panels = alt.layer(*layers).properties(width=_WIDTH, height=90)
    row = alt.Row("status:N", sort=statuses, header=_ROW_LABELS)
    return _spec(panels.facet(row=row).resolve_scale(y="independent"))


def calibration(bins: Sequence[CalibrationBin]) -> Spec:
    """What was promised against what came true, both as odds; the line is perfect calibration."""
    rows = [
        {
            "promised": _odds(b.mean_probability),
            "true": _odds(b.right.share),
            "low": _odds(b.right.low),
            "high": _odds(b.right.high),
            "probability": b.mean_probability,
            "came true": b.right.share,
            "doses": b.right.of,
        }
        for b in bins
        if b.right.share is not None and b.right.low is not None and b.right.high is not None
    ]
    scale = alt.Scale(domain=[LOWEST_ODDS, HIGHEST_ODDS], nice=False)
    axis = alt.Axis(labelExpr=_ODDS_LABELS, tickMinStep=1, labelOverlap=True)
    base = alt.Chart(_data(rows)).properties(width=_WIDTH - 120, height=_WIDTH - 120)
    ends: Rows = [{"x": LOWEST_ODDS, "y": LOWEST_ODDS}, {"x": HIGHEST_ODDS, "y": HIGHEST_ODDS}]
    diagonal = alt.Chart(_data(ends)).mark_line(color=_NEUTRAL, strokeDash=[4, 3]).encode(x="x:Q", y="y:Q")
    x = alt.X("promised:Q", title="promised: mean match probability", scale=scale, axis=axis)
    whiskers = base.mark_rule(color=_FOR).encode(x=x, y=alt.Y("low:Q", scale=scale, axis=axis), y2="high:Q")
    points = base.mark_point(filled=True, opacity=1, color=_FOR).encode(
        x=x,
        y=alt.Y("true:Q", title="came true, with its 95 % interval", scale=scale, axis=axis),
        size=alt.Size("doses:Q", scale=alt.Scale(type="sqrt", range=[25, 250]), legend=None),
        tooltip=[_figure("probability", ".6f"), _figure("came true", ".6f"), _figure("doses", ",d")],
    )
    return _spec(alt.layer(diagonal, whiskers, points))


def waterfall(example: Example) -> Spec:
    """How the evidence adds up to the match weight, from top to bottom."""
    rows: Rows = []
    end = 0.0
    for step in example.steps:
        start, end = end, end + step.bits
        # No negative zero, which a label would show.
        bits = round(step.bits, 3) + 0.0
        rows.append({"step": f"{step.name}: {step.level}", "start": start, "end": end, "bits": bits})
    rows.append({"step": "match weight", "start": 0.0, "end": end, "bits": end})
    for row in rows:
        row["direction"] = "sum" if row["step"] == "match weight" else "for" if row["bits"] >= 0 else "against"
    colours = alt.Scale(domain=["for", "against", "sum"], range=[_FOR, _AGAINST, _NEUTRAL])
    base = alt.Chart(_data(rows)).encode(y=alt.Y("step:N", sort=None, title=None, axis=alt.Axis(labelLimit=320)))
    bars = base.mark_bar().encode(
        x=alt.X("start:Q", title="bits"),
        x2="end:Q",
        color=alt.Color("direction:N", scale=colours, legend=alt.Legend(title=None, orient="top")),
        tooltip=["step:N", _figure("bits", "+.2f")],
    )
    texts = base.mark_text(align="left", dx=4, fontSize=11).encode(
        x=alt.X("right:Q"), text=alt.Text("bits:Q", format="+.1f")
    )
    texts = texts.transform_calculate(right="max(datum.start, datum.end)")
    return _spec(alt.layer(bars, texts).properties(width=_WIDTH - 180, height=alt.Step(19)))


def group_shares(groups: Sequence[Group]) -> Spec:
    """Share of a group's doses by status, from rounded counts; groups of fewer than FEW doses are left out."""
    rows: Rows = []
    for group in groups:
        shown = {status: rounded(n) for status, n in group.counts.items()}
        total = sum(shown.values())
        if group.n_doses >= FEW and total:
            name = group_name(group)
            rows += [
                {"group": name, "status": s, "share": n / total, "order": i} for i, (s, n) in enumerate(shown.items())
            ]
    bars = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title="share of the doses", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=180)),
            color=alt.Color("status:N", scale=_of_statuses(), legend=alt.Legend(title=None, orient="top")),
            order=alt.Order("order:Q"),
            tooltip=["group:N", "status:N", _figure("share", ".1%")],
        )
        .properties(width=_WIDTH - 60, height=alt.Step(18))
    )
    return _spec(bars)


def group_name(group: Group) -> str:
    return "not known" if group.value is None else group.value


def _levels(parameters: Parameters) -> Rows:
    """A row per level that is not "missing"; a level with m or u of 0 has no finite weight and does not occur."""
    rows: Rows = []
    for c in parameters.comparisons:
        for label, m, u in list(zip(c.labels, c.m.tolist(), c.u.tolist(), strict=True))[1:]:
            occurs = m > 0 and u > 0
            bits = log2(m / u) if occurs else 0.0
            direction = "for" if bits >= 0 else "against"
            row = {"comparison": c.name, "level": label, "m": m, "u": u, "bits": bits}
            rows.append(row | {"direction": direction, "occurs": occurs})
    return rows


def _by_comparison(bars: alt.Chart, parameters: Parameters) -> Spec:
    order = [c.name for c in parameters.comparisons]
    row = alt.Row("comparison:N", sort=order, header=_ROW_LABELS)
    return _spec(bars.facet(row=row, spacing=12).resolve_scale(y="independent"))


def _odds(share: float | None) -> float:
    """log10 of the odds, within the ends of the scale."""
    if share is None or share <= 0.0:
        return LOWEST_ODDS
    return HIGHEST_ODDS if share >= 1.0 else min(max(log10(share / (1.0 - share)), LOWEST_ODDS), HIGHEST_ODDS)


def _spec(chart: Any) -> Spec:
    """Checked against the schema of Vega-Lite by Altair, whose classes of charts have no common base with to_dict."""
    spec = dict(chart.to_dict())
    return {**spec, "config": {**spec.get("config", {}), **_CONFIG}}


def _data(rows: Rows) -> alt.InlineData:
    return alt.InlineData(values=rows)


def _figure(name: str, pattern: str) -> alt.Tooltip:
    return alt.Tooltip(f"{name}:Q", format=pattern)


def _two(first: str, second: str) -> alt.Scale:
    return alt.Scale(domain=[first, second], range=[_FOR, _AGAINST])


def _of_statuses() -> alt.Scale:
    return alt.Scale(domain=list(STATUS_COLOURS), range=list(STATUS_COLOURS.values()))
