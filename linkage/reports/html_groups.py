"""The part of the statistical report that breaks the run down by age, sex, ethnicity and province."""

from __future__ import annotations

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


def group_section(groups: tuple[Group, ...] | None) -> Html:
    """A picture and a table per attribute, small counts hidden."""
    heading = "By age, sex, ethnicity and province"
    if groups is None:
        return section("groups", heading, paragraph("This run was published without these counts; link it again."))
    parts = [
        paragraph(
            f'As the doses state them. Counts under {FEW} are shown as "<{FEW}", the others rounded to fives, and '
            "shares are those of rounded counts, so that no hidden count follows from a sum. Expected errors are per "
            "10,000 doses: false among the linked, missed among the unmatched."
        )
    ]
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
