"""Strings as typed to canonical values: names, categories, identifiers, dates, phones and places.

Every function takes a column of strings (nulls allowed), works once per distinct value and returns an array aligned
with the rows; what cannot be read is unknown, never an error.
"""
