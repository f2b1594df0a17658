"""Slow, obvious twins of every kernel, written from the definitions. They import nothing of what they check."""

import hashlib
import itertools
import math
import re
from collections import Counter, defaultdict
from fractions import Fraction
from functools import cache

# ------------------------------------------------------------------------------------------------- comparators


def category_level(a, b):
    if not a or not b:
        return 0
    return {True: 1, False: 2}[a == b]


def levels_of_spans(first, offsets, level_of_pair, stride, codes):
    """Any *_levels kernel: add level * stride to the codes of each span's places."""
    codes = list(codes)
    for i in range(len(offsets) - 1):
        for k in range(offsets[i], offsets[i + 1]):
            codes[k] += stride * level_of_pair(i, first[i] + k - offsets[i])
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


def one_digit_more(longer, shorter):
    text, left = digits_text(longer), digits_text(shorter)
    return {len(text), len(left)} in ({12, 13}, {11, 12}) and left in {
        text[:i] + text[i + 1 :] for i in range(len(text))
    }


def person_number_level(stated, marks, number, old_number):
    if not stated or stated >> 56 == 255:
        return 0
    own = old_number if stated >> 56 == 9 else number
    if not own:
        return 0
    slip = 6 if marks & 2 else 5
    if own >> 56 != stated >> 56:
        is_cut = stated >> 56 in (11, 13) and (one_digit_more(stated, own) or one_digit_more(own, stated))
        return slip if is_cut else 0
    contradicts, owned, unchecked = marks & 1, marks & 2, marks & 4
    if stated == own:
        return 4 if stated >> 56 == 9 else 2 if contradicts else 3 if unchecked else 1
    if one_slip(stated, own):
        return slip
    return 9 if owned else 8 if contradicts else 7


def absent_level(a, b, other):
    return int(bool(a) and not (b or other))


def absent_number_level(a, b):
    return int([math.isnan(a), math.isnan(b)] == [False, True])


def absent_person_number_level(stated, number, old_number):
    lengths = {kind: old_number >> 56 if kind == 9 else number >> 56 for kind in range(1, 255) if kind not in (11, 13)}
    kind = stated >> 56
    return int(kind in lengths and lengths[kind] != kind)


def place_level(relation, row, permanent, residence):
    if row == 0 or (permanent, residence) == (0, 0):
        return 0
    home, away = relation[row][permanent], relation[row][residence]
    if home == 3:
        return 1
    if away == 3:
        return 2
    return {2: 3, 1: 4, 0: 5}[max(home, away)]


def number_level(a, b, thresholds, is_relative):
    if math.isnan(a) or math.isnan(b):
        return 0
    unit = max(abs(a), abs(b)) if is_relative and a != b else 1
    for i, threshold in enumerate(thresholds, start=1):
        if abs(a - b) / unit <= threshold:
            return i
    return len(thresholds) + 1


def address_level(a, b):
    """Levels of two addresses, a set of numbers and a set of words each."""
    if not any(a) or not any(b):
        return 0
    if a == b:
        return 1
    (numbers_a, words_a), (numbers_b, words_b) = a, b
    n_shared = len(words_a & words_b)
    is_part = bool(words_a and words_b) and (words_a <= words_b or words_b <= words_a)
    if not is_part and (words_a or words_b) and n_shared * 2 / (len(words_a) + len(words_b)) < 0.6:
        return 5
    if numbers_a == numbers_b and numbers_a:
        return 2
    return 3 if numbers_a <= numbers_b or numbers_b <= numbers_a else 4


def postcode_level(a, b):
    """Levels of two postal codes as they are written."""
    if not a or not b:
        return 0
    if a == b:
        return 1
    if len(a) != len(b):
        short, long = sorted((a, b), key=len)
        return 4 if len(short) > 1 and long.startswith(short) else 5
    if osa_distance(a, b) == 1:
        return 2
    for level, left_out in ((3, 2), (4, 3)):
        if len(a) > left_out and a[:-left_out] == b[:-left_out]:
            return level
    return 5


def nickname_level(level, groups_a, groups_b):
    """Levels of two words with their sets of groups, of that level as texts."""
    if level < 2:
        return level
    return 2 if groups_a & groups_b else level + 1


def name_pair_level(first, second, crossed_first, crossed_second, n_steps):
    """Levels of two pairs of names from the levels of their names as texts."""
    straight, crossed = [first, second], [crossed_first, crossed_second]
    for level, pair in ((1, straight), (2, crossed)):
        if pair == [1, 1]:
            return level
    for step in range(n_steps):
        if any(all(0 < level <= 2 + step for level in pair) for pair in (straight, crossed)):
            return 3 + step
    if 1 in straight:
        return 3 + n_steps if second == 1 else 4 + n_steps
    return 5 + n_steps if any(straight) else 0


def alternative_level(a, b, is_near):
    """The best level of any value of a list with any of another."""
    return min((text_level(x, y, is_near) for x in a for y in b), default=0)


def distance_km(a, b):
    """Distance of two places, latitude and longitude in degrees, by the haversine formula."""
    (lat_a, lon_a), (lat_b, lon_b) = (tuple(map(math.radians, place)) for place in (a, b))
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1, math.sqrt(half)))


def distance_level(a, b, thresholds):
    """Levels of two places by the thresholds in km."""
    if a is None or b is None:
        return 0
    return next((i for i, limit in enumerate(thresholds, 1) if distance_km(a, b) <= limit), len(thresholds) + 1)


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


def name_level(a, b, toneless, plain, sound, common):
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
            return 5
        if len(differing) == 1:
            x, y = differing[0]
            if sound(x) == sound(y) or one_letter_slip(x, y):
                return 8 if {x, y} <= common else 6
        if Counter(plain_a) == Counter(plain_b):
            return 4
    if abs(len(a) - len(b)) == 1:
        short, long = sorted((plain_a, plain_b), key=len)
        if any(long[:i] + long[i + 1 :] == short for i in range(len(long))):
            return 7
    same_family, same_given = plain_a[0] == plain_b[0], plain_a[-1] == plain_b[-1]
    if same_family and same_given and len(a) > 1 and len(b) > 1:
        return 9
    return 10 if same_given else 11 if same_family else 12


def best_name_level(a, b, level):
    """What may be said at a glance of two names of known level: 0, or 10 to 12; 1 is always right but for missing."""
    if not a or not b:
        return {0}
    return {1, level} if level in (10, 11, 12) else {1}


def levenshtein(a, b):
    if not a or not b:
        return len(a) + len(b)
    rest = (levenshtein(a[:-1], b) + 1, levenshtein(a, b[:-1]) + 1, levenshtein(a[:-1], b[:-1]) + (a[-1] != b[-1]))
    return min(rest)


@cache
def damerau_levenshtein(a, b):
    """Every pair of letters that could be swapped is tried, with what lies between them dropped and inserted."""
    if not a or not b:
        return len(a) + len(b)
    ways = [damerau_levenshtein(a[:-1], b) + 1, damerau_levenshtein(a, b[:-1]) + 1]
    ways.append(damerau_levenshtein(a[:-1], b[:-1]) + (a[-1] != b[-1]))
    for i, j in itertools.product(range(len(a) - 1), range(len(b) - 1)):
        if a[i] == b[-1] and a[-1] == b[j]:
            between = len(a) - i - 2 + len(b) - j - 2
            ways.append(damerau_levenshtein(a[:i], b[:j]) + between + 1)
    return min(ways)


def jaro_winkler(a, b):
    """Winkler 1990: a letter has its partner in the other string at most half the longer length, less one, away."""
    if not a or not b:
        return float(a == b)
    reach = max(len(a), len(b)) // 2 - 1
    free = dict(enumerate(b))
    partner = {}
    for i, letter in enumerate(a):
        near = [j for j in free if free[j] == letter and abs(i - j) <= max(reach, 0)]
        if near:
            partner[i] = min(near)
            del free[min(near)]
    n = len(partner)
    if n == 0:
        return 0.0
    in_order = zip((a[i] for i in sorted(partner)), (b[j] for j in sorted(partner.values())), strict=True)
    swaps = sum(x != y for x, y in in_order) // 2
    jaro = (n / len(a) + n / len(b) + (n - swaps) / n) / 3
    prefix = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a[:4], b[:4], strict=False))))
    return jaro + prefix / 10 * (1 - jaro) if jaro > 0.7 else jaro


def jaro_winkler_of_masks(a, b, at_least):
    """The masks say nothing that the letters do not. Given up only where no order and no start could reach at_least."""
    shared = jaro_winkler_shared(a, b)
    most = (shared / len(a) + shared / len(b) + 1) / 3
    if shared == 0 or most + 0.4 * (1 - most) < at_least:
        return 0.0
    return jaro_winkler(a, b)


def levenshtein_of_masks(a, b):
    return levenshtein(a, b)


def damerau_levenshtein_within(a, b, most):
    """The distance, or anything over most where it is over most."""
    distance = damerau_levenshtein(a, b)
    return range(distance, distance + 1) if distance <= most else range(most + 1, most + distance + 1)


def letter_signatures(words):
    """Per word, given by numbers of letters: (classes that occur, that occur twice, letters beyond, letters, start,
    end)."""
    found = []
    for word in words:
        counts = Counter(letter % 32 for letter in word)
        once, twice = set(counts), {c for c, n in counts.items() if n > 1}
        beyond = sum(max(n - 2, 0) for n in counts.values())
        ends = ([letter % 256 for letter in part] for part in (word[:4], word[-8:]))
        found.append((once, twice, beyond, len(word), *ends))
    return found


def _most_shared(a, b):
    """Letters by class, two of each told apart from those beyond."""
    in_a, in_b = (Counter(letter % 32 for letter in word) for word in (a, b))
    beyond = min(sum(max(n - 2, 0) for n in counts.values()) for counts in (in_a, in_b))
    return min(len(a), len(b), sum(min(in_a[c], in_b[c], 2) for c in in_a) + beyond)


def most_similar(a, b):
    """Of two words given by numbers of letters: Jaro-Winkler with every shared letter in order. A letter 0 and none are
    the same at the start."""
    shared = _most_shared(a, b)
    jaro = (shared / len(a) + shared / len(b) + 1) / 3
    starts = zip((a + [0] * 4)[:4], (b + [0] * 4)[:4], strict=True)
    prefix = len(list(itertools.takewhile(lambda pair: pair[0] % 256 == pair[1] % 256, starts)))
    return jaro + prefix / 10 * (1 - jaro)


def least_edits(a, b):
    """Of two words given by numbers of letters: those that no letter of the other can stand for."""
    n_apart = sum(p % 256 != q % 256 for p, q in zip(a[-8:], b[-8:], strict=False))
    return max(max(len(a), len(b)) - _most_shared(a, b), 2 * (len(a) == len(b) and n_apart > 2))


def best_text_level(a, b, level):
    """What may be said of two words whose level is this one."""
    return {level} if level < 2 else set(range(2, level + 1))


def jaro_winkler_shared(a, b):
    """Letters of a that find a partner in b, each taking the first free one near enough."""
    reach, free, n = max(max(len(a), len(b)) // 2 - 1, 0), dict(enumerate(b)), 0
    for i, letter in enumerate(a):
        near = [j for j in free if free[j] == letter and abs(i - j) <= reach]
        if near:
            del free[min(near)]
            n += 1
    return n


def text_level(a, b, is_near):
    """is_near: one test of (a, b) per threshold, the strictest first."""
    if not a or not b:
        return 0
    return next((i for i, holds in enumerate([str.__eq__, *is_near], start=1) if holds(a, b)), len(is_near) + 2)


# ------------------------------------------------------------------------------------------------- scoring


def select(offsets, codes, best_levels, weights, groups, subjects, needed, gains, stride, first):
    """The places and codes of the pairs kept, by span."""
    kept = []
    for i, s in enumerate(subjects):
        pairs = [
            (first[i] + k, code + stride * level, weights[code] + gains[s][groups[code]] >= needed[s][level])
            for k, (code, level) in enumerate(
                zip(codes[offsets[i] : offsets[i + 1]], best_levels[offsets[i] : offsets[i + 1]], strict=True)
            )
        ]
        kept.append([(place, code) for place, code, stays in pairs if stays])
    return kept


def take_rows(large, few, rows):
    return [[*large, *few][row] for row in rows]


def take_rows_of_spans(column, rows_by_span, is_wanted, other):
    """The rows of the spans, one list; ``other`` for those of spans that are not wanted."""
    spans = zip(rows_by_span, is_wanted, strict=True)
    return [column[row] if wanted else other for rows, wanted in spans for row in rows]


def find_within(codes, low, high):
    return [k for k, code in enumerate(codes) if low <= code < high]


def multiply_term_frequency(offsets, codes, places, ratios, groups, product):
    product = list(product)
    for s in range(len(offsets) - 1):
        for k in range(offsets[s], offsets[s + 1]):
            product[k] *= ratios[s][places[codes[k]] + (groups[k] if len(groups) else 0)]
    return product


def bayes_factors(codes, product, times, m_u, relative_shares, relatives):
    """Of the odds q of all the classes of non-matches the relatives' part is multiplied."""
    odds = [relative_shares[c] + (t - 1) * relatives[c] for c, t in zip(codes, times, strict=True)]
    return [m_u[c] / (r + q) for c, r, q in zip(codes, product, odds, strict=True)]


def raise_by_chance(chances, places, weights, times):
    return [t * max(1.0, r * weights[place]) for r, place, t in zip(chances, places, times, strict=True)]


def rank(offsets, factors, ties, least, n_best):
    best, sums = [], []
    for s in range(len(offsets) - 1):
        ks = [k for k in range(offsets[s], offsets[s + 1]) if factors[k] >= least]
        ordered = sorted(ks, key=lambda k: (-factors[k], ties[k]))[:n_best]
        best.append(ordered + [-1] * (n_best - len(ordered)))
        sums.append(math.fsum(factors[k] for k in ks))
    return best, sums


def round_sums(parts):
    """The sums of factors, by claim, each factor cut off behind three digits of 26 bits at multiples of 26 bits."""
    sums = []
    for factors in parts:
        unit = 26 * math.floor((math.frexp(max(factors, default=0.0))[1] - 1) / 26)
        smallest = Fraction(2) ** (unit - 52)
        sums.append(float(sum((Fraction(f) // smallest for f in factors), 0) * smallest))
    return sums


def merge_ranked(one, other):
    """Lists of (factor, tie) of two parts, best first: where each of the best of both stands in one + other, or -1."""
    places = []
    for mine, theirs in zip(one, other, strict=True):
        both = [*mine, *theirs]
        there = sorted((k for k, (factor, _) in enumerate(both) if factor), key=lambda k: (-both[k][0], both[k][1]))
        places.append([*there, *[-1] * len(both)][: len(mine)])
    return places


def expect(offsets, factors, patterns, product, times, relative_shares, rates, prior, none):
    """Expected matches, relatives of subjects found and not found, twins and namesakes of those not found, by pattern,
    the log2 likelihood, and by subject the posterior of none."""
    matches, of_found, of_others, twins, namesakes = ([0.0] * len(relative_shares[0]) for _ in range(5))
    likelihood, posterior = 0.0, []
    for s in range(len(offsets) - 1):
        ks = range(offsets[s], offsets[s + 1])
        total = none[s] + math.fsum(prior * factors[k] for k in ks)
        likelihood += math.log2(total)
        posterior.append(none[s] / total)
        for k in ks:
            p, (h, t, n) = prior * factors[k] / total, (of[patterns[k]] for of in relative_shares)
            h *= times[k]
            matches[patterns[k]] += p
            of_found[patterns[k]] += (1 - none[s] / total - p) * rates[0] * h / (rates[0] * h + t + n + product[k])
            unmatched = rates[1] * h + t + n + product[k]
            of_others[patterns[k]] += none[s] / total * rates[1] * h / unmatched
            twins[patterns[k]] += none[s] / total * t / unmatched
            namesakes[patterns[k]] += none[s] / total * n / unmatched
    return matches, [of_found, of_others, twins, namesakes], likelihood, posterior


def _product(tables, levels):
    return math.prod(table[level] for table, level in zip(tables, levels, strict=True))


def fill_tables(shares, patterns, neighbour_share, rates):
    """m / u and the odds of relatives, twins and namesakes of patterns; shares: by comparison m, u, neighbour,
    household, twin and namesake by level."""
    m_u, odds = [], []
    for levels in patterns:
        m, u, g, *relative_shares = (
            math.prod(of[kind][level] for of, level in zip(shares, levels, strict=True)) for kind in range(6)
        )
        strangers = u + neighbour_share * g
        m_u.append(m / strangers)
        odds.append(sum(rate * of for rate, of in zip(rates, relative_shares, strict=True)) / strangers)
    return m_u, odds


def log2_likelihood(p, offsets, levels, ratios):
    """Sum over subjects of log2(not found + share / N * sum of Bayes factors)."""
    total = 0.0
    for first, last in itertools.pairwise(offsets):
        factors = 0.0
        for k in range(first, last):
            m, u, h = (_product(p[kind], levels[k]) for kind in ("m", "u", "household"))
            factors += m / (u * ratios[k] + p["rate"] / p["n_persons"] * h)
        total += math.log2(1 - p["share"] * p["recall"] + p["share"] / p["n_persons"] * factors)
    return total


def log_posterior(p, start, offsets, levels, ratios):
    """The whole of what EM climbs: pairs of non-matches come from random people and, in Poisson numbers, from
    relatives; Dirichlet priors at the starting values on m and household, a weak one on share and rate."""
    total = math.log(2) * log2_likelihood(p, offsets, levels, ratios)
    for level, ratio in zip(levels, ratios, strict=True):
        random, relative = _product(p["u"], level), _product(p["household"], level)
        total += math.log(random * ratio + p["rate"] / p["n_persons"] * relative)
    total -= p["rate"] * (len(offsets) - 1)
    total += math.log(p["share"]) + math.log(1 - p["share"])
    total += 1e-3 * math.log(p["rate"]) if p["rate"] else 0.0
    kinds = [("m", p["prior_matches"])] + [("household", p["prior_relatives"])] * (p["rate"] > 0)
    for kind, n in kinds:
        for shares, prior in zip(p[kind], start[kind], strict=True):
            total += math.fsum(n * b * math.log(a) for a, b in zip(shares[1:], prior[1:], strict=True))
    return total


def falling_ratios(m, u):
    """The ratio of each level: the least, over where a run may start, of the greatest, over where it may end."""
    n = len(m)
    ratio = {(i, j): math.fsum(m[i : j + 1]) / math.fsum(u[i : j + 1]) for i in range(n) for j in range(i, n)}
    return [min(max(ratio[i, j] for j in range(k, n)) for i in range(k + 1)) for k in range(n)]


def name_shares(country, neighbours, peers):
    """Shares of a name in each circle; of every circle (bearers, people), None for one that is not asked for."""
    bearers, people = country
    everywhere = max(bearers - 1, 0.5) / max(people - 1, 1)
    circles = [everywhere]
    if neighbours is not None:
        namesakes, n_neighbours = (max(n - 1, 0) for n in neighbours)
        circles.append(max(everywhere, (namesakes + 10 * everywhere) / (n_neighbours + 10)))
    if peers is not None:
        n_bearers, n_peers = (max(n - 1, 0) for n in peers)
        of_cohort = everywhere * ((n_bearers + 3) / (everywhere * n_peers + 3))
        circles.append(of_cohort)
        if neighbours is not None:
            here = (max(namesakes - 0.5, 0) + 10 * everywhere) / (n_neighbours + 10)
            circles.append(min(of_cohort * max(here / everywhere, 1), 1))
    return circles


def level_ratios(same, near, u_same, mean_near, trust):
    """Ratios of a value by level, of its shares: drawn towards 1 as by so many values of the mean share beside it."""
    ratios = [1, same / u_same if same else 1]
    for part in trust[2:]:
        n_beside = 1 / part - 1 if part else math.inf
        ratios.append((near / mean_near + n_beside) / (1 + n_beside) if near and part else 1)
    return ratios


def raise_other_groups(own, n_groups, ratios):
    """The ratios of one subject, those of each circle at least those of its own group."""
    circles = [ratios[start : start + n_groups] for start in range(0, len(ratios), n_groups)]
    if not own:
        return ratios
    return [[max(pair) for pair in zip(of, circle[own], strict=True)] for circle in circles for of in circle]


def keep_order(m_u, closer, ratios):
    """The ratio of each level, such that no weight of one is over the least of all that are closer."""

    def least(level):
        return min([m_u[level] / ratios[level], *(least(other) for other in closer[level] if level > 1)])

    return [ratio if level < 2 else m_u[level] / least(level) for level, ratio in enumerate(ratios)]


def smallest(ratios):
    """The smallest ratio of each level."""
    return [min(of_level) for of_level in zip(*ratios, strict=True)]


# ------------------------------------------------------------------------------------------------- blocking


def number_neighbours(packed, n_digits):
    """The packed numbers one wrong digit or one swap of neighbours away, or one digit put in or left out."""
    text = digits_text(packed)
    near = {
        n_digits: neighbours_text,
        n_digits - 1: lambda text: {text[:i] + d + text[i:] for i in range(n_digits) for d in "0123456789"},
        n_digits + 1: lambda text: {text[:i] + text[i + 1 :] for i in range(len(text))},
    }.get(packed >> 56, lambda text: set())
    return {int(text, 16) | n_digits << 56 for text in near(text)}


def append_blocks(segments, first, last, rows, removed, bit):
    """The segments, each with (row, bit) for every position of its subject's blocks appended, but for removed rows."""
    positions = [[k for a, b in zip(*ends, strict=True) for k in range(a, b)] for ends in zip(first, last, strict=True)]
    appended = [[(rows[k], bit) for k in ks if rows[k] not in removed] for ks in positions]
    return [segment + more for segment, more in zip(segments, appended, strict=True)]


def merge_segments(segments):
    """Per subject {row: the bits of all its entries}, rows as they are first met."""
    merged = []
    for segment in segments:
        bits = defaultdict(int)
        for row, bit in segment:
            bits[row] |= bit
        merged.append(dict(bits))
    return merged


def mark_in_runs(runs, listed, own):
    """Per subject, {row: bits} with the first bit added to rows in a run, and the number of distinct rows but his
    own; runs: lists of (first, last), listed: {row: bits}."""
    marked, counts = [], []
    for ends, bits_of, mine in zip(runs, listed, own, strict=True):
        in_runs = set(itertools.chain(*(range(first, last) for first, last in ends)))
        marked.append({row: bits | 1 if row in in_runs else bits for row, bits in bits_of.items()})
        counts.append(len((in_runs | bits_of.keys()) - {mine}))
    return marked, counts


def merge_lists(run_rows, listed_rows):
    """Per subject, {row: whether it comes from the list}; lists of lists of rows."""
    return [
        {row: row in listed for row in {*runs, *listed}} for runs, listed in zip(run_rows, listed_rows, strict=True)
    ]


def blocks(keys, query):
    """Rows of a 48-bit block, and those that share the last 8 bits, of the narrowing part, too."""
    block = [row for row, key in enumerate(keys) if key and key >> 16 == query >> 16]
    return block, [row for row in block if keys[row] % 256 == query % 256]


def find_blocks(keys, queries, max_block):
    """Rows of each query's block, narrowed where it is over-full."""
    found = []
    for query in queries:
        block, narrow = blocks(keys, query) if query else ([], [])
        found.append(narrow if len(block) > max_block else block)
    return found


def stored_keys(keys, n_bits):
    """The n_bits + 24 leading bits of each 64-bit key, then its last 8; at least 1, and 0 for 0."""
    digits = [format(key, "064b") for key in keys]
    return [max(1, int(d[: n_bits + 24] + d[-8:], 2)) if "1" in d else 0 for d in digits]


def _starts(stored, n_bits, first):
    """Of entries sorted by stored key: how many, and the ``first`` before them all, lie before each bucket."""
    buckets = [key >> 32 for key in stored if key]
    return [first + sum(b < bucket for b in buckets) for bucket in range((1 << n_bits) + 1)]


def sort_by_bucket(keys, n_bits):
    """(starts, (remainder, row) of the keys that are not 0, sorted by key and row)."""
    entries = sorted((stored, row) for row, stored in enumerate(stored_keys(keys, n_bits)) if stored)
    return _starts([stored for stored, _ in entries], n_bits, 0), [(stored % 2**32, row) for stored, row in entries]


def index_in_order(keys, n_bits):
    """(starts, remainders) of keys that stand in order, zeros in front."""
    stored = stored_keys(keys, n_bits)
    return _starts(stored, n_bits, stored.count(0)), [key % 2**32 for key in stored]


def find_removed(rows, removed):
    """The places of the rows that are removed."""
    return [place for place, row in enumerate(rows) if row in removed]


def fill_slots(listed, n_slots):
    """Slots with the places of the values: each in the first free one from the leading bits of its hash on."""
    slots = [-1] * n_slots
    for place, value in enumerate(listed):
        slot = (value * 0x9E3779B97F4A7C15 % 2**64) * n_slots >> 64
        while slots[slot] >= 0:
            slot = (slot + 1) % n_slots
        slots[slot] = place
    return slots


def count_each(values):
    """{value: how often it is there}, as they are first met."""
    return dict(Counter(values))


def count_listed(values, groups, listed, n_groups):
    """Bearers of each listed value: everybody, then those of each group from 1 on."""
    rows = list(zip(values, groups or [0] * len(values), strict=True))
    return [[sum(v == x and (g == 0 or g == y) for x, y in rows) for g in range(n_groups)] for v in listed]


def gather(found_by_pass, n_claims):
    """Per subject, {row: bits of the passes that found it}; found_by_pass[p][s] is a list of rows."""
    segments = [[(row, 1 << p) for p, found in enumerate(found_by_pass) for row in found[s]] for s in range(n_claims)]
    return merge_segments(segments)


# ------------------------------------------------------------------------------------------------- keys of records


def hash_texts(texts):
    """SplitMix64 chained over the length and the words of eight bytes, little-endian."""

    def mix(x):
        return mixed(x, 0x9E3779B97F4A7C15)

    hashes = []
    for text in texts:
        h = mix(len(text))
        for start in range(0, len(text), 8):
            h = mix(h ^ int.from_bytes(text[start : start + 8], "little"))
        hashes.append(h)
    return hashes


# ------------------------------------------------------------------------------------------------- typed numbers


def read_digits(texts):
    """(value, packed, is_other) of each text."""
    found = []
    for text in texts:
        if not text:
            found.append((0, 0, False))
        elif len(text) <= 14 and all("0" <= c <= "9" for c in text):
            found.append((int(text), int(f"{len(text):x}" + text.zfill(14), 16), False))
        else:
            found.append((0, 0, True))
    return found


def read_parts(texts):
    """((year, month, day), is_other) of each text."""
    forms = (
        r"(?P<d>\d{1,2})[-./](?P<m>\d{1,2})[-./](?P<y>\d{4})",
        r"(?P<y>\d{4})[-./](?P<m>\d{1,2})[-./](?P<d>\d{1,2})",
        r"(?P<y>\d{4})",
    )
    found = []
    for text in texts:
        matches = [m.groupdict() for m in (re.fullmatch(form, text, re.ASCII) for form in forms) if m]
        parts = matches[0] if matches else {}
        found.append((tuple(int(parts.get(name, 0)) for name in "ymd"), not matches))
    return found


def look_up(wanted, values, counts):
    """The counts of each wanted value, and whether it is among the values."""
    there = dict(zip(values, counts, strict=True))
    return [there.get(value, [0] * len(counts[0])) for value in wanted], [value in there for value in wanted]


def tabulated(packed, hashes):
    """Exclusive or of the hash of every digit at its place."""
    total = 0
    for place, of_digit in enumerate(hashes):
        total ^= of_digit[packed >> 4 * place & 15]
    return total


def bits_of_number(packed, hashes):
    """The bits of a number in its word of a filter, told by the first three times six bits of its hash."""
    binary = f"{tabulated(packed, hashes):064b}"
    return {int(binary[start : start + 6], 2) for start in (0, 6, 12)}


def set_numbers(numbers, hashes, n_words):
    """The words of a filter in which the bits of numbers are set."""
    words = [set() for _ in range(n_words)]
    for number in numbers:
        words[tabulated(number, hashes) % n_words] |= bits_of_number(number, hashes)
    return [sum(1 << bit for bit in word) for word in words]


def may_be_in(packed, hashes, words):
    """Whether all bits of a number are set in a filter."""
    word = words[tabulated(packed, hashes) % len(words)]
    return all(word >> bit & 1 for bit in bits_of_number(packed, hashes))


def known_neighbours(numbers, n_digits, hashes, large, few):
    """Per number, its neighbours whose bits are set in one of two filters."""
    return [
        {n for n in number_neighbours(number, n_digits) if any(may_be_in(n, hashes, words) for words in (large, few))}
        for number in numbers
    ]


def lay_out(found, counts, width):
    """What is found in rows, filled up with zeros."""
    values = iter(found)
    return [[next(values) for _ in range(n)] + [0] * (width - n) for n in counts]


def mixed(z, step):
    """The finaliser of splitmix64."""
    z = (z + step) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def hash_within(values, communes, step):
    return [
        mixed(value ^ mixed(commune, step), step) | 1 if value and commune else 0
        for value, commune in zip(values, communes, strict=True)
    ]


def cross(total, lead, part, step, is_first):
    """Per record, (hash, leading bits) of every hash so far with every alternative; 0 both where one is missing."""
    crossed = []
    for hashes, leads, alternatives in zip(total, lead, part, strict=True):
        pairs = [(h, known, value) for h, known in zip(hashes, leads, strict=True) for value in alternatives]
        found = [(mixed(h ^ mixed(value, step), step), known, value) for h, known, value in pairs]
        crossed.append(
            [(m, (m if is_first else known) | 1) if known and value else (0, 0) for m, known, value in found]
        )
    return crossed


def assemble(total, lead, narrow, step):
    """Keys of which 12 binary digits are of lead, 36 of total and 16 of the hash of narrow, None for none; no key where
    lead is 0."""
    keys = []
    for hashes, leads, narrowing in zip(total, lead, narrow, strict=True):
        low = 0 if narrowing is None else mixed(narrowing, step)
        texts = [
            f"{known:064b}"[:12] + f"{h:064b}"[12:48] + f"{low:064b}"[48:]
            for h, known in zip(hashes, leads, strict=True)
        ]
        keys.append([max(int(text, 2), 2**16) if known else 0 for text, known in zip(texts, leads, strict=True)])
    return keys


# ------------------------------------------------------------------------------------------------------------ claim ids


def digest_texts(texts: list[str]) -> list[tuple[int, int]]:
    """BLAKE2b of 16 bytes of each text in UTF-8, as two numbers of eight bytes, the first byte highest."""
    digests = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    return [(int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")) for digest in digests]


def are_canonical(texts: list[str], n_lines: int) -> list[bool]:
    """Texts of so many line feeds whose lines are words parted by one space each, in ASCII, Latin letters
    under U+0300, and U+1E80 to U+1EFF."""
    word = r"[!-~\u00c0-\u02ff\u1e80-\u1eff]+"
    line = rf"(?:{word}(?: {word})*)?"
    return [re.fullmatch(rf"{line}(?:\n{line}){{{n_lines}}}", text) is not None for text in texts]
