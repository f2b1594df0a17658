"""What stands between and beside the numbers of a date: separators of any script, the calendar's name, years in words.

Rewritten before anything else is asked, so that each rule for dates knows one separator and our years alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.standardise.syllables import ascii_fold

# Middle dots, bullets, the points and commas of Chinese and Japanese, strokes, hyphens, dashes, minus signs. No star,
# no question mark, no tilde: these stand for a figure that is not known, or for "about".
_ODD_SEPARATORS = "[·•‧∙⋅・﹒、。;⁄∕⧸╱]"
_ODD_DASHES = "[‐‑‒–—―−ー]"
# Theravada Buddhists' years, 543 ahead, in Thai, Lao, Khmer and Latin letters and in Vietnamese; only of four figures,
# for two of them would be taken for ours.
_BUDDHIST = r"พ\s*\.?\s*ศ\s*\.?|ພ\s*\.?\s*ສ\s*\.?|ព\s*\.?\s*ស\s*\.?|\bB\.?\s?E\b\.?|\bP\.?\s?L\b\.?|PHẬT LỊCH|PHAT LICH"
_BUDDHIST_YEAR = r"2[456]\d{2}"
_OURS = (
    r"ค\s*\.?\s*ศ\s*\.?|ຄ\s*\.?\s*ສ\s*\.?|គ\s*\.?\s*ស\s*\.?|\bA\.?\s?D\b\.?|\bC\.?\s?E\b\.?|\bSCN\b|\bD\.?\s?L\b\.?"
    r"|\bT\.?\s?L\b\.?|CÔNG NGUYÊN|CÔNG LỊCH|CONG LICH|DƯƠNG LỊCH|DUONG LICH|TÂY LỊCH|TAY LICH"
)
_ERAS = (
    (rf"(?:{_BUDDHIST})\s*({_BUDDHIST_YEAR})", r"\1"),
    (rf"({_BUDDHIST_YEAR})\s*[(\[]?\s*(?:{_BUDDHIST})\s*[)\]]?", r"\1"),
    (rf"(?:{_OURS})\s*(\d{{4}})", r"\1"),
    (rf"(\d{{4}})\s*[(\[]?\s*(?:{_OURS})\s*[)\]]?\s*$", r"\1"),
)
# By the moon; and the first and the last of its months, which no other calendar calls so, unless the text says it.
LUNAR = r"[(\[]?(?:ÂM LỊCH|AM LICH|\bA\.?L\b\.?|ÂL\b\.?|LUNAR)[)\]]?|NHUẬN|NHUAN"
_LUNAR_MONTH = r"(?:THÁNG|THANG)\s+(?:CHẠP|CHAP|GIÊNG|GIENG)\b"
_SOLAR = r"DƯƠNG LỊCH|DUONG LICH|\bD\.?\s?L\b|TÂY LỊCH|TAY LICH|CÔNG LỊCH|CONG LICH"
_MARK = " ÂM LỊCH"
# Strokes, points or blanks where the month would be: 12/--/1981 states a day of an unknown month, not December.
_GAP = r"\s*(?:/[\s._-]*/|\.[\s._-]*\.|-[\s._-]*-)\s*"
_GAPS = ((rf"^\d{{1,2}}{_GAP}(\d{{4}})$", r"\1"), (rf"^(\d{{4}}){_GAP}\d{{1,2}}$", r"\1"))
# A day or a month of which a figure is not known, or that 99 says is not known: what is left is the month, or the year.
_UNSURE = r"(?:\d[?X*_]|[?X*_]\d|99)"
_UNSURE_PARTS = (
    (rf"^[\w?*]{{1,2}}[/.-]{_UNSURE}[/.-]((?:18|19|20)\d{{2}})$", r"\1"),
    (rf"^{_UNSURE}[/.-](\d{{1,2}}[/.-](?:18|19|20)\d{{2}})$", r"\1"),
    (rf"^((?:18|19|20)\d{{2}})[/.-]{_UNSURE}(?:[/.-][\w?*]{{1,2}})?$", r"\1"),
    (rf"^((?:18|19|20)\d{{2}}[/.-]\d{{1,2}})[/.-]{_UNSURE}$", r"\1"),
)
# The year alone, behind words that say why: "không rõ, 1985", "chỉ nhớ năm 1985", "Ất Sửu 1985".
_STEM, _BRANCH = (
    "(?:GIÁP|ẤT|BÍNH|ĐINH|MẬU|KỶ|KỈ|CANH|TÂN|NHÂM|QUÝ|QUÍ)",
    "(?:TÝ|TÍ|SỬU|DẦN|MÃO|MẸO|THÌN|TỴ|TỊ|NGỌ|MÙI|THÂN|DẬU|TUẤT|HỢI)",
)
_ONLY_YEAR = (
    rf"^\D*(?:(?:KHÔNG|KHONG|KO|CHƯA)\s+(?:RÕ|RO|NHỚ|NHO|BIẾT)|(?:CHỈ|CHI)\s+(?:NHỚ|NHO|BIẾT|BIET|CÓ|CO|GHI)"
    rf"|{_STEM}\s+{_BRANCH}|TUỔI\s+{_BRANCH})(?:[^\pL\d]\D*)?((?:18|19|20)\d{{2}})\W*$"
)
# Where somebody was born, before the date or behind it: "Sinh tại Huế ngày 5/11/1985", "5/11/1985 tại phường 12". A
# year or a date behind it is the date, and what stands before it is something else.
_AT = r"(?:TẠI|TAI|Ở|NƠI SINH|NOI SINH|QUÊ QUÁN|QUE QUAN|QUÊ|IN|AT)\b"
_PLACES = (
    (rf"^\s*(?:(?:SINH|BORN)\s+)?{_AT}[^\d]*(\d)", r"\1"),
    (rf"(\d)\s*[,;(-]?\s*{_AT}[\s:](?:\D|\d{{1,3}}(?:\D|$))*$", r"\1"),
)
_BORN_ON = (
    r"^\W*(?:D\.?\s?O\.?\s?B\b\.?|DATE OF BIRTH|BIRTH\s?DATE|BIRTH\s?DAY|BORN(?: ON| IN)?\b|NTNS\b|N\.T\.N\.S)\W*(\d)"
)
# The three words of a form with nothing between them, "Ngày tháng năm sinh: 05/11/1985", "ngày … tháng … năm 1985".
_EMPTY_LABELS = r"(?:NGÀY|NGAY)[\s,/._…-]*(?:THÁNG|THANG)[\s,/._…-]*(?:NĂM|NAM)(?:\s+SINH\b)?[\s:.]*(\d)"
# Figures with blanks among them, as in "05/11/19 85" and in the boxes of a form: what is a whole date without them.
_SPACED = r"^[\d\s]*[/.-][\d\s]*[/.-][\d\s]*$|^\s*(?:\d\s+){7}\d\s*$"
_WHOLE_DATE = (
    r"^(?:\d{1,2}[/.-]\d{1,2}[/.-](?:18|19|20)\d{2}|(?:19|20)\d{2}[/.-]\d{1,2}[/.-]\d{1,2}"
    r"|[0-3]\d[01]\d(?:19|20)\d{2})$"
)
_WHOLE = r"\d{1,2}[/.-]\d{1,2}[/.-](?:18|19|20)\d{2}|(?:18|19|20)\d{2}[/.-]\d{1,2}[/.-]\d{1,2}"
# What stands around and within a whole date and changes nothing of it.
_SLIPS = (
    (r"^\s*[(\[{]([^()\[\]{}]*)[)\]}]\s*$", r"\1"),
    (r"^\\?/DATE\((-?\d+)(?:[+-]\d{4})?\)\\?/$", r"\1"),  # of JSON by .NET, in milliseconds
    (r"^((?:19|20)\d{2}[01]\d[0-3]\d)T?[0-2]\d[0-5]\d[0-5]\d$", r"\1"),  # with the time behind it
    # Of Java, of C and of `date`, the year behind the time; a moment in UTC may be of another day here.
    (
        r"^(?:[A-Z]{3},?\s+)?([A-Z]{3}\s+\d{1,2})\s+(?:\d{2}:\d{2}:\d{2}(?:\s+(?:ICT|[+-]\d{2}:?\d{2}|GMT[+-]0?7(?::?00)?))?"
        r"|00:00:00\s+(?:UTC|GMT))\s+(\d{4})$",
        r"\1 \2",
    ),
    (rf"^({_WHOLE})\s*[*†‡#]+$", r"\1"),  # with the sign of a footnote
    (r"^\s*(?:C|CA|CIRCA)\.?\s+(\d{4})\s*$", r"\1"),
    (
        r"^(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.-]\d{1,2}[/.-]\d{4})\s*(?:Z|(?:GMT|UTC)?\s*(?:[+-]\d{1,2}(?::?\d{2})?)?)$",
        r"\1",
    ),
    (r"^((?:THÁNG|THANG)\s*\d{1,2}\s*(?:NĂM|NAM)\s*)(3[2-9]|[4-9]\d)$", r"\119\2"),
    (r"(\d{4})\s*Г\.?(?:Р\.?)?\s*$", r"\1"),  # "year" in Russian
    # An l for a one; an I only beside a figure, for months are written in Roman numerals too.
    *((r"(^|[\d/.-])L(L?[\d/.-]|L?$)", r"\11\2"),) * 2,
    (r"(\d)I([\d/.-]|$)", r"\11\2"),
    (r"(^|[/.-])I(\d)", r"\11\2"),
    # One of both separators is missing; not of two years.
    (r"^(0\d|1[0-8]|2[1-9]|3[01])(0\d|1[0-2])[/.-]((?:18|19|20)\d{2})$", r"\1/\2/\3"),
    (r"^(\d{2})[/.-](0\d|1[0-2])((?:18|19|20)\d{2})$", r"\1/\2/\3"),
)
# A place alone behind a whole date, or before it; not a word by which the date is another one, or is none.
_PLACE_BEHIND = r"^(.*\d{1,2}[/.-]\d{1,2}[/.-](?:18|19|20)\d{2})(?:\s*[,;-]\s*|\s+)\p{Latin}[\p{Latin}\s.,'-]*$"
_MONTH_LABEL = r"(?:18|19|20)\d{2}\D*(?:THÁNG|THANG)|^\D*(?:THÁNG|THANG)"
_PLACE_BEFORE = (
    r"^\s*\p{Latin}[\p{Latin}\s.,'-]*[\s,:]((?:(?:NGÀY|NGAY)\s+)?\d{1,2}"
    r"(?:[/.-]\d{1,2}[/.-]|\s+(?:THÁNG|THANG)\s+\d{1,2}\s+(?:NĂM|NAM)\s+)(?:18|19|20)\d{2})$"
)
_NO_PLACE = (
    r"ÂM LỊCH|AM LICH|\bA\.?L\b|ÂL\b|LUNAR|NHUẬN|NHUAN|\b(?:SA|CH)$|\b(?:AM|PM|PL|BE|HOẶC|HOAC|HAY|OR|KHÔNG|KHONG"
    r"|NOT|SAI|WRONG|CẤP|HẾT|MẤT|CHẾT|DIED|TIÊM|CON|MẸ|BỐ|CHA|VỢ|CHỒNG"
    r"|CẬP|NHẬP|SỬA|ĐẾN|TỪ|TRƯỚC|SAU|UNTIL|BEFORE|AFTER|ISSUED|EXPIR\pL*|KHAI|ĐĂNG|LÚC)\b"
)
_MAYBE_TWICE, _TWICE = r"\d{4}\D.*\d", re.compile(r"\s*(\S.*\d{4}|\d{4}\S*)[\s,;|/_–-]+\1\s*", re.DOTALL)
_OTHER_FIGURES = r"[^\P{Nd}0-9]"
_THOUSAND = r"NGHÌN|NGÀN|NGHIN|NGAN"
# A year said figure by figure, "một chín tám mốt".
_CENTURY = r"\bM[ỘO]T CH[ÍI]N\b|\bHAI KH[ÔO]NG\b"
_LONGEST_SPOKEN, _LONGEST_DATE = 3, 100  # words behind the century; characters
_CENTURIES = {("mot", "chin"): 1900, ("hai", "khong"): 2000}
# Months in Thai, in full and short, in Lao and in Khmer, from the first on.
_MONTHS = (
    "มกราคม|ม.ค.|ມັງກອນ|មករា กุมภาพันธ์|ก.พ.|ກຸມພາ|កុម្ភៈ มีนาคม|มี.ค.|ມີນາ|មីនា เมษายน|เม.ย.|ເມສາ|មេសា "
    "พฤษภาคม|พ.ค.|ພຶດສະພາ|ឧសភា มิถุนายน|มิ.ย.|ມິຖຸນາ|មិថុនា กรกฎาคม|ก.ค.|ກໍລະກົດ|កក្កដា สิงหาคม|ส.ค.|ສິງຫາ|សីហា "
    "กันยายน|ก.ย.|ກັນຍາ|កញ្ញា ตุลาคม|ต.ค.|ຕຸລາ|តុលា พฤศจิกายน|พ.ย.|ພະຈິກ|វិច្ឆិកា ธันวาคม|ธ.ค.|ທັນວາ|ធ្នូ"
)
_MONTH_OF = {
    unicodedata.normalize("NFKC", name): month
    for month, names in enumerate(_MONTHS.split(), start=1)
    for name in names.split("|")
}
_MONTH_NAMES = "|".join(re.escape(name) for name in sorted(_MONTH_OF, key=len, reverse=True))
# Two figures may be of either calendar: such a year is not read.
_DATE_BY_NAME = re.compile(rf"\D*?(?:(\d{{1,2}})[^\d]{{0,12}}?)??({_MONTH_NAMES})\D*?(\d{{4}})\D*")
_INDOCHINESE = r"[\x{0E00}-\x{0EFF}\x{1780}-\x{17FF}]"

_ONES = {
    **{"mot": 1, "hai": 2, "ba": 3, "bon": 4, "tu": 4, "nam": 5, "lam": 5, "nham": 5, "sau": 6, "bay": 7, "tam": 8},
    "chin": 9,
}


def are_lunar(text: pa.StringArray) -> pa.BooleanArray:
    """Whether each date is one by the moon, whose days and months are none of ours; ``text``: as for without_marks."""
    by_month = pc.match_substring_regex(text, _LUNAR_MONTH)
    is_named = pc.and_(by_month, pc.invert(pc.match_substring_regex(text, _SOLAR)))
    return pc.or_(pc.match_substring_regex(text, LUNAR), is_named)


def _with_calendar(text: pa.StringArray) -> pa.StringArray:
    """Dates in a month of the moon with a mark that says so."""
    if not pc.any(pc.match_substring_regex(text, _LUNAR_MONTH)).as_py():
        return text
    is_bare = pc.and_(are_lunar(text), pc.invert(pc.match_substring_regex(text, LUNAR)))
    return pc.if_else(is_bare, pc.binary_join_element_wise(text, _MARK, ""), text)


def same_separators(text: pa.StringArray) -> pa.StringArray:
    """Texts in NFKC with a stroke or a hyphen for each separator that is not usual."""
    text = pc.replace_substring_regex(pc.utf8_normalize(text, form="NFKC"), _ODD_SEPARATORS, "/")
    return pc.replace_substring_regex(text, _ODD_DASHES, "-")


def without_marks(text: pa.StringArray) -> pa.StringArray:
    """Texts with figures 0-9, usual separators and years of four figures; ``text``: string[n], upper case, NFKC, no
    nulls."""
    text = _with_calendar(same_separators(text))
    text = _each(text, _OTHER_FIGURES, _in_ascii_figures)
    text = _each(text, _MAYBE_TWICE, _stated_once)
    rewrites = (
        *_SLIPS,
        *_ERAS,
        *_GAPS,
        *_UNSURE_PARTS,
        (_ONLY_YEAR, r"\1"),
        *_PLACES,
        (_BORN_ON, r"\1"),
        (_EMPTY_LABELS, r"\1"),
    )
    for pattern, replacement in rewrites:
        text = pc.replace_substring_regex(text, pattern, replacement)
    is_dated = pc.invert(pc.match_substring_regex(text, rf"{_NO_PLACE}|{_MONTH_LABEL}"))
    for pattern in (_PLACE_BEHIND, _PLACE_BEFORE):
        text = pc.if_else(is_dated, pc.replace_substring_regex(text, pattern, r"\1"), text)
    text = _without_blanks(text)
    text = _each(text, _INDOCHINESE, _with_month_in_figures)
    text = _each(text, _CENTURY, _with_spoken_year_in_figures)
    return _each(text, _THOUSAND, _with_year_in_figures)


def _without_blanks(text: pa.StringArray) -> pa.StringArray:
    """Dates out of figures with blanks among them; not of "05 11 1985", whose blanks part them."""
    is_spaced = pc.and_(pc.match_substring_regex(text, r"\d\s+\d"), pc.match_substring_regex(text, _SPACED))
    if not pc.any(is_spaced).as_py():
        return text
    close = pc.replace_substring_regex(text, r"\s+", "")
    return pc.if_else(pc.and_(is_spaced, pc.match_substring_regex(close, _WHOLE_DATE)), close, text)


def _each(text: pa.StringArray, pattern: str, rewrite: Callable[[str], str]) -> pa.StringArray:
    """Rewrite the few texts in which a pattern is found, one by one."""
    rows = np.flatnonzero(pc.match_substring_regex(text, pattern).to_numpy(zero_copy_only=False))
    if not rows.size:
        return text
    texts = text.to_pylist()
    for row in rows.tolist():
        texts[row] = rewrite(texts[row])
    return pa.array(texts, pa.string())


def _in_ascii_figures(text: str) -> str:
    return "".join(str(int(char)) if char.isdecimal() else char for char in text)


def _stated_once(text: str) -> str:
    """A date or a year that is written twice and is the same both times, once; "05/11/1985 06/11/1985" stays."""
    twice = _TWICE.fullmatch(text) if len(text) <= _LONGEST_DATE else None
    return twice.group(1) if twice else text


def _with_month_in_figures(text: str) -> str:
    """ "5 มกราคม 2524" is 5/1/2524; anything but a day, a month's name and a year of four figures stays as it is."""
    found = _DATE_BY_NAME.fullmatch(text) if len(text) <= _LONGEST_DATE else None
    if found is None:
        return text
    day, month, year = found.groups()
    return f"{day}/{_MONTH_OF[month]}/{year}" if day else f"{_MONTH_OF[month]}/{year}"


def _with_spoken_year_in_figures(text: str) -> str:
    """ "năm một chín tám mốt" is 1981, "hai không linh năm" 2005; whatever else the words may be stays as it is."""
    words = text.split()
    plain = [ascii_fold(word.lower()).strip(".,()") for word in words]
    for at in range(max(0, len(plain) - 2 - _LONGEST_SPOKEN), len(plain) - 2):
        century = _CENTURIES.get((plain[at], plain[at + 1]))
        years = _SPOKEN.get(" ".join(plain[at + 2 :]))
        # "tháng mười một chín tám mốt": the eleventh month, or the tenth.
        if century is not None and years is not None and plain[at - 1 : at] not in (["muoi"], ["chap"]):
            return " ".join([*words[:at], str(century + years)])
    return text


def _spoken() -> dict[str, int]:
    """The last two figures of a year as they are said, without marks: "tam mot", "tam muoi mot", "muoi", "linh nam"."""
    said: dict[str, int] = {}
    for ones, one in _ONES.items():
        said |= {f"{zero} {ones}": one for zero in ("khong", "linh", "le")} | {f"muoi {ones}": 10 + one}
        for tens, ten in _ONES.items():
            said |= {f"{tens} {ones}": 10 * ten + one, f"{tens} muoi {ones}": 10 * ten + one}
        said |= {f"{ones} muoi": 10 * one, f"{ones} khong": 10 * one}
    return said | {"muoi": 10, "khong khong": 0}


def _with_year_in_figures(text: str) -> str:
    """ "một nghìn chín trăm năm mươi bảy" is 1957; a text in which no such number stands stays as it is."""
    words = text.split()
    plain = [ascii_fold(word.lower()).strip(".,()") for word in words]
    for at, word in enumerate(plain):
        if word in ("nghin", "ngan") and at and _ONES.get(plain[at - 1], 9) <= 2:
            year, end = _year_from(plain, at + 1, 1000 * _ONES[plain[at - 1]])
            return " ".join([*words[: at - 1], str(year), *words[end:]])
    return text


def _year_from(words: list[str], at: int, year: int) -> tuple[int, int]:
    """The hundreds, tens and ones behind the thousands: (year, the first word behind it)."""
    if words[at + 1 : at + 2] == ["tram"] and (words[at] in _ONES or words[at] == "khong"):
        year, at = year + 100 * _ONES.get(words[at], 0), at + 2
    if words[at : at + 1] in (["linh"], ["le"]):
        at += 1
    elif words[at : at + 1] == ["muoi"]:
        year, at = year + 10, at + 1
    elif words[at + 1 : at + 2] == ["muoi"] and words[at] in _ONES:
        year, at = year + 10 * _ONES[words[at]], at + 2
    elif len(words) > at + 1 and words[at] in _ONES and words[at + 1] in _ONES:
        year, at = year + 10 * _ONES[words[at]], at + 1  # "chín trăm năm bảy"
    if words[at : at + 1] and words[at] in _ONES:
        year, at = year + _ONES[words[at]], at + 1
    return year, at


_SPOKEN = _spoken()
