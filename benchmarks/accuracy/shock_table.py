"""The results of the shocks as one Markdown report."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from benchmarks.accuracy.calibration import Bias, Bin, bias_of
from benchmarks.accuracy.table import PAIR_HEADINGS, failures, measured, number, pair_lines, percent, table

Row = dict[str, Any]
N_NOTES = 3  # of a run that are shown
MODELS = {"ours": "its own", "other_model": "of a plain batch"}

_HEADINGS = (
    "set",
    "model",
    "automatic precision",
    "automatic share of linkable",
    "review",
    "true false-match rate",
    "estimated (95 %)",
    "rate covered",
    "calibration error",
    "from 0.3 to 0.9 (by chance; claims)",
    "there promised less came (s.e.)",
    "worst group, of 1,000 claims or more",
    "its worst from 0.3 to 0.9",
    "true blocking recall",
    "recall estimated (95 %)",
    "recall covered",
)
_SUMMARY_HEADINGS = (
    "shock",
    "model",
    "refused",
    "least automatic precision",
    "least automatic share",
    "most review",
    "false-match rate covered",
    "largest calibration error",
    "from 0.3 to 0.9 (by chance)",
    "all seeds there, beyond chance",
    "promised less came (s.e.)",
    "in a group",
    "blocking recall covered",
)
_NOTES = """\
What the shocks are stands in `linkage/simulate/shocks` (`linkage simulate --shock NAME`; `codes_2025` is
`--registry-date 2025`: doses with the commune codes of 2021). *Model*: trained on the doses themselves, or on a plain
batch of another simulated country. *Refused*: by a gate, so that without somebody's answer (`--accept`) nothing is
decided; the figures are those of the run accepted. *Estimated*: by the run, without the truth. *Covered*: the interval
holds the true value. *Calibration error*: expected, over the bins of `linkage evaluate`, of doses with a candidate;
*from 0.3 to 0.9* only of those promised so much, and *by chance* what it would be of so few claims if every promise
were true. *Beyond chance*: the root of the mean squared gap of the same bins, all seeds together, less what chance adds
to the square; *promised less came*: over all of them, with the standard error if every promise were true. *Groups* are
by age, sex, ethnicity and province as typed; in the middle only groups with 100 claims there. *Blocking recall*: of
claims with a person in the registry that exact agreement did not settle. Splink is given our standardised columns, but
not what was read right of whole stations.

The seeds (9101, 9102, 9103) were measured, but nothing was chosen by them.
"""


def markdown(rows: list[Row], heading: dict[str, str]) -> str:
    """The whole report."""
    decided = [row for row in _ours_first(rows) if row.get("decided")]
    lines = ["# Shocks", "", *(f"- {name}: {value}" for name, value in heading.items()), "", _NOTES]
    lines += ["The worst of the seeds:", "", *table(_SUMMARY_HEADINGS, _summary(decided)), ""]
    lines += ["Every seed:", "", *table(_HEADINGS, [_line(row) for row in decided])]
    notes = [f"- {row['set']}, {row['tool']}: {note}" for row in decided for note in _first(row["decided"])]
    lines += ["", "What the runs said of themselves:", "", *notes] if notes else []
    # The other model's pairs are those of a model that nobody would use beside Splink's.
    compared = [row for row in rows if row["tool"] != "other_model"]
    lines += ["", "Pairs, beside Splink (headings as in accuracy.md):", ""]
    lines += table(PAIR_HEADINGS, [line for row in compared for line in pair_lines(row)])
    return "\n".join([*lines, *failures(rows), "", "Measured:", "", *measured(rows)]) + "\n"


def _first(decided: Row) -> list[str]:
    """Why a run was refused, a few of its notes, and how many more there are: of many stations each has one."""
    notes = [*([f"refused: {decided['refused']}"] if decided["refused"] else []), *decided["notes"]]
    more = len(notes) - N_NOTES
    return notes if more <= 0 else [*notes[:N_NOTES], f"{more} more, in shocks.json"]


def _ours_first(rows: list[Row]) -> list[Row]:
    """By set in their order, the run with its own model before the others."""
    sets = list(dict.fromkeys(row["set"] for row in rows))
    return sorted(rows, key=lambda row: (sets.index(row["set"]), row["tool"] != "ours"))


def _line(row: Row) -> list[str]:
    decided, estimates = row["decided"], row["decided"]["estimates"]
    calibration = decided["calibration"]
    return [
        row["set"],
        f"{MODELS[row['tool']]}{', refused' if decided['refused'] else ''}",
        number(decided["automatic_precision"]["share"], 6),
        number(decided["automatic_share_of_linkable"]["share"]),
        percent(decided["review_share"]["share"]),
        f"{decided['true_false_match_rate'] or 0:.2e} ({decided['false_match_doses']} doses)",
        *_estimated(estimates["false_matches"], "{:.2e}"),
        number(calibration["overall"], 5),
        f"{number(calibration['middle'])} ({number(calibration['chance_middle'])}; {calibration['n_middle']})",
        _bias(_bias_of([calibration])),
        _group(calibration["worst_group"], "error"),
        _group(calibration["worst_group_middle"], "error_middle"),
        number(decided["true_blocking_recall"]["share"]),
        *_estimated(estimates["blocking_recall"], "{:.4f}"),
    ]


def _estimated(estimate: Row | None, form: str) -> list[str]:
    """An estimate with its interval, and whether this covers the truth."""
    if estimate is None:
        return ["-", "-"]
    rate, low, high = (form.format(estimate[key]) for key in ("rate", "low", "high"))
    return [f"{rate} ({low} to {high})", "yes" if estimate["covers"] else "**no**"]


def _bias_of(calibrations: list[Row]) -> Bias | None:
    """The bias in the middle, of runs together; None where one was measured before it was kept."""
    if any("bins_middle" not in calibration for calibration in calibrations):
        return None
    return bias_of(Bin(**bin_) for calibration in calibrations for bin_ in calibration["bins_middle"])


def _bias(bias: Bias | None) -> str:
    return "-" if bias is None else f"{bias.bias:+.4f} ({number(bias.standard_error)})"


def _group(group: Row | None, error: str) -> str:
    return "-" if group is None else f"{group['attribute']} {group['value']}: {number(group[error])}"


def _summary(rows: list[Row]) -> list[list[str]]:
    """A line per shock and model."""
    by_shock: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_shock[row["set"].rsplit("_", 1)[0], row["tool"]].append(row["decided"])
    return [[shock, MODELS[tool], *_worst(found)] for (shock, tool), found in by_shock.items()]


def _worst(found: list[Row]) -> list[str]:
    calibrations = [decided["calibration"] for decided in found]
    groups = [calibration["worst_group"]["error"] for calibration in calibrations if calibration["worst_group"]]
    middles = [(one["middle"], one["chance_middle"]) for one in calibrations if one["middle"] is not None]
    middle, chance = max(middles, default=(None, None))
    bias = _bias_of(calibrations)
    return [
        f"{sum(decided['refused'] is not None for decided in found)} of {len(found)}",
        number(_least(found, "automatic_precision"), 6),
        number(_least(found, "automatic_share_of_linkable")),
        percent(max(decided["review_share"]["share"] for decided in found)),
        _covered(found, "false_matches"),
        number(max(calibration["overall"] for calibration in calibrations), 5),
        f"{number(middle)} ({number(chance)})",
        number(bias and bias.beyond_chance),
        _bias(bias),
        number(max(groups, default=None)),
        _covered(found, "blocking_recall"),
    ]


def _least(found: list[Row], name: str) -> float | None:
    return min((decided[name]["share"] for decided in found if decided[name]["share"] is not None), default=None)


def _covered(found: list[Row], name: str) -> str:
    estimates = [decided["estimates"][name] for decided in found if decided["estimates"][name]]
    return f"{sum(estimate['covers'] for estimate in estimates)} of {len(estimates)}" if estimates else "-"
