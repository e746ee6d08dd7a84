"""Hours that were signed off, and certificates of them."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import text

from services.registrations.certificates.commands import Issuer
from services.registrations.certificates.queries import volunteer_of
from shared.shifts import post_of
from tests.support import registrations as given
from tests.support.registration_pages import hidden, registrations
from tests.support.shifts import open_day, take

_SIGN = text(
    """
    INSERT INTO hours (registration_id, event_id, organisation_id, person_id, starts_at, ends_at, signed_minutes,
                       signed_at, signed_by)
    SELECT id, event_id, :organisation, person_id, :starts_at, :ends_at, :minutes, now(), :by
    FROM registrations WHERE id = :id
    ON CONFLICT (registration_id) DO UPDATE SET signed_minutes = excluded.signed_minutes
    """
)
_PLACE = text("SELECT places_id FROM registrations WHERE id = :id")


async def sign_off(database, event, registration_id, minutes):
    """The coordinator has signed these minutes off; 0 are none."""
    async with database.begin() as session:
        places_id = (await session.execute(_PLACE, {"id": registration_id})).scalar_one()
        post = post_of(event, places_id)
        times = (post.session if post else event.sessions[0]).model_dump(include={"starts_at", "ends_at"})
        values = {"id": registration_id, "organisation": event.organisation_id, "minutes": minutes, "by": uuid4()}
        await session.execute(_SIGN, values | times)


async def worked_day(database, *wishes, minutes=150, **more):
    """A volunteer day on which each of these had both kitchens; the day and their registrations, two for each."""
    day = await open_day(database, most=9, **more)
    made = []
    for wish in wishes or (given.wish(name="Ada Beispiel"),):
        made.append([one.id for one in await take(database, day, wish, 1, 3)])
        for registration_id in made[-1]:
            await sign_off(database, day, registration_id, minutes)
    return day, made


async def issue(database, event, registration_id, name="Ada Beispiel", replaces=None, by=None):
    """Issue a certificate as the host does."""
    async with database.begin() as session:
        volunteer = await volunteer_of(session, event, registration_id)
        issuer = Issuer(session, given.VAULT, by or uuid4(), event, datetime.now(UTC))
        return await issuer.issue(volunteer.earned, name, replaces)


async def certificates(database, event):
    """All of an event, oldest first."""
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT * FROM certificates WHERE event_id = :id ORDER BY id"), {"id": event.id}
        )
        return rows.all()


def console_of(event):
    return f"/registrations/console/events/{event.id}/certificates"


async def press(browser, event, registration_id=None, **fields):
    """Send the form of a person on the console's page, or the one for all."""
    own = await hidden(browser, console_of(event))
    if registration_id is None:
        return await browser.post(console_of(event), own)
    named = {f"name-{registration_id}" if name == "name" else name: value for name, value in fields.items()}
    return await browser.post(f"{console_of(event)}/{registration_id}", {**own, **named})


async def token_of(database, event, registration_id):
    """The secret of a registration's link."""
    assert registration_id in [row.id for row in await registrations(database, event)]
    return given.VAULT.link_token(f"registration:{registration_id}")
