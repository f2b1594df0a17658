"""JSON documents that say whether they are what was written: manifests and models, sealed by a digest of their content.

The digest is of what a document says, not of its bytes. A document without one, made by hand or by another program, is
taken as it is: no single fault takes a seal away and leaves the rest as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linkage.errors import VerificationError
from linkage.storage.edited_files import read_json

DIGEST = "digest"


def digest_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of a document's content but the digest it names."""
    rest = {name: value for name, value in content.items() if name != DIGEST}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its digest; what JSON does not tell apart, as a tuple from a list, does not count."""
    return {**content, DIGEST: digest_of(content)}


def read_sealed(path: Path, remedy: str) -> dict[str, Any]:
    """A document as it was written.

    Raises
    ------
    VerificationError : it is damaged, missing or no JSON object
    LinkageError : this user may not read it
    """
    content = read_json(path, remedy, VerificationError, is_edited=False)
    check_seal(content, path, remedy)
    return content


def check_seal(content: Mapping[str, Any], path: Path, remedy: str) -> None:
    """VerificationError where a document is not what was sealed."""
    if DIGEST in content and content[DIGEST] != digest_of(content):
        raise VerificationError(f"{path}: is damaged, or was changed by hand: its digest does not hold; {remedy}")
