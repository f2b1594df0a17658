"""Proposes and checks linkage plans: two files in, a plan in TOML with its reasons out."""
