"""One comparison kind a file: a scalar ``*_level`` of two values and a kernel over spans of pairs.

A span is a claim against neighbouring places of the other side: span ``i`` compares ``left[i]`` with
``right[first[i]:first[i] + n]``, n = ``offsets[i + 1] - offsets[i]``. Of a block of registry rows, ``right`` is the
column as it lies on the disk; of rows that lie apart, the values gathered. So loads are contiguous, and where levels
are worked out without branches the compiler makes vector instructions of them. Every kernel adds ``level * stride`` to
``codes[offsets[i]:offsets[i + 1]]``, the agreement patterns as mixed-radix integers (see models.patterns). Level 0 is
"missing" in every comparison and carries no weight. A value that the right side alone lacks may have a level of its
own, behind the others (see absent).
"""
