"""Finds people in an index, and doses in a run or a state, by what somebody has at hand: a name, a number, a date of
birth."""

from linkage.insight.finding.asked import Asked, Found
from linkage.insight.finding.doses import find_doses
from linkage.insight.finding.in_state import find_in_state
from linkage.insight.finding.persons import find_persons

__all__ = ["Asked", "Found", "find_doses", "find_in_state", "find_persons"]
