"""``./run bench``: how fast the parts are, how far from the limits of the machine, and beside Splink.

One test per figure, measured with pytest-benchmark; what a figure counts stands in its ``extra_info``.
"""
