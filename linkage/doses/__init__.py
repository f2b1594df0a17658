"""The doses of a batch: read once, by claim and by platform subject, and what they say against each other."""
