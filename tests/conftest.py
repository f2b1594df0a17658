"""Settings of all tests: properties are checked on the same examples at every run, compiling is not timed, and nothing
waits for a disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.nights import Nights, Town

settings.register_profile("fixed", deadline=None, derandomize=True)
settings.load_profile("fixed")


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """Tests ask what files hold. Nights flush some hundred files each, which on a slow disk takes longer than deciding;
    what must be flushed before what is asked by tests that record it themselves."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town for nights, of a module by itself; modules that need another one have their own."""
    from tests.nights import make_town  # which loads the engine, as most tests of parts do not

    return make_town(tmp_path_factory.mktemp("town"), 1500, 2500)


@pytest.fixture
def nights(town: Town, tmp_path: Path) -> Nights:
    """Nights of the town, before the first one."""
    return town.open(tmp_path / "nights")
