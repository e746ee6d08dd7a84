"""Forms: read within limits, refused when forged, given back with what was typed when something is wrong."""

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
LONGEST_FIELD = 20_000
OWN_FIELDS = {csrf.FIELD, REQUEST_KEY_FIELD}


class FormRefusedError(HTTPException):
    """The form's token does not fit this browser: the person sees what was typed and may send it again."""

    def __init__(self, form: FormData) -> None:
        super().__init__(403, detail="forgery-check")
        pairs = [(name, str(value)) for name, value in form.multi_items()]
        self.fields = [(name, value) for name, value in pairs if name != csrf.FIELD]
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


async def read_form(request: Request) -> FormData:
    """The form of a request: at most 400 fields of 20,000 bytes each, and no files.

    Raises:
        HTTPException: 400 for a form beyond that.
    """
    return await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD)


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
        raise FormRefusedError(form)
    return form


def request_key(form: Mapping[str, Any]) -> UUID:
    """The key that makes sending a form twice the same as sending it once.

    Raises:
        Problem: 400 when the form came without one.
    """
    try:
        return UUID(str(form.get(REQUEST_KEY_FIELD, "")))
    except ValueError as error:
        raise Problem(400, "request-key-missing") from error
