"""switchboard.records.migrations: what they make is what the tables say."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from switchboard.records.tables import metadata


async def test_the_migrations_make_the_tables(record):
    """After all migrations the database differs in nothing from switchboard/records/tables.py."""

    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    async with record.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_twice_changes_nothing(record):
    """A switchboard that starts on a record of its own version leaves it as it is."""
    await record.migrate()

    async with record.read() as connection:
        tables = await connection.run_sync(lambda c: set(metadata.tables) - set(c.dialect.get_table_names(c)))
    assert tables == set()
