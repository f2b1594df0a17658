"""An evaluation of links as tables for the terminal."""

from __future__ import annotations

from rich.console import Group

from linkage.insight.evaluate_link import LinkEvaluation
from linkage.reports.evaluation import calibration_table, measures_table


def render_link(evaluation: LinkEvaluation) -> Group:
    """Precision, recall and calibration of the pairs."""
    title = f"{evaluation.folder}, {evaluation.links:,} links, {evaluation.true_pairs:,} true pairs"
    measures = {
        "precision of the links": evaluation.precision,
        "recall of the links": evaluation.recall,
        "true pairs among the candidates": evaluation.among_candidates,
    }
    table = measures_table(title, measures, "pairs")
    if evaluation.f1 is not None:
        table.add_row("F1 of the links", f"{100 * evaluation.f1:.3f}", "", "")
    wrong = 1.0 - evaluation.precision.share if evaluation.precision.share is not None else 0.0
    table.add_row("wrong links", f"{100 * wrong:.3f}", f"expected {100 * evaluation.expected_false_match_rate:.3f}", "")
    return Group(table, calibration_table(evaluation.calibration_error, evaluation.calibration, "pairs"))
