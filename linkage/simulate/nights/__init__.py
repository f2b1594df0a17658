"""Consecutive nights of a made-up world: what arrives each night, what is wrong with it, and the truth."""

from linkage.simulate.nights.shares import Shares
from linkage.simulate.nights.simulation import NightsSummary, simulate_nights

__all__ = ["NightsSummary", "Shares", "simulate_nights"]
