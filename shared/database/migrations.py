"""Alembic, the same way for each service: `services/<service>/migrations/`."""

import asyncio
import importlib.util
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.database.engine import Database

_MIGRATION_LOCK = 7_263_001


def configuration(service: str, url: str = "") -> Config:
    """Alembic's configuration for one service."""
    spec = importlib.util.find_spec(f"services.{service}")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"services.{service}")
    config = Config()
    config.set_main_option("script_location", str(Path(spec.submodule_search_locations[0]) / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(service: str, url: str) -> None:
    """Bring the database to the newest revision; several at once wait for each other."""
    command.upgrade(configuration(service, url), "head")


async def is_current(service: str, database: Database) -> bool:
    """Whether the database stands at the service's one head."""
    return await _revision(database) == ScriptDirectory.from_config(configuration(service)).get_current_head()


async def is_behind(service: str, database: Database) -> bool:
    """Whether migrations of ours are still to run. A revision that we do not know is newer than we are."""
    script = ScriptDirectory.from_config(configuration(service))
    older = {revision.revision for revision in script.walk_revisions()} - {script.get_current_head()}
    return await _revision(database) in {None, *older}


async def _revision(database: Database) -> str | None:
    async with database.engine.connect() as connection:
        return await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())


def run_environment(metadata: MetaData) -> None:
    """What each `migrations/env.py` calls."""
    asyncio.run(_run_online(context.config.attributes["url"], metadata))


async def _run_online(url: str, metadata: MetaData) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate, metadata)
    await engine.dispose()


def _migrate(connection: Connection, metadata: MetaData) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
