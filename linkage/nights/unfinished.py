"""A night that was killed between its publication and its state: the next start puts index and state in force."""

from __future__ import annotations

from linkage.errors import VerificationError
from linkage.nights.configuration import Configuration
from linkage.nights.registry import finish_index
from linkage.published.manifests import PublishedManifest
from linkage.published.reader import published_runs, read_manifest
from linkage.state.folder import KIND, REMEDY
from linkage.storage import versions as stored
from linkage.storage.versions import CURRENT


def finish(configuration: Configuration) -> None:
    """Put index and state in force on which the last night published stands, where it was killed before it could."""
    place, nights = configuration.state, published_runs(configuration.nights)
    in_force = stored.version_in_force(place, KIND)[0].name if (place / CURRENT).exists() else None
    if not nights:
        return
    names = ("state_before", "state_after", "index_before", "index_after")
    last = read_manifest(nights[-1], *names, like=PublishedManifest)
    if last["state_before"] == in_force:
        version = place / str(last["state_after"])
        if not version.is_dir():
            raise VerificationError(f"{nights[-1]}: was published, and its state {version} is not there; {REMEDY}")
        if last["index_after"] != last["index_before"]:
            finish_index(configuration.index, str(last["index_before"]), str(last["index_after"]))
        stored.finish(place, version)
    elif in_force is None:
        why = f"it has no file '{CURRENT}'" if stored.versions(place) else "there is none"
        raise VerificationError(f"{place}: nights were published, and their state is damaged ({why}); {REMEDY}")
