"""The sections of a linkage plan: fields, comparisons, passes and thresholds.

The default plan is the vaccination plan; ``link --plan`` takes any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

from linkage.errors import UsageError
from linkage.plan.defaults import HOUSEHOLD_RATE, OF_HOUSEHOLDS, default_household, default_m, of_todays_levels
from linkage.plan.kinds import COMPARISON_KINDS, NEEDED_ROLES, ROLES
from linkage.standardise.dates import EARLIEST_YEAR
from models.comparators import absent, digits

POSITION = "position"  # the id of records that have none: their position in the file, from 1


class Decision(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    highest_false_match_rate: float = 1e-4
    lowest_match_probability: float = 0.98
    lowest_review_probability: float = 0.02
    candidates_kept: int = 5
    never_automatic: list[dict[str, list[str]]] = []  # levels by comparison; see linkage.deciding.doubtful
    # "one_to_one": a right record has one match at most as well; "any": pairs are judged one by one, for files with
    # duplicates.
    matches_per_record: Literal["one", "one_to_one", "any"] = "one"

    @property
    def has_rivals(self) -> bool:
        """Whether the candidates of a left record are rivals: one of them at most is its match."""
        return self.matches_per_record != "any"


class Training(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    subjects: int = 60_000
    random_pairs: int = 100_000_000
    share_in_registry: float = 0.9
    blocking_recall: float = 0.99
    household_rate: float | None = None  # see Plan.household_rate


class Field(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Columns of each side that become encoded columns named after the field; no columns: the side lacks the field.

    role: what the field is to a run of doses, one of `linkage.plan.kinds.ROLES`; None is nothing in particular.
    first_year: dates of earlier years are taken for mistakes, and 1900 makes the bare year 1900 stand for unknown.
    delimiter: what parts the values of a list. nicknames: groups of words that stand for one name, in a plan's file the
    name of a CSV file with a group a row. region: where a phone without a country's code is from, as "GB"; None reads
    phones of Viet Nam. form: one of `linkage.standardise.text_forms` that a text is brought into; None takes it as it
    is.
    """

    name: str
    kind: str
    left: list[str] = []
    right: list[str] = []
    role: str | None = None
    first_year: int = EARLIEST_YEAR
    delimiter: str = ";"
    nicknames: list[list[str]] = []
    region: str | None = None
    form: str | None = None


class Verified(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A claim is verified when exactly one person found by these passes agrees exactly on these columns."""

    passes: list[str]
    equal: list[str]


class Pass(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A blocking rule: pairs whose left and right parts are all equal. row_order: whether the registry is sorted by it,
    so that its blocks are rows that lie side by side."""

    name: str
    left: list[str]
    right: list[str]
    narrow: str | None = None
    max_block: int = 1000
    evidence: str = "demographic"
    row_order: bool = False


class Comparison(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A comparison: which columns, how they are compared, and starting values for its levels (the missing one left
    out).

    m, household: None takes those of `linkage.plan.defaults`, by kind and number of levels. fixed_m, fixed_u: shares
    that training leaves as they are. twin: the same between a
    person and a twin, namesake: between somebody the registry lacks and a namesake; None where they are like any
    strangers. anchors: comparisons of which one must be the same for a pair to teach this one's m.
    term_frequency: an agreement counts by how common the value is in the registry, and so does what is near it, never
    for more than what is closer; without near_frequency equality alone counts by it, as in Splink; by group, a column
    of the registry; with local, by how common it is within the commune when the place comparison says that the communes
    are the same; and by cohort, a field of dates of birth, by how common it is among people born when the claim was,
    when the comparison of that field says that both were, or nearly. shared_number: an agreement is what people of one
    household can have in common; None: where the kind is one of `linkage.plan.defaults.OF_HOUSEHOLDS`.
    compared_last: only pairs that the other comparisons leave a chance are compared by this one.
    absent_level: that the registry has no value where the left side states one is a level too, the last one. made_of:
    comparisons of what these values are made of, as e-mail addresses of names; strangers who agree in all of them are a
    class of their own.
    """

    name: str
    kind: str
    left: list[str]
    right: list[str]
    m: list[float] | None = None
    household: list[float] | None = None
    fixed_m: list[float] | None = None
    fixed_u: list[float] | None = None
    twin: list[float] | None = None
    namesake: list[float] | None = None
    anchors: list[str] = []
    term_frequency: bool = False
    near_frequency: bool = True
    group: str | None = None
    local: bool = False
    cohort: str | None = None
    shared_number: bool | None = None
    compared_last: bool = False
    absent_level: bool = False
    made_of: list[str] = []
    measure: str | None = None
    thresholds: list[float] = []

    @property
    def marks(self) -> str:
        """The column of what a person's number says beside the other fields of the left."""
        return f"{self.name}.marks"

    @property
    def unasked(self) -> str:
        """The column of which claims come only from files that ask for no person's number."""
        return f"{self.name}.unasked"

    @property
    def starting_m(self) -> list[float]:
        """Shares of the levels among matches before training, "missing" left out."""
        defaults = default_m(self.kind, len(self.compared_labels) - 1, absent_level=self.absent_level)
        stated = self.m if self.fixed_m is None else self.fixed_m
        return defaults if stated is None else of_todays_levels(self.kind, stated, defaults)

    @property
    def fixed(self) -> tuple[str, ...]:
        """Of "m" and "u", those that training leaves as the plan states them."""
        return tuple(key for key, shares in (("m", self.fixed_m), ("u", self.fixed_u)) if shares is not None)

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
    def closer(self) -> tuple[tuple[int, ...], ...]:
        """Of each level those next closer to agreement, level 0 first; that the registry has no value is not compared
        with any."""
        chain = ((), (), *((level - 1,) for level in range(2, len(self.compared_labels))))
        closer = COMPARISON_KINDS[self.kind].closer or chain
        return (*closer, ()) if self.absent_level else closer

    @property
    def alike(self) -> tuple[int, ...]:
        """Levels that the left side alone tells apart, which weigh the same."""
        return COMPARISON_KINDS[self.kind].alike

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the levels, level 0 first."""
        if not self.absent_level:
            return self.compared_labels
        return (*self.compared_labels, digits.PERSON_ABSENT if self.kind == "person_number" else absent.LABEL)

    @property
    def compared_labels(self) -> tuple[str, ...]:
        """The same of the levels that come of comparing, "missing" among them."""
        kind = COMPARISON_KINDS[self.kind]
        if kind.labels is not None:
            return kind.labels
        steps = tuple(kind.step.format(self._step(threshold)) for threshold in self.thresholds)
        return (*kind.before, *steps, *kind.after)

    def _step(self, threshold: float) -> str:
        """A threshold in words: the measure and its limit."""
        sign = "≥" if self.measure == "jaro_winkler" else "≤"
        measure = {None: "difference", "relative": "relative difference"}.get(self.measure, self.measure)
        return f"{'distance' if self.kind == 'distance' else measure} {sign} {threshold:g}"


class Plan(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """passes: the one that the rows are ordered by stands first, and comparisons: the one compared last stands last,
    wherever they are written; else both are as they are written."""

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

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "passes", sorted(self.passes, key=lambda rule: not rule.row_order))
        ordered = sorted(self.comparisons, key=lambda comparison: comparison.compared_last)
        msgspec.structs.force_setattr(self, "comparisons", ordered)

    @property
    def row_order(self) -> Pass:
        """The pass that the rows of the right side are sorted by: the one that says so, else the first."""
        return self.passes[0]

    def field_as(self, role: str) -> Field:
        """The field that has a role; UsageError where none has."""
        for field in self.fields:
            if field.role == role:
                return field
        raise UsageError(_without_roles(f"plan {self.name!r}", [role]))

    def has_role(self, role: str) -> bool:
        return any(field.role == role for field in self.fields)

    def check_roles(self, where: str) -> None:
        """UsageError names the roles that a run of doses needs and no field has."""
        missing = [role for role in NEEDED_ROLES if not self.has_role(role)]
        if missing:
            raise UsageError(_without_roles(where, missing))

    def compared_date(self, field: str) -> Comparison:
        """The comparison of a field of dates."""
        return next(c for c in self.comparisons if c.kind == "date" and c.left[0] == field)

    def named_by(self, key: Literal["anchors", "made_of"]) -> dict[int, tuple[int, ...]]:
        """By place of a comparison that names others under a key, the places of these."""
        places = {comparison.name: place for place, comparison in enumerate(self.comparisons)}
        return {
            place: tuple(places[name] for name in names)
            for place, comparison in enumerate(self.comparisons)
            if (names := getattr(comparison, key))
        }

    def digest(self) -> str:
        """SHA-256 of the plan's content, whatever its layout."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @property
    def place(self) -> Comparison:
        """The comparison of places, which local term frequencies go by."""
        return next(comparison for comparison in self.comparisons if comparison.kind == "place")

    @property
    def household_rate(self) -> float:
        """Relatives per claim before training, 0 for a plan without the household component: what the plan says, else
        on wherever something is compared that a household has in common."""
        if self.training.household_rate is not None:
            return self.training.household_rate
        return HOUSEHOLD_RATE if any(c.is_of_household for c in self.comparisons) else 0.0

    def columns(self, side: str) -> list[str]:
        """Input columns that one side ("left" or "right") must bring, in order of use."""
        return list(dict.fromkeys(column for field in self.fields for column in getattr(field, side)))


def _without_roles(where: str, roles: Sequence[str]) -> str:
    """What is missing in a plan by which doses are to be linked."""
    keys = ", ".join(f'role = "{role}" (of kind {ROLES[role]})' for role in roles)
    return (
        f"{where}: no [[field]] of the plan has {keys}, by which a run tells of doses; write it there and build the "
        "index with it, or use 'linkage link', which needs none"
    )
