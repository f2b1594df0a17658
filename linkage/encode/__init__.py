"""Standardised tables to fixed-width columns, and the parts of them that keys are made of."""
