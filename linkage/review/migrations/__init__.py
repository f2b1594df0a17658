"""How the store came to its form, one step after the other."""
