"""What was handed to nights, verdict by verdict and claim by claim: the last event of a file does not tell it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "handed",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("claim_row", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], name=op.f("fk_handed_event_id")),
        sa.ForeignKeyConstraint(["claim_row"], ["claims.claim_row"], name=op.f("fk_handed_claim_row")),
        sa.ForeignKeyConstraint(["number"], ["exports.number"], name=op.f("fk_handed_number")),
        sa.PrimaryKeyConstraint("event_id", "claim_row", name=op.f("pk_handed")),
    )
    # Of files written before: those that may have stood in one and were not taken back.
    op.execute(
        "INSERT INTO handed SELECT s.event_id, s.claim_row, (SELECT max(number) FROM exports) FROM event_claims s "
        "JOIN events e ON e.event_id = s.event_id AND e.kind = 'verdict' "
        "WHERE e.event_id <= (SELECT max(last_event) FROM exports) "
        "AND e.event_id NOT IN (SELECT undoes FROM events WHERE undoes IS NOT NULL)"
    )
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER handed_no_{change.lower()} BEFORE {change} ON handed "
                "BEGIN SELECT RAISE(ABORT, 'handed only grows'); END"
            )
