"""The development phone and mailbox: `/notifications/phone`. These routes do not exist in production.

Numbers and addresses stand in the address of the page, as nowhere else: they are made up here.
"""

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from markupsafe import Markup, escape
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse

from services.notifications.contacts.addresses import e164
from services.notifications.mailbox.commands import write_sms
from services.notifications.mailbox.queries import (
    OpenedMail,
    conversation,
    known_addresses,
    known_numbers,
    mails,
    opened_mail,
)
from services.notifications.settings import NotificationsSettings
from shared.database.engine import Database
from shared.i18n.plain import OneLine
from shared.runtime.api import DatabaseDep, PagesDep, VaultDep
from shared.web.forms import FormErrors, checked_form, request_key
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.urls import content_security_policy

router = APIRouter(include_in_schema=False)
PHONE = "/notifications/phone"
FIRST_NUMBER = "+493023125042"
_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)

Text = Annotated[OneLine, Query(max_length=320)]


def linked(text: str) -> Markup:
    """The text with its web addresses as links."""
    pieces, end = [], 0
    for found in _LINK.finditer(text):
        pieces.append(escape(text[end : found.start()]))
        pieces.append(Markup('<a class="kern-link" dir="ltr" href="{0}">{0}</a>').format(found[0]))
        end = found.end()
    return Markup("").join([*pieces, escape(text[end:])])


@router.get(PHONE)
async def phone(
    request: Request, database: DatabaseDep, pages: PagesDep, number: Text = "", address: Text = ""
) -> Response:
    """The phone of one number, and the mailbox."""
    return await _phone(request, database, pages, number, address, {}, FormErrors())


@router.post(PHONE)
async def write(
    request: Request,
    database: DatabaseDep,
    pages: PagesDep,
    vault: VaultDep,
    form: Annotated[FormData, Depends(checked_form)],
) -> Response:
    """Text to us from a number; then show its phone."""
    values = {name: str(form.get(name, "")) for name in ("number", "text")}
    settings: NotificationsSettings = request.app.state.settings
    number = e164(values["number"], settings.default_region)
    errors = FormErrors()
    _ = pages.reader(request).gettext
    if number is None:
        errors.add("number", _("Write a phone number, for example +49 30 23125042."))
    if not values["text"].strip():
        errors.add("text", _("Fill in this field."))
    if errors or number is None:
        return await _phone(request, database, pages, "", "", values, errors)
    async with database.begin() as session:
        now = datetime.now(UTC)
        await write_sms(session, vault, number=number, text=values["text"], key=request_key(form), now=now)
    return pages.redirect(f"{PHONE}?number={quote(number)}")


async def _phone(
    request: Request,
    database: Database,
    pages: Pages,
    number: str,
    address: str,
    values: dict[str, str],
    errors: FormErrors,
) -> Response:
    settings: NotificationsSettings = request.app.state.settings
    async with database.read() as session:
        numbers = await known_numbers(session)
        number = e164(number, settings.default_region) or (numbers or [FIRST_NUMBER])[0]
        context = {
            "bubbles": await conversation(session, number),
            "mails": await mails(session, address),
            "addresses": await known_addresses(session),
        }
    return pages.render(
        request,
        "phone.html",
        422 if errors else 200,
        number=number,
        numbers=numbers,
        address=address,
        service_number=settings.sms_number,
        values=values or {"number": number},
        errors=errors,
        linked=linked,
        base=PHONE,
        personal=True,
        **context,
    )


@router.get(PHONE + "/conversation")
async def conversation_part(number: Text, request: Request, database: DatabaseDep, pages: PagesDep) -> Response:
    """The conversation alone, for the page to keep itself up to date."""
    async with database.read() as session:
        bubbles = await conversation(session, number)
    return pages.render(
        request, "conversation.html", bubbles=bubbles, number=number, linked=linked, base=PHONE, personal=True
    )


@router.get(PHONE + "/mails")
async def mails_part(request: Request, database: DatabaseDep, pages: PagesDep, address: Text = "") -> Response:
    """The list of mails alone, for the page to keep itself up to date."""
    async with database.read() as session:
        found = await mails(session, address)
    return pages.render(request, "mails.html", mails=found, address=address, base=PHONE, personal=True)


@router.get(PHONE + "/style.css")
async def style() -> Response:
    """What the phone looks like."""
    return Response(_style(), media_type="text/css")


@cache
def _style() -> str:
    return (Path(__file__).parent / "templates" / "phone.css").read_text(encoding="utf-8")


async def _mail(mail_id: UUID, database: DatabaseDep) -> OpenedMail:
    async with database.read() as session:
        mail = await opened_mail(session, mail_id)
    if mail is None:
        raise Problem(404)
    return mail


MailDep = Annotated[OpenedMail, Depends(_mail)]


@router.get(PHONE + "/mails/{mail_id}")
async def mail_page(mail: MailDep, request: Request, pages: PagesDep) -> Response:
    """One mail: as HTML, as text, and its attachments."""
    response = pages.render(request, "mail.html", mail=mail, linked=linked, base=PHONE, personal=True)
    response.headers["content-security-policy"] = content_security_policy(pages.urls, frame_src="'self'")
    return response


@router.get(PHONE + "/mails/{mail_id}/html")
async def mail_html(mail: MailDep) -> Response:
    """The HTML part, in a sandbox of its own; its links open in the whole window."""
    html = mail.html.replace("<head>", '<head><base target="_top">', 1)
    headers = {"content-security-policy": _MAIL_POLICY, "cache-control": "no-store"}
    return HTMLResponse(html, headers=headers)


@router.get(PHONE + "/mails/{mail_id}/attachments/{place}")
async def mail_attachment(mail: MailDep, place: int) -> Response:
    """One attachment, to download."""
    if not 0 <= place < len(mail.attachments):
        raise Problem(404)
    found = mail.attachments[place]
    disposition = f"attachment; filename*=UTF-8''{quote(found.name)}"
    return Response(found.content, media_type=found.media_type, headers={"content-disposition": disposition})
