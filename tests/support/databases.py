"""The PostgreSQL server that a run's tests share, and the databases that they make on it."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import make_url

from shared.embedded.postgres import EmbeddedPostgres
from tests.support.containers import postgres_container
from tests.support.machine import Machine, Source


class DatabaseServer:
    """A PostgreSQL server, known by the address of one database of it in which databases may be created."""

    def __init__(self, address: str) -> None:
        self._address = make_url(address)

    def url(self, database: str) -> str:
        """The address of a database for SQLAlchemy."""
        url = self._address.set(drivername="postgresql+asyncpg", database=database)
        return url.render_as_string(hide_password=False)

    def create(self, name: str) -> str:
        """Create an empty database whose name begins with `name` and is in use by nobody else; return that name."""
        database = f"{name}_{uuid4().hex[:12]}"
        self._execute(f'CREATE DATABASE "{database}"')
        return database

    def drop(self, database: str) -> None:
        """Drop the database, whoever is still connected to it."""
        self._execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        """In a thread with a loop of its own, so that a test may call this whether or not it is async."""
        address = self._address.set(drivername="postgresql").render_as_string(hide_password=False)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _execute(address, statement)).result()


@contextmanager
def running_database_server(machine: Machine, folder: Path) -> Iterator[DatabaseServer]:
    """The server of the run."""
    if machine.database is Source.NAMED:
        yield DatabaseServer(os.environ["TEILHABE_TEST_DATABASE"])
    elif machine.database is Source.DOCKER:
        with postgres_container() as address:
            yield DatabaseServer(address)
    else:
        postgres = EmbeddedPostgres(folder)
        postgres.start()
        try:
            yield DatabaseServer(postgres.libpq_url("postgres"))
        finally:
            postgres.stop()
            shutil.rmtree(folder)


def crash(postgres: EmbeddedPostgres) -> None:
    """SIGKILL the server, and start it again as a supervisor would: it recovers from its log."""
    postgres.process.kill()
    postgres.process.wait()
    postgres.start()


async def _execute(address: str, statement: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
