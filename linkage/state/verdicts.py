"""What became of a verdict."""

from __future__ import annotations

PINS = "pins"  # it decides the claim
CONTRADICTED = "contradicted"  # another one says otherwise, and none decides
ANSWERED = "answered"  # it asked to look something up, and another one decides
REPLACED = "replaced"  # the same officer decided again, later
CORRECTED = "corrected"  # no dose makes the claim any more
PERSON_CHANGED = "person_changed"  # in the fields that are compared, or gone from the registry
MOVED = "moved"  # its dose makes another claim since a model was adopted, of which it speaks now; never told
VOID = (REPLACED, CORRECTED, PERSON_CHANGED, MOVED)  # for good
