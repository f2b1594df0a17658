"""Comparator kernels against their naive twins, and the properties every comparison has."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linkage.encode.syllables import COMMON_SYLLABLES, SyllableDictionary
from linkage.standardise.names import ascii_fold, sound_key, toneless
from models.comparators import absent, category, date, digits, name, number, place, text, text_bounds
from tests import naive

pytestmark = pytest.mark.kernel

rapidfuzz_distance = pytest.importorskip("rapidfuzz.distance", reason="rapidfuzz is a dependency of the project")


def pack(digits_text):
    return sum(int(d) << 4 * i for i, d in enumerate(reversed(digits_text))) | len(digits_text) << 56


dates_packed = st.one_of(
    st.just(0),
    st.builds(lambda y, m, d: y << 9 | m << 5 | d, st.integers(1988, 1992), st.integers(0, 12), st.integers(0, 31)),
)
numbers_packed = st.one_of(
    st.just(0),
    st.text("012", min_size=9, max_size=9).map(pack),
    st.text("01", min_size=12, max_size=12).map(pack),
    st.integers(0, 3).map(lambda n: n | 255 << 56),
)
syllables = st.sampled_from(
    [
        "nguyễn",
        "nguyên",
        "nguyen",
        "nguyn",
        "ng",
        "n",
        "trần",
        "tràn",
        "chần",
        "lan",
        "nan",
        "lam",
        "al",
        "thị",
        "thi",
        "t",
        "văn",
        "k",
    ]
)
names = st.lists(syllables, max_size=6)


def u64(value):
    return np.uint64(value)


@given(st.integers(0, 3), st.integers(0, 3))
def test_category_level_equals_its_twin(a, b):
    assert category.category_level(np.uint8(a), np.uint8(b)) == naive.category_level(a, b)


@given(dates_packed, dates_packed)
@example(1990 << 9 | 2 << 5 | 3, 1990 << 9 | 3 << 5 | 2)
@example(1990 << 9 | 1 << 5 | 1, 1990 << 9 | 1 << 5 | 1)
@example(1990 << 9, 1990 << 9 | 7 << 5 | 9)
def test_date_level_equals_its_twin_and_is_symmetric(a, b):
    level = date.date_level(np.uint32(a), np.uint32(b))
    assert level == naive.date_level(a, b) == date.date_level(np.uint32(b), np.uint32(a))


@given(numbers_packed, numbers_packed)
@example(pack("012345678"), pack("021345678"))
@example(pack("012345678"), pack("012345687"))
def test_digits_level_equals_its_twin_and_is_symmetric(a, b):
    level = digits.digits_level(u64(a), u64(b))
    assert level == naive.digits_level(a, b) == digits.digits_level(u64(b), u64(a))
    if a and b and a != b:
        assert digits.one_slip(u64(a), u64(b)) == naive.one_slip(a, b)


@given(numbers_packed, st.integers(0, 7), numbers_packed, numbers_packed)
@example(pack("07920000123"), 0, pack("079200001234"), 0)
@example(pack("79200001234"), 4, pack("079200001234"), 0)
@example(pack("0792000012345"), 2, pack("079200001234"), 0)
@example(pack("07820000123"), 0, pack("079200001234"), 0)
@example(pack("0792000012"), 0, pack("079200001234"), 0)
@example(pack("01234567"), 0, 0, pack("012345678"))
def test_person_number_level_equals_its_twin(stated, marks, own, old):
    level = digits.person_number_level(u64(stated), np.uint8(marks), u64(own), u64(old))
    assert level == naive.person_number_level(stated, marks, own, old)


@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
def test_absent_level_equals_its_twin(a, b, other):
    found = absent.absent_level(np.uint16(a), np.uint16(b), np.uint16(other))
    assert found == naive.absent_level(a, b, other)
    assert absent.absent_level(np.uint8(a), np.uint8(b), np.uint8(b)) == (a > 0 and category.category_level(a, b) == 0)


floats = st.floats(-1, 1) | st.just(float("nan"))


@given(floats, floats)
@example(0.0, float("nan"))
def test_absent_number_level_equals_its_twin(a, b):
    found = absent.absent_number_level(a, b)
    assert found == naive.absent_number_level(a, b)
    assert found == (a == a and number.number_level(a, b, np.array([1.0]), False) == 0)


@given(numbers_packed, st.integers(0, 3), numbers_packed, numbers_packed)
@example(pack("012345678"), 0, pack("0" * 12), 0)
@example(pack("0" * 12), 0, pack("012345678"), pack("012345678"))
@example(1 | 255 << 56, 0, 0, 0)
def test_absent_person_number_level_equals_its_twin(stated, marks, own, old):
    """It is that of a comparable number which the comparison finds missing."""
    found = digits.absent_person_number_level(u64(stated), u64(own), u64(old))
    assert found == naive.absent_person_number_level(stated, own, old)
    level = digits.person_number_level(u64(stated), np.uint8(marks), u64(own), u64(old))
    assert found == (stated != 0 and stated >> 56 not in (255, 11, 13) and level == 0)


twelve = st.text("0129", min_size=12, max_size=12)


@given(twelve, st.integers(0, 12), st.sampled_from("0129"))
def test_a_number_with_a_digit_too_few_or_too_many_is_a_slip(text, place, digit):
    cut, padded = (
        pack(text[:place] + text[place + 1 :] if place < 12 else text[1:]),
        pack(text[:place] + digit + text[place:]),
    )
    for stated in (cut, padded):
        longer, shorter = (pack(text), stated) if stated == cut else (stated, pack(text))
        assert digits.one_digit_more(u64(longer), u64(shorter)) is naive.one_digit_more(longer, shorter) is True
        assert digits.person_number_level(u64(stated), np.uint8(0), u64(pack(text)), u64(0)) == digits.SLIP_NOBODYS
        assert digits.absent_person_number_level(u64(stated), u64(0), u64(0)) == 0
    assert not digits.one_digit_more(u64(cut), u64(pack(text)))


@given(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3), st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_place_level_equals_its_twin(row, permanent, residence, cells):
    relation = np.array(cells, np.uint8).reshape(3, 4)
    relation[0, :] = relation[:, 0] = 0
    level = place.place_level(relation, row, permanent, residence)
    assert level == naive.place_level(relation.tolist(), row, permanent, residence)


@given(st.floats(-9, 9) | st.just(float("nan")), st.floats(-9, 9) | st.just(float("nan")))
def test_number_level_equals_its_twin(a, b):
    for thresholds, is_relative in ((np.array([0.0, 1.0, 5.0]), False), (np.array([0.0, 0.1, 0.5]), True)):
        level = number.number_level(a, b, thresholds, is_relative)
        assert level == naive.number_level(a, b, thresholds.tolist(), is_relative)
        assert level == number.number_level(b, a, thresholds, is_relative)


def encode_names(*lists):
    dictionary = SyllableDictionary()
    rows = []
    for syllables_of_name in lists:
        row = np.zeros(6, np.uint16)
        row[: len(syllables_of_name)] = dictionary.ids(syllables_of_name)
        rows.append(row)
    return rows, dictionary.tables()


@given(names, names)
@example(["nguyễn", "văn", "lan"], ["nguyễn", "lan"])
@example(["nguyễn", "t", "lan"], ["nguyễn", "thị", "lan"])
@example(["trần", "văn", "lan"], ["chần", "văn", "lan"])
def test_name_level_equals_its_twin_and_is_symmetric(a, b):
    (row_a, row_b), tables = encode_names(a, b)
    level = name.name_level(row_a, row_b, *tables)
    assert level == naive.name_level(a, b, toneless, ascii_fold, lambda plain: sound_key(plain), COMMON_SYLLABLES)
    assert level == name.name_level(row_b, row_a, *tables)


@given(names, names)
@example(["t", "lan"], ["trần", "nam"])
@example(["trần", "l"], ["trần", "lan"])
@example(["lan", "trần"], ["trần", "lan"])
@example(["trần", "văn", "lan"], ["chần", "văn", "lan"])
@example(["trần", "văn", "lan"], ["trần", "văn", "lam"])
@example(["trần", "văn"], ["trần", "văn", "lam"])
@example(["văn", "lam"], ["trần", "văn", "lam"])
def test_signatures_never_hide_a_level(a, b):
    """The kernel looks at signatures first; what it then says must be what the whole comparison says."""
    rows, tables = encode_names(a, b)
    pair = np.array(rows)
    signs = name.signatures_of(pair, tables[1], tables[3])
    level = name.name_level(*pair, *tables)
    best = name.best_name_level(*signs)
    assert best in naive.best_name_level(a, b, level)
    assert best == name.best_name_level(*signs[::-1])
    codes, levels, ends = np.zeros(1, np.uint32), np.zeros(1, np.uint8), (np.zeros(1, np.int64), np.array([0, 1]))
    name.name_levels(*ends, pair[:1], pair[1:], tables, np.uint32(1), codes)
    assert codes[0] == level
    name.best_name_levels(*ends, signs[:1], signs[1:], levels)
    assert levels[0] == best


def test_signatures_settle_most_names():
    """Of the same family name only, of the same given name only, and of neither."""
    rows, tables = encode_names(["trần", "văn", "hùng"], ["trần", "thị", "lan"], ["lê", "thị", "lan"])
    signs = name.signatures_of(np.array(rows), tables[1], tables[3])
    assert [name.best_name_level(signs[0], signs[1]), name.best_name_level(signs[1], signs[2])] == [11, 1]
    assert name.best_name_level(signs[0], signs[2]) == 12


@pytest.mark.parametrize(
    ("a", "b", "label"),
    [
        ("nguyễn văn hùng", "nguyễn văn hùng", "same"),
        ("nguyễn văn hùng", "nguyễn văn hung", "same without tones"),
        ("nguyen van hung", "nguyễn văn hùng", "same without diacritics"),
        ("nguyễn văn lam", "nguyễn văn năm", "one common syllable is like another"),
        ("nguyễn thị an", "nguyễn thu an", "one common syllable is like another"),
        ("nguyễn thị an", "nguyễn thj an", "one syllable sounds alike or has a slip"),
        ("nguyễn văn săng", "nguyễn văn xăng", "one syllable sounds alike or has a slip"),
        ("trần thị lan", "trần lan", "one syllable missing"),
        ("lan trần thị", "trần thị lan", "order changed"),
        ("ng t lan", "nguyễn thị lan", "abbreviated"),
        ("trần văn lan", "trần thị lan", "family and given name same"),
        ("lê thị lan", "trần văn lan", "given name same"),
        ("trần văn hùng", "trần thị lan", "family name same"),
        ("k brểu", "lê lan", "different"),
        ("", "lê lan", "missing"),
    ],
)
def test_name_levels_mean_what_they_say(a, b, label):
    (row_a, row_b), tables = encode_names(a.split(), b.split())
    assert name.LEVELS[name.name_level(row_a, row_b, *tables)] == label


letters = st.text("abcd", max_size=7)


def pack_letters(word):
    return np.uint64(int.from_bytes(word.encode(), "little"))


@given(letters, letters)
def test_one_letter_slip_equals_its_twin(a, b):
    if a != b:
        assert name.one_letter_slip(pack_letters(a), pack_letters(b)) == naive.one_letter_slip(a, b)


words = st.text("abcđ", max_size=9)


def code_points(word):
    return np.array([ord(c) for c in word], np.uint32)


def masked(a, b):
    """Both words in an alphabet of their own: (letters, where each starts and its length), and the places of the
    letters of the first."""
    alphabet = sorted(set(a + b))
    letters = np.array([alphabet.index(c) for c in a + b], np.uint32)
    masks = np.zeros(len(alphabet), np.uint64)
    for i, letter in enumerate(letters[: len(a)][:64]):
        masks[letter] |= np.uint64(1) << np.uint64(i)
    return (letters, (0, len(a)), (len(a), len(b))), masks


@given(words, words)
@example("ca", "abc")
@example("martha", "marhta")
@example("a" * 63 + "b", "b" + "a" * 63)
@example("ab" * 32, "ba" * 32)
@example("ab" * 32, "ba" * 40)
@example("b" + "a" * 64, "a" * 64)
def test_string_measures_equal_rapidfuzz_to_the_last_bit(a, b):
    scratch = np.empty(10_000, np.int64)
    x, y = code_points(a), code_points(b)
    similarity = rapidfuzz_distance.JaroWinkler.similarity(a, b)
    assert text.jaro_winkler(x, y, scratch) == similarity
    if a and b and len(a) <= 64 and len(b) <= 64:
        both, masks = masked(a, b)
        assert text.jaro_winkler_of_masks(masks, *both, 0.0) == similarity
        found = text.jaro_winkler_of_masks(masks, *both, similarity)
        assert found == similarity, "no similarity that is high enough is given up"
    if a and len(a) <= 64:
        (letters_of_both, word_a, word_b), masks = masked(a, b)
        distance = text.levenshtein_of_masks(masks, word_a[1], letters_of_both, word_b)
        assert distance == rapidfuzz_distance.Levenshtein.distance(a, b)
    assert text.levenshtein(x, y, scratch) == rapidfuzz_distance.Levenshtein.distance(a, b)
    assert text.damerau_levenshtein(x, y, scratch) == rapidfuzz_distance.DamerauLevenshtein.distance(a, b)


short_words = st.text("abc", max_size=5)


@given(short_words, short_words)
@example("ca", "abc")
@example("acb", "ba")
def test_string_measures_equal_their_twins(a, b):
    scratch = np.empty(100, np.int64)
    x, y = code_points(a), code_points(b)
    assert text.levenshtein(x, y, scratch) == naive.levenshtein(a, b)
    assert text.damerau_levenshtein(x, y, scratch) == naive.damerau_levenshtein(a, b)
    assert text.jaro_winkler(x, y, scratch) == pytest.approx(naive.jaro_winkler(a, b), rel=1e-14)
    if a and b:
        both, masks = masked(a, b)
        twin = naive.jaro_winkler_of_masks(a, b, 0.8)
        assert text.jaro_winkler_of_masks(masks, *both, 0.8) == pytest.approx(twin, rel=1e-14)
        assert text.levenshtein_of_masks(masks, len(a), both[0], both[2]) == naive.levenshtein_of_masks(a, b)


edited = st.text("abcd", max_size=9)


@given(edited, edited, st.sampled_from([1, 2, 4]))
@example("ca", "abc", 2)
@example("acb", "ba", 2)
@example("xxabyy", "xxbayy", 1)
@example("ab", "ba", 1)
@example("aab", "aba", 1)
@example("a", "abb", 1)
@example("abab", "baba", 2)
def test_bounded_edits_equal_their_twin(a, b, most):
    """With the places of the letters and without, and between any beginnings and ends."""
    for start, end in (("", ""), ("x" * 62, "a"), ("a", "b" * 70)):
        (letters_of_both, word_a, word_b), masks = masked(start + a + end, start + b + end)
        if a != b:
            for bits in (masks[:0], masks if word_a[1] <= 64 else masks[:0]):
                scratch = np.empty(400, np.int64)
                found = text.damerau_levenshtein_within(bits, letters_of_both, word_a, word_b, most, scratch)
                assert found in naive.damerau_levenshtein_within(a, b, most)


@given(words, words)
def test_string_measures_are_symmetric(a, b):
    scratch = np.empty(400, np.int64)
    x, y = code_points(a), code_points(b)
    for distance in (text.levenshtein, text.damerau_levenshtein):
        assert distance(x, y, scratch) == distance(y, x, scratch)


@given(short_words, short_words, st.sampled_from(list(text.MEASURES)))
def test_text_level_equals_its_twin(a, b, measure):
    if measure == "jaro_winkler":
        thresholds = [0.9, 0.75]
        is_near = [lambda p, q, t=t: rapidfuzz_distance.JaroWinkler.similarity(p, q) >= t for t in thresholds]
    else:
        thresholds = [1.0, 2.0]
        is_near = [lambda p, q, t=t: getattr(naive, measure)(p, q) <= t for t in thresholds]
    if a and b:
        (both, word_a, word_b), masks = masked(a, b)
        for bits in (np.empty(0, np.uint64), masks):
            scratch = np.empty(100, np.int64)
            level = text.text_level(both, word_a, word_b, bits, text.MEASURES[measure], np.array(thresholds), scratch)
            assert level == naive.text_level(a, b, is_near)


def dictionary_of(words_of_it):
    """Words as the kernels have them: letters by numbers in their alphabet, and where each word starts."""
    alphabet = sorted(set("".join(words_of_it)))
    letters = np.array([alphabet.index(c) for word in words_of_it for c in word], np.uint32)
    return letters, np.cumsum([0, *map(len, words_of_it)])


def signatures_of_texts(letters, starts):
    signatures = np.empty((starts.size - 1, 3), np.uint64)
    text_bounds.letter_signatures(letters, starts, signatures)
    return signatures


def best_levels(ends, left, right, dictionary, measure, thresholds):
    """What the signatures say of the levels of a span."""
    limits, levels = text_bounds.least_scores(text.MEASURES[measure], thresholds), np.full(ends[1][-1], 99, np.uint8)
    signatures = signatures_of_texts(*dictionary)
    text_bounds.best_text_levels(*ends, left, right, signatures, text.MEASURES[measure], limits, levels)
    return levels


many_letters = st.text([chr(c) for c in range(0x1E00, 0x1E00 + 300)], max_size=12)


@given(st.lists(words | st.text("ab", max_size=80) | many_letters, min_size=1, max_size=4))
@example(["".join(chr(0x1E00 + c) for c in range(300))])
def test_letter_signatures_equal_their_twin(some):
    letters, starts = dictionary_of(some)
    numbers = [letters[a:b].tolist() for a, b in itertools.pairwise(starts)]
    signatures = signatures_of_texts(letters, starts).tolist()
    found = [
        (
            {c for c in range(32) if seen >> c & 1}, {c for c in range(32) if seen >> 32 + c & 1},
            shape >> 16 & 0xFFFF, shape & 0xFFFF, [shape >> 32 + 8 * p & 255 for p in range(min(len(word), 4))],
            [end >> 8 * p & 255 for p in reversed(range(min(len(word), 8)))],
        )
        for (seen, shape, end), word in zip(signatures, numbers, strict=True)
    ]  # fmt: skip
    assert found == naive.letter_signatures(numbers)


any_words = words | st.text("ab", max_size=70) | many_letters


@given(any_words.filter(bool), any_words.filter(bool))
@example("1990-01-31", "1990-10-13")
@example("aaaaab", "aaaaaa")
@example("abcdefgh", "ijklmnop")
def test_scores_of_signatures_equal_their_twins(a, b):
    letters, starts = dictionary_of([a, b])
    of_a, of_b = signatures_of_texts(letters, starts)
    first, second = (letters[p:q].tolist() for p, q in itertools.pairwise(starts))
    scores, others = np.empty(1, np.float32), [of_b[i : i + 1] for i in range(3)]
    text_bounds.most_similar(tuple(of_a), *others[:2], scores)
    assert scores[0] == pytest.approx(naive.most_similar(first, second), abs=1e-6)
    text_bounds.least_edits(tuple(of_a), *others, scores)
    assert -scores[0] == naive.least_edits(first, second)


@given(any_words, any_words, st.sampled_from(list(text.MEASURES)), st.booleans())
@example("ab" * 33, "ab" * 33 + "c", "levenshtein", True)
@example("trần thị lan", "nguyễn văn hùng", "jaro_winkler", True)
@example("a", "b", "levenshtein", False)
@example("aaaaaa", "aaaaab", "jaro_winkler", True)
@example("ab" * 33, "ab" * 33 + "c", "jaro_winkler", True)
@example("b" * 70, "a" + "b" * 70, "levenshtein", True)
def test_signatures_of_texts_never_hide_a_level(a, b, measure, has_thresholds):
    """What they say must be what the whole comparison says, at every threshold; equal words are left to it."""
    thresholds = np.array(([0.9, 0.75] if measure == "jaro_winkler" else [1.0, 3.0]) if has_thresholds else [])
    dictionary = dictionary_of(["", a, b])
    ends = (np.zeros(1, np.int64), np.array([0, 1]))
    first, second = np.array([1 if a else 0], np.uint32), np.array([(1 if a == b else 2) if b else 0], np.uint32)
    found = best_levels(ends, first, second, dictionary, measure, thresholds)[0]
    assert found in naive.best_text_level(a, b, level_of(a, b, measure, thresholds))


def level_of(a, b, measure, thresholds):
    """By rapidfuzz."""
    if measure == "jaro_winkler":
        is_near = [lambda p, q, t=t: rapidfuzz_distance.JaroWinkler.similarity(p, q) >= t for t in thresholds]
    else:
        of_measure = {"levenshtein": "Levenshtein", "damerau_levenshtein": "DamerauLevenshtein"}[measure]
        is_near = [lambda p, q, t=t: getattr(rapidfuzz_distance, of_measure).distance(p, q) <= t for t in thresholds]
    return naive.text_level(a, b, is_near)


@pytest.mark.parametrize(
    ("measure", "thresholds", "expected"),
    [
        ("levenshtein", [2.0], [0, 1, 3, 3, 3, 2]),
        ("jaro_winkler", [0.95, 0.8], [0, 1, 4, 4, 3, 2]),
        ("damerau_levenshtein", [1.0, 2.0], [0, 1, 4, 4, 4, 2]),
    ],
)
def test_signatures_settle_most_texts(measure, thresholds, expected):
    dictionary = dictionary_of(["", "tran thi lan", "nguyen van hung", "le van nam", "le thi lan", "tran thi la"])
    ends, left, right = (
        (np.zeros(1, np.int64), np.array([0, 6])),
        np.array([1], np.uint32),
        np.arange(6, dtype=np.uint32),
    )
    assert best_levels(ends, left, right, dictionary, measure, np.array(thresholds)).tolist() == expected


def test_places_settle_what_letters_leave_open():
    """Dates of one year have most letters in common."""
    dictionary = dictionary_of(["", "1990-01-23", "1990-03-12", "1990-01-32", "1990-01-03", "1990-10-23", "1990-10-32"])
    ends, left, right = (
        (np.zeros(1, np.int64), np.array([0, 6])),
        np.array([1], np.uint32),
        np.arange(1, 7, dtype=np.uint32),
    )
    levels = best_levels(ends, left, right, dictionary, "damerau_levenshtein", np.array([1.0]))
    assert levels.tolist() == [1, 3, 2, 2, 2, 3]


def test_signatures_of_a_block_are_fetched_anew_where_the_next_begins():
    """Spans within the last one, beyond it, before it, and none."""
    texts = ["", "an", "anh", "binh", "binhh", "chi"]
    dictionary = dictionary_of(texts)
    spans, right = [(0, 4), (1, 2), (3, 5), (0, 0), (0, 3), (5, 1)], np.array([1, 2, 3, 4, 5, 0], np.uint32)
    ends = np.array([a for a, _ in spans]), np.cumsum([0, *(n for _, n in spans)])
    left = np.array([2, 3, 5, 1, 4, 1], np.uint32)
    spans_of = [(a, right[p : p + n].tolist()) for a, (p, n) in zip(left.tolist(), spans, strict=False)]
    ends[1][1:] = np.cumsum([len(rows) for _, rows in spans_of])
    levels = best_levels(ends, left, right, dictionary, "levenshtein", np.array([1.0]))
    expected = [
        best_levels((np.zeros(1, np.int64), np.array([0, 1])), np.array([a], np.uint32), np.array([b], np.uint32),
                    dictionary, "levenshtein", np.array([1.0]))[0]
        for a, rows in spans_of for b in rows
    ]  # fmt: skip
    assert levels.tolist() == expected


def check_spans(kernel, level_of_pair, *arguments):
    """A kernel adds stride times the level of every pair, to whatever the codes hold already: 20 spans, 30 places."""
    rng = np.random.default_rng(7)
    sizes = rng.integers(0, 12, 20)
    first, offsets = rng.integers(0, 30 - sizes), np.concatenate([[0], np.cumsum(sizes)])
    codes = rng.integers(0, 5, offsets[-1]).astype(np.uint32)
    expected = naive.levels_of_spans(first, offsets, level_of_pair, 5, codes.tolist())
    kernel(first, offsets, *arguments, np.uint32(5), codes)
    assert codes.tolist() == expected


def test_spans_of_categories_and_numbers():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 3, 20).astype(np.uint8), rng.integers(0, 3, 30).astype(np.uint8)
    check_spans(category.category_levels, lambda s, r: naive.category_level(a[s], b[r]), a, b)
    x, y = rng.normal(size=20), rng.normal(size=30)
    twin = lambda s, r: naive.number_level(x[s], y[r], [0.1, 1], False)  # noqa: E731
    check_spans(number.number_levels, twin, x, y, np.array([0.1, 1.0]), False)


@pytest.mark.parametrize("seed", range(20))
def test_spans_of_dates(seed):
    """Of years within and without the table of years, with days and months that it is of and others."""
    rng = np.random.default_rng(seed)
    years = [1023, 1535, 1536, 1935, 1990, 1991, 2047, 2048, 2050, 2560]
    a, b = (rng.choice(years, n) << 9 | rng.integers(0, 3, n) << 5 | rng.integers(0, 3, n) for n in (20, 30))
    a, b = a.astype(np.uint32), b.astype(np.uint32)
    check_spans(date.date_levels, lambda s, r: naive.date_level(int(a[s]), int(b[r])), a, b, date.level_tables())


def test_spans_of_digits_places_and_person_numbers():
    rng = np.random.default_rng(2)
    pool = [0, *(pack(f"{i:012d}") for i in (1, 2, 10, 12)), pack("0" * 10 + "2"), pack("0" * 12 + "1")]
    a, b, old = (rng.choice(np.array(pool, np.uint64), n) for n in (20, 30, 30))
    marks = rng.integers(0, 8, 20).astype(np.uint8)
    check_spans(digits.digits_levels, lambda s, r: naive.digits_level(int(a[s]), int(b[r])), a, b)
    check_spans(
        digits.person_number_levels,
        lambda s, r: naive.person_number_level(int(a[s]), int(marks[s]), int(b[r]), int(old[r])),
        a, marks, b, old,
    )  # fmt: skip
    relation = rng.integers(0, 4, (4, 6)).astype(np.uint8)
    relation[0, :] = relation[:, 0] = 0
    row, home, away = (rng.integers(0, top, n).astype(np.uint16) for top, n in ((4, 20), (6, 30), (6, 30)))
    check_spans(
        place.place_levels,
        lambda s, r: naive.place_level(relation.tolist(), row[s], home[r], away[r]),
        row, relation, home, away,
    )  # fmt: skip


def test_spans_of_what_the_right_side_lacks():
    rng = np.random.default_rng(4)
    for kind in (np.uint8, np.uint16, np.uint32, np.uint64):
        a, b, c = (rng.integers(0, 2, n).astype(kind) for n in (20, 30, 30))
        check_spans(absent.absent_levels, lambda s, r: naive.absent_level(a[s], b[r], c[r]), a, b, c)  # noqa: B023
        check_spans(absent.absent_levels, lambda s, r: naive.absent_level(a[s], b[r], b[r]), a, b, b)  # noqa: B023
    x, y = (np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)) for n in (20, 30))
    check_spans(absent.absent_number_levels, lambda s, r: naive.absent_number_level(x[s], y[r]), x, y)
    pool = [0, 255 << 56, *(pack(text) for text in ("1" * 12, "2" * 12, "1" * 11, "2" * 13, "1" * 9, "2" * 9))]
    stated, own, old = (rng.choice(np.array(pool, np.uint64), n) for n in (20, 30, 30))
    check_spans(
        digits.absent_person_number_levels,
        lambda s, r: naive.absent_person_number_level(int(stated[s]), int(own[r]), int(old[r])),
        stated, own, old,
    )  # fmt: skip


def test_spans_of_names_and_texts():
    rng = np.random.default_rng(3)
    pool = [["trần", "lan"], ["trần", "thị", "lan"], ["tràn", "lan"], ["lê", "văn", "nam"], []]
    rows, tables = encode_names(*pool)
    left, right = rng.integers(0, 5, 20), rng.integers(0, 5, 30)
    classes = (toneless, ascii_fold, lambda plain: sound_key(plain), COMMON_SYLLABLES)
    check_spans(
        name.name_levels,
        lambda s, r: naive.name_level(pool[left[s]], pool[right[r]], *classes),
        np.array(rows)[left], np.array(rows)[right], tables,
    )  # fmt: skip
    texts = ["", "smith", "smyth", "jones"]
    letters, starts = dictionary_of(texts)
    table = (letters, starts, 5, int(letters.max()) + 1)

    def text_levels(first, offsets, left, right, measure, thresholds, stride, codes):
        text.text_levels(first, offsets, left, right, table, text.MEASURES[measure], thresholds, stride, codes)

    a, b = rng.integers(0, 4, 20).astype(np.uint32), rng.integers(0, 4, 30).astype(np.uint32)

    one_edit = [lambda x, y: naive.levenshtein(x, y) <= 1]
    check_spans(
        text_levels,
        lambda s, r: naive.text_level(texts[a[s]], texts[b[r]], one_edit),
        a, b, "levenshtein", np.array([1.0]),
    )  # fmt: skip
    alike = [lambda x, y: rapidfuzz_distance.JaroWinkler.similarity(x, y) >= 0.8]
    check_spans(
        text_levels,
        lambda s, r: naive.text_level(texts[a[s]], texts[b[r]], alike),
        a, b, "jaro_winkler", np.array([0.8]),
    )  # fmt: skip
