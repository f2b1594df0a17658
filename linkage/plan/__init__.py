"""The linkage plan: what is compared and how strictly, read from TOML and checked."""
