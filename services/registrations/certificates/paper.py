"""A certificate as a sheet of paper."""

from base64 import b64decode
from zoneinfo import ZoneInfo

from fastapi import Request
from sqlalchemy import text
from starlette.responses import Response

from services.registrations.certificates.codes import grouped
from services.registrations.certificates.model import CertificateRow
from shared.contracts.events import EventState
from shared.database.engine import ReadSession
from shared.typesetting.certificates import CertificateOf, certificate_pdf
from shared.typesetting.compiling import BusyError
from shared.web.problem import Problem

CHECK = "/registrations/certificates"
_PICTURE = text("SELECT profile ->> 'picture' FROM organisations WHERE id = :id")


async def picture_of(session: ReadSession, row: CertificateRow) -> bytes:
    """The logo of the organisation that issued it, as a PNG; empty where it has none."""
    found = (await session.execute(_PICTURE, {"id": row.organisation_id})).scalar_one_or_none()
    return b64decode(found + "==") if found else b""


async def printed(request: Request, row: CertificateRow, event: EventState, picture: bytes) -> Response:
    """The PDF, kept by no cache. Raises Problem 503 when too much is printed just now."""
    base: str = request.app.state.settings.registrations_url.rstrip("/")
    known = CertificateOf(
        name=row.name,
        organisation=row.organisation,
        event_title=row.event_title,
        roles=row.roles,
        minutes=row.minutes,
        shifts=row.shifts,
        first_day=row.first_day,
        last_day=row.last_day,
        issued_on=row.issued_at.astimezone(ZoneInfo(event.time_zone)).date(),
        code=grouped(row.code),
        address=f"{base}{CHECK}/{grouped(row.code)}",
        page=f"{base.partition('://')[2]}{CHECK}",
        picture=picture,
    )
    try:
        content = await certificate_pdf(known, row.language)
    except BusyError:
        raise Problem(503, headers={"retry-after": "30"}) from None
    shown = {"content-disposition": f'inline; filename="{event.code}-certificate.pdf"', "cache-control": "no-store"}
    return Response(content, media_type="application/pdf", headers=shown)
