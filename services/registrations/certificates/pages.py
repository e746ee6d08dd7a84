"""The page on which anybody checks a certificate, and the person's own copy."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.certificates.codes import grouped, read_code
from services.registrations.certificates.model import LONGEST_NAME
from services.registrations.certificates.paper import CHECK, picture_of, printed
from services.registrations.certificates.queries import Verdict, behind_link, verdict
from services.registrations.certificates.wording import NO_CODE, NO_HOURS, NO_NAME_TO_CHECK, VERDICTS
from services.registrations.registrations.manage import own_registration
from shared.i18n.folding import fold
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors
from shared.web.limits import Limit, Limits, TooManyTriesError
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.problems import TEXTS
from shared.web.reader import Reader

router = APIRouter(include_in_schema=False)

CHECKS: Final = Limit("certificate-checks", 60, timedelta(hours=1))
FIELDS: Final = ("code", "name", "hours", "minutes")
_MOST_DIGITS: Final = 5


class Typed(NamedTuple):
    """What somebody reads off a paper; `code` is None where it cannot be one."""

    code: str | None
    name: str
    minutes: int


@router.get(CHECK)
async def check_page(request: Request, pages: PagesDep) -> Response:
    """The form."""
    return _page(request, pages, {}, FormErrors())


@router.get(CHECK + "/{code}")
async def check_page_of_code(request: Request, code: str, pages: PagesDep) -> Response:
    """The same with the code of a paper whose QR code was read; whether there is such a code, it does not say."""
    known = read_code(code)
    return _page(request, pages, {"code": grouped(known)} if known else {}, FormErrors())


@router.post(CHECK)
async def check(request: Request, database: DatabaseDep, pages: PagesDep, form: FormDep) -> Response:
    """Say whether a certificate with just this code, name and hours is good, and nothing more; each try counts."""
    values = {name: str(form.get(name, "")) for name in FIELDS}
    typed, errors = _read(values, pages.reader(request))
    if typed is None:
        return _page(request, pages, values, errors)
    limits: Limits = request.app.state.limits
    try:
        async with database.begin() as session:
            await limits.count(session, datetime.now(UTC), (CHECKS, limits.client(request)))
            found = await verdict(session, *typed)
    except TooManyTriesError as error:
        errors.add("", pages.reader(request).gettext(TEXTS[429][1]))
        answer = _page(request, pages, values, errors)
        answer.status_code = error.status_code
        answer.headers.update(error.headers or {})
        return answer
    return _page(request, pages, values, errors, found)


def _page(
    request: Request, pages: Pages, values: Mapping[str, str], errors: FormErrors, found: Verdict | None = None
) -> Response:
    said = VERDICTS[found] if found else None
    status = 422 if errors else 200
    context = {"values": values, "errors": errors, "said": said, "send_to": CHECK}
    return pages.render(request, "certificates/check.html", status, personal=True, **context)


def _read(values: Mapping[str, str], reader: Reader) -> tuple[Typed | None, FormErrors]:
    """What was typed, or field by field what is missing."""
    errors = FormErrors()
    if not values["code"].strip():
        errors.add("code", reader.gettext(NO_CODE))
    if not values["name"].strip():
        errors.add("name", reader.gettext(NO_NAME_TO_CHECK))
    hours, minutes = (_number(values[name]) for name in ("hours", "minutes"))
    if hours is None or minutes is None or not (values["hours"] + values["minutes"]).strip():
        errors.add("hours", reader.gettext(NO_HOURS))
    if errors or hours is None or minutes is None:
        return None, errors
    name = values["name"] if len(values["name"]) <= 2 * LONGEST_NAME else ""
    return Typed(read_code(values["code"]), name, hours * 60 + minutes), errors


def _number(text: str) -> int | None:
    """A whole number in the digits of any script; none is 0."""
    digits = fold(text[:100]) or "0"
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS else None


@router.get("/r/{token}/certificate.pdf")
async def own_paper(request: Request, token: str, database: DatabaseDep) -> Response:
    """The person's certificate, in their language and German; 404 where none is good."""
    own = await own_registration(request, token)
    async with database.read() as session:
        certificate = await behind_link(session, own.registration.id)
        picture = await picture_of(session, certificate) if certificate else b""
    if certificate is None:
        raise Problem(404)
    return await printed(request, certificate, own.event, picture)
