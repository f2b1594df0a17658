"""The tables of the store, as SQLAlchemy knows them; migrations make them, and a test holds that both say the same.

Moments are texts, ISO 8601 with the zone of Viet Nam, which sort as they follow each other. What is said stays:
``events``, ``event_claims``, ``voids``, ``handed`` and ``audit`` only grow.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Nights whose difference is in the store, in the order in which they were taken.
nights = Table(
    "nights",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("night_id", String(80), nullable=False, unique=True),
    Column("date", String(10), nullable=False),
    Column("state_before", String(80)),  # version of the state of nights that it stands on; None for the first one
    Column("state_after", String(80), nullable=False),
)

# Who is asked about: a subject of the platform, or a claim where no subject is stated.
items = Table(
    "items",
    metadata,
    Column("item_id", Integer, primary_key=True),
    Column("subject", String(200), nullable=False, unique=True),
    Column("has_subject_id", Boolean, nullable=False),
    Column("unit", String(20), nullable=False),  # commune whose police decide, by today's code; "" where not known
    Column("unit_then", String(20), nullable=False),  # the same by the code of 2021
    Column("state", String(10), nullable=False),  # open, waiting, decided or closed; see linkage.review.standing
    Column("issue", String(20)),
    Column("list_date", String(10)),
    Column("deadline", String(10)),
    Column("priority", Integer, nullable=False),
    Column("settle_probability", Float, nullable=False),
    Column("n_doses", Integer, nullable=False),
    Column("version", Integer, nullable=False),  # one more with every decision on it and every night that changes it
    Index("ix_items_list", "unit", "state", "priority"),
    Index("ix_items_list_then", "unit_then", "state"),
)

claims = Table(
    "claims",
    metadata,
    Column("claim_row", Integer, primary_key=True),
    Column("item_id", Integer, ForeignKey("items.item_id"), nullable=False, index=True),
    Column("claim_id", String(40), nullable=False, index=True),
    Column("queue", String(10), nullable=False),  # review or unmatched
    Column("is_open", Boolean, nullable=False),  # whether it still stands in the queue
    Column("content", JSON, nullable=False),  # see linkage.review.arriving.Claim
    Column("event_id", Integer, ForeignKey("events.event_id")),  # the verdict in force
)

# Persons of the registry who are considered for a claim, best first.
candidates = Table(
    "candidates",
    metadata,
    Column("claim_row", Integer, ForeignKey("claims.claim_row"), primary_key=True),
    Column("rank", Integer, primary_key=True),
    Column("person_id", String(200), nullable=False),
    Column("content", JSON, nullable=False),  # see linkage.review.arriving.Candidate
)

# Doses of the subject as far as the nights tell them.
doses = Table(
    "doses",
    metadata,
    Column("item_id", Integer, ForeignKey("items.item_id"), primary_key=True),
    Column("dose_id", String(200), primary_key=True),
    Column("content", JSON, nullable=False),
)

units = Table(
    "units",
    metadata,
    Column("code", String(20), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("district", String(20), nullable=False),
    Column("province", String(20), nullable=False),
    Column("province_name", String(200), nullable=False),
)

# What was said of an item. kind: verdict, or undo of one.
events = Table(
    "events",
    metadata,
    Column("event_id", Integer, primary_key=True),
    Column("item_id", Integer, ForeignKey("items.item_id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("word", String(20), nullable=False),  # of the contract: person, nobody, foreigner, ...
    Column("person_id", String(200)),
    Column("note", Text),
    Column("account", String(80), nullable=False, index=True),
    Column("unit", String(20), nullable=False),
    Column("at", String(32), nullable=False),
    Column("version", Integer, nullable=False),  # of the item after it
    Column("undoes", Integer, ForeignKey("events.event_id"), unique=True),
)

# The claims that an event speaks of, and which verdict stood on each before.
event_claims = Table(
    "event_claims",
    metadata,
    Column("event_id", Integer, ForeignKey("events.event_id"), primary_key=True),
    Column("claim_row", Integer, ForeignKey("claims.claim_row"), primary_key=True),
    Column("claim_id", String(40), nullable=False),
    Column("before", Integer, ForeignKey("events.event_id")),
)

# Verdicts that a night took back from a claim: its dose or its person was corrected, or another verdict contradicts it.
voids = Table(
    "voids",
    metadata,
    Column("event_id", Integer, ForeignKey("events.event_id"), primary_key=True),
    Column("claim_id", String(40), primary_key=True),
    Column("night_id", String(80), nullable=False),
    Column("became", String(20), nullable=False),
)

# Files of verdicts that were written for nights: what stands in one can no longer be undone.
exports = Table(
    "exports",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("last_event", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("at", String(32), nullable=False),
)

# The verdicts that stood in such a file, by claim.
handed = Table(
    "handed",
    metadata,
    Column("event_id", Integer, ForeignKey("events.event_id"), primary_key=True),
    Column("claim_row", Integer, ForeignKey("claims.claim_row"), primary_key=True),
    Column("number", Integer, ForeignKey("exports.number"), nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("unit", String(20), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("account", String(80), nullable=False),
    Column("action", String(20), nullable=False),
    Column("item_id", Integer),
    Column("content", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Index("ix_audit_item", "item_id"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("full_name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("unit", String(20), nullable=False),
    Column("password", String(200), nullable=False),  # Argon2id
    Column("is_active", Boolean, nullable=False),
    Column("language", String(2), nullable=False),
    Column("has_shortcuts", Boolean, nullable=False),
    Column("created_at", String(32), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token", String(64), primary_key=True),  # SHA-256 of what the cookie holds
    Column("account", String(80), ForeignKey("accounts.account"), nullable=False, index=True),
    Column("form_token", String(64), nullable=False),
    Column("began_at", String(32), nullable=False),
    Column("seen_at", String(32), nullable=False),
)

# Items whose numbers a session asked to see.
unmasked = Table(
    "unmasked",
    metadata,
    Column("token", String(64), ForeignKey("sessions.token"), primary_key=True),
    Column("item_id", Integer, ForeignKey("items.item_id"), primary_key=True),
)
