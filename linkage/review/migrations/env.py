"""Runs the steps on the connection that the store gives, within its transaction."""

from alembic import context

from linkage.review.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
