"""Which code this is: the version, and a hash of the sources, so that a changed checkout is never taken for the old
one."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

__version__ = "0.1.0"

_PACKAGES = ("blocking", "linkage", "models")
_SOURCES = {".py", ".toml", ".csv"}


@cache
def code_version() -> str:
    """ "0.1.0+" and the first 12 hex digits of the SHA-256 over the names and contents of all source files."""
    root = Path(__file__).parents[2]
    total = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted(p for p in (root / package).rglob("*") if p.suffix in _SOURCES):
            total.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return f"{__version__}+{total.hexdigest()[:12]}"
