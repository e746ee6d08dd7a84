"""How often the web may register people, remind them, and guess at links. docs/security.md says why these figures."""

from datetime import UTC, datetime, timedelta

from fastapi import Request

from services.registrations.people.model import Means
from services.registrations.registrations.admission import Wish
from shared.database.engine import Database
from shared.web.limits import Limit, Limits

PER_CLIENT = Limit("registrations-client", 120, timedelta(hours=1))
PER_EMAIL = Limit("registrations-email", 20, timedelta(hours=1))
PER_NUMBER = Limit("registrations-number", 8, timedelta(days=1))
REMINDERS = Limit("reminders", 5, timedelta(days=1))
GUESSES = Limit("link-guesses", 60, timedelta(hours=1))


async def count_wish(request: Request, wish: Wish) -> None:
    """Count a wish of the web or the desk against its client and its address, before anything is decided.

    Clients and e-mail addresses are counted in this process, so that a registration needs no further statement; a
    number, to which each wish may cost an SMS, in the database. What is known of the address makes no difference.

    Raises:
        TooManyTriesError: beyond a limit.
    """
    limits: Limits = request.app.state.limits
    client = limits.client(request)
    if not limits.stands_for_many(client):
        limits.count_here(PER_CLIENT, client)
    if wish.address.means is not Means.PHONE:
        limits.count_here(PER_EMAIL, wish.address.address)
        return
    database: Database = request.app.state.database
    async with database.begin() as session:
        await limits.count(session, datetime.now(UTC), (PER_NUMBER, wish.address.address))
