"""How right and how sure: ours, Splink and recordlinkage on labelled sets and on simulations, in one table.

``python -m benchmarks.accuracy`` measures; every measurement runs in a process of its own. FEBRL, fake_1000, the ONS
mock and pseudopeople are development sets: plans were improved on them, labels were never used for training. The
simulations of ``simulations.EVALUATION`` are not: nobody looked at their errors or set a value by them.
"""
