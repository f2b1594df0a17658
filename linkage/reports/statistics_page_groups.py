"""The part of the statistical report that breaks the run down by age, sex, ethnicity and province."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from linkage.published.unequal import WORSE_BY, UnequalGroup
from linkage.reports import charts
from linkage.reports.page import Html, chart, paragraph, per_10_000, percent, section, subheading, table
from linkage.reports.rounding import FEW, rounded, shown
from linkage.reports.statistics import Group

_GROUP_HEADINGS = (
    "#doses",
    "#linked",
    "#link rate",
    "#in review",
    "#unmatched",
    "#expected false",
    "#expected missed",
)


def group_section(groups: tuple[Group, ...] | None, unequal: Sequence[Mapping[str, Any]] = ()) -> Html:
    """Which groups fare worse than the others, then a picture and a table per attribute, small counts hidden.

    unequal : as the manifest has them, see linkage.published.unequal.UnequalGroup
    """
    heading = "By age, sex, ethnicity, birthday and province"
    if groups is None:
        return section("groups", heading, paragraph("This run was published without these counts; link it again."))
    parts = [
        paragraph(
            f'As the doses state them. Counts under {FEW} are shown as "<{FEW}", the others rounded to fives, and '
            "shares are those of rounded counts, so that no hidden count follows from a sum. Expected errors are per "
            "10,000 doses: false among the linked, missed among the unmatched."
        )
    ]
    parts += _warnings([UnequalGroup(**group) for group in unequal])
    for attribute in dict.fromkeys(group.attribute for group in groups):
        of_attribute = [group for group in groups if group.attribute == attribute]
        # Age bands have an order of their own; groups that are not known stand last.
        if attribute != "age":
            of_attribute.sort(key=lambda group: -group.n_doses)
        of_attribute.sort(key=lambda group: group.value is None)
        parts += [
            subheading(attribute.capitalize()),
            chart(charts.group_shares(of_attribute), f"share of the doses by status and {attribute}"),
            table([attribute, *_GROUP_HEADINGS], [_group_row(group) for group in of_attribute]),
        ]
    return section("groups", heading, *parts)


def _warnings(unequal: list[UnequalGroup]) -> list[Html]:
    """The groups that fare worse than the others beyond what chance explains, where there are any."""
    if not unequal:
        return [paragraph(f"No group fares worse than the others by {WORSE_BY:.0%} of its doses beyond chance.")]
    rows = [
        (
            group.attribute,
            group.value,
            group.measure,
            f"{group.share:.1%}",
            f"{group.others:.1%}",
            f"{group.gap_low:.1%} – {group.gap_high:.1%}",
        )
        for group in unequal
    ]
    return [
        paragraph(
            f"These groups fare worse than the others by more than {WORSE_BY:.0%} of their doses, beyond what chance "
            "explains. Look at their claims first, and at what their data lack.",
            "warn",
        ),
        table(["attribute", "group", "measure", "#share", "#others", "#gap"], rows),
    ]


def _group_row(group: Group) -> tuple[object, ...]:
    n_unmatched = group.counts["unmatched"]
    return (
        charts.group_name(group),
        shown(group.n_doses),
        shown(group.n_linked),
        percent(rounded(group.n_linked), rounded(group.n_doses)),
        shown(group.counts["review"]),
        shown(n_unmatched),
        _expected_rate(group.expected_false, group.n_linked),
        _expected_rate(group.expected_missed, n_unmatched),
    )


def _expected_rate(expected: float, among: int) -> str | None:
    """Per 10,000; not of so few that the rate would tell of single people."""
    return None if among < FEW else per_10_000(expected / among)
