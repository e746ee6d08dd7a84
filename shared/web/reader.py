"""Who reads the page: the language, its direction and its words, and the reader's token against forgery."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from shared.i18n.catalogues import translations
from shared.i18n.formats import format_number
from shared.i18n.languages import LANGUAGES, PAGE_LANGUAGES, direction, fallback_chain, negotiate
from shared.web.cookies import cookie_name
from shared.web.csrf import CsrfSecret

LANGUAGE_COOKIE = "teilhabe_language"
LANGUAGE_QUERY = "lang"

_current: ContextVar["Reader"] = ContextVar("reader")


class Reader:
    """One request's reader. A percent sign in a message is written `%%`, for values are always filled in."""

    def __init__(self, request: Request, *, secure: bool) -> None:
        self.request = request
        remembered = request.cookies.get(cookie_name(LANGUAGE_COOKIE, secure=secure), "")
        self.language, self.language_was_chosen = language_of(request, remembered)
        self.direction = direction(self.language)
        self.csrf = CsrfSecret.of(request, secure=secure)

    def speaking(self, language: str) -> "Reader":
        """The same reader of a page that is for somebody else, in their language."""
        other = copy(self)
        other.__dict__.pop("_translations", None)
        other.language = page_language(language) or self.language
        other.direction = direction(other.language)
        other.language_was_chosen = False
        return other

    @cached_property
    def _translations(self) -> Any:
        return translations(self.language)

    def gettext(self, message: str, **values: object) -> str:
        """The message in the reader's language with its named placeholders filled in."""
        text: str = self._translations.gettext(message)
        return text % values

    def ngettext(self, singular: str, plural: str, count: int, **values: object) -> str:
        """The message in the form for `count`; `%(count)s` is the number as the language writes it."""
        text: str = self._translations.ngettext(singular, plural, count)
        return text % {"count": format_number(count, self.language), **values}

    def url_for_language(self, code: str) -> str:
        """This page's own path and query, in another language."""
        query = [pair for pair in self.request.query_params.multi_items() if pair[0] != LANGUAGE_QUERY]
        return f"{self.request.url.path}?{urlencode([*query, (LANGUAGE_QUERY, code)])}"

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Make this the reader that templates and their macros speak to."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


def current_reader() -> Reader:
    """The reader of the page that is being rendered.

    Raises:
        LookupError: no page is being rendered.
    """
    return _current.get()


def language_of(request: Request, cookie: str) -> tuple[str, bool]:
    """The reader's language, and whether the address chose it so that it is to be remembered.

    The query `lang` goes first, then the cookie, then `Accept-Language`, then German. A language that has no
    pages is read as the best one along its chain; rubbish is passed over.
    """
    if chosen := page_language(request.query_params.get(LANGUAGE_QUERY, "")):
        return chosen, cookie != chosen
    if remembered := page_language(cookie):
        return remembered, False
    return negotiate(request.headers.get("accept-language", ""), PAGE_LANGUAGES), False


def page_language(code: str) -> str | None:
    """The first language along the chain of `code` that pages are written in; none for an unknown code."""
    chain = fallback_chain(code) if code in LANGUAGES else ()
    return next((language for language in chain if language in PAGE_LANGUAGES), None)
