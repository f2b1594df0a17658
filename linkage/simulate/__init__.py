"""Synthetic registry, doses and truth, after the published facts about Vietnamese person data and its errors."""

from linkage.simulate.nights import NightsSummary, Shares, simulate_nights
from linkage.simulate.simulation import simulate
from linkage.simulate.summary import SimulationSummary

__all__ = ["NightsSummary", "Shares", "SimulationSummary", "simulate", "simulate_nights"]
