"""The records of both files encoded for a plan in the making: their keys in any pass, and their values as compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.encode.columns import encode
from linkage.encode.dictionaries import Dictionaries
from linkage.encode.keys import KeyParts
from linkage.encode.plain_texts import plain_texts
from linkage.plan.sections import Pass, Plan
from linkage.planning.agreement import MEASURED
from linkage.planning.fields import Planned
from linkage.planning.passes import block_sizes
from linkage.planning.sharing import repeated_share
from linkage.planning.sure import whole_part
from linkage.registry.as_of import of_tables
from linkage.standardise.places import Units
from linkage.standardise.text_forms import in_form


class EncodedFiles:
    """The keys of both sides in any pass over the plan's fields."""

    def __init__(self, tables: dict[str, pa.Table], plan: Plan) -> None:
        dictionaries = Dictionaries(Units.none(pa.array([], pa.string())), "2021", of_tables(plan, tables))
        self._parts = {
            side: KeyParts(side, encode(table, plan, side, dictionaries), plan, dictionaries)
            for side, table in tables.items()
        }
        self._tables = tables
        self.rows = tables["left"].num_rows, tables["right"].num_rows

    def of(self, rule: Pass) -> tuple[np.ndarray, np.ndarray]:
        return self._parts["left"].keys(rule)[:, 0], self._parts["right"].keys(rule)[:, 0]

    def same_home(self, planned: Sequence[Planned]) -> float:
        """Pairs within one file that have a home's value in common, for each record: the most that a field shows."""
        homes = [whole_part(p) for p in planned if p.comparison.shared_number]
        rules = [Pass(name="home", left=[name], right=[name]) for name in homes]
        return max((block_sizes(*self.of(rule), is_self=True)[0] / self.rows[0] for rule in rules), default=0.0)

    def duplicates(self, planned: Sequence[Planned]) -> dict[str, float]:
        """Records of each side that another one of it repeats, as a share of all."""
        whole = {p.field.name: self._whole(p) for p in planned}
        return {
            side: repeated_share(planned, side, {name: both[place] for name, both in whole.items()})
            for place, side in enumerate(("left", "right"))
        }

    def _whole(self, planned: Planned) -> tuple[np.ndarray, np.ndarray]:
        """Keys of whole values, of numbers as they are written."""
        if planned.field.kind != "number":
            part = whole_part(planned)
            return self.of(Pass(name="whole", left=[part], right=[part]))
        left, right = self.values(planned)
        _, codes = np.unique(np.concatenate([left, right]).astype(str), return_inverse=True)
        codes = np.where(np.concatenate([left, right]) == "", 0, codes + 1).astype(np.uint64)
        return codes[: left.size], codes[left.size :]

    def values(self, planned: Planned) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        """A field's values as they are compared, aligned with the rows: text, or what its kernel takes."""
        if planned.comparison.kind in MEASURED or planned.field.kind not in ("text", "category", "number"):
            left, right = (self._parts[side].columns[planned.field.name] for side in ("left", "right"))
            return left, right
        left, right = (
            in_form(
                plain_texts([self._tables[side].column(name).combine_chunks() for name in columns]), planned.field.form
            )
            for side, columns in (("left", planned.field.left), ("right", planned.field.right))
        )
        return left.to_numpy(zero_copy_only=False), right.to_numpy(zero_copy_only=False)
