"""The first form of the store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# What only grows. Triggers are a rail; what proves that nothing was taken out is the chain of the audit.
GROWING = ("events", "event_claims", "voids", "audit")


def upgrade() -> None:
    _accounts()
    _sessions()
    _items()
    _said()
    _claims()
    _more_said()
    if op.get_bind().dialect.name == "sqlite":
        for table in GROWING:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
                )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account", sa.String(length=80), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("has_shortcuts", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_accounts")),
    )
    op.create_table(
        "units",
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("district", sa.String(length=20), nullable=False),
        sa.Column("province", sa.String(length=20), nullable=False),
        sa.Column("province_name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_units")),
    )
    op.create_table(
        "exports",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("last_event", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_exports")),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=80), nullable=False),
        sa.Column("form_token", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.String(length=32), nullable=False),
        sa.Column("seen_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.account"], name=op.f("fk_sessions_account")),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_account"), "sessions", ["account"], unique=False)
    op.create_table(
        "audit",
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("unit", "number", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_item", "audit", ["item_id"], unique=False)
    op.create_table(
        "nights",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("night_id", sa.String(length=80), nullable=False),
        sa.Column("date", sa.String(length=10), nullable=False),
        sa.Column("state_before", sa.String(length=80), nullable=True),
        sa.Column("state_after", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_nights")),
        sa.UniqueConstraint("night_id", name=op.f("uq_nights_night_id")),
    )


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("has_subject_id", sa.Boolean(), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("unit_then", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("issue", sa.String(length=20), nullable=True),
        sa.Column("list_date", sa.String(length=10), nullable=True),
        sa.Column("deadline", sa.String(length=10), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("settle_probability", sa.Float(), nullable=False),
        sa.Column("n_doses", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_items")),
        sa.UniqueConstraint("subject", name=op.f("uq_items_subject")),
    )
    op.create_index("ix_items_list", "items", ["unit", "state", "priority"], unique=False)
    op.create_index("ix_items_list_then", "items", ["unit_then", "state"], unique=False)
    op.create_table(
        "doses",
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("dose_id", sa.String(length=200), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=op.f("fk_doses_item_id")),
        sa.PrimaryKeyConstraint("item_id", "dose_id", name=op.f("pk_doses")),
    )
    op.create_table(
        "unmasked",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=op.f("fk_unmasked_item_id")),
        sa.ForeignKeyConstraint(["token"], ["sessions.token"], name=op.f("fk_unmasked_token")),
        sa.PrimaryKeyConstraint("token", "item_id", name=op.f("pk_unmasked")),
    )


def _said() -> None:
    op.create_table(
        "events",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("word", sa.String(length=20), nullable=False),
        sa.Column("person_id", sa.String(length=200), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("account", sa.String(length=80), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=op.f("fk_events_item_id")),
        sa.ForeignKeyConstraint(["undoes"], ["events.event_id"], name=op.f("fk_events_undoes")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_events")),
        sa.UniqueConstraint("undoes", name=op.f("uq_events_undoes")),
    )
    op.create_index(op.f("ix_events_item_id"), "events", ["item_id"], unique=False)


def _claims() -> None:
    op.create_table(
        "claims",
        sa.Column("claim_row", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.String(length=40), nullable=False),
        sa.Column("queue", sa.String(length=10), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name=op.f("fk_claims_event_id")),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=op.f("fk_claims_item_id")),
        sa.PrimaryKeyConstraint("claim_row", name=op.f("pk_claims")),
    )
    op.create_index(op.f("ix_claims_claim_id"), "claims", ["claim_id"], unique=False)
    op.create_index(op.f("ix_claims_item_id"), "claims", ["item_id"], unique=False)
    op.create_table(
        "candidates",
        sa.Column("claim_row", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(length=200), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["claim_row"], ["claims.claim_row"], name=op.f("fk_candidates_claim_row")),
        sa.PrimaryKeyConstraint("claim_row", "rank", name=op.f("pk_candidates")),
    )


def _more_said() -> None:
    op.create_table(
        "event_claims",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("claim_row", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.String(length=40), nullable=False),
        sa.Column("before", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["before"], ["events.event_id"], name=op.f("fk_event_claims_before")),
        sa.ForeignKeyConstraint(["claim_row"], ["claims.claim_row"], name=op.f("fk_event_claims_claim_row")),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name=op.f("fk_event_claims_event_id")),
        sa.PrimaryKeyConstraint("event_id", "claim_row", name=op.f("pk_event_claims")),
    )
    op.create_table(
        "voids",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.String(length=40), nullable=False),
        sa.Column("night_id", sa.String(length=80), nullable=False),
        sa.Column("became", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name=op.f("fk_voids_event_id")),
        sa.PrimaryKeyConstraint("event_id", "claim_id", name=op.f("pk_voids")),
    )
