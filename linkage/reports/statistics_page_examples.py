"""The part of the statistical report that shows how the evidence of single pairs adds up."""

from __future__ import annotations

from linkage.reports import charts
from linkage.reports.examples import Example, Examples
from linkage.reports.page import Html, chart, paragraph, section, signed_bits, subheading, table


def example_section(examples: Examples, unmask: bool) -> Html:
    parts = []
    if unmask:
        parts.append(paragraph("Names and numbers below are shown in full: this file is personal data.", "warn"))
    else:
        parts.append(
            paragraph(
                "Names show their initials, numbers and dates their last two digits; "
                "'linkage explain RUN DOSE' shows a pair in full to those who may see it."
            )
        )
    for example in examples.pairs:
        parts += _example_parts(example)
    if examples.hindrance:
        parts.append(paragraph(f"Pairs cannot be shown: {examples.hindrance}", "note"))
    elif not examples.pairs:
        parts.append(paragraph("No dose of this run was matched or sent to review.", "note"))
    return section("examples", "How pairs were decided", *parts)


def _example_parts(example: Example) -> list[Html]:
    rows = [(s.name, s.stated, s.registered, s.level, signed_bits(s.bits)) for s in example.steps]
    total = ("match weight", "", "", "", signed_bits(example.match_weight))
    return [
        subheading(example.title),
        paragraph(
            f"Dose {example.dose_id}, {example.status}: probability {example.probability:.6f}, not in the registry "
            f"{example.none_probability:.2g}."
        ),
        chart(charts.waterfall(example), f"evidence of the pair: {example.title}"),
        table(["comparison", "dose", "registry", "level", "#bits"], rows, total),
    ]
