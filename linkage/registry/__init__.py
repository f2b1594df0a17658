"""The registry index and its frequencies: built, changed, opened, checked."""
