"""A batch against the index: candidates, agreement patterns, match weights, and the best persons."""
