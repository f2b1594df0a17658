"""``evaluate`` and ``explain``: how right the decisions are, and why they were made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from linkage.cli.options import Json, key_as_read
from linkage.cli.printing import print_json, print_table
from linkage.cli.talk import print_notes, say
from linkage.errors import UsageError


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a published run, or of link.")],
    truth: Annotated[
        Path | None, typer.Option(help="dose_id and person_id, of link left_id and right_id; Parquet or CSV.")
    ] = None,
    entity: Annotated[
        str | None, typer.Option(help="Of link instead: the column of both files that names the entity, or LEFT,RIGHT.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare a run, or the links of two files, with the truth.

    It tells precision, recall, calibration and queue sizes, of all and by group.

    \b
    Example: linkage evaluate runs/RUN --truth truth.csv
    Example: linkage evaluate linked --entity customer_no
    """
    from linkage.insight.evaluate import evaluate as evaluate_run
    from linkage.published.reader import is_link_folder
    from linkage.reports.evaluation import render

    if is_link_folder(run):
        _evaluate_link(run, truth, entity, as_json)
        return
    if truth is None or entity is not None:
        raise UsageError(f"{run}: a run is compared with --truth, a table of dose_id and person_id")
    evaluation = evaluate_run(run, truth)
    if as_json:
        print_json(evaluation.to_json())
    else:
        print_table(render(evaluation))


def _evaluate_link(folder: Path, truth: Path | None, entity: str | None, as_json: bool) -> None:
    from linkage.insight.evaluate_link import evaluate_link
    from linkage.reports.link_evaluation import render_link

    if (truth is None) == (entity is None):
        raise UsageError(f"{folder}: links are compared with --truth or with --entity, one of both")
    left, _, right = (entity or "").partition(",")
    evaluation = evaluate_link(folder, truth, None if entity is None else (left, right or left))
    if as_json:
        print_json(evaluation.to_json())
    else:
        print_table(render_link(evaluation))
    if evaluation.unknown_pairs:
        print_notes(
            [
                f"{evaluation.unknown_pairs:,} of {evaluation.true_pairs:,} pairs of the truth name a record that is "
                "not in these files, and count as missed; see that the truth names the ids of the plan"
            ]
        )


def explain(
    place: Annotated[Path, typer.Argument(help="Folder of a published run, of a state or of link; or night.toml.")],
    dose_id: Annotated[
        str, typer.Argument(help="The dose, or the key of a claim as queues have it; of link the id of a left record.")
    ],
    person: Annotated[
        str | None, typer.Option("--person", help="Why, or why not, this person; of link the id of a right record.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show why a dose, or a linked record, was decided so.

    Both records stand side by side, with the weights in bits, and the rivals.

    \b
    Example: linkage explain runs/RUN D000000503
    Example: linkage explain night.toml D000000503
    Example: linkage explain linked A-17 --person B-3
    """
    # None of these loads a kernel, which would take longer than to explain a dose.
    from linkage.insight.explain import dose_of
    from linkage.insight.explain import explain as explain_dose
    from linkage.insight.sources import source_of
    from linkage.published.reader import is_link_folder
    from linkage.reports.explanation import render

    if is_link_folder(place):
        _explain_link(place, dose_id, person, as_json)
        return
    source = source_of(place)
    dose_id, person = key_as_read(dose_id), person and key_as_read(person)
    dose, n_doses = dose_of(source, dose_id)
    if n_doses:
        say(f"claim {dose_id}: {n_doses:,} doses, which are decided alike; this is the first")
    explanation = explain_dose(source, dose, person)
    if as_json:
        print_json(explanation)
    else:
        print_table(render(explanation))


def _explain_link(folder: Path, left_id: str, right_id: str | None, as_json: bool) -> None:
    from linkage.insight.explain_link import explain_link
    from linkage.reports.link_explanation import render_link

    explanation = explain_link(folder, left_id, right_id)
    if as_json:
        print_json(explanation)
    else:
        print_table(render_link(explanation))
