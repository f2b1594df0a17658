"""Why a night decided a dose again, beside what came of the dose itself: see linkage.state.tables."""

from __future__ import annotations

REGISTRY = "registry"  # somebody changed in the registry who is considered for the claim, or the number that it states
VERDICT = "verdict"  # an officer decided the claim, or what became of a verdict on it
CLAIM = "claim"  # another dose of the claim came, changed or went
CONFLICT = "conflict"  # the doses of the person contradict each other otherwise than before
MODEL = "model"  # another model was adopted
SIBLING = "sibling"  # another claim of the subject, or one that has a candidate in common, is decided otherwise
