"""How likely? Plain arrays in; comparison levels, match weights and posteriors out."""
