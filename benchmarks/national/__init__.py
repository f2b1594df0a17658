"""``./run bench --national``: the whole way at the size of the country.

A simulated registry and its doses, the index built, opened and changed, a model trained, and batches of growing size
run against registries of growing size. Every step is a command of its own, watched from outside.
"""
