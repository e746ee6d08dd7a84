"""The subcommands `teilhabe registrations …`."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from uuid import NAMESPACE_URL, uuid5

import typer
from sqlmodel import col, select

from services.registrations.consents.commands import answers
from services.registrations.events.model import EventRow, PlacesRow
from services.registrations.people.commands import Address
from services.registrations.people.model import Means
from services.registrations.registrations.admission import Rules, Wish, admit
from services.registrations.settings import RegistrationsSettings, load
from shared.contracts.events import EventState
from shared.contracts.registrations import Channel
from shared.database.engine import Database
from shared.vault import Vault

app = typer.Typer(help="Registrations: demo data.", no_args_is_help=True)

DEMO_LANGUAGES = ("de", "tr", "ar", "uk", "en")


@app.callback()
def _group() -> None:
    """Keep `demo` a subcommand although it is the only one."""


@app.command()
def demo(
    code: Annotated[str, typer.Argument(help="the event's code")],
    parties: Annotated[int, typer.Argument(min=1, max=1000, help="how many parties of one register")],
) -> None:
    """Register demo parties for an event; running it again adds nobody."""
    count = asyncio.run(register_demo_parties(load(), code, parties))
    typer.echo(f"{code}: {count} parties")


async def register_demo_parties(settings: RegistrationsSettings, code: str, parties: int) -> int:
    """Returns how many parties the event has a decision for; 0 while the event has not arrived here."""
    database, vault = Database(settings.database, connections=2), Vault(settings)
    rules = Rules(hold_time=settings.hold_time, offer_time=settings.offer_time)
    try:
        async with database.begin() as session:
            query = select(PlacesRow, EventRow).join(EventRow, col(EventRow.id) == col(PlacesRow.event_id))
            found = (await session.execute(query.where(EventRow.code == code))).first()
            if found is None:
                return 0
            places_id, event = found.PlacesRow.id, found.EventRow.event
            wishes = [_demo_wish(event, number) for number in range(parties)]
            return len(await admit(session, vault, rules, places_id, wishes, datetime.now(UTC)))
    finally:
        await database.close()


def _demo_wish(event: EventState, number: int) -> Wish:
    """Every second party lets the co-hosts see what they ask for."""
    agrees = {co_host.organisation_id: number % 2 == 0 for co_host in event.co_hosts}
    return Wish(
        address=Address(Means.EMAIL, f"guest-{number + 1}@demo.example", DEMO_LANGUAGES[number % len(DEMO_LANGUAGES)]),
        party_size=1,
        channel=Channel.WEB,
        consent="demo",
        request_key=uuid5(NAMESPACE_URL, f"teilhabe-demo:{event.code}:{number}"),
        agreed=answers(event, agrees),
    )
