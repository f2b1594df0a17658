"""Fields of words, encoded: texts, texts that may have changed places, lists of alternatives, addresses; and codes.

Words get their ids from a dictionary of the field, which grows while a table is encoded; new ones are appended in
sorted order, so that the order of the rows does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.encode.dictionaries import Columns, Dictionaries
from linkage.encode.plain_texts import plain_texts, spaced
from linkage.machine.text_hashes import content_hashes
from linkage.plan.kinds import MOST_ALTERNATIVES
from linkage.plan.sections import Field
from linkage.standardise.text_forms import in_form, unmarked
from models.comparators import address, postcode

WORD = re.compile(r"[^\W_]+")
# Of what stands for one word in addresses; the longer ones are read as the shorter.
_SHORT_FORMS = {
    "street": "st", "str": "st", "road": "rd", "avenue": "ave", "av": "ave", "boulevard": "blvd", "drive": "dr",
    "lane": "ln", "court": "ct", "square": "sq", "place": "pl", "apartment": "apt", "saint": "st",
    "strasse": "st",
}  # fmt: skip
# The same of several words and of a part of one, and words that Vietnamese addresses have or leave out: "P. 13" is
# "Phường 13", "Gartenstr." "Gartenstraße".
_SHORT_PHRASES = tuple(
    (re.compile(pattern), short)
    for pattern, short in (
        (r"\b(?:thanh pho|thi xa|thi tran|tinh|tp|phuong|quan|huyen|xa|so|duong|viet nam)\b|\b[pqhx]\.", " "),
        (r"\b[pq](\d+)\b", r"\1"),
        (r"\bho chi minh\b|\btphcm\b", "hcm"),
        (r"\bha noi\b", "hn"),
        (r"(\w)strasse\b", r"\1str"),
    )
)


def word_ids(words: Iterable[str], dictionary: list[str]) -> dict[str, int]:
    """The ids of words in a dictionary, by word; new ones are appended to it, sorted."""
    known = set(dictionary)
    dictionary += sorted(set(words) - known)
    return {word: i for i, word in enumerate(dictionary)}


def text(spec: Field, texts: list[pa.Array]) -> Callable[[Dictionaries], Columns]:
    """Word ids: uint32[n], 0 missing."""
    values = plain_texts(texts).dictionary_encode()
    distinct = in_form(values.dictionary, spec.form).to_pylist()

    def columns(grown: Dictionaries) -> Columns:
        ids = word_ids(distinct, grown.words.setdefault(spec.name, [""]))
        of_distinct = np.array([ids[word] for word in distinct], np.uint32)
        return {spec.name: of_distinct[values.indices.to_numpy(zero_copy_only=False)]}

    return columns


def name_pair(spec: Field, texts: list[pa.Array]) -> Callable[[Dictionaries], Columns]:
    """Two texts of one dictionary: ``name.first``, ``name.second``: uint32[n]; ``name.key``: uint64[n] of both, in
    whatever order."""
    values = [plain_texts([one]).dictionary_encode() for one in texts]
    distinct = [one.dictionary.to_pylist() for one in values]

    def columns(grown: Dictionaries) -> Columns:
        ids = word_ids([*distinct[0], *distinct[1]], grown.words.setdefault(spec.name, [""]))
        found = []
        for one, words in zip(values, distinct, strict=True):
            of_distinct = np.array([ids[word] for word in words], np.uint32)
            found.append(of_distinct[one.indices.to_numpy(zero_copy_only=False)])
        hashes = [grown.word_hashes(spec.name, one) for one in found]
        return {f"{spec.name}.first": found[0], f"{spec.name}.second": found[1], f"{spec.name}.key": sum(hashes)}

    return columns


def alternatives(spec: Field, texts: list[pa.Array]) -> Callable[[Dictionaries], Columns]:
    """The values of a list, or of several columns: uint32[n, 8] word ids in their order, 0 after the last."""

    def split(value: str) -> list[list[str]]:
        parts = (part.strip() for part in value.split(spec.delimiter))
        return [list(dict.fromkeys(part for part in parts if part))]

    return _sets(spec, plain_texts(texts, spec.delimiter), split, (MOST_ALTERNATIVES,))


def addresses(spec: Field, texts: list[pa.Array]) -> Callable[[Dictionaries], Columns]:
    """The numbers of an address and its words without marks: uint32[n, 12] ids, see models.comparators.address."""

    def split(value: str) -> list[list[str]]:
        parts = list(dict.fromkeys(address_words(value)))
        is_number = [any(character.isdigit() for character in part) for part in parts]
        return [
            [part for part, is_one in zip(parts, is_number, strict=True) if is_one == kind] for kind in (True, False)
        ]

    return _sets(spec, unmarked(plain_texts(texts)), split, (address.N_NUMBERS, address.N_PARTS - address.N_NUMBERS))


def address_words(value: str) -> list[str]:
    """The words and numbers of an address in lower case without marks, of each the short form."""
    for phrase, short in _SHORT_PHRASES:
        value = phrase.sub(short, value)
    return [_SHORT_FORMS.get(part, part) for part in WORD.findall(value)]


def _sets(
    spec: Field, texts: pa.StringArray, split: Callable[[str], list[list[str]]], widths: tuple[int, ...]
) -> Callable[[Dictionaries], Columns]:
    """Several words a row, in sets of so many at most: uint32[n, sum of the widths] ids, 0 after the end of each; and
    ``name.key``: uint64[n], their hash whatever their order."""
    values = texts.dictionary_encode()
    rows = values.indices.to_numpy(zero_copy_only=False)
    sets = [
        [words[:width] for words, width in zip(split(value), widths, strict=True)]
        for value in values.dictionary.to_pylist()
    ]
    every = [[word for words in of_value for word in words] for of_value in sets]
    keys = content_hashes(["\x1f".join(sorted(words)) for words in every])

    def columns(grown: Dictionaries) -> Columns:
        ids = word_ids(chain.from_iterable(every), grown.words.setdefault(spec.name, [""]))
        encoded = np.zeros((len(sets), sum(widths)), np.uint32)
        for row, of_value in zip(encoded, sets, strict=True):
            for start, words in zip((0, *widths), of_value, strict=False):
                row[start : start + len(words)] = [ids[word] for word in words]
        return {spec.name: encoded[rows], f"{spec.name}.key": keys[rows]}

    return columns


def postcodes(spec: Field, texts: list[pa.Array]) -> Columns:
    """Postal codes packed as models.comparators.postcode says: uint64[n]; of more than ten characters the first. A zero
    in front of a number is left out, for spreadsheets lose it."""
    values = pc.replace_substring_regex(pc.utf8_upper(pc.utf8_normalize(spaced(texts), "NFKC")), r"[^A-Z0-9]", "")
    values = pc.replace_substring_regex(values, r"^0+([0-9]{3,})$", r"\1")
    encoded = values.dictionary_encode()
    packed = np.array([_packed(code) for code in encoded.dictionary.to_pylist()], np.uint64)
    return {spec.name: packed[encoded.indices.to_numpy(zero_copy_only=False)]}


def postcode_area(packed: NDArray[np.uint64], n_left_out: int) -> NDArray[np.uint64]:
    """Packed codes without their last characters, 0 where nothing is left: uint64[n]."""
    bits, last = postcode.CHARACTER_BITS, postcode.N_CHARACTERS
    characters = packed[:, None] >> (np.arange(last, dtype=np.uint64) * np.uint64(bits)) & np.uint64(63)
    n_kept = np.maximum(np.count_nonzero(characters, axis=1) - n_left_out, 0)
    cut = ((last - n_kept) * bits).astype(np.uint64)
    return np.asarray(packed >> cut << cut)


def _packed(code: str) -> int:
    total = 0
    for character in code[: postcode.N_CHARACTERS].ljust(postcode.N_CHARACTERS):
        total = total << postcode.CHARACTER_BITS | (0 if character == " " else int(character, 36) + 1)
    return total
