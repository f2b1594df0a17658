"""An index by which the last decision of an account is found."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("ix_events_account", "events", ["account"])
