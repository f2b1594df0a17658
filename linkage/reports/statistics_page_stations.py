"""The part of the statistical report on stations that err as a rule."""

from __future__ import annotations

from typing import Any

from linkage.reports.page import Html, paragraph, section, table
from linkage.stations.findings import Finding, reading_of, what, where

_SHOWN = 100  # findings; all are in the manifest


def station_section(findings: list[dict[str, Any]] | None) -> Html:
    """What the run found of its stations; findings: as the manifest has them, None for a run without."""
    heading = "Systematic errors of stations"
    if findings is None:
        return section("stations", heading, paragraph("This run was published without these findings; link it again."))
    if not findings:
        return section(
            "stations", heading, paragraph("None was found: no facility and no file errs in a way of its own.")
        )
    found = [Finding(**{**finding, "fields": tuple(finding["fields"])}) for finding in findings]
    found.sort(key=lambda finding: -max(finding.n_read, finding.hits))
    text = (
        "What a facility or a whole file does in its rows unlike all others. Where one reading is clear its doses are "
        "read so before they are linked; wrong_fields and readings.parquet still name what the station has to mend. "
        "Usual: the share of such doses at ordinary stations."
    )
    if len(found) > _SHOWN:
        text += f" The {_SHOWN} largest of {len(found):,}; all are in the manifest."
    rows = [
        (where(f), what(f), f"{f.hits / f.trials:.1%}", f"{f.ordinary_rate:.2%}", f"{f.probability:.4f}", reading_of(f))
        for f in found[:_SHOWN]
    ]
    headings = ["station", "what is wrong", "#share", "#usual", "#probability", "reading"]
    return section("stations", heading, paragraph(text), table(headings, rows))
