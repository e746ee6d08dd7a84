"""The way to the identity provider and back, where the installation has one."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import Counter
from pydantic import ValidationError

from services.events.organisations.members import use_language
from services.events.settings import EventsSettings
from services.events.sign_in.commands import SignedIn, open_session
from services.events.sign_in.identities import recognise
from services.events.sign_in.openid import BACK, LIFETIME, Identity, OpenId, Transaction
from services.events.sign_in.pages import AFTER_SIGN_IN, session_secret, set_cookies
from services.events.sign_in.provider import Failure, OpenIdError
from shared.auth.sign_in import now_of, safe_next
from shared.auth.tokens import read_token
from shared.database.engine import WriteSession
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, PagesDep, VaultDep
from shared.vault import SealBrokenError, Vault
from shared.web.cookies import cookie_name, forget_cookie, set_cookie
from shared.web.csrf import comes_from_elsewhere
from shared.web.limits import Limit
from shared.web.pages import Pages
from shared.web.problem import Problem

router = APIRouter(include_in_schema=False)

COOKIE = "teilhabe_openid"
TRIES = Limit("openid-client", 120, timedelta(hours=1))
_SEALED_FOR = "openid"
_TEXTS: dict[Failure, tuple[int, str, str]] = {
    Failure.AWAY: (
        503,
        N_("%(provider)s does not answer at the moment"),
        N_("Try again in a few minutes, or sign in with a link by e-mail."),
    ),
    Failure.DENIED: (
        403,
        N_("You are not signed in"),
        N_("You stopped at %(provider)s, or were not let in there. You can begin again, or use a link by e-mail."),
    ),
    Failure.LOST: (
        400,
        N_("Please begin again"),
        N_("The sign-in took too long, or you began another one in the meantime."),
    ),
    Failure.REFUSED: (
        502,
        N_("We could not check what %(provider)s told us"),
        N_("To be safe, we have not signed you in. Sign in with a link by e-mail, and tell those who run this site."),
    ),
    Failure.STRANGER: (
        403,
        N_("You do not belong to an organisation here yet"),
        N_("Ask the organisation that you work for to add you."),
    ),
    Failure.TAKEN: (
        403,
        N_("Your e-mail address belongs to another account"),
        N_("Somebody has signed in from %(provider)s with the same address before. Tell those who run this site."),
    ),
    Failure.UNVERIFIED: (
        403,
        N_("%(provider)s has not confirmed your e-mail address"),
        N_("Confirm it there, then try again. Or sign in with a link by e-mail."),
    ),
}

SIGN_INS = Counter("teilhabe_openid_sign_ins_total", "Sign-ins at the identity provider", ["outcome"])
log = structlog.get_logger("services.events.sign_in.openid")


def _openid(request: Request) -> OpenId:
    openid: OpenId | None = request.app.state.openid
    if openid is None:
        raise Problem(404)
    return openid


OpenIdDep = Annotated[OpenId, Depends(_openid)]


@router.get("/sign-in/openid")
async def begin(request: Request, openid: OpenIdDep, pages: PagesDep, vault: VaultDep, next: str = "") -> Response:  # noqa: A002 - the query's name
    """Leads to the provider. A foreign site cannot begin this: there the person finds the sign-in page first."""
    next_url = safe_next(next, pages.urls, "")
    if comes_from_elsewhere(request, pages.urls):
        return pages.redirect(f"/sign-in{_query(next_url)}")
    language = pages.reader(request).language
    try:
        url, transaction = await openid.begin(language=language, next_url=next_url, now=now_of(request))
    except OpenIdError as error:
        return _failed(request, pages, error, next_url)
    answer = pages.redirect(url)
    sealed = vault.seal(transaction, _SEALED_FOR)
    set_cookie(answer, COOKIE, sealed, secure=request.app.state.settings.secure, lifetime=LIFETIME)
    answer.headers["cache-control"] = "no-store"
    return answer


@router.get(BACK)
async def come_back(
    request: Request, openid: OpenIdDep, database: DatabaseDep, pages: PagesDep, vault: VaultDep
) -> Response:
    """Signs in whom the provider names."""
    settings: EventsSettings = request.app.state.settings
    now, next_url = now_of(request), ""
    _count(request)
    try:
        transaction = _transaction(request, vault)
        next_url = safe_next(transaction.next_url, pages.urls, "")
        identity = await openid.finish(transaction, request.query_params, now)
        async with database.begin() as session:
            signed_in = await _sign_in(request, session, identity)
        if signed_in is None:
            raise OpenIdError(Failure.STRANGER, "no organisation")  # noqa: TRY301 - the roles that were lost are stored
    except OpenIdError as error:
        if error.failure is Failure.LOST and read_token(request, settings, now):
            return pages.redirect(AFTER_SIGN_IN)
        return _failed(request, pages, error, next_url)
    SIGN_INS.labels("signed-in").inc()
    answer = pages.redirect(next_url or AFTER_SIGN_IN)
    set_cookies(answer, settings, signed_in.secret, signed_in.person_id, now)
    forget_cookie(answer, COOKIE, secure=settings.secure)
    return answer


@router.get("/sign-in/openid/left")
async def left_page(request: Request, openid: OpenIdDep, pages: PagesDep) -> Response:
    """Says to whom has signed out here that the provider may still know them, and leads there."""
    url = await openid.sign_out_url(pages.reader(request).language)
    return pages.render(request, "sign_in/openid_left.html", url=url)


def _count(request: Request) -> None:
    """One try of this client; each of them costs questions to the provider. Raises TooManyTriesError."""
    limits = request.app.state.limits
    client = limits.client(request)
    if not limits.stands_for_many(client):
        limits.count_here(TRIES, client)


def _transaction(request: Request, vault: Vault) -> Transaction:
    """What this browser began. Raises OpenIdError."""
    secure = request.app.state.settings.secure
    try:
        return vault.open(request.cookies.get(cookie_name(COOKIE, secure=secure), ""), Transaction, _SEALED_FOR)
    except (SealBrokenError, ValidationError):
        raise OpenIdError(Failure.LOST, "nothing begun") from None


async def _sign_in(request: Request, session: WriteSession, identity: Identity) -> SignedIn | None:
    settings: EventsSettings = request.app.state.settings
    vault, now = request.app.state.vault, now_of(request)
    language = request.app.state.pages.reader(request).language
    person_id = await recognise(session, vault, identity, settings.openid_roles, language=language, now=now)
    if person_id is None:
        return None
    await use_language(session, vault, person_id, language)
    lifetime, replaces = settings.session_lifetime, session_secret(request)
    secret = await open_session(session, person_id, replaces=replaces, lifetime=lifetime, now=now, at_provider=True)
    return SignedIn(secret, person_id, None)


def _query(next_url: str) -> str:
    return f"?{urlencode({'next': next_url})}" if next_url else ""


def _failed(request: Request, pages: Pages, error: OpenIdError, next_url: str) -> Response:
    """Says calmly what happened and how to go on. The log has the reason, and nothing of the person."""
    settings: EventsSettings = request.app.state.settings
    log.warning("openid_sign_in_failed", failure=error.failure.value, reason=error.reason)
    SIGN_INS.labels(error.failure.value).inc()
    status, title, explanation = _TEXTS[error.failure]
    reader = pages.reader(request)
    provider = settings.openid_name(reader.language)
    answer = pages.render(
        request,
        "sign_in/openid_failed.html",
        status,
        personal=True,
        title=reader.gettext(title, provider=provider),
        explanation=reader.gettext(explanation, provider=provider),
        query=_query(next_url),
        again=error.failure not in {Failure.STRANGER, Failure.TAKEN},
    )
    forget_cookie(answer, COOKIE, secure=settings.secure)
    return answer
