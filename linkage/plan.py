"""The linkage plan: fields, comparisons, passes and thresholds, read from TOML.

A key that the plan does not know is an error; so is a field, column or level that does not fit. The default plan is the
vaccination plan; ``link --plan`` takes any other.
"""

from __future__ import annotations

import hashlib
import tomllib
from importlib import resources
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, Literal

import msgspec

from linkage.errors import UsageError
from linkage.plan_defaults import HOUSEHOLD_RATE, OF_HOUSEHOLDS, default_household, default_m, of_todays_levels
from linkage.standardise.dates import EARLIEST_YEAR, LAST_YEAR
from models.comparators import absent, category, date, digits, name, place
from models.patterns import MAX_PATTERNS

FORMAT = 1
POSITION = "position"  # the id of records that have none: their position in the file, from 1
EVIDENCE = ("identifier", "demographic")

FIELD_KINDS = (
    "vietnamese_name",
    "sex",
    "birth_date",
    "date",
    "person_number",
    "phone",
    "insurance_number",
    "ethnicity",
    "commune",
    "text",
    "category",
    "number",
)

FIXED_LABELS = {
    "category": category.LEVELS,
    "date": date.LEVELS,
    "digits": digits.LEVELS,
    "person_number": digits.PERSON_LEVELS,
    "place": place.LEVELS,
    "vietnamese_name": name.LEVELS,
}
KINDS = (*FIXED_LABELS, "text", "number")
MAX_PASSES = 16  # what found a pair is a bit each of 16
TEXT_MEASURES = ("jaro_winkler", "levenshtein", "damerau_levenshtein")


class Decision(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    highest_false_match_rate: float = 1e-4
    lowest_match_probability: float = 0.98
    lowest_review_probability: float = 0.02
    candidates_kept: int = 5
    matches_per_record: Literal["one", "any"] = "one"  # "any": pairs are judged one by one, for files with duplicates


class Training(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    subjects: int = 60_000
    random_pairs: int = 100_000_000
    share_in_registry: float = 0.9
    blocking_recall: float = 0.99
    household_rate: float | None = None  # see Plan.household_rate


class Field(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Columns of each side that become encoded columns named after the field; no columns: the side lacks the field.

    first_year: dates of earlier years are taken for mistakes, and 1900 makes 01/01/1900 stand for unknown.
    """

    name: str
    kind: str
    left: list[str] = []
    right: list[str] = []
    first_year: int = EARLIEST_YEAR


class Verified(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A subject is verified when exactly one person found by these passes agrees exactly on these columns."""

    passes: list[str]
    equal: list[str]


class Pass(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A blocking rule: pairs whose left and right parts are all equal."""

    name: str
    left: list[str]
    right: list[str]
    narrow: str | None = None
    max_block: int = 1000
    evidence: str = "demographic"


class Comparison(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A comparison: which columns, how they are compared, and starting values for its levels (the missing one left
    out).

    m, household: None takes those of `linkage.plan_defaults`, by kind and number of levels.
    term_frequency: an agreement counts by how common the value is in the registry, and so does what is near it, never
    for more than what is closer; without near_frequency equality alone counts by it, as in Splink; by group, a column
    of the registry; with local, by how common it is within the commune when the place comparison says that the communes
    are the same; and by cohort, a field of dates of birth, by how common it is among people born when the subject was,
    when the comparison of that field says that both were, or nearly. shared_number: an agreement is what people of one
    household can have in common; None: where the kind is one of `linkage.plan_defaults.OF_HOUSEHOLDS`. monotone: the
    levels fall from more to less agreement, and so must their weights.
    absent_level: that the registry has no value where the left side states one is a level too, the last one.
    """

    name: str
    kind: str
    left: list[str]
    right: list[str]
    m: list[float] | None = None
    household: list[float] | None = None
    term_frequency: bool = False
    near_frequency: bool = True
    group: str | None = None
    local: bool = False
    cohort: str | None = None
    shared_number: bool | None = None
    monotone: bool = False
    absent_level: bool = False
    measure: str | None = None
    thresholds: list[float] = []

    @property
    def starting_m(self) -> list[float]:
        """Shares of the levels among matches before training, "missing" left out."""
        defaults = default_m(self.kind, len(self.compared_labels) - 1, absent_level=self.absent_level)
        return defaults if self.m is None else of_todays_levels(self.kind, self.m, defaults)

    @property
    def starting_household(self) -> list[float]:
        """The same between two people of one household."""
        n_compared, shared = len(self.compared_labels) - 1, self.is_of_household
        defaults = default_household(self.kind, n_compared, shared_number=shared, absent_level=self.absent_level)
        return defaults if self.household is None else of_todays_levels(self.kind, self.household, defaults)

    @property
    def is_of_household(self) -> bool:
        """Whether people of one household can have in common what is compared."""
        return self.kind in OF_HOUSEHOLDS if self.shared_number is None else self.shared_number

    @property
    def shared_levels(self) -> tuple[int, ...]:
        """Levels at which both records hold the same number."""
        if not self.is_of_household:
            return ()
        return digits.SHARED if self.kind == "person_number" else (1,)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the levels, level 0 first."""
        if not self.absent_level:
            return self.compared_labels
        return (*self.compared_labels, digits.PERSON_ABSENT if self.kind == "person_number" else absent.LABEL)

    @property
    def compared_labels(self) -> tuple[str, ...]:
        """The same of the levels that come of comparing, "missing" among them."""
        if self.kind in FIXED_LABELS:
            return FIXED_LABELS[self.kind]
        sign, what = ("≥", self.measure) if self.measure == "jaro_winkler" else ("≤", self.measure or "difference")
        steps = tuple(f"{what} {sign} {threshold:g}" for threshold in self.thresholds)
        return ("missing", *(("same",) if self.kind == "text" else ()), *steps, "different")


class Plan(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    format: int
    name: str
    left: str = "left"
    right: str = "right"
    left_id: str = POSITION
    right_id: str = POSITION
    decision: Decision = Decision()
    training: Training = Training()
    fields: list[Field] = msgspec.field(name="field")
    verified: Verified | None = None
    passes: list[Pass] = msgspec.field(name="pass")
    comparisons: list[Comparison] = msgspec.field(name="comparison")

    def compared_date(self, field: str) -> Comparison:
        """The comparison of a field of dates."""
        return next(c for c in self.comparisons if c.kind == "date" and c.left[0] == field)

    def digest(self) -> str:
        """SHA-256 of the plan's content, whatever its layout."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @property
    def place(self) -> Comparison:
        """The comparison of places, which local term frequencies go by."""
        return next(comparison for comparison in self.comparisons if comparison.kind == "place")

    @property
    def household_rate(self) -> float:
        """Relatives per subject before training, 0 for a plan without the household component: what the plan says, else
        on wherever something is compared that a household has in common."""
        if self.training.household_rate is not None:
            return self.training.household_rate
        return HOUSEHOLD_RATE if any(c.is_of_household for c in self.comparisons) else 0.0

    def columns(self, side: str) -> list[str]:
        """Input columns that one side ("left" or "right") must bring, in order of use."""
        return list(dict.fromkeys(column for field in self.fields for column in getattr(field, side)))


def load_plan(path: Path | None = None) -> Plan:
    """Read and check a plan; None reads the vaccination plan. UsageError says which key is wrong and what would be
    right."""
    where = "default plan" if path is None else str(path)
    try:
        text = (
            resources.files("linkage").joinpath("plan.toml").read_text("utf-8")
            if path is None
            else path.read_text("utf-8")
        )
        return plan_from(tomllib.loads(text), where)
    except OSError as error:
        raise UsageError(f"{where}: cannot be read ({error.strerror}); give the path of a plan in TOML") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: not valid TOML ({error})") from error


def plan_from(content: dict[str, Any], where: str) -> Plan:
    """The checked plan of parsed TOML or JSON."""
    try:
        plan = msgspec.convert(content, Plan)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: {error}; see the plan file in README") from error
    for problem in _problems(plan):
        raise UsageError(f"{where}: {problem}")
    return plan


def _problems(plan: Plan) -> list[str]:
    """What is wrong with a plan that has the right shape."""
    fields = {field.name for field in plan.fields}
    passes = [p.name for p in plan.passes]
    problems = _repeated("field", [field.name for field in plan.fields])
    problems += _repeated("pass", passes)
    problems += _repeated("comparison", [comparison.name for comparison in plan.comparisons])
    if plan.format != FORMAT:
        problems.append(f"format {plan.format} is not supported; this version reads format {FORMAT}")
    problems += [
        f"field {f.name!r}: unknown kind {f.kind!r}; one of {', '.join(FIELD_KINDS)}"
        for f in plan.fields
        if f.kind not in FIELD_KINDS
    ]
    problems += [
        f"field {f.name!r}: first_year = {f.first_year}: must be from {EARLIEST_YEAR} to {LAST_YEAR}"
        for f in plan.fields
        if not EARLIEST_YEAR <= f.first_year <= LAST_YEAR
    ]
    if not plan.comparisons or not plan.passes:
        problems.append("a plan needs at least one [[comparison]] and one [[pass]]")
    if len(passes) > MAX_PASSES:
        problems.append(f"{len(passes)} passes; {MAX_PASSES} are possible")
    problems += _number_problems(plan)
    for rule in plan.passes:
        problems += _unknown(
            f"pass {rule.name!r}", [*rule.left, *rule.right, *([rule.narrow] if rule.narrow else [])], fields
        )
        if len(rule.left) != len(rule.right):
            problems.append(f"pass {rule.name!r}: left and right need as many parts")
        if rule.evidence not in EVIDENCE:
            problems.append(f"pass {rule.name!r}: evidence {rule.evidence!r} is not one of {', '.join(EVIDENCE)}")
    if any(c.local for c in plan.comparisons) and not any(c.kind == "place" for c in plan.comparisons):
        problems.append("local term frequencies need a comparison of kind 'place'")
    if plan.household_rate > 0 and not any(c.is_of_household for c in plan.comparisons):
        problems.append("training.household_rate needs a comparison with shared_number = true")
    sexes = [field.name for field in plan.fields if field.kind == "sex"]
    for comparison in plan.comparisons:
        problems += _unknown(f"comparison {comparison.name!r}", [*comparison.left, *comparison.right], fields)
        if comparison.group is not None and comparison.group not in sexes:
            problems.append(f"comparison {comparison.name!r}: group = {comparison.group!r} is no field of kind 'sex'")
        problems += _cohort_problems(comparison, plan)
        if comparison.kind == "text" and comparison.left != comparison.right:
            problems.append(f"comparison {comparison.name!r}: a text is compared with the same field of the other side")
        problems += _level_problems(comparison)
    n_patterns = prod(len(comparison.labels) for comparison in plan.comparisons if comparison.kind in KINDS)
    if n_patterns > MAX_PATTERNS:
        problems.append(
            f"{n_patterns:,} agreement patterns of the comparisons' levels are more than {MAX_PATTERNS:,}; take fewer "
            "thresholds or drop a comparison"
        )
    if plan.verified is not None:
        problems += _unknown("verified", plan.verified.equal, fields)
        problems += [f"verified: no pass is named {name!r}" for name in plan.verified.passes if name not in passes]
    return problems


def _number_problems(plan: Plan) -> list[str]:
    """Numbers of a plan that are out of their range."""
    shares = {
        "decision.highest_false_match_rate": plan.decision.highest_false_match_rate,
        "decision.lowest_match_probability": plan.decision.lowest_match_probability,
        "decision.lowest_review_probability": plan.decision.lowest_review_probability,
        "training.blocking_recall": plan.training.blocking_recall,
    }
    problems = [
        f"{name} = {share}: must be over 0 and at most 1" for name, share in shares.items() if not 0 < share <= 1
    ]
    least: dict[str, tuple[float, float]] = {
        "decision.candidates_kept": (plan.decision.candidates_kept, 2),  # the best and the runner-up
        "training.subjects": (plan.training.subjects, 1),
        "training.random_pairs": (plan.training.random_pairs, 1),
        "training.household_rate": (plan.household_rate, 0),
    }
    problems += [f"{name} = {n}: must be {low} at least" for name, (n, low) in least.items() if not n >= low]
    share, is_one = plan.training.share_in_registry, plan.decision.matches_per_record == "one"
    if not share > 0 or (is_one and share >= 1):
        problems.append(f"training.share_in_registry = {share}: must be over 0{' and under 1' if is_one else ''}")
    return problems


def _repeated(section: str, names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"[[{section}]] {name!r} stands there more than once; give each a name of its own" for name in twice]


def _unknown(where: str, parts: list[str], fields: set[str]) -> list[str]:
    names = {part.split(".")[0] for part in parts} - fields - {"province"}
    return [f"{where}: no [[field]] is named {name!r}" for name in sorted(names)]


def _cohort_problems(comparison: Comparison, plan: Plan) -> list[str]:
    """What keeps a comparison from going by cohort: a date of birth on both sides, and compared, is needed."""
    name = comparison.cohort
    if name is None:
        return []
    where = f"comparison {comparison.name!r}: cohort = {name!r}"
    if not any(
        field.name == name and field.kind == "birth_date" and field.left and field.right for field in plan.fields
    ):
        return [f"{where} is no field of kind 'birth_date' that both sides have"]
    if not any(c.kind == "date" and c.left[:1] == [name] == c.right[:1] for c in plan.comparisons):
        return [f"{where} needs a comparison of kind 'date' of that field"]
    return [] if comparison.term_frequency else [f"{where} needs term_frequency = true"]


def _level_problems(comparison: Comparison) -> list[str]:
    where = f"comparison {comparison.name!r}"
    if comparison.kind == "text" and comparison.measure not in TEXT_MEASURES:
        return [f"{where}: measure must be one of {', '.join(TEXT_MEASURES)}"]
    if comparison.kind not in KINDS:
        return [f"{where}: unknown kind {comparison.kind!r}; one of {', '.join(KINDS)}"]
    thresholds = comparison.thresholds
    falls = comparison.measure == "jaro_winkler"
    if any(a == b or (a < b) == falls for a, b in pairwise(thresholds)):
        order = "fall" if falls else "rise"
        return [f"{where}: thresholds = {thresholds} must {order} from level to level, from more to less agreement"]
    n = len(comparison.labels) - 1
    for key, shares in (("m", comparison.starting_m), ("household", comparison.starting_household)):
        if len(shares) != n or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
            labels = ", ".join(comparison.labels[1:])
            return [f"{where}: {key} needs {n} positive shares that sum to 1, for the levels {labels}"]
    return []
