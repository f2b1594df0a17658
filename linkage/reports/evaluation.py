"""An evaluation as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table

from linkage.insight.evaluate import CalibrationBin, Evaluation, GroupResult, Proportion

COMMUNES_SHOWN = 10


def render(evaluation: Evaluation) -> Group:
    """The evaluation as tables for the terminal; of the communes the ten with the most wrong or undecided doses."""
    groups = []
    for name, rows in evaluation.groups.items():
        shown = (
            sorted(rows, key=lambda g: g.recall.count - g.recall.of)[:COMMUNES_SHOWN]
            if name == "commune_code"
            else rows
        )
        groups.append(_render_groups(name, shown, len(rows)))
    calibration = calibration_table(evaluation.calibration_error, evaluation.calibration, "doses")
    parts = [_render_totals(evaluation), calibration]
    if evaluation.estimates:
        parts.append(_render_estimates(evaluation))
    return Group(*parts, *groups)


def _table(title: str, *headings: str) -> Table:
    """A table with its first column to the left, numbers to the right."""
    table = Table(title=title)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left")
    return table


def _percent(share: float | None, digits: int) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f}"


def _shown(proportion: Proportion, digits: int) -> str:
    """A proportion in per cent with its interval."""
    share, low, high = (_percent(x, digits) for x in (proportion.share, proportion.low, proportion.high))
    return share if proportion.share is None else f"{share} [{low},\u00a0{high}]"


def _render_totals(evaluation: Evaluation) -> Table:
    title = f"Run {evaluation.run_id}, {evaluation.doses:,} doses"
    measures = {f"precision, {status}": proportion for status, proportion in evaluation.precision.items()} | {
        "recall, right person decided": evaluation.recall,
        "decided or among the candidates": evaluation.reachable,
        "review": evaluation.review,
        "not in the registry, yet decided": evaluation.outside_registry,
    }
    table = measures_table(title, measures, "doses")
    table.add_section()
    for status, count in evaluation.counts.items():
        table.add_row(f"status {status}", "", f"{count:,}", f"{evaluation.doses:,}")
    wrong = f"{evaluation.false_match_doses:,}"
    table.add_row(f"false matches ({evaluation.false_match_subjects:,} subjects)", "", wrong, "")
    table.add_row("doses without a truth", "", f"{evaluation.doses_without_truth:,}", "")
    table.add_row("truth without a dose", "", f"{evaluation.truth_without_dose:,}", "")
    return table


def measures_table(title: str, measures: Mapping[str, Proportion], unit: str) -> Table:
    """Proportions by name, of units such as doses."""
    table = _table(title, "measure", "%\u00a0[95\u00a0%]", unit, "of")
    for name, proportion in measures.items():
        table.add_row(name, _shown(proportion, 3), f"{proportion.count:,}", f"{proportion.of:,}")
    return table


def calibration_table(expected_error: float | None, bins: Sequence[CalibrationBin], unit: str) -> Table:
    """What probabilities promised and what came true."""
    error = "-" if expected_error is None else f"{expected_error:.5f}"
    table = _table(f"Calibration, expected error {error}", "probability", "mean", "came true, %\u00a0[95\u00a0%]", unit)
    for b in bins:
        table.add_row(f"{b.lower:g} - {b.upper:g}", f"{b.mean_probability:.5f}", _shown(b.right, 2), f"{b.right.of:,}")
    return table


def _render_estimates(evaluation: Evaluation) -> Table:
    table = _table("Error rates estimated without the truth, %", "rate", "estimate [95 %]", "true")
    for e in evaluation.estimates:
        interval = f"{_percent(e.rate, 4)} [{_percent(e.low, 4)},\u00a0{_percent(e.high, 4)}]"
        table.add_row(e.name.replace("_", " "), interval, _percent(e.true_rate, 4))
    return table


def _render_groups(name: str, rows: Sequence[GroupResult], total: int) -> Table:
    title = f"By {name}" + (f", {len(rows)} of {total}, most missed first" if len(rows) < total else "")
    table = _table(title, name, "doses", "precision, %\u00a0[95\u00a0%]", "recall, %\u00a0[95\u00a0%]", "review, %")
    for group in rows:
        precision, recall = (_shown(proportion, 2) for proportion in (group.precision, group.recall))
        value = "none" if group.value is None else group.value
        table.add_row(value, f"{group.doses:,}", precision, recall, _percent(group.review.share, 2))
    return table
