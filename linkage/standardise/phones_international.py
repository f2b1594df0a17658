"""Phone numbers of any country, as typed, in their international form without the plus sign.

Read by the rules of `phonenumbers`: a number with a country's code as that country's, any other as one of the region
that the plan names. What is too long or too short for its country is none; one that is not in use stays, for it may be
a slip of one that is.
"""

from __future__ import annotations

import re

import numpy as np
import phonenumbers

from linkage.standardise.digits import Strings, UInt64s, distinct, plain_text

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
_MOST_DIGITS = 14  # that are packed; of the fifteen that a number may have at most, the last
_ONE_DIGIT = re.compile(r"(\d)\1*")
_NEXT_NUMBER = re.compile(r"[/;,\n]")


def standardise_international_phones(raw: Strings, region: str) -> UInt64s:
    """Read phone numbers.

    Parameters
    ----------
    raw : string array [n] as typed; of several numbers in one cell the first counts
    region : where a number without a country's code is from, as two letters (ISO 3166-1)

    Returns
    -------
    uint64[n]
        Packed digits, the country's code first; 0 when missing, of an impossible length, or one digit repeated.
    """
    column = distinct(raw)
    texts = plain_text(column.values).to_pylist()
    return np.asarray(column.spread(np.array([_packed(text, region) for text in texts], np.uint64)))


def _packed(text: str, region: str) -> int:
    try:
        number = phonenumbers.parse(_NEXT_NUMBER.split(text, maxsplit=1)[0], region)
    except phonenumbers.NumberParseException:
        return 0
    if not phonenumbers.is_possible_number(number) or _ONE_DIGIT.fullmatch(str(number.national_number)):
        return 0
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:][-_MOST_DIGITS:]
    return len(written) << 56 | int(written, 16)
