"""Webhooks of a Twilio-compatible provider: texts that come in, and receipts for ours. Both are signed."""

from datetime import UTC, datetime
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
from shared.web.problem import Problem

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)

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

_NO_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


async def signed_form(request: Request) -> dict[str, str]:
    """The webhook's fields.

    The signature is checked over our public address, whatever the proxy in front made of it. Raises Problem: 403.
    """
    settings: NotificationsSettings = request.app.state.settings
    form = await read_form(request)
    fields = [(name, str(value)) for name, value in form.multi_items()]
    query = f"?{request.url.query}" if request.url.query else ""
    url = settings.notifications_url.rstrip("/") + request.url.path + query
    given = request.headers.get("x-twilio-signature", "")
    if not is_signed(settings.twilio_token.get_secret_value(), url, fields, given):
        raise Problem(403, "signature")
    return dict(fields)


SignedForm = Annotated[dict[str, str], Depends(signed_form)]


@router.post(INBOUND_PATH)
async def inbound(form: SignedForm, request: Request, database: DatabaseDep, vault: VaultDep) -> Response:
    """Store a text, then answer; the answer itself goes out as an SMS of its own."""
    number = e164(form.get("From", ""), request.app.state.settings.default_region)
    provider_id = form.get("MessageSid", "")
    if number is None or not provider_id:
        log.warning("sms.unusable")
        return _empty()
    incoming = Incoming(TwilioSms.name, provider_id, number, form.get("Body", ""))
    async with database.begin() as session:
        await receive_sms(session, vault, incoming, datetime.now(UTC))
    return _empty()


@router.post(RECEIPTS_PATH)
async def receipts(delivery: UUID, form: SignedForm, database: DatabaseDep, vault: VaultDep) -> Response:
    """Take over what became of an SMS; a report that comes twice changes nothing."""
    provider_id, status = form.get("MessageSid", ""), form.get("MessageStatus", "")
    code = form.get("ErrorCode") or None
    now = datetime.now(UTC)
    async with database.begin() as session:
        if status not in STATES or not await is_new(session, TwilioSms.name, provider_id, status, now):
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
        if code == str(OPTED_OUT) and (number := form.get("To")):
            await opt_out_recipient(session, vault, number, now)
    return Response(status_code=204)


def _empty() -> Response:
    return Response(_NO_ANSWER, media_type="text/xml")
