"""One run from doses to what is published, top to bottom."""
