"""Scores a sample of pairs with Splink 5 as well, and compares the match weights; the one file that imports Splink.

Splink is an optional dependency: ``pip install 'dose-linkage[splink]'``.
"""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.errors import InputError, UsageError
from linkage.published.reader import read_table
from linkage.schema import PAIRS
from linkage.splink.tables import A_LEFT, B_RIGHT
from linkage.splink.writing import export_files
from linkage.storage.work_folders import work_folder
from linkage.training.model_file import Model
from linkage.two_files.link import link_files

_SEED = 5
_REASON = "compared with Splink, not decided"


@dataclass(frozen=True)
class WeightCheck:
    """Match weights of the same pairs in both programs, in bits; Splink's without the prior odds that it adds.

    worst: left and right id of the pair that differs most, with both weights. deviations: what Splink cannot hold of
    the model and was written as the nearest it can.
    """

    pairs: int
    largest_difference: float
    mean_difference: float
    worst: tuple[str, str, float, float]
    deviations: list[str]


def check_against_splink(
    model: Model, tables: tuple[Path, Path], *, n_pairs: int = 10_000, nearest: bool = False
) -> WeightCheck:
    """Compare the weights of a model's candidates in two files, a sample of them.

    Parameters
    ----------
    n_pairs : so many candidates at most, drawn by a fixed seed
    nearest : compare also where Splink cannot hold all of the model

    Raises
    ------
    UsageError : Splink is not installed, or cannot hold the model
    InputError : a file cannot be used, or has no candidate
    """
    _need_splink()
    with work_folder(Path(tempfile.gettempdir())) as scratch:
        exported = export_files(model, scratch / "made" / "splink", tables=tables, nearest=nearest)
        linked = link_files(
            [tables[0]], [tables[1]], model.plan, scratch / "made" / "linked", model=model, accept=_REASON
        )
        rows = read_table(linked.folder, PAIRS.name)
        if rows.num_rows == 0:
            raise InputError("no candidate to compare: no pair of these files is worth a look by this model")
        chosen = np.sort(np.random.default_rng(_SEED).permutation(rows.num_rows)[:n_pairs])
        sample = rows.take(pa.array(chosen))
        pairs = list(zip(sample["left_id"].to_pylist(), sample["right_id"].to_pylist(), strict=True))
        theirs = _splink_weights(exported.folder, pairs)
    differences = np.abs(sample["match_weight"].to_numpy() - np.array([theirs[pair] for pair in pairs]))
    worst = int(np.argmax(differences))
    of_worst = (*pairs[worst], float(sample["match_weight"][worst].as_py()), theirs[pairs[worst]])
    return WeightCheck(
        len(pairs), float(differences.max()), float(differences.mean()), of_worst, list(exported.deviations)
    )


def _need_splink() -> None:
    try:
        import splink  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "Splink is not installed, and only this check needs it; pip install 'dose-linkage[splink]' and try again"
        ) from error


def _splink_weights(folder: Path, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Splink's match weights of given pairs of an exported folder, without its prior odds."""
    from splink import DuckDBAPI, Linker, SettingsCreator

    settings: dict[str, Any] = json.loads((folder / "settings.json").read_text("utf-8"))
    api = DuckDBAPI()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sides = [
            api.register(pq.read_table(folder / f"{name}.parquet"), dataset_display_name=name)
            for name in (A_LEFT, B_RIGHT)
        ]
        linker = Linker(
            sides, SettingsCreator.from_path_or_dict(str(folder / "settings.json")), log_level=logging.ERROR
        )
        for path in sorted(folder.glob("tf_*.parquet")):
            table = api.register(pq.read_table(path))
            linker.table_management.register_term_frequency_lookup(table, path.stem.removeprefix("tf_"))
        keys = {
            "match_key": ["0"] * len(pairs),
            "join_key_l": [f"{A_LEFT}-__-{left}" for left, _ in pairs],
            "join_key_r": [f"{B_RIGHT}-__-{right}" for _, right in pairs],
        }
        linker.table_management.register_blocked_pairs_for_predict(api.register(pa.table(keys)))
        rows = linker.inference.predict().as_record_list()
    prior = settings["probability_two_random_records_match"]
    log2_odds = float(np.log2(prior / (1 - prior)))
    return {(row["unique_id_l"], row["unique_id_r"]): row["match_weight"] - log2_odds for row in rows}
