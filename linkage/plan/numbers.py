"""Numbers of a plan that are out of their range."""

from __future__ import annotations

from linkage.plan.sections import Plan

# So many candidates of each claim are kept in memory and in the queues; nobody looks at more.
_MOST_CANDIDATES = 1000
_MOST_SUBJECTS, _MOST_RANDOM_PAIRS = 1_000_000_000, 100_000_000_000
_MOST_RELATIVES = 1000.0
_MOST_MATCHES = 1e6  # of one record, where each pair is judged by itself


def number_problems(plan: Plan) -> list[str]:
    """Shares that are none, and counts that are too small or too large to be meant."""
    shares = {
        "decision.highest_false_match_rate": plan.decision.highest_false_match_rate,
        "decision.lowest_match_probability": plan.decision.lowest_match_probability,
        "decision.lowest_review_probability": plan.decision.lowest_review_probability,
        "training.blocking_recall": plan.training.blocking_recall,
    }
    problems = [
        f"{name} = {share}: must be over 0 and at most 1" for name, share in shares.items() if not 0 < share <= 1
    ]
    counts: dict[str, tuple[float, float, float]] = {
        "decision.candidates_kept": (plan.decision.candidates_kept, 2, _MOST_CANDIDATES),  # the best and the runner-up
        "training.subjects": (plan.training.subjects, 1, _MOST_SUBJECTS),
        "training.random_pairs": (plan.training.random_pairs, 1, _MOST_RANDOM_PAIRS),
        "training.household_rate": (plan.household_rate, 0, _MOST_RELATIVES),
    }
    for name, (n, low, high) in counts.items():
        if not n >= low:
            problems.append(f"{name} = {n}: must be {low} at least")
        elif not n <= high:
            problems.append(f"{name} = {n}: must be {high:,} at most")
    share, is_one = plan.training.share_in_registry, plan.decision.has_rivals
    if not 0 < share <= _MOST_MATCHES or (is_one and share >= 1):
        problems.append(f"training.share_in_registry = {share}: must be over 0{' and under 1' if is_one else ''}")
    return problems
