"""Measurements of the product: accuracy against known truth, and beside other linkers."""
