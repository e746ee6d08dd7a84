"""A notification as one mail: text and HTML from one source, the calendar file, and the headers that mail needs.

Each source (`messages/<template>.mail.txt`) sets `subject`, `text` with blank lines between paragraphs, and `button`
where there is something to press, which leads to `button_link` instead of the link of the notification; `other` and
`other_link` are a second one. It is rendered twice, once as text and once as HTML; the two layouts add the rest.
"""

from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Any

from markupsafe import Markup

from services.notifications.templates.calendars import calendar
from services.notifications.templates.environment import Flavour, template
from services.notifications.templates.facts import EventFacts, Logo, Telling, one_line
from shared.i18n.languages import direction
from shared.tickets import png, qr_code
from shared.web.shown import Shown

SENDER_NAME = "Teilhabe"
_TICKET = "ticket"
_LONGEST_SUBJECT = 200
_FLAVOURS: tuple[Flavour, Flavour] = ("text", "html")


@dataclass(frozen=True)
class Mail:
    """A mail as it goes to the provider."""

    sender: str
    address: str
    subject: str
    raw: bytes


class UnusableAddressError(ValueError):
    """The address cannot stand in a mail's header."""


def render_mail(telling: Telling, *, address: str, sender: str) -> Mail:
    """The finished mail. `sender` is the address that it comes from; its name is the organisation's.

    Raises UnusableAddressError.
    """
    now = telling.sent_at or datetime.now().astimezone()
    texts = {flavour: source(telling, flavour) for flavour in _FLAVOURS}
    subject = one_line(texts["text"]["subject"])[:_LONGEST_SUBJECT]
    message = EmailMessage(policy=SMTP if address.isascii() else SMTPUTF8)
    _address(message, telling, address, sender, subject)
    _describe(message, telling, sender, now)
    message.set_content(_layout(telling, "text", texts["text"]), cte="quoted-printable")
    message.add_alternative(_layout(telling, "html", texts["html"]), subtype="html", cte="quoted-printable")
    _add_pictures(message, telling)
    _attach_calendar(message, telling, sender, now)
    message["Content-Language"] = telling.language
    return Mail(sender, address, subject, message.as_bytes())


def _address(message: EmailMessage, telling: Telling, address: str, sender: str, subject: str) -> None:
    name = one_line(telling.event.organisation) if telling.event else SENDER_NAME
    try:
        message["From"] = Address(name or SENDER_NAME, addr_spec=sender)
        message["To"] = Address(addr_spec=address)
    except (ValueError, IndexError, MessageError) as error:
        raise UnusableAddressError from error
    message["Subject"] = subject


def _describe(message: EmailMessage, telling: Telling, sender: str, now: datetime) -> None:
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{telling.key}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if telling.unsubscribe:
        message["List-Unsubscribe"] = f"<{telling.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _add_pictures(message: EmailMessage, telling: Telling) -> None:
    """The logos and the QR code are images of the mail itself, for nothing is fetched from us when it is read."""
    pictures = {name: logo.png for name, logo in _logos(telling).items()}
    if telling.entry and telling.ticket_address:
        pictures[_TICKET] = png(qr_code(telling.ticket_address))
    html = list(message.iter_parts())[-1]
    for name, picture in pictures.items():
        html.add_related(picture, "image", "png", cid=f"<{name}>", filename=f"{name}.png", disposition="inline")


def _logos(telling: Telling) -> dict[str, Logo]:
    """The pictures of all who host the event, by the name that each has within the mail."""
    return {f"logo-{number}": logo for number, logo in enumerate(telling.event.logos)} if telling.event else {}


def _attach_calendar(message: EmailMessage, telling: Telling, sender: str, now: datetime) -> None:
    if telling.event is None:
        return
    made = calendar(telling, telling.event, sender=sender, now=now)
    if made:
        method, content = made
        name = f"{telling.event.state.code.lower()}.ics"
        message.add_attachment(content, maintype="text", subtype="calendar", filename=name, cte="base64")
        part = list(message.iter_attachments())[-1]
        part.set_param("method", method)
        part.set_param("charset", "utf-8")


def source(telling: Telling, flavour: Flavour) -> dict[str, Any]:
    """What the notification's own template sets: `subject`, `text`, and `button` and `other` or nothing.

    Where it sets `past`, the event is over: its dates, its place and its code are left out.
    """
    compiled = template(f"{telling.template}.mail.txt", telling.language, flavour)
    module = compiled.make_module(_variables(telling, flavour))
    unset = dict.fromkeys(("button", "button_link", "other", "other_link", "subject", "text"), "")
    return {**unset, "past": False} | {name: value for name, value in vars(module).items() if not name.startswith("_")}


def _layout(telling: Telling, flavour: Flavour, texts: dict[str, Any]) -> str:
    name = "layout.mail.html" if flavour == "html" else "layout.mail.txt"
    variables = _variables(telling, flavour) | texts
    body = template(name, telling.language, flavour).render(variables)
    return body if flavour == "html" else _tidy(body)


def _variables(telling: Telling, flavour: Flavour) -> dict[str, Any]:
    event = telling.event
    around = telling.variables(short=False) | {
        "title": _title(telling, flavour),
        "event": event,
        "online_link": telling.online_link,
        "ticket_picture": f"cid:{_TICKET}" if telling.entry and telling.ticket_address else "",
        "logos": [(f"cid:{name}", logo.name) for name, logo in _logos(telling).items()],
        "name": one_line(telling.name or ""),
        "direction": direction(telling.language),
        "unsubscribe": telling.unsubscribe or "",
        "organisation": one_line(event.organisation) if event else SENDER_NAME,
    }
    return around | (_contact(event) if event else {})


def _contact(event: EventFacts) -> dict[str, Any]:
    """Whom to ask and how to get in, each in the language that there is a text in."""
    venue = event.state.venue
    access = event.localized(venue.access_notes) if venue else None
    hours = event.localized(event.contact.hours)
    return {
        "contact": event.contact,
        "access": one_line(access.text) if access else "",
        "access_attributes": _spoken(access),
        "contact_hours": one_line(hours.text) if hours else "",
        "contact_hours_attributes": _spoken(hours),
    }


def _spoken(shown: Shown | None) -> Markup:
    """The attributes of an element that holds the text."""
    return Markup(' lang="{}" dir="{}"').format(shown.language, shown.direction) if shown else Markup("")


def _title(telling: Telling, flavour: Flavour) -> str:
    if telling.event is None:
        return ""
    shown = telling.event.title
    if flavour == "text":
        return shown.text
    return Markup('<bdi lang="{}" dir="{}">{}</bdi>').format(shown.language, shown.direction, shown.text)


def _tidy(text: str) -> str:
    """No spaces at line ends and never two blank lines."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    kept = [line for above, line in zip(["x", *lines], lines, strict=False) if line or above]
    return "\n".join(kept) + "\n"
