"""The script that Alembic runs to migrate, on the connection and in the transaction that it is given."""

from __future__ import annotations

from alembic import context

from aggregator.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most of a table; Alembic then copies it.
    render_as_batch=True,
)
context.run_migrations()
