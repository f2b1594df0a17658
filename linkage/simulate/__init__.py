"""Synthetic registry, doses and truth, after the published facts about Vietnamese person data and its errors."""

from linkage.simulate.simulation import simulate
from linkage.simulate.summary import SimulationSummary

__all__ = ["SimulationSummary", "simulate"]
