"""The console's pages of an organisation: what residents read of it, who acts for it, and invitations."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from services.events.events.fields import NO_ADDRESS, is_address
from services.events.events.form import Values
from services.events.events.wording import ORGANISATION_KINDS
from services.events.organisations import form as forms
from services.events.organisations.commands import change_profile
from services.events.organisations.drawing import NoPictureError, drawn_again
from services.events.organisations.invitations import invite, take_back
from services.events.organisations.logos import set_logo
from services.events.organisations.members import LastOwnerError, NotAMemberError, remove_member, set_role
from services.events.organisations.model import OrganisationRow
from services.events.organisations.profile import ProfileContent
from services.events.organisations.queries import (
    invitations_of,
    logo_digests,
    members_of,
    organisation_by_id,
    organisations_by_id,
)
from services.events.organisations.wording import ROLES
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of, require
from shared.contracts.notification_requests import Recipient
from shared.contracts.organisations import Role
from shared.i18n.catalogues import N_
from shared.i18n.languages import LANGUAGES, PAGE_LANGUAGES
from shared.i18n.plain import one_line
from shared.runtime.api import DatabaseDep, FormDep, PagesDep, VaultDep
from shared.web.forms import FormErrors, takes_a_file
from shared.web.limits import Limit
from shared.web.problem import Problem
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

INVITATIONS = Limit("invitations", 50, timedelta(days=1))
NO_PICTURE = N_("Choose a picture: PNG, JPEG, WebP or GIF, at most 4,000 pixels wide and high.")
NO_ROLE = N_("Choose one of the roles.")
LAST_OWNER = N_("An organisation needs an owner. Make somebody else an owner first.")
DONE = {
    "saved": N_("Saved"),
    "invited": N_("The invitation is on its way"),
    "taken-back": N_("The invitation is taken back"),
    "removed": N_("The person does not belong to the organisation any more"),
    "role": N_("The role is changed"),
}


async def own_organisation(
    database: DatabaseDep, member: Member, organisation_id: UUID, right: Right = Right.MANAGE
) -> OrganisationRow:
    """One of the member's organisations. Raises Problem: 404 for every other, 403 where the role is too small."""
    require(member.access_to(organisation_id), right)
    async with database.read() as session:
        organisation = await organisation_by_id(session, organisation_id)
    if organisation is None:
        raise Problem(404)
    return organisation


@router.get("/console/organisations")
async def my_organisations(request: Request, member: MemberDep, database: DatabaseDep) -> Response:
    """The organisations that the member acts for."""
    async with database.read() as session:
        known = await organisations_by_id(session, member.organisation_ids)
    mine = [(known[one.organisation_id], one.role) for one in member.memberships.values()]
    return _render(request, "organisations/mine.html", mine=mine)


@router.get("/console/organisations/{organisation_id}")
async def organisation_page(
    request: Request,
    organisation_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    done: str = "",
) -> Response:
    """One organisation: how residents see it, and who acts for it."""
    organisation = await own_organisation(database, member, organisation_id, Right.SEE)
    return await _show(request, member, organisation, done=DONE.get(done, ""))


async def _show(
    request: Request,
    member: Member,
    organisation: OrganisationRow,
    *,
    done: str = "",
    values: Values | None = None,
    errors: FormErrors | None = None,
) -> Response:
    state = request.app.state
    async with state.database.read() as session:
        members = await members_of(session, state.vault, organisation.id)
        invitations = await invitations_of(session, state.vault, organisation.id, now_of(request))
        logo = (await logo_digests(session, [organisation.id])).get(organisation.id)
    return _render(
        request,
        "organisations/organisation.html",
        422 if errors else 200,
        organisation=organisation,
        members=members,
        invitations=invitations,
        logo=logo,
        me=member.person_id,
        manages=member.may(Right.MANAGE, organisation.id),
        edits=member.may(Right.EDIT, organisation.id),
        done=done,
        values=values or Values({"role": Role.ORGANISER.value}),
        errors=errors or FormErrors(),
    )


@router.get("/console/organisations/{organisation_id}/edit")
async def edit_page(
    request: Request, organisation_id: UUID, member: MemberDep, database: DatabaseDep, add: str = ""
) -> Response:
    """The form of what residents read; `add` opens a block for one more language."""
    organisation = await own_organisation(database, member, organisation_id)
    values = forms.shown(ProfileContent.of(organisation))
    if add in LANGUAGES and add not in values.languages:
        values.languages.append(add)
    return _form_page(request, organisation, values, FormErrors())


@router.post("/console/organisations/{organisation_id}/edit")
async def edit(
    request: Request,
    organisation_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    form: FormDep,
) -> Response:
    """Saves the form, or shows it again with what is wrong."""
    organisation = await own_organisation(database, member, organisation_id)
    values = forms.typed(form)
    if values.get("more"):
        if (added := values.get("add_language")) in LANGUAGES and added not in values.languages:
            values.languages.append(added)
        return _form_page(request, organisation, values, FormErrors())
    content, errors = forms.read(values, pages.reader(request))
    if content is None:
        return _form_page(request, organisation, values, errors)
    async with database.begin() as session:
        await change_profile(session, member, organisation_id, content)
    return pages.redirect(f"/console/organisations/{organisation_id}?done=saved")


def _form_page(request: Request, organisation: OrganisationRow, values: Values, errors: FormErrors) -> Response:
    unused = [code for code in LANGUAGES if code not in values.languages]
    return _render(
        request,
        "organisations/form.html",
        422 if errors else 200,
        organisation=organisation,
        values=values,
        errors=errors,
        unused=unused,
        languages=list(LANGUAGES),
    )


@router.post("/console/organisations/{organisation_id}/logo", dependencies=[Depends(takes_a_file)])
async def change_logo(
    request: Request,
    organisation_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    form: FormDep,
) -> Response:
    """Takes a picture, or the one that there is away."""
    organisation = await own_organisation(database, member, organisation_id)
    sent, errors = form.get("logo"), FormErrors()
    removes = form.get("remove") == "yes"
    content = await sent.read() if isinstance(sent, UploadFile) else b""
    try:
        picture = None if removes else await run_in_threadpool(drawn_again, content)
    except NoPictureError:
        errors.add("logo", pages.reader(request).gettext(NO_PICTURE))
        return await _show(request, member, organisation, errors=errors)
    async with database.begin() as session:
        await set_logo(session, member, organisation_id, picture)
    return pages.redirect(f"/console/organisations/{organisation_id}?done=saved")


@router.post("/console/organisations/{organisation_id}/invitations")
async def send_invitation(
    request: Request,
    organisation_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    vault: VaultDep,
    form: FormDep,
) -> Response:
    """Invites an address, or says what is wrong with what was typed."""
    organisation = await own_organisation(database, member, organisation_id)
    values, reader = forms.typed(form), pages.reader(request)
    address, errors = one_line(values.get("email")), FormErrors()
    if not is_address(address):
        errors.add("email", reader.gettext(NO_ADDRESS))
    if values.get("role") not in ROLES:
        errors.add("role", reader.gettext(NO_ROLE))
    language = values.get("mail_language") if values.get("mail_language") in PAGE_LANGUAGES else reader.language
    if errors:
        return await _show(request, member, organisation, values=values, errors=errors)
    now, limits = now_of(request), request.app.state.limits
    async with database.begin() as session:
        await limits.count(session, now, (INVITATIONS, str(organisation_id)))
        recipient = Recipient(language=language, email=address)
        role, lifetime = Role(values.get("role")), request.app.state.settings.invitation_lifetime
        await invite(session, vault, member, organisation_id, recipient, role, lifetime=lifetime, now=now)
    return pages.redirect(f"/console/organisations/{organisation_id}?done=invited")


@router.post("/console/organisations/{organisation_id}/invitations/{invitation_id}/take-back")
async def take_invitation_back(
    organisation_id: UUID,
    invitation_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    _form: FormDep,
) -> Response:
    """The invitation's link leads nowhere any more."""
    await own_organisation(database, member, organisation_id)
    async with database.begin() as session:
        await take_back(session, member, organisation_id, invitation_id)
    return pages.redirect(f"/console/organisations/{organisation_id}?done=taken-back")


@router.post("/console/organisations/{organisation_id}/members/{person_id}/role")
async def change_role(
    request: Request,
    organisation_id: UUID,
    person_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    vault: VaultDep,
    form: FormDep,
) -> Response:
    """Gives a member another role."""
    organisation = await own_organisation(database, member, organisation_id)
    async with database.read() as session:
        known = {one.person_id for one in await members_of(session, vault, organisation_id)}
    role, errors = str(form.get("role", "")), FormErrors()
    if person_id not in known:
        raise Problem(404)
    if role not in ROLES:
        errors.add("", pages.reader(request).gettext(NO_ROLE))
        return await _show(request, member, organisation, errors=errors)
    try:
        async with database.begin() as session:
            await set_role(session, organisation_id, person_id, Role(role), by=member.person_id)
    except LastOwnerError:
        errors.add("", pages.reader(request).gettext(LAST_OWNER))
        return await _show(request, member, organisation, errors=errors)
    return pages.redirect(f"/console/organisations/{organisation_id}?done=role")


@router.get("/console/organisations/{organisation_id}/members/{person_id}/remove")
async def remove_page(
    request: Request, organisation_id: UUID, person_id: UUID, member: MemberDep, database: DatabaseDep, vault: VaultDep
) -> Response:
    """Asks once before somebody loses access; a member who leaves is asked the same."""
    organisation = await _removable(database, member, organisation_id, person_id)
    async with database.read() as session:
        leaving = [one for one in await members_of(session, vault, organisation_id) if one.person_id == person_id]
    if not leaving:
        raise Problem(404)
    is_me = person_id == member.person_id
    return _render(request, "organisations/remove.html", organisation=organisation, leaving=leaving[0], is_me=is_me)


@router.post("/console/organisations/{organisation_id}/members/{person_id}/remove")
async def remove(
    request: Request,
    organisation_id: UUID,
    person_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    _form: FormDep,
) -> Response:
    """Ends somebody's access, in all three services."""
    organisation = await _removable(database, member, organisation_id, person_id)
    try:
        async with database.begin() as session:
            await remove_member(session, organisation_id, person_id, by=member.person_id)
    except NotAMemberError:
        raise Problem(404) from None
    except LastOwnerError:
        errors = FormErrors()
        errors.add("", pages.reader(request).gettext(LAST_OWNER))
        return await _show(request, member, organisation, errors=errors)
    if person_id == member.person_id:
        return pages.redirect("/events")
    return pages.redirect(f"/console/organisations/{organisation_id}?done=removed")


async def _removable(database: DatabaseDep, member: Member, organisation_id: UUID, person_id: UUID) -> OrganisationRow:
    """Owners remove members, and everybody may leave."""
    right = Right.SEE if person_id == member.person_id else Right.MANAGE
    return await own_organisation(database, member, organisation_id, right)


def _render(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    pages = request.app.state.pages
    reader = pages.reader(request)
    words = {"kinds": ORGANISATION_KINDS, "roles": ROLES, "page_language_codes": PAGE_LANGUAGES}
    shown = {"pick": lambda texts: pick(texts, reader.language), "now": now_of(request)}
    answer: Response = pages.render(request, template, status, personal=True, **words, **shown, **context)
    return answer
