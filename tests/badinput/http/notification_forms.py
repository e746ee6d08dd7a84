"""The forms of the notifications service: the development phone, unsubscribing, and the call list."""

from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import text

from shared.contracts.registrations import RegistrationConfirmed
from tests.badinput.http.form import Form
from tests.badinput.http.services import Target
from tests.support import notifications as of_notifications


async def notification_forms(target: Target) -> AsyncIterator[Form]:
    """The development phone, and the page behind `List-Unsubscribe` once somebody has stopped."""
    phone = "/notifications/phone"
    fields = {"number": "+493023125042", "text": "GARTEN 2"}
    yield Form(phone, phone, phone, fields, ("number", "text"), {"number": "12", "text": " "})
    page = f"/notifications/unsubscribe/{target.tokens[0]}"
    await target.browser().raw("POST", page)
    yield Form("/notifications/unsubscribe/{token}/undo", page, f"{page}/undo")
    calls = "/notifications/console/calls"
    yield Form(calls, calls, calls, {"words": "Ada"}, ("words",))
    told = f"{calls}/{await open_call(target)}/told"
    yield Form(f"{calls}/{{delivery_id}}/told", calls, told)


async def open_call(target: Target) -> UUID:
    """An entry of the call list: somebody with nothing but paper has a place."""
    person_id = await of_notifications.publish_contact(target.database, name="Ada")
    message = of_notifications.registered(RegistrationConfirmed, target.more.id, person_id, channel="desk")
    await of_notifications.hand_in(target.database, message)
    async with target.database.read() as session:
        found = await session.execute(text("SELECT id FROM deliveries WHERE person_id = :id"), {"id": person_id})
        return UUID(str(found.scalar_one()))
