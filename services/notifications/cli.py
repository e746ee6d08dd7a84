"""`teilhabe notifications …`."""

import asyncio
from typing import Any

import typer
from sqlalchemy import text

app = typer.Typer(help="Notifications: what was sent, and what waits.", no_args_is_help=True)

_LEDGER = text(
    "SELECT channel, state, coalesce(error_code, '') AS reason, count(*) AS count FROM deliveries"
    " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)


@app.callback()
def notifications() -> None:
    """Notifications: what was sent, and what waits."""


@app.command()
def ledger() -> None:
    """Count the deliveries by channel, state and reason."""
    for row in asyncio.run(_count()):
        typer.echo(f"{row.count:>8}  {row.channel:<6} {row.state:<11} {row.reason}".rstrip())


async def _count() -> list[Any]:
    from services.notifications.settings import load
    from shared.database.engine import Database

    database = Database(load().database, connections=2)
    try:
        async with database.read() as session:
            return list(await session.execute(_LEDGER))
    finally:
        await database.close()
