"""How stations spell units: "Tỉnh Lâm Đồng", "Lâm Đồng", "LAM DONG"; "Phường 1", "P.1", "P1", "Phường 01"."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from linkage.simulate import wording
from linkage.simulate.randomness import Floats, Int32s
from linkage.simulate.spelling import without_diacritics
from linkage.simulate.units import Communes

_KINDS = {
    "Thành phố": "TP.",
    "Thị xã": "TX.",
    "Thị trấn": "TT.",
    "Phường": "P.",
    "Quận": "Q.",
    "Huyện": "H.",
    "Xã": "X.",
    "Tỉnh": "T.",
}
# Full form, plain name, abbreviated kind, plain without diacritics, full in capitals, an alias or two-digit number.
_FORM_SHARES = np.array([0.50, 0.26, 0.08, 0.06, 0.06, 0.04])
N_FORMS = len(_FORM_SHARES)
_ALIASES = {"Thành phố Hồ Chí Minh": "TP HCM", "Tỉnh Thừa Thiên Huế": "Huế", "Tỉnh Bà Rịa - Vũng Tàu": "BRVT"}


def spellings(name: str) -> list[str]:
    """The ``N_FORMS`` forms of a unit's name."""
    kind = next((kind for kind in _KINDS if name.startswith(kind + " ")), "")
    plain = name.removeprefix(kind).strip()
    # A number alone names no ward: "Phường 1" keeps its kind.
    numbered = plain.isdigit()
    short = f"{_KINDS.get(kind, '')}{plain}" if numbered else f"{_KINDS.get(kind, '')} {plain}".strip()
    odd = f"{kind} {int(plain):02d}" if numbered else _ALIASES.get(name, plain.replace("' ", "'"))
    plain = f"{_KINDS[kind][0]}{plain}" if numbered else plain
    return [name, plain, short, without_diacritics(plain), name.upper(), odd]


def spelling_table(names: list[str]) -> wording.Texts:
    """Entry ``N_FORMS * i + form`` is name ``i`` in that form."""
    return pa.array([form for name in names for form in spellings(name)], pa.string())


def place_tables(communes: Communes) -> dict[str, wording.Texts]:
    """Spellings of the province, the district and the commune of every commune."""
    return {
        "province": spelling_table(communes.province_names),
        "district": spelling_table(communes.district_names),
        "commune": spelling_table(communes.names),
    }


def draw_forms(lots: Floats) -> Int32s:
    """A form for each uniform number."""
    return np.searchsorted(np.cumsum(_FORM_SHARES)[:-1], lots, side="right").astype(np.int32)
