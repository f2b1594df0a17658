"""The statistical report of a run as one HTML page that opens offline: what went in, what came out, and how sure it is.

It holds counts, and of people only the example pairs, whose names and numbers are masked unless asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from linkage.exports.list_dates import list_date_of
from linkage.exports.words import ISSUES, STATUSES
from linkage.reports.examples import Examples, examples_of_run
from linkage.reports.page import Html, escaped, page, paragraph, percent, section, subheading, table
from linkage.reports.statistics import ReviewSize, Statistics, statistics_of_run
from linkage.reports.statistics_page_errors import accuracy_section, error_section
from linkage.reports.statistics_page_examples import example_section
from linkage.reports.statistics_page_groups import group_section
from linkage.reports.statistics_page_model import model_section, score_section
from linkage.reports.statistics_page_stations import station_section
from linkage.storage.work_folders import replacing

_QUEUES = {
    "queues/match.parquet": "matched, data to be corrected",
    "queues/review.parquet": "under review",
    "queues/unmatched.parquet": "not found",
    "queues/excluded.parquet": "not compared with the registry",
    "queues/rejected.parquet": "records that could not be used",
}


def write_statistics(run_dir: Path, out: Path, *, truth: Path | None = None, unmask: bool = False) -> None:
    """Write the statistical report of a published run, whole or not at all.

    Parameters
    ----------
    run_dir : folder of a published run
    out : the HTML file; replaced when it exists
    truth : dose_id and person_id of the same doses; adds accuracy and calibration
    unmask : show names and numbers of the example pairs in full

    Raises
    ------
    UsageError, InputError, VerificationError
        The run or the truth cannot be used.
    LinkageError
        The file cannot be written.
    """
    found = statistics_of_run(run_dir, truth)
    threshold = float(found.manifest["match_threshold"])
    examples = examples_of_run(run_dir, found.model.plan, threshold, unmask=unmask)
    text = statistics_page(found, examples, unmask=unmask)
    with replacing(out) as part:
        part.write_text(text, encoding="utf-8")


def statistics_page(found: Statistics, examples: Examples, *, unmask: bool = False) -> str:
    """The page from figures and example pairs."""
    sections = [
        _outcome_section(found),
        _input_section(found),
        _queue_section(found),
        error_section(found),
        station_section(found.manifest.get("stations")),
        *([] if found.evaluation is None else [accuracy_section(found.evaluation)]),
        score_section(found),
        model_section(found),
        _pass_section(found),
        group_section(found.groups, found.manifest.get("unequal_groups", [])),
        example_section(examples, unmask),
        _cost_section(found),
    ]
    title = f"Linkage statistics, run {found.manifest['run_id']}"
    return page(title, [_head(found), _contents(sections), *sections])


def _head(found: Statistics) -> Html:
    manifest = found.manifest
    facts = {
        "as of (tính đến ngày)": f"{list_date_of(Path(manifest['run_id']), manifest):%d/%m/%Y}",
        "registry": f"{int(manifest['index']['persons']):,} people",
        "plan": found.model.plan.name,
        "program": manifest.get("code_version", "not stated"),
    }
    line = " · ".join(f"{name} {value}" for name, value in facts.items())
    return Html(
        f"<header><h1>Linkage statistics</h1>\n<p>Run <code>{escaped(manifest['run_id'])}</code></p>\n"
        f'<p class="meta">{escaped(line)}</p></header>'
    )


def _contents(sections: Iterable[Html]) -> Html:
    links = []
    for part in sections:
        anchor = part.split('id="', 1)[1].split('"', 1)[0]
        heading = part.split("<h2>", 1)[1].split("</h2>", 1)[0]
        links.append(f'<a href="#{anchor}">{heading}</a>')
    return Html(f'<nav aria-label="Contents">{"".join(links)}</nav>')


def _outcome_section(found: Statistics) -> Html:
    counts: dict[str, int] = found.manifest["counts"]
    total = sum(counts.values())
    rows = [(name, heading, counts[name], percent(counts[name], total)) for name, heading in STATUSES.items()]
    n_linked = counts["verified"] + counts["matched"]
    n_open = sum(found.issues.values())
    issues = [(issue, heading, found.issues.get(issue, 0)) for issue, heading in ISSUES.items()]
    return section(
        "outcome",
        "What was decided",
        paragraph(
            f"{n_linked:,} of {total:,} doses were linked with a person without anybody looking: "
            f"{percent(n_linked, total)}."
        ),
        table(["status", "in the daily report", "#doses", "#share"], rows, ("sum", "", total, percent(total, total))),
        subheading("Why doses were not verified"),
        table(["issue", "in the appendix", "#doses"], issues, ("sum", "", n_open)),
    )


def _input_section(found: Statistics) -> Html:
    inputs: list[dict[str, Any]] = found.manifest["inputs"]
    rows = [(i["file"], i["physical_records"], i["decided"], i["rejected"], _holds(i)) for i in inputs]
    sums = {key: sum(i[key] for i in inputs) for key in ("physical_records", "decided", "rejected")}
    return section(
        "inputs",
        "The sum that must hold",
        paragraph("Every record that came in was decided or rejected with a reason: records = decided + rejected."),
        table(["file", "#records", "#decided", "#rejected", "holds"], rows, ("sum", *sums.values(), _holds(sums))),
    )


def _queue_section(found: Statistics) -> Html:
    outputs, review = found.manifest["outputs"], found.review
    rows = []
    for name, meaning in _QUEUES.items():
        size = review.claims if "review" in name else outputs.get(name, {}).get("rows")
        rows.append((Path(name).stem, meaning, size))
    text = "Sizes in identity claims (rejected: records); several doses may state one claim."
    if review.claims:
        text += (
            f" The review queue offers {review.candidates:,} candidates; {review.listed:,} of its claims stand in a "
            f"list of a commune's police, due back on {review.deadline}."
        )
    parts = [paragraph(text), table(["queue", "meaning", "#size"], rows)]
    if review.claims:
        parts += [subheading("What a review is worth"), *_hopes(review)]
    return section("queues", "Queues", *parts)


def _hopes(review: ReviewSize) -> Iterator[Html]:
    """How many claims a review settles from the top of the queue down."""
    yield paragraph(
        "A claim is settled when its person is among the candidates shown. The queue is looked at by priority, within "
        "a commune those most likely to be settled first. Claims that would be settled less than once in ten are not "
        f"put before anybody, unless they have a match that a conflict forbids: {review.searched:,} unmatched claims "
        "list candidates to begin the search with."
    )
    n_claims, n_settled = 0, 0.0
    rows = []
    for hope in review.hopes:
        n_claims, n_settled = n_claims + hope.claims, n_settled + hope.settled
        band = f"{hope.low:g} – {min(hope.high, 1.0):g}"
        rows.append((band, hope.claims, f"{hope.settled:,.1f}", n_claims, f"{n_settled:,.1f}"))
    yield table(["settled with probability", "#claims", "#expected settled", "#claims so far", "#settled so far"], rows)


def _pass_section(found: Statistics) -> Html:
    passes: dict[str, dict[str, int]] = found.manifest["passes"]
    keys = {rule.name: ", ".join(rule.left) for rule in found.model.plan.passes}
    rows = [
        (name, keys.get(name, ""), counts["pairs"], counts["largest_block"], counts["narrowed_blocks"])
        for name, counts in passes.items()
    ]
    rows.sort(key=lambda row: -row[3])
    pairs = found.manifest.get("candidate_pairs")
    text = "Largest blocks first. A block over its limit is narrowed by a second key; none is dropped."
    if pairs is not None:
        text += f" {pairs:,} different pairs were compared; a pair found by several passes counts once."
    return section(
        "passes",
        "Passes",
        paragraph(text),
        table(["pass", "equal parts", "#pairs", "#largest block", "#blocks narrowed"], rows),
    )


def _cost_section(found: Statistics) -> Html:
    seconds: dict[str, float] = found.manifest.get("seconds", {})
    rows = [(stage, f"{value:,.1f}") for stage, value in seconds.items()]
    memory = found.manifest.get("peak_rss_bytes")
    text = "Seconds by stage" + ("." if memory is None else f"; at most {memory / 2**20:,.0f} MiB of memory.")
    total = ("sum", f"{sum(seconds.values()):,.1f}")
    return section("cost", "Time and memory", paragraph(text), table(["stage", "#seconds"], rows, total))


def _holds(counts: dict[str, Any]) -> str:
    return "yes" if counts["physical_records"] == counts["decided"] + counts["rejected"] else "NO"
