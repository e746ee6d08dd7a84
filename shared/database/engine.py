"""One database per service: sessions that read, sessions that write, and migrations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

NAMING_CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def service_metadata() -> MetaData:
    """The one `MetaData` of a service."""
    return MetaData(naming_convention=NAMING_CONVENTION)


class ReadSession(AsyncSession):
    """A session that queries take: it can be read with."""


class WriteSession(ReadSession):
    """A session that commands take. It commits at the edge, when `Database.begin()` ends."""


class Database:
    """The service's own PostgreSQL database."""

    def __init__(self, url: str, *, connections: int = 20) -> None:
        """`url` is `postgresql+asyncpg://…`; `connections` is the most that this process holds."""
        self.url = url
        self.engine = create_async_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_pre_ping=False,
            pool_recycle=1800,
            pool_timeout=10,
            connect_args={
                "timeout": 5,
                "server_settings": {
                    "timezone": "UTC",
                    "idle_in_transaction_session_timeout": "30000",
                    "lock_timeout": "10000",
                },
            },
        )
        self._readers = async_sessionmaker(self.engine, class_=ReadSession, expire_on_commit=False)
        self._writers = async_sessionmaker(self.engine, class_=WriteSession, expire_on_commit=False)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[WriteSession]:
        """One transaction: committed when the block ends well, rolled back otherwise."""
        async with self._writers() as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session that is rolled back at the end: nothing written in it lasts."""
        async with self._readers() as session:
            yield session

    async def ping(self) -> None:
        """Raise if the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
