"""Commands under faults: damaged inputs, full disks, short memory, kills. What must never happen is counted.

A module here with ``KIND`` and ``trials`` is a kind of fault; ``__main__`` finds it by itself.
"""
