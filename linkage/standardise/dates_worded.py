"""Dates in words, in part, or as programs keep them, rewritten in plain digits: "Apr 3, 1981", "3 tháng Tư năm 1981",
"??/04/1981", "1981-04-02T17:00:00Z", seconds since 1970. What is not certain of them is left out, not guessed.
"""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.machine.clock import ZONE
from linkage.standardise.date_marks import LUNAR

Rewrites = tuple[tuple[str, str], ...]

# Viet Nam's clock is seven hours before UTC's: a midnight there is 17:00 of the day before.
_HOURS = ZONE.utcoffset(None) // datetime.timedelta(hours=1)
_CLOCK, _EARLIER_CLOCK = np.timedelta64(_HOURS, "h"), np.timedelta64(_HOURS + 1, "h")
_STAMP = r"^(?P<day>\d{4}-\d{1,2}-\d{1,2})[T ]+(?P<time>\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?"
_INSTANT = _STAMP + r"\s*(?:Z|UTC|GMT|[+-]00:?00)$"
# Without a zone too, for nobody is born at five o'clock sharp.
_MIDNIGHT = rf"^\d{{4}}-\d{{2}}-\d{{2}}[T ]{24 - _HOURS}:00:00(?:\.0+)?$"
# From 1945 to 1975 the clock was eight hours before in parts of the time.
_EARLIER_MIDNIGHT = r"^19(?:4[5-9]|[56]\d|7[0-5])-\d{2}-\d{2}[T ]16:00:00(?:\.0+)?(?:Z|UTC|GMT|[+-]00:?00)?$"
_SECONDS, _MILLI, _MICRO, _NANO = range(8, 11), range(11, 14), range(14, 17), range(17, 20)  # by number of digits
_UNITS = ((_SECONDS, 1), (_MILLI, 10**3), (_MICRO, 10**6), (_NANO, 10**9))
_DAY_SECONDS, _MIDNIGHT_SECONDS = 86_400, (24 - _HOURS) * 3_600  # of UTC's day, and when Viet Nam's midnight is in it

_ENGLISH = "JAN(?:UARY)?|FEB(?:RUARY)?|MAR(?:CH)?|APR(?:IL)?|MAY|JUNE?|JULY?|AUG(?:UST)?|SEPT?(?:EMBER)?|OCT(?:OBER)?"
_ENGLISH_MONTHS = f"{_ENGLISH}|NOV(?:EMBER)?|DEC(?:EMBER)?".split("|")
_ROMAN_MONTHS = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
# In the order in which they are looked for: "mười hai" before "mười", and "năm" is the word for year too.
_VIETNAMESE_MONTHS = {
    12: "MƯỜI HAI|MUOI HAI|CHẠP|CHAP",
    11: "MƯỜI MỘT|MUOI MOT",
    10: "MƯỜI|MUOI",
    1: "MỘT|MOT|GIÊNG|GIENG",
    2: "HAI",
    3: "BA",
    4: "TƯ|TU|BỐN|BON",
    6: "SÁU|SAU",
    7: "BẢY|BẨY|BAY",
    8: "TÁM|TAM",
    9: "CHÍN|CHIN",
    5: "NĂM|NAM",
}


def _words_of(day: int) -> str:
    """A day of the month in words, with its marks or without: "hai mươi mốt", "hai mot"."""
    tens, ones = divmod(day, 10)
    last = "(?:MỐT|MỘT)" if ones == 1 and tens > 1 else _ONES[ones]
    words = " ".join(part for part in (_TENS[tens], last) if part)
    return f"(?:{words}|{words.translate(_PLAIN)})"


_PLAIN = str.maketrans("ỘỐỒƯƠỜẢẨÁÍĂ", "OOOUOOAAAIA")
_ONES = ("", "MỘT", "HAI", "BA", "(?:BỐN|TƯ)", "(?:NĂM|LĂM|NHĂM)", "SÁU", "(?:BẢY|BẨY)", "TÁM", "CHÍN")
_TENS = ("", "MƯỜI", "HAI M(?:ƯƠI|ƯỜI)", "BA M(?:ƯƠI|ƯỜI)")
# The day in words before the month, the longest first: "mười hai" before "hai".
_DAYS: Rewrites = tuple((rf"(^|\s){_words_of(day)}(\s+(?:THÁNG|THANG)\s)", rf"\1 {day}\2") for day in range(31, 0, -1))
# A month in words becomes "M4": told from a day wherever it stands.
_MONTHS: Rewrites = (
    *((rf"(?:THÁNG|THANG)\s+(?:{words})", f"/M{month}/") for month, words in _VIETNAMESE_MONTHS.items()),
    *((rf"(^|[^A-Z])(?:{name})\.?([^A-Z]|$)", rf"\1/M{month}/\2") for month, name in enumerate(_ENGLISH_MONTHS, 1)),
    (r"(^|[^A-Z])T(?:H|HG)?\.?\s*(1[0-2]|0?[1-9])([^0-9:]|$)", r"\1/M\2/\3"),  # "05-Th12-1983"
    *((rf"(\d\s*[/.-]\s*){name}(\s*[/.-]\s*\d)", rf"\1M{month}\2") for month, name in enumerate(_ROMAN_MONTHS, 1)),
)
_UNKNOWN_PART = r"(^|[/\s.-])(?:[X?*_]{1,4}|\.{2,}|-{1,2})([/\s.-])"
_BEFORE_MONTHS: Rewrites = (
    (r"\s+\d{1,2}:\d{2}.*$", ""),
    (r"\b(?:MON|TUES?|WED(?:NES)?|THU(?:RS?)?|FRI|SAT(?:UR)?|SUN)(?:DAY)?\b[.,]*", " "),
    (r"^\s*(?:THỨ|THU)\s+[^\s,]+[\s,]+|^\s*(?:CHỦ NHẬT|CHU NHAT)[\s,]+", ""),
    (r"(\d)(?:ST|ND|RD|TH)\b", r"\1"),
    (r"年|月", "/"),
    (r"日", ""),
    (r"MÙNG|MỒNG|\b(?:MUNG|MONG|OF)\b", " "),
    *_DAYS,
    (r"(^|[^0-9A-Z])O(\d)", r"\10\2"),
    (r"(\d)O([^0-9A-Z]|$)", r"\10\2"),
    (r"^[\s(\[]*(?:SN|NS|N/S|S)[\s.:]*(\d{4})", r"\1"),
    (r"^([^(\[]*\d)\s*[(\[][^)\]]*[)\]]?\s*$", r"\1"),
    (r"(\d{4})\s*[?~]+\s*$", r"\1"),
    (r"^\s*[~]\s*", ""),
    # Twice: the separator behind one unknown part is the one before the next.
    (_UNKNOWN_PART, r"\10\2"),
    (_UNKNOWN_PART, r"\10\2"),
)
_AFTER_MONTHS: Rewrites = (
    (r"[\s./\\,|:\-_]+|THÁNG|THANG|THG|NĂM|NAM|NGÀY|NGAY|SINH", "/"),
    (r"/+", "/"),
    (r"^/|/$", ""),
    (r"^M0?(\d+)/(\d{1,2})/(\d{2,4})$", r"\2/\1/\3"),
    (r"^(\d{1,2})/M0?(\d+)/(\d{2,4})$", r"\1/\2/\3"),
    (r"^(\d{4})/M0?(\d+)/(\d{1,2})$", r"\1/\2/\3"),
    (r"^M0?(\d+)/(\d{4})$", r"\1/\2"),
    (r"^M0?(\d+)/(3[2-9]|[4-9]\d)$", r"\1/19\2"),  # no day of it
    (r"^(\d{4})/M0?(\d+)$", r"\1/\2"),
)
# A month or a day in words behind its label is figures, wherever it stands; not the words of "ngày tháng năm sinh".
_BEHIND = (
    r"(\s*[,.;]?\s*$|\s+ÂM LỊCH$|\s*[,.;-]?\s+(?:THÁNG|THANG|NĂM|NAM|NGÀY|NGAY|MÙNG|MỒNG|MUNG|MONG)\s"
    r"|\s*[,.;-]?\s+\d{4}(?:[^\d/.-]|$))"
)
_LABELLED: Rewrites = (
    *((rf"(?:THÁNG|THANG)\s+(?:{words}){_BEHIND}", rf"THÁNG {month}\1") for month, words in _VIETNAMESE_MONTHS.items()),
    *((rf"(NGÀY|NGAY|MÙNG|MỒNG|MUNG|MONG)\s+{_words_of(day)}{_BEHIND}", rf"\1 {day}\2") for day in range(31, 0, -1)),
)
# A day, a month and a year by their labels, whatever their order: "tháng 11 ngày 05 năm 1985", "1985 ngày 5 tháng 11".
_GAP, _BREAK = r"[^\pL\pN]*", r"[^\pL\pN]+"
_DAY_LABEL, _YEAR_LABEL = rf"(?:NGÀY|NGAY|MÙNG|MỒNG|MUNG|MONG){_GAP}(?:(?:MÙNG|MỒNG|MUNG|MONG){_GAP})?", "(?:NĂM|NAM)"
_MONTH_LABEL = "(?:THÁNG|THANG|THG)"
_PART, _END = r"([0-9O]{1,2}|[X?*_]{1,4})", r"([^0-9]|$)"
_BORN = rf"{_GAP}(?:SINH{_GAP})?"
_NO_MONTH = "#"  # nothing else has it: a text with it is no date by any rule
_BY_LABEL: Rewrites = (
    (rf"{_MONTH_LABEL}{_GAP}{_PART}{_GAP}{_DAY_LABEL}{_PART}{_END}", r"NGÀY \2 THÁNG \1 \3"),
    *(
        (rf"^{_BORN}{parts}{_BREAK}(?:{_YEAR_LABEL}{_GAP})?(\d{{4}}|\d{{2}})$", r"\2 THÁNG \1 NĂM \3")
        for parts in (
            rf"{_MONTH_LABEL}{_GAP}{_PART}{_BREAK}{_PART}",
            rf"{_PART}{_GAP}{_DAY_LABEL}{_PART}",
        )
    ),
    *(
        (
            rf"^{_BORN}{year}{_GAP}{_DAY_LABEL}{_PART}(?:{_GAP}{_MONTH_LABEL}{_GAP}|{_BREAK}){_PART}{_END}",
            r"\2 THÁNG \3 NĂM \1 \4",
        )
        for year in (rf"{_YEAR_LABEL}{_GAP}(\d{{4}}|\d{{2}})", r"(\d{4})")
    ),
    # A day and a year: of the month nothing is stated.
    (rf"^{_BORN}{_DAY_LABEL}{_PART}{_GAP}{_YEAR_LABEL}{_GAP}(\d{{4}})$", r"\2"),
    # Not the month of "ngày, tháng: 13/05/1985", which is a label of the whole.
    (rf"((?:^|\d){_BORN}){_MONTH_LABEL}{_GAP}(1[3-9]|[2-9]\d){_END}", rf"\1{_NO_MONTH}\2\3"),
)
# Of a date by the moon the year holds but for its last month, most of which is in the next year.
_LUNAR_YEAR = (
    r"^(?:(?:[^/]*/)?(?:0?[1-9]|1[01])/)?(?P<last>\d{4})$|^(?P<first>\d{4})(?:/(?:0?[1-9]|1[01])(?:/\d{1,2})?)?$"
)


def in_digits(text: pa.StringArray) -> pa.StringArray:
    """Rewrite dates. ``text``: string[n], upper case, NFKC; what is none of these forms stays as good as it was."""
    solar = pc.replace_substring_regex(text, LUNAR, " ")
    words = _rewritten(_rewritten(_rewritten(solar, _BEFORE_MONTHS), _MONTHS), _AFTER_MONTHS)
    lunar = pc.extract_regex(words, _LUNAR_YEAR)
    lunar_year = pc.coalesce(
        *(_blank_to_null(pc.struct_field(lunar, name)) for name in ("last", "first")), pa.scalar("")
    )
    is_lunar = pc.match_substring_regex(text, LUNAR)
    return pc.coalesce(_instants(text), _epochs(text), pc.if_else(is_lunar, lunar_year, words))


def _rewritten(text: pa.StringArray, rewrites: Rewrites) -> pa.StringArray:
    for pattern, replacement in rewrites:
        text = pc.replace_substring_regex(text, pattern, replacement)
    return text


def _blank_to_null(text: pa.StringArray) -> pa.StringArray:
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def by_label(text: pa.StringArray) -> pa.StringArray:
    """Dates whose day, month and year stand in another order than this one, as their labels say, in this one; none
    where what is labelled a month is none. ``text``: as for in_digits."""
    is_labelled = pc.match_substring_regex(text, rf"{_DAY_LABEL}|{_MONTH_LABEL}")
    if not pc.any(is_labelled).as_py():
        return text
    return pc.if_else(is_labelled, _rewritten(_rewritten(text, _LABELLED), _BY_LABEL), text)


def is_ambiguous(text: pa.StringArray) -> pa.BooleanArray:
    """Whether these rules have to be asked first: a moment in UTC, and "tháng năm", May, where năm is the year too."""
    moment = r"\d:\d{2}.*(?:Z|UTC|GMT|[+-]00:?00)$"
    return pc.match_substring_regex(text, rf"{moment}|{_MIDNIGHT}|{_EARLIER_MIDNIGHT}|(?:THÁNG|THANG)\s+(?:NĂM|NAM)\s")


def _instants(text: pa.StringArray) -> pa.StringArray:
    """Days of Viet Nam of moments stated in UTC; null for any other text."""
    pattern = rf"{_INSTANT}|{_MIDNIGHT}|{_EARLIER_MIDNIGHT}"
    is_stated = pc.match_substring_regex(text, pattern).to_numpy(zero_copy_only=False)
    is_earlier = pc.match_substring_regex(text, _EARLIER_MIDNIGHT).to_numpy(zero_copy_only=False)
    parts = pc.extract_regex(text, _STAMP)
    days: list[str | None] = [None] * len(text)
    for row in np.flatnonzero(is_stated).tolist():
        part = parts[row].as_py()
        year, month, day = part["day"].split("-")
        try:
            moment = np.datetime64(f"{year}-{month:0>2}-{day:0>2}T{part['time']}")
        except ValueError:  # 1981-02-30
            continue
        days[row] = str((moment + (_EARLIER_CLOCK if is_earlier[row] else _CLOCK)).astype("datetime64[D]"))
    return pa.array(days, pa.string())


def _epochs(text: pa.StringArray) -> pa.StringArray:
    """Days of counts since 1970 that are midnights in UTC or in Viet Nam, in any unit; null for any other text."""
    days: list[str | None] = [None] * len(text)
    is_count = pc.match_substring_regex(text, r"^-?\d{8,19}(?:\.0)?$").to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(is_count).tolist():
        count = int(text[row].as_py().removesuffix(".0"))
        n_digits = len(str(abs(count)))
        unit = next((unit for digits, unit in _UNITS if n_digits in digits), 0)
        if unit and count % unit == 0 and count // unit % _DAY_SECONDS in (0, _MIDNIGHT_SECONDS):
            days[row] = str((np.datetime64(count // unit, "s") + _CLOCK).astype("datetime64[D]"))
    return pa.array(days, pa.string())
