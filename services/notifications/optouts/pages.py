"""The page behind `List-Unsubscribe`: one button to stop, and one to start again.

Stopping needs no token against forgery: mail programs press the button for their readers (RFC 8058 §3.2), and whoever
has the link has it from the mail.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.notifications.optouts.commands import opt_in, opt_out
from services.notifications.optouts.queries import has_stopped
from services.notifications.optouts.tokens import address_of_token
from shared.contracts.deliveries import DeliveryChannel
from shared.runtime.api import DatabaseDep, PagesDep, VaultDep
from shared.web.forms import checked_form
from shared.web.limits import Limit
from shared.web.problem import Problem

router = APIRouter(include_in_schema=False)
PATH = "/notifications/unsubscribe/{token}"
EMAIL = DeliveryChannel.EMAIL
GUESSES = Limit("unsubscribe-guesses", 60, timedelta(hours=1))


async def _address(request: Request, token: str, vault: VaultDep) -> UUID:
    address = address_of_token(vault, token)
    if address is None:
        await request.app.state.limits.count_miss(request, GUESSES)
        raise Problem(404)
    return address


AddressDep = Annotated[UUID, Depends(_address)]


@router.get(PATH)
async def unsubscribe_page(
    address: AddressDep, token: str, request: Request, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Says whether mails go to this address, with the button for the other."""
    async with database.read() as session:
        stopped = await has_stopped(session, EMAIL, address)
    path = PATH.format(token=token)
    return pages.render(request, "unsubscribe.html", stopped=stopped, action=path, personal=True)


@router.post(PATH)
async def unsubscribe(address: AddressDep, token: str, database: DatabaseDep, pages: PagesDep) -> Response:
    """Stop mails to this address; doing it twice is doing it once."""
    async with database.begin() as session:
        await opt_out(session, EMAIL, address, datetime.now(UTC))
    return pages.redirect(PATH.format(token=token))


@router.post(PATH + "/undo", dependencies=[Depends(checked_form)])
async def subscribe_again(address: AddressDep, token: str, database: DatabaseDep, pages: PagesDep) -> Response:
    """Write to this address again."""
    async with database.begin() as session:
        await opt_in(session, EMAIL, address)
    return pages.redirect(PATH.format(token=token))
