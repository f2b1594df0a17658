"""One measurement: one linker on one set, in a process of its own.

``python -m benchmarks.accuracy.measuring KIND NAME TOOL WORK`` (KIND labelled, simulation, shock, model or self_links)
links what was made ready in WORK and writes WORK/TOOL.json: figures, seconds, peak memory; or of KIND model the trained
model.
"""

from __future__ import annotations

import json
import logging
import resource
import shutil
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.accuracy import labelled, self_links, simulations
from benchmarks.accuracy.metrics import best_only, measure
from linkage.errors import QualityGateError

TOOLS = ("ours", "splink", "recordlinkage")
# For recordlinkage only sets whose comparison its own documentation shows.
OTHER_MODEL = "model.json"  # beside the folders of the shocks, which it was not trained on
RECORDLINKAGE_SETS = ("febrl1", "febrl2", "febrl3", "febrl4")


def link_set(name: str, tool: str, work: Path) -> tuple[pa.Table, labelled.Prepared, dict[str, float], dict[str, Any]]:
    """Pairs of a labelled set, its truth, seconds, and nothing more."""
    chosen = next(candidate for candidate in labelled.SETS if candidate.name == name)
    files = labelled.prepared(chosen, work)
    if tool == "ours":
        from benchmarks.accuracy.ours import link_labelled

        pairs, seconds = link_labelled(chosen, files, work)
    elif tool == "splink":
        from benchmarks.accuracy.splink_labelled import link_with_splink

        pairs, seconds = link_with_splink(chosen, files)
    else:
        from benchmarks.accuracy.record_linkage import link_febrl

        pairs, seconds = link_febrl(files)
    return pairs, files, seconds, {}


def link_simulation(tool: str, work: Path) -> tuple[pa.Table, labelled.Prepared, dict[str, float], dict[str, Any]]:
    """Pairs of dose and person, the truth, seconds, and what a run of ours decided."""
    files = simulations.made(work)
    scratch = work / tool
    scratch.mkdir()
    if tool == "ours":
        from benchmarks.accuracy.ours import decided, link_doses

        pairs, seconds, summary = link_doses(files, scratch)
        return pairs, files.judged, seconds, decided(summary.run_dir, files.truth)
    from benchmarks.accuracy.splink_doses import link_doses_with_splink

    pairs, seconds = link_doses_with_splink(files, scratch)
    return pairs, files.judged, seconds, {}


def link_shock(tool: str, work: Path) -> tuple[pa.Table, labelled.Prepared, dict[str, float], dict[str, Any]]:
    """The same of a shock, with more figures of what ours decided, by itself or with the model made elsewhere.

    What a gate refuses is measured all the same, as if somebody had accepted it.
    """
    if tool == "splink":
        return link_simulation(tool, work)
    from benchmarks.accuracy.ours import link_doses, shock_figures

    files, scratch = simulations.made(work), work / tool
    scratch.mkdir()
    model_file = work.parent / OTHER_MODEL if tool == "other_model" else None
    refused = None
    try:
        pairs, seconds, summary = link_doses(files, scratch, model_file)
    except QualityGateError as gate:
        refused, scratch = str(gate), work / f"{tool}_accepted"
        scratch.mkdir()
        pairs, seconds, summary = link_doses(files, scratch, model_file, accept="to measure what was refused")
    return pairs, files.judged, seconds, shock_figures(files, scratch, summary) | {"refused": refused}


def train_elsewhere(work: Path) -> None:
    """The model of a simulation, beside its folder."""
    from benchmarks.accuracy.ours import link_doses

    scratch = work / "ours"
    scratch.mkdir()
    _, _, summary = link_doses(simulations.made(work), scratch)
    shutil.copy(summary.run_dir / "model.json", work.parent / OTHER_MODEL)


def pair_figures(kind: str, name: str, tool: str, work: Path) -> dict[str, Any]:
    """Figures of the pairs of a set, and seconds."""
    if kind == "labelled":
        pairs, files, seconds, decided = link_set(name, tool, work)
    else:
        pairs, files, seconds, decided = (link_shock if kind == "shock" else link_simulation)(tool, work)
    judged = labelled.judge(pairs, files)
    return {
        "figures": asdict(measure(judged)),
        "figures_best_only": None
        if files.is_self or tool in ("ours", "other_model")
        else asdict(measure(best_only(judged))),
        "decided": decided or None,
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
    }


def main(kind: str, name: str, tool: str, work: Path) -> None:
    """Link, judge, and write the figures; or train the model that is applied elsewhere."""
    if kind == "model":
        train_elsewhere(work)
        return
    if kind == "self_links":
        result = self_links.figures(self_links.Case.named(name), work)
    else:
        result = pair_figures(kind, name, tool, work)
    peak = {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    (work / f"{tool}.json").write_text(json.dumps(result | peak), encoding="utf-8")


if __name__ == "__main__":
    # The other linkers warn of what their authors' own examples do.
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
