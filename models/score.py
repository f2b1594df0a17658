"""From agreement patterns to match weights and posteriors.

The Bayes factor of a pair is m / (u * r + q * u), with m and u the pattern's probabilities among matches and among
random pairs, r the term frequency ratio of the values that agree, and q the odds of the non-matches that are relatives,
twins or namesakes: the sum of (rate / N) * h / u, h the pattern's probability in the class, of relatives no lower than
values so common make it. Its log2 is the match weight. All is over tiles in CSR form: claim ``s`` meets the registry
rows ``rows[offsets[s]:offsets[s + 1]]``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

kernel = njit(cache=True, nogil=True, error_model="numpy")


@kernel
def select(offsets, codes, best_levels, tables, claims, bounds, stride, first, kept, counts):  # type: ignore[no-untyped-def]
    """The pairs that may still reach the floor: weight of the code + gain of its group >= needed at its best level.

    codes: uint32[n] patterns of all comparisons but the last, whose best possible level is best_levels: uint8[n];
    tables: (weights: float32, bound groups: uint16) of the partial patterns; claims: int64[n_spans]; bounds: (needed:
    float32[n_claims, n_levels], gains: float32[n_claims, n_bound_groups]). Exact: a pair that exhaustive scoring would
    put at or over the floor stays. kept: (places: uint32[n], codes: uint32[n]) out, of each pair its place, counted
    from that of its span, first: int64[n_spans], and its code with stride times the best level; counts: int64[n_spans]
    out, pairs kept of each. Returns the number kept.
    """
    weights, groups = tables
    needed, gains = bounds
    kept_places, kept_codes = kept
    n_kept = 0
    for i in range(offsets.shape[0] - 1):
        span, levels = codes[offsets[i] : offsets[i + 1]], best_levels[offsets[i] : offsets[i + 1]]
        places, patterns = kept_places[n_kept : n_kept + span.shape[0]], kept_codes[n_kept : n_kept + span.shape[0]]
        least, gain = needed[claims[i]], gains[claims[i]]
        n = np.uint64(0)
        for k in range(span.shape[0]):
            # Written whether it stays or not: a branch that is guessed wrong costs more. A place without a sign spares
            # numba the test for a negative one.
            places[n] = k
            n += np.uint64(weights[span[k]] + gain[groups[span[k]]] >= least[levels[k]])
        for place in range(n):
            k = places[place]
            patterns[place] = span[k] + stride * levels[k]
            places[place] = first[i] + k
        counts[i] = n
        n_kept += counts[i]
    return n_kept


@kernel
def find_within(codes, low, high, places):  # type: ignore[no-untyped-def]
    """places[:n] = the pairs with low <= code < high; n is returned. codes, low, high: unsigned, codes [k]; places:
    uint32[k] out."""
    n = np.uint64(0)
    for k in range(codes.shape[0]):
        places[n] = k
        n += np.uint64(codes[k] >= low) & np.uint64(codes[k] < high)
    return n


@kernel
def multiply_term_frequency(offsets, codes, places, ratios, groups, product):  # type: ignore[no-untyped-def]
    """product[k] *= ratios[s, places[code] + group of the pair's person * n_levels].

    ratios: float64[n_claims, n_groups * n_levels]; places: uint16[n_patterns], where the ratio of a pattern stands
    among those of group 0, or of the group within the commune or cohort where the pattern shares it; groups: uint8[n]
    of the pairs' persons times n_levels, or uint8[0] when everybody is in group 0.
    """
    for s in range(ratios.shape[0]):
        ratio = ratios[s]
        if groups.shape[0] > 0:
            for k in range(offsets[s], offsets[s + 1]):
                product[k] *= ratio[places[codes[k]] + groups[k]]
        else:
            for k in range(offsets[s], offsets[s + 1]):
                product[k] *= ratio[places[codes[k]]]


@kernel
def bayes_factors(codes, product, times, tables, factors):  # type: ignore[no-untyped-def]
    """factors[k] = m / u / (r + q): float64[n] from uint32[n] codes, float64[n] term frequency ratios r, and how many
    times likelier relatives are to show the pattern for the value's sake: float64[n] >= 1. tables: by pattern m / u, q,
    the odds of relatives, twins and namesakes over strangers, and the part of the relatives in it."""
    m_u, resembling, relatives = tables
    for k in range(codes.shape[0]):
        code = codes[k]
        others = product[k] + resembling[code]
        if times[k] > 1.0:  # few, and a look into another table
            others += (times[k] - 1.0) * relatives[code]
        factors[k] = m_u[code] / others


@kernel
def raise_by_chance(chances, places, weights, times):  # type: ignore[no-untyped-def]
    """times[k] *= max(1, chances[k] * weights[places[k]]), see `ComparisonParameters.chance_over_household`.

    chances: float32[n], places: uint32[n] in weights: float64[...], of levels or of patterns; times: float64[n].
    """
    for k in range(places.shape[0]):
        times[k] *= max(1.0, chances[k] * weights[places[k]])


@kernel
def expect(offsets, factors, patterns, pairs, resembling, rates, prior, none, matches, relatives):  # type: ignore[no-untyped-def]
    """E-step: expected number of matches, of relatives, of twins and of namesakes, by pattern.

    factors: float64[n], used up; patterns: uint32[n] numbers of the pairs' patterns; pairs: (product, times), each
    float64[n] as in `bayes_factors`; resembling: float64[3, n_patterns], odds of relatives, twins, namesakes over
    strangers; rates: float64[2], how many times the relatives that ``resembling`` supposes claims have whose person is
    among the candidates, and the others; prior: share in registry / N; none: the mass of "not
    there" and "not searched" together, float64[n_claims], of which the posterior is left. Out: matches:
    float64[n_patterns]; relatives: float64[4, n_patterns], relatives of the two sorts of claims, twins and namesakes of
    the second. Returns the log2 likelihood of being matched or not; that of the non-matches' patterns is left out.
    """
    product, times = pairs
    matches[:] = 0.0
    relatives[:, :] = 0.0
    log_likelihood = 0.0
    for s in range(offsets.shape[0] - 1):
        total = none[s]
        for k in range(offsets[s], offsets[s + 1]):
            factors[k] *= prior
            total += factors[k]
        log_likelihood += np.log2(total)
        none[s] /= total
        for k in range(offsets[s], offsets[s + 1]):
            pattern = patterns[k]
            match = factors[k] / total
            matches[pattern] += match
            relative, twins, namesakes = resembling[0, pattern], resembling[1, pattern], resembling[2, pattern]
            of_found, of_others = rates[0] * relative * times[k], rates[1] * relative * times[k]
            others = product[k] + twins + namesakes
            relatives[0, pattern] += (1.0 - none[s] - match) * of_found / (others + of_found)
            of_outsider = none[s] / (others + of_others)
            relatives[1, pattern] += of_outsider * of_others
            relatives[2, pattern] += of_outsider * twins
            relatives[3, pattern] += of_outsider * namesakes
    return log_likelihood
