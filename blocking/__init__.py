"""Which pairs? Plain arrays in, ranges and lists of candidates out."""
