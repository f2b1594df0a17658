"""Slow, obvious twins of every kernel, written from the definitions. They import nothing of what they check."""

import itertools
import math
from collections import Counter, defaultdict

# ------------------------------------------------------------------------------------------------- comparators


def category_level(a, b):
    if not a or not b:
        return 0
    return {True: 1, False: 2}[a == b]


def levels_of_tile(offsets, rows, level_of_pair, stride, codes):
    """Any *_levels kernel: add level * stride to the codes of each subject's rows."""
    codes = list(codes)
    for s in range(len(offsets) - 1):
        for k in range(offsets[s], offsets[s + 1]):
            codes[k] += stride * level_of_pair(s, rows[k])
    return codes


def unpack_date(packed):
    return packed // 512, packed // 32 % 16, packed % 32


def date_level(a, b):
    if a == 0 or b == 0:
        return 0
    (ya, ma, da), (yb, mb, db) = unpack_date(a), unpack_date(b)
    vague = {(0, 0), (1, 1)}
    vague_a = ma == 0 or da == 0 or (ma, da) in vague
    vague_b = mb == 0 or db == 0 or (mb, db) in vague
    if (ya, ma, da) == (yb, mb, db):
        return 2 if vague_a else 1
    if vague_a or vague_b:
        return 5 if ya == yb else 8 if abs(ya - yb) == 1 else 9
    if ya == yb and (ma, da) == (db, mb):
        return 3
    text_a, text_b = f"{da:02d}{ma:02d}{ya:04d}", f"{db:02d}{mb:02d}{yb:04d}"
    if sum(x != y for x, y in zip(text_a, text_b, strict=True)) == 1:
        return 4
    if (ma, da) == (mb, db):
        return 6
    if ya == yb:
        return 7
    return 8 if abs(ya - yb) == 1 else 9


def digits_text(packed):
    n = packed >> 56
    return "".join(str(packed >> 4 * i & 15) for i in reversed(range(n)))


def neighbours_text(text):
    wrong = {text[:i] + d + text[i + 1 :] for i in range(len(text)) for d in "0123456789"}
    swapped = {text[:i] + text[i + 1] + text[i] + text[i + 2 :] for i in range(len(text) - 1)}
    return (wrong | swapped) - {text}


def one_slip(a, b):
    return digits_text(b) in neighbours_text(digits_text(a))


def digits_level(a, b):
    if not a or not b:
        return 0
    if a == b:
        return 1
    return 2 if one_slip(a, b) else 3


def person_number_level(stated, marks, number, old_number):
    if not stated or stated >> 56 == 255:
        return 0
    own = old_number if stated >> 56 == 9 else number
    if not own or own >> 56 != stated >> 56:
        return 0
    contradicts, owned = marks & 1, marks & 2
    if stated == own:
        return 3 if stated >> 56 == 9 else 2 if contradicts else 1
    if one_slip(stated, own):
        return 4
    return 7 if owned else 6 if contradicts else 5


def place_level(relation, row, permanent, residence):
    if row == 0 or (permanent, residence) == (0, 0):
        return 0
    home, away = relation[row][permanent], relation[row][residence]
    if home == 3:
        return 1
    if away == 3:
        return 2
    return {2: 3, 1: 4, 0: 5}[max(home, away)]


def number_level(a, b, thresholds):
    if math.isnan(a) or math.isnan(b):
        return 0
    for i, threshold in enumerate(thresholds, start=1):
        if abs(a - b) <= threshold:
            return i
    return len(thresholds) + 1


# ------------------------------------------------------------------------------------------------- strings


def osa_distance(a, b):
    """Optimal string alignment: Levenshtein with swaps of neighbours, no substring edited twice."""
    d = {(i, -1): i + 1 for i in range(-1, len(a))} | {(-1, j): j + 1 for j in range(-1, len(b))}
    for i, j in itertools.product(range(len(a)), range(len(b))):
        d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + (a[i] != b[j]))
        if i and j and a[i] == b[j - 1] and a[i - 1] == b[j]:
            d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
    return d[len(a) - 1, len(b) - 1]


def one_letter_slip(a, b):
    return max(len(a), len(b)) >= 2 and osa_distance(a, b) == 1


def is_abbreviation(short, long):
    if not 0 < len(short) <= 3 or len(short) >= len(long) or not long.startswith(short):
        return False
    return len(short) == 1 or not set(short) & set("aeiouy")


def name_level(a, b, toneless, plain, sound):
    """Levels of two lists of syllables, with functions that map a syllable to its classes."""
    if not a or not b:
        return 0
    if a == b:
        return 1
    plain_a, plain_b = [plain(x) for x in a], [plain(x) for x in b]
    if len(a) == len(b):
        if [toneless(x) for x in a] == [toneless(x) for x in b]:
            return 2
        if plain_a == plain_b:
            return 3
        differing = [
            (x, y) for x, y, v, w in zip(plain_a, plain_b, a, b, strict=True) if x != y and toneless(v) != toneless(w)
        ]
        if all(is_abbreviation(x, y) or is_abbreviation(y, x) for x, y in differing):
            return 7
        if len(differing) == 1:
            x, y = differing[0]
            if sound(x) == sound(y) or one_letter_slip(x, y):
                return 4
        if Counter(plain_a) == Counter(plain_b):
            return 6
    if abs(len(a) - len(b)) == 1:
        short, long = sorted((plain_a, plain_b), key=len)
        if any(long[:i] + long[i + 1 :] == short for i in range(len(long))):
            return 5
    same_family, same_given = plain_a[0] == plain_b[0], plain_a[-1] == plain_b[-1]
    if same_family and same_given and len(a) > 1 and len(b) > 1:
        return 8
    return 9 if same_given else 10 if same_family else 11


def levenshtein(a, b):
    if not a or not b:
        return len(a) + len(b)
    rest = (levenshtein(a[:-1], b) + 1, levenshtein(a, b[:-1]) + 1, levenshtein(a[:-1], b[:-1]) + (a[-1] != b[-1]))
    return min(rest)


# ------------------------------------------------------------------------------------------------- scoring


def select(offsets, rows, passes, codes, bound, floor):
    kept = [[k for k in range(offsets[s], offsets[s + 1]) if bound[codes[k]] >= floor] for s in range(len(offsets) - 1)]
    flat = list(itertools.chain(*kept))
    new_offsets = [0, *itertools.accumulate(len(part) for part in kept)]
    return new_offsets, [rows[k] for k in flat], [passes[k] for k in flat], [codes[k] for k in flat]


def multiply_term_frequency(offsets, rows, codes, stride, ratios, groups, product):
    product = list(product)
    for s in range(len(offsets) - 1):
        for k in range(offsets[s], offsets[s + 1]):
            group = groups[rows[k]] if len(groups) else 0
            product[k] *= ratios[s][group][codes[k] // stride % len(ratios[s][group])]
    return product


def weigh(codes, product, log2_m_u, household):
    return [math.log2(2 ** log2_m_u[c] / (r + household[c])) for c, r in zip(codes, product, strict=True)]


def rank(offsets, weights, rows, floor, n_best):
    best, sums = [], []
    for s in range(len(offsets) - 1):
        ks = [k for k in range(offsets[s], offsets[s + 1]) if weights[k] >= floor]
        ordered = sorted(ks, key=lambda k: (-weights[k], rows[k]))[:n_best]
        best.append(ordered + [-1] * (n_best - len(ordered)))
        sums.append(math.fsum(2 ** weights[k] for k in ks))
    return best, sums


def expect(offsets, weights, patterns, product, household, prior, none):
    """Expected matches and relatives by pattern, and the log2 likelihood."""
    matches, relatives = [0.0] * len(household), [0.0] * len(household)
    likelihood = 0.0
    for s in range(len(offsets) - 1):
        ks = range(offsets[s], offsets[s + 1])
        total = none + math.fsum(prior * 2 ** weights[k] for k in ks)
        likelihood += math.log2(total)
        for k in ks:
            p, h = prior * 2 ** weights[k] / total, household[patterns[k]]
            matches[patterns[k]] += p
            relatives[patterns[k]] += (1 - p) * h / (h + product[k])
    return matches, relatives, likelihood


# ------------------------------------------------------------------------------------------------- blocking


def blocks(keys, query):
    """Rows of a 48-bit block, and those that share the narrowing 16 bits too."""
    block = [row for row, key in enumerate(keys) if key and key >> 16 == query >> 16]
    return block, [row for row in block if keys[row] == query]


def find_blocks(keys, queries, max_block):
    """Rows of each query's block, narrowed where it is over-full."""
    found = []
    for query in queries:
        block, narrow = blocks(keys, query) if query else ([], [])
        found.append(narrow if len(block) > max_block else block)
    return found


def gather(found_by_pass, n_subjects):
    """Per subject, {row: bits of the passes that found it}, rows ascending; found_by_pass[p][s] is a list of rows."""
    merged = []
    for s in range(n_subjects):
        bits = defaultdict(int)
        for p, found in enumerate(found_by_pass):
            for row in found[s]:
                bits[row] |= 1 << p
        merged.append(dict(sorted(bits.items())))
    return merged
