"""Texts of a known sort in the form in which equal ones are written alike: codes, websites, companies and people.

A form takes out what is written in several ways and tells nobody apart. What is left of a text is never empty where it
had a letter or digit of the form.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# Words at the end of a company's name that say under what law it stands, without their points.
_LEGAL_FORMS = (
    "public limited company|limited liability partnership|limited liability company|private limited|"
    "limited|ltd|plc|llp|lllp|lp|llc|pllc|pc|incorporated|inc|corporation|corp|company|co|cic|cio|"
    "gmbh|ag|kg|kgaa|ohg|gbr|ug|eg|ev|mbh|se|sa|sas|sasu|sarl|srl|sprl|spa|snc|sl|slu|scs|sca|eurl|"
    "bv|nv|vof|cv|oy|oyj|ab|as|asa|aps|hf|ehf|doo|dd|ad|ood|eood|sro|spol sro|kft|zrt|nyrt|bt|sp zoo|ooo|oao|zao|pao|"
    "pte|pty|sdn bhd|bhd|pvt|kk|tbk|jsc|tnhh|cp|sae|lda|ltda|sab de cv|sa de cv|de cv"
)
_VIETNAMESE = (
    r"^(?:(?:cong ty|c ?ty)(?: (?:tnhh|cp|co phan|trach nhiem huu han|mtv|1tv|(?:mot|1) thanh vien))*|ctcp|dntn|"
    r"(?:dn|doanh nghiep) tu nhan|htx|hop tac xa) "
)
# The same before the name, as the French, Indonesians and Russians write it.
_BEFORE = r"^(?:sarl|sas|sasu|eurl|sci|snc|sa|ste|ets|etablissements|pt|ooo|oao|zao|pao) (.)"
# Latin letters without their marks, for one side often types none; those of other scripts stay.
_UNMARKED = (("đ", "d"), ("ß", "ss"), ("ł", "l"), ("ø", "o"), ("ı", "i"), ("æ", "ae"), ("œ", "oe"))
_MARKS = r"([a-z])\p{Mn}+"
_TITLES = r"^(?:(?:mrs?|ms|miss|mx|dr|prof|sir|dame|rev|herr|frau|mme|mlle)\.?\s+)+"

Rewrites = tuple[tuple[str, str], ...]

# Each form as rewrites of lower-case text with single spaces, applied in turn.
_REWRITES: dict[str, Rewrites] = {
    "code": ((r"[^\pL\pN]+", ""),),
    "digits": ((r"\PN+", ""),),
    # Of an address in the web its host: "https://www.acme.vn/" and "acme.vn" are one.
    "host": (
        (r"^[a-z][a-z0-9+.-]*:/*([^\s/].*)$", r"\1"),
        (r"^www\d?\.(.)", r"\1"),
        (r"^([^/?#:\s]+)[/?#:\s].*$", r"\1"),
        (r"^(.*[^.])\.+$", r"\1"),
    ),
    "company": (
        (r"[.'’`´]", ""),
        (r"\s*[&+]\s*", " and "),
        (r"[^\pL\pN]+", " "),
        (r"^\s+|\s+$", ""),
        (r"^the (\S)", r"\1"),
        (_VIETNAMESE, ""),
        (_BEFORE, r"\1"),
        (rf"(?: (?:and )?(?:one member )?(?:co ltd|private enterprise|{_LEGAL_FORMS}))+$", ""),
    ),
    # "Last, First" is turned, of several people each; "Mr" and the point behind an initial say nothing.
    "person": (
        (_TITLES, ""),
        (r"\s*;\s*|\s+&\s+", " and "),
        (r"\b(?:and)\b", ";"),
        (r"([^,;]+?)\s*,\s*([^,;]+)", r"\2 \1"),
        (r"[.'’`´]", ""),
        (r"[-,]", " "),
        (r"\s*;\s*", " and "),
        (r"\s+", " "),
        (r"^\s+|\s+$", ""),
        (_TITLES, ""),
    ),
}
_REWRITES["given"] = (*_REWRITES["person"], (r"^(\S+) .*$", r"\1"))
_REWRITES["family"] = (*_REWRITES["person"], (r"^.* (\S+)$", r"\1"))
TEXT_FORMS = tuple(_REWRITES)
_WORDED = ("company", "person", "given", "family")


def in_form(texts: pa.StringArray, form: str | None) -> pa.StringArray:
    """Texts in a form, string[n].

    Parameters
    ----------
    texts : string[n], lower case with single spaces
    form : "code" letters and digits only; "digits" digits only; "host" of a web address the host
        without "www."; "company" without the legal form; "person" given name first; "given" and "family" its first and
        its last word, these four without marks and accents; None leaves them as they are
    """
    texts = unmarked(texts) if form in _WORDED else texts
    for pattern, replacement in () if form is None else _REWRITES[form]:
        texts = pc.replace_substring_regex(texts, pattern, replacement)
    return texts


def unmarked(texts: pa.StringArray) -> pa.StringArray:
    """Lower-case texts whose Latin letters have lost their marks, string[n]: "đông á" is "dong a"."""
    bare = pc.replace_substring_regex(pc.utf8_normalize(texts, "NFD"), _MARKS, r"\1")
    for letter, plain in _UNMARKED:
        bare = pc.replace_substring(bare, letter, plain)
    return pc.utf8_normalize(bare, "NFC")
