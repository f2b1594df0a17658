"""The pages of the review: forms that work without a script, in Vietnamese and English."""
