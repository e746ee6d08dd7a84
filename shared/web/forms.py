"""Forms: read within limits, refused when forged, given back with what was typed when something is wrong."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from shared.web import csrf
from shared.web.pages import REQUEST_KEY_FIELD, Pages
from shared.web.problem import Problem
from shared.web.reader import Reader
from shared.web.validation import explain

MOST_FIELDS = 400
# The longest text of any form, 5,000 letters of four bytes, is three times as long as browsers send it: %F0%9F%8C%B1.
LONGEST_FIELD = 64_000
# A file, and as much again for a browser that sends a pasted text as %0A and the like.
LARGEST_FILE = 2 * 1024 * 1024
CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
OWN_FIELDS = {csrf.FIELD, REQUEST_KEY_FIELD}


class FormRefusedError(HTTPException):
    """One of the form's own tokens does not fit: the person sees what was typed and may send it again.

    `without` are the fields of ours that the next try has to have anew.
    """

    def __init__(self, form: Mapping[str, Any], status: int = 403, *, without: str = csrf.FIELD) -> None:
        super().__init__(status, detail="forgery-check")
        items = form.multi_items() if isinstance(form, FormData) else form.items()
        pairs = [(name, value) for name, value in items if isinstance(value, str)]
        self.fields = [(name, value) for name, value in pairs if name not in {csrf.FIELD, without}]
        self.has_key = any(name == REQUEST_KEY_FIELD for name, _ in self.fields)
        self.shown = [value for name, value in pairs if name not in OWN_FIELDS and value.strip()]


class FormErrors(Mapping[str, str]):
    """What is wrong with a form: field name to a sentence that says how to mend it, in the form's order.

    The name `""` is for what concerns no single field.
    """

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}

    def __getitem__(self, field: str) -> str:
        return self._messages[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._messages)

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, field: str, message: str) -> None:
        """Say what is wrong with a field; the first word about it stands."""
        self._messages.setdefault(field, message)

    @classmethod
    def of(cls, error: ValidationError, reader: Reader, own: Mapping[str, str] | None = None) -> "FormErrors":
        """Pydantic's findings in the reader's language.

        Args:
            error: what the form's model raised; the first part of each location is the field.
            reader: who reads the page.
            own: field to a better sentence than the general one.
        """
        errors = cls()
        for found in error.errors(include_url=False, include_input=False):
            field = str(found["loc"][0]) if found["loc"] else ""
            errors.add(field, (own or {}).get(field) or explain(found, reader))
        return errors


async def takes_a_file(request: Request) -> None:
    """A FastAPI dependency of a route: its form may bring one file, or a text as long as one, of 2 MB."""
    request.state.files = 1
    request.state.longest_field = 3 * LARGEST_FILE
    request.state.body_limit = 3 * LARGEST_FILE + LONGEST_FIELD


async def read_form(request: Request) -> FormData:
    """The form of a request: at most 400 fields of 64,000 bytes each as they are sent, and no files.

    A route that `takes_a_file` gets more.

    Raises:
        HTTPException: 400 for a form beyond that, 415 for one that is not in UTF-8: some codecs make text of it
            that nothing can store.
    """
    charset = CHARSET.search(request.headers.get("content-type", ""))
    if charset and charset[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise HTTPException(415)
    files = getattr(request.state, "files", 0)
    longest = getattr(request.state, "longest_field", LONGEST_FIELD)
    return await request.form(max_files=files, max_fields=MOST_FIELDS, max_part_size=longest)


async def checked_form(request: Request) -> FormData:
    """The form of a request that this browser was given by one of our pages. A FastAPI dependency.

    Raises:
        Problem: 403 when the browser says that a foreign site sent it.
        FormRefusedError: the token is missing or does not fit; the person may look and send it again.
    """
    pages: Pages = request.app.state.pages
    if csrf.comes_from_elsewhere(request, pages.urls):
        raise Problem(403, "foreign-form")
    form = await read_form(request)
    token = form.get(csrf.FIELD)
    if not isinstance(token, str) or not pages.reader(request).csrf.accepts(token):
        refused = FormRefusedError(form)
        await form.close()
        raise refused
    return form


def request_key(form: Mapping[str, Any]) -> UUID:
    """The key that makes sending a form twice the same as sending it once.

    Raises:
        FormRefusedError: the form came without one; the person may send it again.
    """
    try:
        return UUID(str(form.get(REQUEST_KEY_FIELD, "")))
    except ValueError:
        raise FormRefusedError(form, 400, without=REQUEST_KEY_FIELD) from None
