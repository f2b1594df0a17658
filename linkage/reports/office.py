"""Whose form it is: the offices that stand over a report, told from the communes it is about.

As the letters of 2022 have them: the office above in the first line, the one that reports in the second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linkage.reports.counted import Counted

COUNTRY = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO = "Độc lập - Tự do - Hạnh phúc"
_DOTS = "." * 24
_KIND = re.compile(r"^(Tỉnh|Thành phố|Huyện|Quận|Thị xã|Thị trấn|Xã|Phường)\s+(?!\d)", re.IGNORECASE)
# By the level of the unit that reports: whose office stands above, and what both are called.
_HEALTH = {
    "commune": ("TRUNG TÂM Y TẾ {district}", "TRẠM Y TẾ {commune_whole}"),
    "district": ("SỞ Y TẾ {province}", "TRUNG TÂM Y TẾ {district}"),
    "province": ("BỘ Y TẾ", "SỞ Y TẾ {province}"),
    "country": ("", "BỘ Y TẾ"),
}
_POLICE = {
    "commune": ("CÔNG AN {district_whole}", "CÔNG AN {commune_whole}"),
    "district": ("CÔNG AN {province_whole}", "CÔNG AN {district_whole}"),
    "province": ("BỘ CÔNG AN", "CÔNG AN {province_whole}"),
    "country": ("", "BỘ CÔNG AN"),
}
_OFFICES = {"health": _HEALTH, "police": _POLICE}
_CAPITAL = "Hà Nội"


@dataclass(frozen=True)
class Office:
    """Who reports: the office above, the office itself, and where it is."""

    above: str = _DOTS
    name: str = _DOTS
    place: str = "." * 12


UNKNOWN_OFFICE = Office()


def office_of_counted(counted: Counted, branch: str, unit: str | None) -> Office:
    """The office of a branch ("health" or "police") for a unit, or for the smallest that all communes lie in; dots to
    be filled in where that is not known."""
    communes = counted.communes(unit)
    return UNKNOWN_OFFICE if communes is None else office_of(communes.to_pylist(), branch, unit)


def office_of(communes: list[dict[str, Any]], branch: str, unit: str | None) -> Office:
    """The office from rows of schema.COMMUNES."""
    level = _level(communes, unit)
    if level is None:
        return UNKNOWN_OFFICE
    names = _names(communes[0]) if communes else {}
    above, name = (line.format_map(names).strip() for line in _OFFICES[branch][level])
    return Office(above.upper(), name.upper(), _CAPITAL if level == "country" else names[level])


def _level(communes: list[dict[str, Any]], unit: str | None) -> str | None:
    """The level of the unit, or of the smallest that has all communes; None where their names are not known."""
    if not communes or not all(row["province_name"] for row in communes):
        return None
    if unit is not None and any(unit in (row["commune_code"], row["commune_code_now"]) for row in communes):
        return "commune"
    if unit is None and len({row["province_code"] for row in communes}) > 1:
        return "country"
    districts = {row["district_code"] for row in communes}
    is_district = len(districts) == 1 and None not in districts
    return "district" if is_district and unit not in {row["province_code"] for row in communes} else "province"


def _names(commune: Mapping[str, str | None]) -> dict[str, str]:
    """The names of the units of a commune, whole and without the word for what they are."""
    whole = {level: commune[f"{level}_name"] or _DOTS for level in ("commune", "district", "province")}
    return {level: _KIND.sub("", name) for level, name in whole.items()} | {
        f"{level}_whole": name for level, name in whole.items()
    }
