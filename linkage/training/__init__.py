"""A model from a batch, its file, and what is odd about it."""
