"""Settings of all tests: properties are checked on the same examples at every run, compiling is not timed."""

from hypothesis import settings

settings.register_profile("fixed", deadline=None, derandomize=True)
settings.load_profile("fixed")
