"""Systematic errors of stations: found by facility and file against all others, and read right where that is clear.

A station that inverts the sex, takes the month for the day, mixes up columns, types its clerk's number into every row
or drags the value above down errs in many of its rows alike. What a row by itself leaves open, the rows of its station
settle; a row that agrees exactly with a person leaves nothing open and stays as typed. What was dragged down is told
only.

**How a reading enters.** All is found before any claim is linked, from the doses and the registry alone, without a
model. A dose that is read otherwise makes its claim from the values as read and from which basic fields were read so:
the reading is a part of the claim, of its identity too. A decision stays a function of claim, candidates and model. A
claim that was read otherwise is never verified, for what was typed does not agree with the registry, and its
``wrong_fields`` name what the station has to mend. Which doses were read otherwise, and how, is published in
``readings.parquet``; another batch may show less of a station and leave its doses as they stand, which are then other
claims.
"""

from linkage.stations.cells import cells_of
from linkage.stations.findings import Finding, station_notes
from linkage.stations.given import read_as_given, reading_texts
from linkage.stations.reading import Stations, encode_as_read, read_stations, reading_parts

__all__ = [
    "Finding",
    "Stations",
    "cells_of",
    "encode_as_read",
    "read_as_given",
    "read_stations",
    "reading_parts",
    "reading_texts",
    "station_notes",
]
