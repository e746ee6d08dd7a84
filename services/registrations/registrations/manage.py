"""The person's own page, behind the secret link: see it, answer, change the party, cancel."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.registrations import commands, wishes
from services.registrations.registrations.queries import Own, by_token
from shared.contracts.registrations import EndedBy
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors
from shared.web.problem import Problem
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)

NO_LINK = N_("This link leads nowhere")
NO_LINK_TEXT = N_("Copy the whole link from our message, or text STATUS to us to hear where you stand.")


async def own_registration(request: Request, token: str) -> Own:
    """What the link leads to. Raises Problem 404."""
    async with request.app.state.database.read() as session:
        own = await by_token(session, token)
    if own is None:
        _ = request.app.state.pages.reader(request).gettext
        raise Problem(404, "link-unknown", _(NO_LINK), _(NO_LINK_TEXT))
    return own


def _page(
    request: Request, pages: PagesDep, own: Own, token: str, template: str, status: int = 200, **more: Any
) -> Response:
    title = pick(own.event.title, pages.reader(request).language)
    return pages.render(
        request,
        template,
        status,
        personal=True,
        own=own,
        event=own.event,
        registration=own.registration,
        title=title,
        token=token,
        settings=request.app.state.settings,
        **more,
    )


@router.get("/r/{token}")
async def own_page(request: Request, token: str, pages: PagesDep, new: bool = False) -> Response:  # noqa: FBT001, FBT002
    """Where the registration stands, and the one next step."""
    own = await own_registration(request, token)
    values = {"party_size": str(own.registration.party_size)}
    return _page(request, pages, own, token, "own.html", new=new, values=values)


@router.get("/r/{token}/cancel")
async def cancel_page(request: Request, token: str, pages: PagesDep) -> Response:
    """Ask once before the place is given away."""
    return _page(request, pages, await own_registration(request, token), token, "cancel.html")


@router.post("/r/{token}/cancel")
async def cancel(
    request: Request,
    token: str,
    pages: PagesDep,
    database: DatabaseDep,
    _form: FormDep,
) -> Response:
    """Give the place back."""
    own = await own_registration(request, token)
    state = request.app.state
    async with database.begin() as session:
        await commands.cancel(session, state.vault, state.rules, own.registration.id, EndedBy.PERSON, datetime.now(UTC))
    return pages.redirect(f"/r/{token}")


@router.post("/r/{token}/accept")
async def accept(
    request: Request,
    token: str,
    pages: PagesDep,
    database: DatabaseDep,
    _form: FormDep,
) -> Response:
    """Take the offered place; where nothing is open any more the page says where things stand."""
    own = await own_registration(request, token)
    state = request.app.state
    try:
        async with database.begin() as session:
            await commands.accept(session, state.vault, state.rules, own.registration.id, datetime.now(UTC))
    except commands.NothingToAnswerError:
        return pages.redirect(f"/r/{token}")
    return pages.redirect(f"/r/{token}?new=1")


@router.post("/r/{token}/party")
async def change_party(
    request: Request,
    token: str,
    pages: PagesDep,
    database: DatabaseDep,
    form: FormDep,
) -> Response:
    """Change how many come; what does not fit is said, and nothing is lost."""
    own = await own_registration(request, token)
    state, reader = request.app.state, pages.reader(request)
    typed = str(form.get("party_size", "")).strip()
    errors = FormErrors()
    try:
        size = wishes.party_size(typed)
        async with database.begin() as session:
            await commands.change_party(session, state.vault, state.rules, own.registration.id, size, datetime.now(UTC))
    except ValueError:
        errors.add("party_size", reader.gettext(wishes.BAD_PARTY))
    except commands.PartyTooLargeError as error:
        errors.add("party_size", reader.gettext(N_("At most %(largest)s people fit."), largest=error.largest))
    except commands.RegistrationEndedError:
        return pages.redirect(f"/r/{token}")
    if errors:
        return _page(
            request, pages, own, token, "own.html", 422, new=False, errors=errors, values={"party_size": typed}
        )
    return pages.redirect(f"/r/{token}")
