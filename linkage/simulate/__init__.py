"""Synthetic registry, doses and truth, after the published facts about Vietnamese person data and its errors."""

from linkage.simulate.simulation import SimulationSummary, simulate

__all__ = ["SimulationSummary", "simulate"]
