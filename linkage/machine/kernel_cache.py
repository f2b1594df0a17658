"""Where compiled kernels are kept: beside the code where that is this user's own, else in a folder that is.

To load a kernel is to run what its file says, so a folder that anybody else may write to is never taken.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from linkage.errors import LinkageError

VARIABLE = "NUMBA_CACHE_DIR"
_CODE = Path(__file__).parents[1]
_SHARED = Path("/var/tmp")


def choose_cache() -> None:
    """Tell numba, before it is loaded, where to keep kernels; what the environment says already stands.

    Raises LinkageError where there is no such place: numba would not load.
    """
    if os.environ.get(VARIABLE) or _is_ours(_CODE):
        return
    tried = list(_places())
    for folder in tried:
        if _is_taken(folder):
            os.environ[VARIABLE] = str(folder)
            return
    raise LinkageError(
        f"{', '.join(map(str, tried))}: none can be a folder of this user alone, in which compiled code is kept; "
        f"set {VARIABLE} to one"
    )


def _is_ours(code: Path) -> bool:
    """Whether kernels can be kept beside the code, by its owner."""
    folders = [code, *(path for path in [code / "__pycache__"] if path.exists())]
    return all(folder.stat().st_uid == os.geteuid() and os.access(folder, os.W_OK) for folder in folders)


def _places() -> Iterator[Path]:
    for variable, below in (("XDG_CACHE_HOME", ""), ("HOME", ".cache")):
        home = os.environ.get(variable, "")
        if os.path.isabs(home) and os.path.isdir(home):
            yield Path(home) / below / "dose-linkage"
    for shared in dict.fromkeys([_SHARED, Path(tempfile.gettempdir())]):
        yield shared / f"dose-linkage-{os.geteuid()}"


def _is_taken(folder: Path) -> bool:
    """Make a folder of this user alone; False where that cannot be, or where somebody else made it."""
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return is_own and os.access(folder, os.W_OK)
