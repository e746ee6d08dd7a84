"""The pages of the sign-in, and the two cookies that it sets."""

import math
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData

from services.events.events.fields import is_address
from services.events.organisations.members import address_hash
from services.events.settings import EventsSettings
from services.events.sign_in.commands import (
    LinkNotGoodError,
    ask_for_link,
    end_session,
    renew_session,
    sign_in,
)
from services.events.sign_in.queries import link_is_good
from shared.auth.sign_in import now_of, safe_next
from shared.auth.tokens import TOKEN_COOKIE, TOKEN_LIFETIME, read_token, sign_token
from shared.database.engine import WriteSession
from shared.i18n.catalogues import N_
from shared.i18n.plain import one_line
from shared.runtime.api import DatabaseDep, FormDep, PagesDep, VaultDep
from shared.web.cookies import cookie_name, forget_cookie, set_cookie
from shared.web.forms import FormErrors
from shared.web.limits import Limit, TooManyTriesError
from shared.web.pages import Pages

router = APIRouter(include_in_schema=False)

SESSION_COOKIE = "teilhabe_session"
GUESSES = Limit("sign-in-guesses", 60, timedelta(hours=1))
AFTER_SIGN_IN = "/console"
_NOT_AN_ADDRESS = N_("Write your e-mail address, for example office@example.org.")
_TOO_MANY = N_("You have asked for many links in a short time. Please wait %(minutes)s minutes, then try again.")


def _settings(request: Request) -> EventsSettings:
    settings: EventsSettings = request.app.state.settings
    return settings


SettingsDep = Annotated[EventsSettings, Depends(_settings)]


@router.get("/sign-in")
async def sign_in_page(request: Request, pages: PagesDep, settings: SettingsDep, next: str = "") -> Response:  # noqa: A002 - the query's name
    """Asks for the address; who is signed in goes on."""
    if read_token(request, settings, now_of(request)):
        return pages.redirect(safe_next(next, pages.urls, AFTER_SIGN_IN))
    return pages.render(request, "sign_in/sign_in.html", values={"next": safe_next(next, pages.urls, "")})


@router.post("/sign-in")
async def ask(request: Request, form: FormDep, database: DatabaseDep, pages: PagesDep, vault: VaultDep) -> Response:
    """Takes the wish for a link; the answer is the same for every address."""
    address = one_line(str(form.get("email", "")))
    if not is_address(address):
        return _asked_wrongly(request, form, _NOT_AN_ADDRESS, 422)
    hashed, now = address_hash(vault, address), now_of(request)
    next_url = safe_next(str(form.get("next", "")), pages.urls, "") or None
    try:
        async with database.begin() as session:
            await _count(request, session, hashed, now)
            await ask_for_link(session, address_hash=hashed, next_url=next_url, now=now)
    except TooManyTriesError as error:
        answer = _asked_wrongly(request, form, _TOO_MANY, 429, minutes=max(2, math.ceil(error.seconds / 60)))
        answer.headers.update(error.headers or {})
        return answer
    return pages.redirect("/sign-in/sent")


async def _count(request: Request, session: WriteSession, hashed: bytes, now: datetime) -> None:
    """One wish of this client, and one for this address. Raises TooManyTriesError."""
    limits, settings = request.app.state.limits, _settings(request)
    per_address = Limit("sign-in-address", settings.sign_ins_per_address, settings.sign_in_window)
    per_client = Limit("sign-in-client", settings.sign_ins_per_client, settings.sign_in_window)
    await limits.count(session, now, (per_address, hashed.hex()), (per_client, limits.client(request)))


def _asked_wrongly(request: Request, form: FormData, message: str, status: int, **values: int) -> Response:
    pages = request.app.state.pages
    errors = FormErrors()
    errors.add("email", pages.reader(request).gettext(message, **values))
    answer: Response = pages.render(request, "sign_in/sign_in.html", status, personal=True, values=form, errors=errors)
    return answer


@router.get("/sign-in/sent")
async def sent_page(request: Request, pages: PagesDep, settings: SettingsDep) -> Response:
    """Says that a link is on its way, if the address is a member's."""
    minutes = int(settings.link_lifetime.total_seconds() // 60)
    return pages.render(request, "sign_in/sent.html", minutes=minutes)


@router.api_route("/sign-in/renew", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def renew(
    request: Request,
    database: DatabaseDep,
    pages: PagesDep,
    settings: SettingsDep,
    next: str = "",  # noqa: A002 - the query's name
) -> Response:
    """Gives a browser whose session lives a new token and sends it back, with its form; others may sign in."""
    target = safe_next(next, pages.urls, AFTER_SIGN_IN)
    now = now_of(request)
    async with database.begin() as session:
        person_id = await renew_session(
            session,
            session_secret(request),
            lifetime=settings.session_lifetime,
            longest=settings.session_longest,
            longest_at_provider=settings.openid_session_longest,
            now=now,
        )
    if person_id is None:
        answer: Response = pages.redirect(f"{pages.urls.events}/sign-in?{urlencode({'next': target})}")
        forget_cookies(answer, settings)
        return answer
    answer = pages.redirect(target)
    answer.status_code = 303 if request.method == "GET" else 307
    set_cookies(answer, settings, session_secret(request), person_id, now)
    return answer


@router.get("/sign-in/{token}")
async def link_page(
    request: Request, token: str, database: DatabaseDep, pages: PagesDep, settings: SettingsDep
) -> Response:
    """Shows the one button that signs in."""
    async with database.read() as session:
        good = await link_is_good(session, token, now_of(request))
    if not good:
        return await _gone(request, pages, settings)
    return pages.render(request, "sign_in/link.html", personal=True)


@router.post("/sign-in/{token}")
async def use_link(
    request: Request,
    token: str,
    _form: FormDep,
    database: DatabaseDep,
    pages: PagesDep,
    vault: VaultDep,
    settings: SettingsDep,
) -> Response:
    """Signs in."""
    now = now_of(request)
    try:
        async with database.begin() as session:
            signed_in = await sign_in(
                session,
                vault,
                token,
                replaces=session_secret(request),
                language=pages.reader(request).language,
                lifetime=settings.session_lifetime,
                now=now,
            )
    except LinkNotGoodError:
        return await _gone(request, pages, settings)
    answer = pages.redirect(safe_next(signed_in.next_url, pages.urls, AFTER_SIGN_IN))
    set_cookies(answer, settings, signed_in.secret, signed_in.person_id, now)
    return answer


@router.post("/sign-out")
async def sign_out(
    request: Request, _form: FormDep, database: DatabaseDep, pages: PagesDep, settings: SettingsDep
) -> Response:
    """Ends the session, and has the browser drop what it kept of it."""
    async with database.begin() as session:
        at_provider = await end_session(session, session_secret(request))
    answer = pages.redirect("/sign-in/openid/left" if at_provider and settings.openid else "/events")
    forget_cookies(answer, settings)
    answer.headers["clear-site-data"] = '"cache", "storage"'
    return answer


async def _gone(request: Request, pages: Pages, settings: EventsSettings) -> Response:
    await request.app.state.limits.count_miss(request, GUESSES)
    minutes = int(settings.link_lifetime.total_seconds() // 60)
    return pages.render(request, "sign_in/gone.html", 410, minutes=minutes)


def session_secret(request: Request) -> str:
    """The secret of the browser's session; empty where it has none."""
    secure = _settings(request).secure
    return request.cookies.get(cookie_name(SESSION_COOKIE, secure=secure), "")


def set_cookies(answer: Response, settings: EventsSettings, secret: str, person_id: UUID, now: datetime) -> None:
    """The session, and the token that the three services check."""
    token = sign_token(person_id, settings.token_private_key.get_secret_value(), now)
    set_cookie(answer, SESSION_COOKIE, secret, secure=settings.secure, lifetime=settings.session_lifetime)
    set_cookie(answer, TOKEN_COOKIE, token, secure=settings.secure, lifetime=TOKEN_LIFETIME)
    answer.headers["cache-control"] = "no-store"


def forget_cookies(answer: Response, settings: EventsSettings) -> None:
    """Take both cookies back."""
    for name in (SESSION_COOKIE, TOKEN_COOKIE):
        forget_cookie(answer, name, secure=settings.secure)
    answer.headers["cache-control"] = "no-store"
