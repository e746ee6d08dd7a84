"""The host's page of certificates: who has earned one, issuing, printing, replacing and revoking them."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from services.registrations.certificates.codes import grouped
from services.registrations.certificates.commands import DiffersError, Issuer, issue_all
from services.registrations.certificates.model import LONGEST_NAME, LONGEST_REASON, CertificateRow
from services.registrations.certificates.paper import picture_of, printed
from services.registrations.certificates.queries import (
    Content,
    Standing,
    Volunteer,
    volunteer_of,
    volunteers_of,
)
from services.registrations.certificates.wording import BADGES, NO_NAME, NO_REASON, STANDINGS, TOO_LONG
from services.registrations.events.access import hosted_event
from services.registrations.events.queries import Offer
from services.registrations.registrations.console import about_list
from shared.auth.members import Member
from shared.auth.rights import Access, Right
from shared.auth.sign_in import MemberDep, now_of, require
from shared.database.engine import ReadSession
from shared.i18n.folding import fold
from shared.i18n.formats import format_days, format_duration, format_number, language_name
from shared.i18n.plain import one_line
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors
from shared.web.reader import Reader
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

CERTIFICATES = "/registrations/console/events/{event_id}/certificates"
ONE = CERTIFICATES + "/{registration_id}"


async def _host(session: ReadSession, member: Member, event_id: UUID) -> tuple[Offer, Access]:
    """Raises Problem: 404 for whoever is not the host, 403 where the role is too small."""
    offer = await hosted_event(session, member, event_id, Right.EDIT)
    return offer, require(member.access_to(offer.event.organisation_id), Right.EDIT)


async def _one(
    session: ReadSession, member: Member, event_id: UUID, registration_id: UUID
) -> tuple[Offer, Access, Volunteer | None]:
    offer, access = await _host(session, member, event_id)
    return offer, access, await volunteer_of(session, offer.event, registration_id)


def _around(request: Request, offer: Offer, access: Access) -> dict[str, Any]:
    return about_list(request, offer, access) | {
        "here": CERTIFICATES.format(event_id=offer.event.id),
        "grouped": grouped,
        "standings": STANDINGS,
        "standing_badges": BADGES,
        "errors": FormErrors(),
        "done": "",
        "count": 0,
    }


def _field(registration_id: UUID) -> str:
    """The field of a person's name."""
    return f"name-{registration_id}"


async def _list(
    request: Request, session: ReadSession, offer: Offer, access: Access, status: int = 200, **more: Any
) -> Response:
    """The page; `more` is what is new or wrong, and `typed` what was typed."""
    volunteers = await volunteers_of(session, offer.event)
    values = {_field(one.registration_id): one.name for one in volunteers} | more.pop("typed", {})
    ready = [one for one in volunteers if one.standing is Standing.NONE and one.name]
    context = _around(request, offer, access) | {"volunteers": volunteers, "ready": len(ready), "values": values} | more
    rendered: Response = request.app.state.pages.render(
        request, "certificates/console.html", status, personal=True, **context
    )
    return rendered


@router.get(CERTIFICATES)
async def list_page(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, done: str = "", count: int = 0
) -> Response:
    """Everybody whose hours were signed off, and how things stand with their certificates."""
    async with database.read() as session:
        offer, access = await _host(session, member, event_id)
        return await _list(request, session, offer, access, done=done, count=max(0, min(count, 10_000)))


@router.post(CERTIFICATES)
async def issue_for_all(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, _form: FormDep
) -> Response:
    """A first certificate for everybody who gave a name."""
    async with database.read() as session:
        offer, _ = await _host(session, member, event_id)
        volunteers = await volunteers_of(session, offer.event)
    earned = [one.earned for one in volunteers if one.earned and one.standing is Standing.NONE]
    vault = request.app.state.vault
    issued = await issue_all(database, vault, member.person_id, offer.event, earned, now_of(request))
    return pages.redirect(f"{CERTIFICATES.format(event_id=event_id)}?done=all&count={issued}")


@router.post(ONE)
async def issue(
    request: Request,
    event_id: UUID,
    registration_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    form: FormDep,
) -> Response:
    """Issue a person's certificate; where another one is good, ask once whether it is to be replaced."""
    typed = str(form.get(_field(registration_id), ""))
    name, replaces = one_line(typed), _known_id(form, "replaces")
    async with database.read() as session:
        offer, access, volunteer = await _one(session, member, event_id, registration_id)
        if volunteer is None or volunteer.earned is None:
            return pages.redirect(CERTIFICATES.format(event_id=event_id))
        wrong = _wrong(pages.reader(request), name, LONGEST_NAME, NO_NAME)
        if wrong:
            errors, field = FormErrors(), _field(volunteer.registration_id)
            errors.add(field, wrong)
            return await _list(request, session, offer, access, 422, errors=errors, typed={field: typed})
    try:
        async with database.begin() as session:
            issuer = Issuer(session, request.app.state.vault, member.person_id, offer.event, now_of(request))
            await issuer.issue(volunteer.earned, name, replaces)
    except DiffersError as error:
        context = _around(request, offer, access) | {"volunteer": volunteer, "name": name}
        context |= {"field": _field(registration_id), "send_to": _path(event_id, registration_id)}
        context["replaces"] = error.certificate_id
        context["rows"] = _compared(pages.reader(request), error.content, volunteer.earned.content(name))
        return pages.render(request, "certificates/replace.html", personal=True, **context)
    done = "replaced" if replaces else "issued"
    return pages.redirect(f"{CERTIFICATES.format(event_id=event_id)}?done={done}")


def _path(event_id: UUID, registration_id: UUID) -> str:
    return ONE.format(event_id=event_id, registration_id=registration_id)


def _known_id(form: FormData, name: str) -> UUID | None:
    try:
        return UUID(str(form.get(name, "")))
    except ValueError:
        return None


def _wrong(reader: Reader, typed: str, longest: int, missing: str) -> str:
    """Why a text cannot be taken; a name has to have a letter in it, or nobody could check it."""
    if not fold(typed):
        return reader.gettext(missing)
    return reader.gettext(TOO_LONG, max_length=longest) if len(typed) > longest else ""


def _compared(reader: Reader, before: Content, after: Content) -> list[tuple[str, str, str]]:
    """What the paper says that is out and what the new one would say, line by line as far as they differ."""
    _, language = reader.gettext, reader.language

    def said(content: Content) -> list[str]:
        roles = [pick(role, language).text for role in content.roles]
        return [
            content.name,
            format_duration(content.minutes, language),
            format_number(content.shifts, language),
            format_days(content.first_day, content.last_day, language),
            ", ".join(roles) or "–",
            language_name(content.language, language),
        ]

    labels = [_("Name"), _("Hours"), _("Shifts"), _("Period"), _("Tasks"), _("Language")]
    lines = list(zip(labels, said(before), said(after), strict=True))
    return [line for line in lines if line[1] != line[2]] or lines


@router.get(ONE + "/certificate.pdf")
async def paper(
    request: Request, event_id: UUID, registration_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """The certificate that is good, to print; without one it leads to the list."""
    async with database.read() as session:
        offer, _, volunteer = await _one(session, member, event_id, registration_id)
        certificate = _good(volunteer)
        picture = await picture_of(session, certificate) if certificate else b""
    if certificate is None:
        return pages.redirect(CERTIFICATES.format(event_id=event_id))
    return await printed(request, certificate, offer.event, picture)


def _good(volunteer: Volunteer | None) -> CertificateRow | None:
    """The person's certificate, unless it was revoked."""
    certificate = volunteer.certificate if volunteer else None
    return certificate if certificate and not certificate.revoked_at else None


@router.get(ONE + "/revoke")
async def revoke_page(
    request: Request, event_id: UUID, registration_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """Ask once, and for the reason."""
    async with database.read() as session:
        offer, access, volunteer = await _one(session, member, event_id, registration_id)
    certificate = _good(volunteer)
    if certificate is None:
        return pages.redirect(CERTIFICATES.format(event_id=event_id))
    return _ask(request, offer, access, certificate, registration_id)


def _ask(
    request: Request, offer: Offer, access: Access, certificate: CertificateRow, registration_id: UUID, **more: Any
) -> Response:
    context = _around(request, offer, access) | {"certificate": certificate, "values": {}} | more
    context["send_to"] = _path(offer.event.id, registration_id) + "/revoke"
    status = 422 if context["errors"] else 200
    rendered: Response = request.app.state.pages.render(
        request, "certificates/revoke.html", status, personal=True, **context
    )
    return rendered


@router.post(ONE + "/revoke")
async def revoke(
    request: Request,
    event_id: UUID,
    registration_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    form: FormDep,
) -> Response:
    """Let the certificate that was asked about be good no more."""
    typed = str(form.get("reason", ""))
    reason, meant = one_line(typed), _known_id(form, "certificate")
    async with database.read() as session:
        offer, access, volunteer = await _one(session, member, event_id, registration_id)
    certificate = _good(volunteer)
    if certificate is None or certificate.id != meant:
        return pages.redirect(CERTIFICATES.format(event_id=event_id))
    if wrong := _wrong(pages.reader(request), reason, LONGEST_REASON, NO_REASON):
        errors = FormErrors()
        errors.add("reason", wrong)
        return _ask(request, offer, access, certificate, registration_id, errors=errors, values={"reason": typed})
    async with database.begin() as session:
        issuer = Issuer(session, request.app.state.vault, member.person_id, offer.event, now_of(request))
        await issuer.revoke(certificate.id, reason)
    return pages.redirect(f"{CERTIFICATES.format(event_id=event_id)}?done=revoked")
