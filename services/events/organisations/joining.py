"""The pages behind an invitation's link: look at it, and accept it."""

from typing import Any

from fastapi import APIRouter, Request, Response

from services.events.organisations.invitations import InvitationGoneError, accept
from services.events.organisations.queries import invitation_of
from services.events.organisations.wording import ROLES
from services.events.sign_in.commands import open_session
from services.events.sign_in.pages import GUESSES, SettingsDep, session_secret, set_cookies
from shared.auth.sign_in import now_of
from shared.runtime.api import DatabaseDep, FormDep, PagesDep, VaultDep
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)


@router.get("/invitations/{token}")
async def invitation_page(request: Request, token: str, database: DatabaseDep, pages: PagesDep) -> Response:
    """Who invites, what one may do then, and the button."""
    async with database.read() as session:
        found = await invitation_of(session, token, now_of(request))
    if found is None:
        return await _gone(request, pages)
    invitation, organisation = found
    context: dict[str, Any] = {"host": pick(organisation.name, pages.reader(request).language)}
    return pages.render(request, "organisations/invitation.html", personal=True, role=ROLES[invitation.role], **context)


@router.post("/invitations/{token}")
async def accept_invitation(
    request: Request,
    token: str,
    _form: FormDep,
    database: DatabaseDep,
    pages: PagesDep,
    vault: VaultDep,
    settings: SettingsDep,
) -> Response:
    """Makes the person a member, and signs them in."""
    now, language = now_of(request), pages.reader(request).language
    try:
        async with database.begin() as session:
            accepted = await accept(session, vault, token, language=language, now=now)
            secret = await open_session(
                session,
                accepted.person_id,
                replaces=session_secret(request),
                lifetime=settings.session_lifetime,
                now=now,
            )
    except InvitationGoneError:
        return await _gone(request, pages)
    answer = pages.redirect("/console")
    set_cookies(answer, settings, secret, accepted.person_id, now)
    return answer


async def _gone(request: Request, pages: PagesDep) -> Response:
    await request.app.state.limits.count_miss(request, GUESSES)
    return pages.render(request, "organisations/gone.html", 410)
