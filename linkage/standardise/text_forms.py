"""Texts of a known sort in the form in which equal ones are written alike: codes, names of companies and of people.

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
_VIETNAMESE = r"^(?:cong ty|công ty|cty)(?: (?:tnhh|cp|co phan|cổ phần|trach nhiem huu han|trách nhiệm hữu hạn|mtv))* "
_TITLES = r"^(?:(?:mrs?|ms|miss|mx|dr|prof|sir|dame|rev|herr|frau|mme|mlle)\.?\s+)+"

Rewrites = tuple[tuple[str, str], ...]

# Each form as rewrites of lower-case text with single spaces, applied in turn.
_REWRITES: dict[str, Rewrites] = {
    "code": ((r"[^\pL\pN]+", ""),),
    "digits": ((r"\PN+", ""),),
    "company": (
        (r"[.'’`´]", ""),
        (r"\s*[&+]\s*", " and "),
        (r"[^\pL\pN]+", " "),
        (r"^\s+|\s+$", ""),
        (r"^the (\S)", r"\1"),
        (_VIETNAMESE, ""),
        (rf"(?: (?:and )?(?:{_LEGAL_FORMS}))+$", ""),
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


def in_form(texts: pa.StringArray, form: str | None) -> pa.StringArray:
    """Texts in a form, string[n].

    Parameters
    ----------
    texts : string[n], lower case with single spaces
    form : "code" letters and digits only; "digits" digits only; "company" without the legal form and marks; "person"
        given name first; "given" and "family" its first and its last word; None leaves them as they are
    """
    for pattern, replacement in () if form is None else _REWRITES[form]:
        texts = pc.replace_substring_regex(texts, pattern, replacement)
    return texts
