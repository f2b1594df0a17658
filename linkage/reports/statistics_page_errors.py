"""Parts of the statistical report on errors: estimated without a truth, and measured and calibrated with one."""

from __future__ import annotations

from linkage.insight.evaluate import Evaluation, Proportion
from linkage.reports import charts
from linkage.reports.page import Html, chart, paragraph, per_10_000, section, subheading, table
from linkage.reports.statistics import Statistics

# What the estimates of linkage.deciding.error_rates mean; one that is not known here goes by its name.
_ESTIMATES = {
    "estimated_false_match_rate": "false among the linked: from probabilities, sure claims and conflicts",
    "estimated_missed_match_rate": "missed, registered but not linked: expected from the probabilities",
    "hidden_number_false_match_rate": "false among sure claims linked again without their number",
    "hidden_number_missed_match_rate": "not linked among sure claims linked again without their number",
    "removed_person_false_match_rate": "linked with somebody else when their person was taken out of the registry",
    "removed_person_and_number_false_match_rate": "the same of claims whose number was hidden as well",
    "missed_by_all_passes_rate": "matches that no pass finds: capture and recapture",
    "decided_on_the_dead": "decided on a person dead at the date of the dose, then sent to review",
}


def error_section(found: Statistics) -> Html:
    """Rates estimated without a truth: that of the threshold and the manifest's error_estimates; then the true ones."""
    manifest = found.manifest
    rows: list[tuple[object, ...]] = []
    if "matched_claims_false_match_rate" in manifest:
        rate = per_10_000(manifest["matched_claims_false_match_rate"])
        rows.append(("false among the matched: what the threshold was set for", rate, None, None, None))
    for estimate in manifest.get("error_estimates", []):
        name = str(estimate["name"])
        rates = (per_10_000(estimate.get(key)) for key in ("rate", "low", "high"))
        rows.append((_ESTIMATES.get(name, name.replace("_", " ")), *rates, estimate.get("of")))
    if found.evaluation is not None:
        for status, right in found.evaluation.precision.items():
            ends = (None if x is None else 1.0 - x for x in (right.share, right.high, right.low))
            rows.append((f"false among the {status}: by the truth given", *map(per_10_000, ends), right.of))
    threshold = float(manifest["match_threshold"])
    return section(
        "errors",
        "Error rates",
        paragraph(
            "Per 10,000, with 95 % intervals, estimated without a truth unless it says otherwise. Doses are matched "
            f"without a person from a probability of {threshold:.6f} on."
        ),
        table(["what goes wrong", "#of 10,000", "#from", "#to", "#seen among"], rows),
    )


def accuracy_section(evaluation: Evaluation) -> Html:
    """Measures with intervals, and the calibration as a picture and in figures."""
    measures = {f"precision of the {status}": proportion for status, proportion in evaluation.precision.items()} | {
        "recall: the right person decided": evaluation.recall,
        "the right person decided or among the candidates of a review": evaluation.reachable,
        "review": evaluation.review,
        "not in the registry, yet linked": evaluation.outside_registry,
    }
    parts = [
        paragraph("Measured against the truth given, with 95 % intervals; the doses of one claim count as one trial."),
        table(["measure", "#share", "#from", "#to", "#doses", "#of"], [_row(*item) for item in measures.items()]),
        subheading("Calibration"),
    ]
    if evaluation.calibration_error is None:
        return section("accuracy", "Accuracy", *parts, paragraph("No dose of the truth has a candidate."))
    text = (
        f"Expected calibration error {evaluation.calibration_error:.5f}. Points on the dashed line came true as often "
        "as promised; both axes are odds, so that the ends can be read."
    )
    bins = [
        (f"{b.lower:g} – {b.upper:g}", f"{b.mean_probability:.6f}", *_shares(b.right), b.right.of)
        for b in evaluation.calibration
    ]
    headings = ["probability", "#mean", "#came true", "#from", "#to", "#doses"]
    return section(
        "accuracy",
        "Accuracy",
        *parts,
        paragraph(text),
        chart(charts.calibration(evaluation.calibration), "promised against true probability"),
        table(headings, bins),
    )


def _row(name: str, proportion: Proportion) -> tuple[object, ...]:
    return name, *_shares(proportion), proportion.count, proportion.of


def _shares(proportion: Proportion) -> list[str | None]:
    values = (proportion.share, proportion.low, proportion.high)
    return [None if value is None else f"{value:.3%}" for value in values]
