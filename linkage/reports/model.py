"""A model for the terminal, and two models side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from linkage.errors import UsageError
from linkage.training.model_file import Model
from models.parameters import ComparisonParameters


def render(model: Model) -> RenderableType:
    """m, u, household share and weight of every level, the priors, and how the training went."""
    p = model.parameters
    unknown = model.training.get("not_identified", ())
    recall = "not identified" if "blocking_recall" in unknown else f"{p.blocking_recall:.4f}"
    share = "not identified" if "share_in_registry" in unknown else f"{p.share_in_registry:.4f}"
    priors = (
        f"in the registry {share}, found by some pass {recall}, "
        f"household pairs per subject {p.household_rate:.3f}, look-alikes "
        f"{p.neighbour_share * p.n_persons:.3f}, twins {p.twin_rate:.4f}, people {p.n_persons}"
    )
    if p.numberless_m != p.numberless_u:
        priors += f"; without a number {p.numberless_m:.4f} of those there, {p.numberless_u:.4f} of the others"
    head = f"model of plan {model.plan.name!r}"
    return Group(head, "", *(_levels(c) for c in p.comparisons), priors, *_training(model))


def _levels(c: ComparisonParameters) -> Table:
    """One comparison, a row a level."""
    table = Table("level", title=c.name)
    for column in ("m", "u", "look-alikes", "household", "twins", "bits"):
        table.add_column(column, justify="right")
    shares = zip(c.labels, c.m, c.u, c.among_neighbours, c.household, c.among_twins, c.log2_m_u, strict=True)
    for label, m, u, g, h, t, bits in list(shares)[1:]:
        table.add_row(label, f"{m:.4f}", f"{u:.3g}", f"{g:.3g}", f"{h:.4f}", f"{t:.4f}", f"{bits:+.2f}")
    return table


def _training(model: Model) -> Iterator[str]:
    """What the model was trained with, in lines; what is a table in the file is left to the file."""
    for name, table in model.training.get("term_frequencies", {}).items():
        shares = _mean_shares(table)
        yield f"{name}: {table['values']:,} values{shares and f', two people agree with {shares}'}"
    for name, value in model.training.items():
        if not isinstance(value, dict | list):
            yield f"{name}: {f'{value:.4f}' if isinstance(value, float) else value}"
    names = [c.name for c in model.parameters.comparisons]
    pairs = [
        (abs(value), f"{names[i]} and {names[j]} {value:+.2f}")
        for i, row in enumerate(model.training.get("residual_correlation", []))
        for j, value in enumerate(row[:i])
    ]
    if pairs:
        yield f"residual correlation, largest: {', '.join(text for _, text in sorted(pairs, reverse=True)[:3])}"


def _mean_shares(table: dict[str, Any]) -> str:
    """The mean share of a table, or those of its cohorts."""
    if "mean_share" in table:
        return f"{table['mean_share']:.2g}"
    return ", ".join(f"{share:.2g} ({years})" for years, share in table.get("mean_shares", {}).items())


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
