"""Pages: templates rendered in the reader's language, with everything that each page needs around it."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from shared.i18n import formats
from shared.i18n.languages import LANGUAGES, PAGE_LANGUAGES, direction
from shared.qualifications import NAMES
from shared.web import csrf
from shared.web.cookies import set_cookie
from shared.web.navigation import NAVIGATION, FooterLinks, NavigationLink, SignedIn
from shared.web.reader import LANGUAGE_COOKIE, Reader, current_reader
from shared.web.serving import AssetLibrary, load_assets
from shared.web.shown import pick
from shared.web.urls import ServiceUrls

TEMPLATES = Path(__file__).parent / "templates"
REQUEST_KEY_FIELD = "request_key"
A_YEAR = timedelta(days=365)
PARAGRAPH_BREAK = re.compile(r"\r?\n\s*\r?\n")


class Pages:
    """The pages of one service.

    A template has `_`, `ngettext`, `language`, `direction`, `member`, `urls`, `errors`, `values` and what
    `render` is given. Macros need no `with context`.
    """

    def __init__(
        self,
        service: str,
        template_folders: Sequence[Path],
        urls: ServiceUrls,
        *,
        footer: FooterLinks | None = None,
        navigation: Sequence[NavigationLink] = NAVIGATION,
        assets: AssetLibrary | None = None,
    ) -> None:
        self.service = service
        self.urls = urls
        self.footer = footer or FooterLinks()
        self.navigation = navigation
        self.assets = assets or load_assets()
        self.environment = create_environment([*template_folders, TEMPLATES])
        self.environment.globals.update(
            asset=self.assets.url,
            urls=urls,
            service=service,
            footer_links=self.footer.labelled(),
            navigation_for=self._navigation_for,
            page_languages=[LANGUAGES[code] for code in PAGE_LANGUAGES],
        )

    def reader(self, request: Request) -> Reader:
        """Who reads the answer to this request; the same one however often it is asked for."""
        known: Reader | None = getattr(request.state, "reader", None)
        if known is None:
            known = request.state.reader = Reader(request, secure=self.urls.secure)
        return known

    def render(
        self, request: Request, template: str, status: int = 200, *, personal: bool = False, **context: Any
    ) -> HTMLResponse:
        """Render a template for the request's reader.

        Args:
            request: whose reader and signed-in member (`request.state.member`) the page is for.
            template: a name below one of the template folders.
            status: the HTTP status.
            personal: whether the page shows what is somebody's own; no cache then keeps it. So it is for
                each page of a signed-in member.
            context: what the template needs besides.
        """
        reader = self.reader(request)
        member = signed_in_member(request)
        with reader.reading():
            body = self.environment.get_template(template).render(self._context(reader, member, context))
        response = HTMLResponse(body, status_code=status)
        response.headers["cache-control"] = "no-store" if personal or member else "private, no-cache"
        self._describe(response, reader)
        return response

    def redirect(self, url: str) -> RedirectResponse:
        """Send the browser on with a GET, as after each form that was accepted."""
        return RedirectResponse(url, status_code=303)

    def _context(self, reader: Reader, member: SignedIn | None, given: Mapping[str, Any]) -> dict[str, Any]:
        around: dict[str, Any] = {
            "language": reader.language,
            "direction": reader.direction,
            "member": member,
            "path": reader.request.url.path,
            "errors": {},
            "values": {},
            "main_tag": "main",
        }
        return around | dict(given)

    def _navigation_for(self, member: SignedIn | None) -> list[tuple[str, str, str]]:
        links = [link for link in self.navigation if link.is_for(member)]
        return [(link.label, link.url(self.urls), link.path) for link in links]

    def _describe(self, response: HTMLResponse, reader: Reader) -> None:
        response.headers["content-language"] = reader.language
        response.headers["vary"] = "Accept-Language, Cookie"
        reader.csrf.remember(response)
        if reader.language_was_chosen:
            set_cookie(response, LANGUAGE_COOKIE, reader.language, secure=self.urls.secure, lifetime=A_YEAR)


def signed_in_member(request: Request) -> SignedIn | None:
    """The member that the service's sign-in found for this request, if any."""
    member: SignedIn | None = getattr(request.state, "member", None)
    return member


def create_environment(folders: Sequence[Path]) -> Environment:
    """Jinja2 with escaping, strict names, and the words and formats of the current reader."""
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # the extension's own switch
    environment.globals.update(TEMPLATE_FUNCTIONS)
    environment.filters.update(TEMPLATE_FILTERS)
    return environment


def template_gettext(message: str, **values: object) -> Markup:
    """`_` of templates: what the catalogues hold is our own markup, values are escaped."""
    return Markup(current_reader().gettext(message, **escaped(values)))  # noqa: S704 - values are escaped


def template_ngettext(singular: str, plural: str, count: int, **values: object) -> Markup:
    """`ngettext` of templates; `%(count)s` is the number as the language writes it."""
    text = current_reader().ngettext(singular, plural, count, **escaped(values))
    return Markup(text)  # noqa: S704 - values are escaped


def escaped(values: Mapping[str, object]) -> dict[str, object]:
    """Each value as safe markup."""
    return {name: escape(value) for name, value in values.items()}


def csrf_field() -> Markup:
    """The hidden field that `checked_form` asks for."""
    return hidden_field(csrf.FIELD, current_reader().csrf.token())


def request_key_field() -> Markup:
    """The hidden field by which a form that is sent twice is carried out once."""
    return hidden_field(REQUEST_KEY_FIELD, str(uuid.uuid4()))


def hidden_field(name: str, value: str) -> Markup:
    """A hidden input."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, value)


def date_filter(moment: datetime, zone: str | ZoneInfo) -> str:
    """The date of a moment in the event's time zone, in the reader's language."""
    return formats.format_date(moment, current_reader().language, zone)


def day_filter(day: date) -> str:
    """A day without its weekday, in the reader's language."""
    return formats.format_days(day, day, current_reader().language)


def time_filter(moment: datetime, zone: str | ZoneInfo) -> str:
    """The time of day of a moment in the event's time zone, in the reader's language."""
    return formats.format_time(moment, current_reader().language, zone)


def date_time_filter(moment: datetime, zone: str | ZoneInfo) -> str:
    """The day and the time of a moment in the event's time zone, in the reader's language."""
    return formats.format_date_time(moment, current_reader().language, zone)


def range_text(start: datetime, end: datetime, zone: str | ZoneInfo) -> str:
    """From when to when, with dates and times as short as they can be said."""
    return formats.format_range(start, end, current_reader().language, zone)


def endonym(code: str) -> str:
    """A language's own name for itself; the code where the language is not known."""
    return LANGUAGES[code].endonym if code in LANGUAGES else code


def language_bdi(code: str) -> Markup:
    """A language's own name, marked up so that screen readers and bidirectional text treat it as such."""
    return Markup('<bdi lang="{}">{}</bdi>').format(code, endonym(code))


def phone_number(number: str) -> Markup:
    """A number in E.164 as people read and dial it, left to right in every language."""
    readable = phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return Markup('<bdi dir="ltr">{}</bdi>').format(readable)


def paragraphs(text: str) -> list[str]:
    """A text's paragraphs, which blank lines part."""
    return [part.strip() for part in PARAGRAPH_BREAK.split(text) if part.strip()]


TEMPLATE_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "_": template_gettext,
    "gettext": template_gettext,
    "ngettext": template_ngettext,
    "url_for_language": lambda code: current_reader().url_for_language(code),
    "csrf_field": csrf_field,
    "request_key_field": request_key_field,
    "range_text": range_text,
}
TEMPLATE_FILTERS: dict[str, Callable[..., Any]] = {
    "date": date_filter,
    "day": day_filter,
    "qualification": NAMES.__getitem__,
    "time": time_filter,
    "date_time": date_time_filter,
    "number": lambda number: formats.format_number(number, current_reader().language),
    "duration": lambda minutes: formats.format_duration(minutes, current_reader().language),
    "language_name": lambda code: formats.language_name(code, current_reader().language),
    "language_bdi": language_bdi,
    "list_of": lambda items: formats.list_of(items, current_reader().language),
    "endonym": endonym,
    "paragraphs": paragraphs,
    "pick": lambda texts: pick(texts, current_reader().language),
    "phone": phone_number,
    "dir": direction,
}
