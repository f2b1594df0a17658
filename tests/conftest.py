"""Settings of all tests: properties are checked on the same examples at every run, compiling is not timed, and nothing
waits for a disk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("fixed", deadline=None, derandomize=True)
settings.load_profile("fixed")


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """Tests ask what files hold. Nights flush some hundred files each, which on a slow disk takes longer than deciding;
    what must be flushed before what is asked by tests that record it themselves."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.fsync", lambda _: None)
        yield
