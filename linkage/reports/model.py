"""A model for the terminal, and two models side by side."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from linkage.errors import UsageError
from linkage.model_file import Model


def render(model: Model) -> RenderableType:
    """m, u, household share and weight of every level, and the priors."""
    p = model.parameters
    table = Table("comparison", "level", title=f"model of plan {model.plan.name!r}", title_justify="left")
    for column in ("m", "u", "near number", "household", "twins", "bits"):
        table.add_column(column, justify="right")
    for c in p.comparisons:
        table.add_section()
        shares = zip(c.labels, c.m, c.u, c.among_neighbours, c.household, c.among_twins, c.log2_m_u, strict=True)
        for label, m, u, g, h, t, bits in list(shares)[1:]:
            table.add_row(c.name, label, f"{m:.4f}", f"{u:.3g}", f"{g:.3g}", f"{h:.4f}", f"{t:.4f}", f"{bits:+.2f}")
    unknown = model.training.get("not_identified", ())
    recall = "not identified" if "blocking_recall" in unknown else f"{p.blocking_recall:.4f}"
    share = "not identified" if "share_in_registry" in unknown else f"{p.share_in_registry:.4f}"
    priors = (
        f"in the registry {share}, found by some pass {recall}, "
        f"household pairs per subject {p.household_rate:.3f}, strangers with a number one slip away "
        f"{p.neighbour_share * p.n_persons:.3f}, twins {p.twin_rate:.4f}, people {p.n_persons}"
    )
    tables = [
        f"{name}: {t['values']:,} values, two people agree with {_mean_shares(t)}"
        for name, t in model.training.get("term_frequencies", {}).items()
    ]
    training = {
        key: value for key, value in model.training.items() if key not in ("term_frequencies", "best_candidates")
    }
    return Group(table, priors, *tables, f"training: {training}")


def _mean_shares(table: dict[str, Any]) -> str:
    """The mean share of a table, or those of its cohorts."""
    if "mean_share" in table:
        return f"{table['mean_share']:.2g}"
    return ", ".join(f"{share:.2g} ({years})" for years, share in table["mean_shares"].items())


def compare(first: Model, second: Model) -> list[dict[str, Any]]:
    """Weights of every level in two models, largest difference first; UsageError when their plans differ."""
    if first.plan.digest() != second.plan.digest():
        raise UsageError("the two models belong to different plans; train both with one plan to compare them")
    rows = []
    for a, b in zip(first.parameters.comparisons, second.parameters.comparisons, strict=True):
        for level, label in list(enumerate(a.labels))[1:]:
            weights = [float(c.log2_m_u[level]) for c in (a, b)]
            row = {"comparison": a.name, "level": label, "first_bits": weights[0], "second_bits": weights[1]}
            rows.append(row | {"difference_bits": weights[1] - weights[0]})
    return sorted(rows, key=lambda row: -abs(float(str(row["difference_bits"]))))
