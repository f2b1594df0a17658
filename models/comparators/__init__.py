"""One comparison kind a file: a scalar ``*_level`` of two values and a kernel over a tile of candidates.

A tile is in CSR form: subject ``s`` of the tile meets the registry rows ``rows[offsets[s]:offsets[s + 1]]``. Every
kernel adds ``level * stride`` to ``codes``, the agreement patterns as mixed-radix integers (see models.patterns).
Level 0 is "missing" in every comparison and carries no weight.
"""
