"""Webhooks of a Twilio-compatible provider: texts that come in, and receipts for ours. Both are signed."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Request, Response

from services.notifications.contacts.addresses import e164
from services.notifications.deliveries.model import State
from services.notifications.deliveries.outcomes import settle_by_receipt
from services.notifications.providers.twilio import INBOUND_PATH, OPTED_OUT, RECEIPTS_PATH, TwilioSms, is_signed
from services.notifications.settings import NotificationsSettings
from services.notifications.sms.commands import Incoming, receive_sms
from services.notifications.sms.receipts import is_new, opt_out_recipient
from shared.runtime.api import DatabaseDep, VaultDep
from shared.web.forms import read_form
from shared.web.limits import Limit
from shared.web.problem import Problem

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)

FORGERIES = Limit("webhook-forgeries", 60, timedelta(hours=1))
STATES = {
    "accepted": State.SENT,
    "queued": State.SENT,
    "sending": State.SENT,
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}
"""What each of Twilio's statuses says of a delivery; others say nothing."""

_LONGEST_ID = 64
_NO_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


async def signed_form(request: Request) -> dict[str, str]:
    """The webhook's fields.

    The signature is checked over our public address, whatever the proxy in front made of it. Raises Problem: 403,
    or 429 for who forges many.
    """
    settings: NotificationsSettings = request.app.state.settings
    form = await read_form(request)
    fields = [(name, str(value)) for name, value in form.multi_items()]
    query = f"?{request.url.query}" if request.url.query else ""
    url = settings.notifications_url.rstrip("/") + request.url.path + query
    given = request.headers.get("x-twilio-signature", "")
    if not is_signed(settings.twilio_token.get_secret_value(), url, fields, given):
        await request.app.state.limits.count_miss(request, FORGERIES)
        raise Problem(403, "signature")
    return dict(fields)


SignedForm = Annotated[dict[str, str], Depends(signed_form)]


@router.post(INBOUND_PATH)
async def inbound(form: SignedForm, request: Request, database: DatabaseDep, vault: VaultDep) -> Response:
    """Store a text, then answer; the answer itself goes out as an SMS of its own.

    What comes from no number that we write to is dropped: nobody could be answered.
    """
    number = e164(form.get("From", ""), request.app.state.settings.default_region)
    provider_id = form.get("MessageSid", "")
    if number is None or not is_id(provider_id):
        log.warning("sms.unusable")
        return _empty()
    incoming = Incoming(TwilioSms.name, provider_id, number, form.get("Body", ""))
    async with database.begin() as session:
        await receive_sms(session, vault, incoming, datetime.now(UTC))
    return _empty()


@router.post(RECEIPTS_PATH)
async def receipts(
    delivery: UUID, form: SignedForm, request: Request, database: DatabaseDep, vault: VaultDep
) -> Response:
    """Take over what became of an SMS; a report that comes twice changes nothing."""
    provider_id, status = form.get("MessageSid", ""), form.get("MessageStatus", "")
    code = form.get("ErrorCode") or None
    now = datetime.now(UTC)
    if status not in STATES or not is_id(provider_id) or not is_id(code or "none"):
        return Response(status_code=204)
    async with database.begin() as session:
        if not await is_new(session, TwilioSms.name, provider_id, status, now):
            return Response(status_code=204)
        await settle_by_receipt(
            session,
            delivery_id=delivery,
            state=STATES[status],
            provider=TwilioSms.name,
            provider_id=provider_id,
            error=code,
            now=now,
        )
        number = e164(form.get("To", ""), request.app.state.settings.default_region)
        if code == str(OPTED_OUT) and number is not None:
            await opt_out_recipient(session, vault, number, now)
    return Response(status_code=204)


def is_id(text: str) -> bool:
    """Whether a provider may call something so, and a table keep it: up to 64 printable ASCII characters."""
    return 0 < len(text) <= _LONGEST_ID and text.isascii() and text.isprintable()


def _empty() -> Response:
    return Response(_NO_ANSWER, media_type="text/xml")
