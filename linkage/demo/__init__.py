"""The demo: a district simulated, linked, and told."""
