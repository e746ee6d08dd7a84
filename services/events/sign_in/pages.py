"""The pages of the sign-in, and the two cookies that it sets."""

import re
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData

from services.events.organisations.commands import address_hash
from services.events.settings import EventsSettings
from services.events.sign_in.commands import (
    Limits,
    LinkNotGoodError,
    ask_for_link,
    end_session,
    renew_session,
    sign_in,
)
from services.events.sign_in.queries import link_is_good
from shared.auth.sign_in import now_of, safe_next
from shared.auth.tokens import TOKEN_COOKIE, TOKEN_LIFETIME, read_token, sign_token
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, PagesDep, VaultDep
from shared.web.forms import FormErrors, checked_form
from shared.web.pages import Pages

router = APIRouter(include_in_schema=False)

SESSION_COOKIE = "teilhabe_session"
AFTER_SIGN_IN = "/console"
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,63}")
_NOT_AN_ADDRESS = N_("Write your e-mail address, for example office@example.org.")
_TOO_MANY = N_("You have asked for many links in a short time. Please wait %(minutes)s minutes, then try again.")

CheckedForm = Annotated[FormData, Depends(checked_form)]


def _settings(request: Request) -> EventsSettings:
    settings: EventsSettings = request.app.state.settings
    return settings


SettingsDep = Annotated[EventsSettings, Depends(_settings)]


def client_address(request: Request, trusted_proxies: int) -> str:
    """Whom the request comes from, as the outermost proxy that we trust saw it."""
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if trusted_proxies and len(forwarded) >= trusted_proxies:
        return forwarded[-trusted_proxies]
    return request.client.host if request.client else ""


@router.get("/sign-in")
async def sign_in_page(request: Request, pages: PagesDep, settings: SettingsDep, next: str = "") -> Response:  # noqa: A002 - the query's name
    """Asks for the address; who is signed in goes on."""
    if read_token(request, settings, now_of(request)):
        return pages.redirect(safe_next(next, pages.urls, AFTER_SIGN_IN))
    return pages.render(request, "sign_in/sign_in.html", values={"next": safe_next(next, pages.urls, "")})


@router.post("/sign-in")
async def ask(
    request: Request, form: CheckedForm, database: DatabaseDep, pages: PagesDep, vault: VaultDep, settings: SettingsDep
) -> Response:
    """Takes the wish for a link; the answer is the same for every address."""
    address = str(form.get("email", "")).strip()
    if not _ADDRESS.fullmatch(address):
        return _asked_wrongly(request, form, _NOT_AN_ADDRESS, 422)
    limits = Limits(settings.sign_in_window, settings.sign_ins_per_address, settings.sign_ins_per_client)
    async with database.begin() as session:
        taken = await ask_for_link(
            session,
            address_hash=address_hash(vault, address),
            client_hash=vault.keyed_hash(client_address(request, settings.trusted_proxies), "client"),
            next_url=safe_next(str(form.get("next", "")), pages.urls, "") or None,
            language=pages.reader(request).language,
            limits=limits,
            now=now_of(request),
        )
    return pages.redirect("/sign-in/sent") if taken else _asked_wrongly(request, form, _TOO_MANY, 429)


def _asked_wrongly(request: Request, form: FormData, message: str, status: int) -> Response:
    pages, settings = request.app.state.pages, _settings(request)
    minutes = int(settings.sign_in_window.total_seconds() // 60)
    errors = FormErrors()
    errors.add("email", pages.reader(request).gettext(message, minutes=minutes))
    answer: Response = pages.render(request, "sign_in/sign_in.html", status, personal=True, values=form, errors=errors)
    if status == 429:
        answer.headers["retry-after"] = str(minutes * 60)
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
        person_id = await renew_session(session, request.cookies.get(SESSION_COOKIE), settings.session_lifetime, now)
    if person_id is None:
        answer: Response = pages.redirect(f"{pages.urls.events}/sign-in?{urlencode({'next': target})}")
        forget_cookies(answer)
        return answer
    answer = pages.redirect(target)
    answer.status_code = 303 if request.method == "GET" else 307
    set_cookies(answer, settings, request.cookies[SESSION_COOKIE], person_id, now)
    return answer


@router.get("/sign-in/{token}")
async def link_page(
    request: Request, token: str, database: DatabaseDep, pages: PagesDep, settings: SettingsDep
) -> Response:
    """Shows the one button that signs in."""
    async with database.read() as session:
        good = await link_is_good(session, token, now_of(request))
    if not good:
        return _gone(request, pages, settings)
    return pages.render(request, "sign_in/link.html", personal=True)


@router.post("/sign-in/{token}")
async def use_link(
    request: Request,
    token: str,
    _form: CheckedForm,
    database: DatabaseDep,
    pages: PagesDep,
    vault: VaultDep,
    settings: SettingsDep,
) -> Response:
    """Signs in."""
    now, lifetime = now_of(request), settings.session_lifetime
    replaces = request.cookies.get(SESSION_COOKIE)
    try:
        async with database.begin() as session:
            signed_in = await sign_in(session, vault, token, replaces=replaces, lifetime=lifetime, now=now)
    except LinkNotGoodError:
        return _gone(request, pages, settings)
    answer = pages.redirect(safe_next(signed_in.next_url, pages.urls, AFTER_SIGN_IN))
    set_cookies(answer, settings, signed_in.secret, signed_in.person_id, now)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, _form: CheckedForm, database: DatabaseDep, pages: PagesDep) -> Response:
    """Ends the session."""
    async with database.begin() as session:
        await end_session(session, request.cookies.get(SESSION_COOKIE))
    answer = pages.redirect("/events")
    forget_cookies(answer)
    return answer


def _gone(request: Request, pages: Pages, settings: EventsSettings) -> Response:
    minutes = int(settings.link_lifetime.total_seconds() // 60)
    return pages.render(request, "sign_in/gone.html", 410, minutes=minutes)


def set_cookies(answer: Response, settings: EventsSettings, secret: str, person_id: UUID, now: datetime) -> None:
    """The session, and the token that the three services check."""
    token = sign_token(person_id, settings.token_private_key.get_secret_value(), now)
    secure = settings.events_url.startswith("https://")
    for name, value, lifetime in (
        (SESSION_COOKIE, secret, settings.session_lifetime),
        (TOKEN_COOKIE, token, TOKEN_LIFETIME),
    ):
        age = int(lifetime.total_seconds())
        answer.set_cookie(name, value, max_age=age, httponly=True, samesite="lax", secure=secure, path="/")
    answer.headers["cache-control"] = "no-store"


def forget_cookies(answer: Response) -> None:
    """Take both cookies back."""
    for name in (SESSION_COOKIE, TOKEN_COOKIE):
        answer.delete_cookie(name, path="/", httponly=True, samesite="lax")
    answer.headers["cache-control"] = "no-store"
