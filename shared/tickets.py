"""What a party shows at the door: its ticket, as a code of six digits and as a QR code (docs/decisions/0020).

The ticket is made from the registration's id, so that registrations and notifications name the same one without
telling each other. It opens nothing: at the desk it finds a line of the list, for members alone.
"""

import re
from hashlib import sha256
from io import BytesIO
from typing import NamedTuple
from uuid import UUID

import segno

from shared.i18n.folding import fold

DIGITS = 12
CODE_DIGITS = 6
PATH = "/registrations/at"

_SCANNED = re.compile(rf"{PATH}/([^/?#\s]{{1,64}})/([0-9]{{{DIGITS}}})/?$")
_ANY_MASK = 3


def ticket_of(registration_id: UUID) -> str:
    """Twelve digits; `ticket_sql` is the same for a database."""
    return f"{int.from_bytes(sha256(registration_id.bytes).digest()[:7]) % 10**DIGITS:0{DIGITS}d}"


def ticket_sql(column: str) -> str:
    """The ticket of the id in a column of ours, as PostgreSQL computes it."""
    first = f"substring(encode(sha256(uuid_send({column})), 'hex') FROM 1 FOR 14)"
    return f"lpad(((('x' || {first})::bit(56)::bigint) % {10**DIGITS})::text, {DIGITS}, '0')"


def code_of(ticket: str) -> str:
    """The digits that people read out and type: in two groups, `482 913`."""
    return f"{ticket[:3]} {ticket[3:CODE_DIGITS]}"


def ticket_url(registrations_url: str, event_code: str, ticket: str) -> str:
    """What the QR code says: an address that only members of the event's host get anything from."""
    return f"{registrations_url.rstrip('/')}{PATH}/{event_code}/{ticket}"


class Shown(NamedTuple):
    """What somebody held out or typed at the desk. `event_code` is known of a scanned QR code alone."""

    digits: str
    event_code: str | None = None


def read_ticket(text: str) -> Shown | None:
    """The code or ticket in a text, in the digits of any script; None where it is something else, a name say."""
    scanned = _SCANNED.search(text.strip())
    if scanned:
        return Shown(scanned[2], scanned[1])
    digits = fold(text).replace(" ", "")
    return Shown(digits) if digits.isdecimal() and len(digits) in {CODE_DIGITS, DIGITS} else None


def qr_code(url: str) -> segno.QRCode:
    """The QR code. Each mask can be read as well as the others; trying all eight would take four times as long."""
    return segno.make_qr(url, mask=_ANY_MASK)


def svg(code: segno.QRCode) -> bytes:
    """The QR code with its quiet zone, black on white whatever is around it."""
    out = BytesIO()
    code.save(out, kind="svg", border=4, light="#fff", omitsize=True, svgclass=None, lineclass=None)
    return out.getvalue()


def png(code: segno.QRCode) -> bytes:
    """The QR code for mail programs, most of which show no SVG."""
    out = BytesIO()
    code.save(out, kind="png", scale=4, border=4)
    return out.getvalue()
