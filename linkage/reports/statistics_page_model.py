"""Parts of the statistical report on the model: the scores it gave, and what agreement is worth."""

from __future__ import annotations

from linkage.reports import charts
from linkage.reports.page import Html, chart, details, paragraph, section, signed_bits, subheading, table
from linkage.reports.statistics import Statistics
from models.parameters import Parameters


def score_section(found: Statistics) -> Html:
    if not found.weights:
        return section("scores", "Scores", paragraph("No dose of this run has a candidate."))
    threshold = float(found.manifest["match_threshold"])
    text = (
        "The match weight compares one person with one claim; the probability weighs all candidates, people who are "
        "not in the registry and people whom no pass found against each other. The dashed lines show where matching "
        "begins, in the first picture for a claim with a number and without rivals. Verified doses agree exactly and "
        "need no threshold; unmatched ones have no candidate worth showing."
    )
    return section(
        "scores",
        "Scores of the best candidates",
        paragraph(text),
        chart(charts.weight_histogram(found.weights, found.lone_threshold), "doses by match weight and status"),
        chart(charts.odds_histogram(found.odds, threshold), "doses by match probability and status"),
    )


def model_section(found: Statistics) -> Html:
    p = found.model.parameters
    unknown = found.model.training.get("not_identified", ())
    share, recall = (
        f"a share that is not identified ({value:.2%})" if name in unknown else f"{value:.2%}"
        for name, value in (("share_in_registry", p.share_in_registry), ("blocking_recall", p.blocking_recall))
    )
    priors = (
        f"Of the claims {share} are taken to belong to somebody in the registry, and {recall} of these to be found."
    )
    if p.numberless_m != p.numberless_u:
        priors += (
            f" Of the first {p.numberless_m:.2%} state no number of their own, of the others {p.numberless_u:.2%}."
        )
    return section(
        "model",
        "Model",
        paragraph(priors),
        subheading("Match weights"),
        paragraph("What agreement at each level says for or against a match, before the rarity of the values counts."),
        chart(charts.match_weights(p), "match weight of every level of every comparison"),
        subheading("m and u"),
        paragraph("How often each level occurs when both rows are the same person's, and when they are not."),
        chart(charts.m_and_u(p), "m and u of every level of every comparison"),
        details("The same in figures", _level_table(p)),
    )


def _level_table(parameters: Parameters) -> Html:
    weights = parameters.log2_m_u()
    rows = [
        (
            c.name,
            c.labels[i],
            f"{c.m[i]:.5f}",
            f"{c.u[i]:.3g}",
            f"{c.among_neighbours[i]:.3g}",
            f"{c.household[i]:.5f}",
            signed_bits(float(weights[k][i])),
        )
        for k, c in enumerate(parameters.comparisons)
        for i in range(1, len(c.labels))
    ]
    return table(["comparison", "level", "#m", "#u", "#look-alikes", "#in a household", "#bits"], rows)
