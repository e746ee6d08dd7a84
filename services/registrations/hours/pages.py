"""The hours on the person's own page: how many there are, and the form that puts them right."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from services.registrations.hours import commands
from services.registrations.hours.model import LONGEST_NOTE
from services.registrations.hours.wording import NONE, NOT_HOURS, SIGNED_OFF
from services.registrations.hours.working import read_minutes
from services.registrations.registrations.manage import own_registration, show_own
from shared.i18n.plain import OneLine
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors

router = APIRouter(include_in_schema=False)


class _Note(BaseModel):
    note: Annotated[OneLine, Field(max_length=LONGEST_NOTE)]


@router.post("/r/{token}/hours")
async def correct(request: Request, token: str, pages: PagesDep, database: DatabaseDep, form: FormDep) -> Response:
    """Write down how many hours it was; what is wrong is said, and nothing is lost."""
    own = await own_registration(request, token)
    reader, errors = pages.reader(request), FormErrors()
    typed = {name: str(form.get(name, "")) for name in ("hours", "note")}
    try:
        minutes, note = read_minutes(typed["hours"]), _Note(note=typed["note"]).note
        async with database.begin() as session:
            await commands.correct(session, own.registration.id, minutes, note, datetime.now(UTC))
    except ValidationError as error:
        errors = FormErrors.of(error, reader)
    except ValueError:
        errors.add("hours", reader.gettext(NOT_HOURS))
    except commands.SignedOffError:
        errors.add("hours", reader.gettext(SIGNED_OFF))
    except commands.NoHoursError:
        errors.add("hours", reader.gettext(NONE))
    if errors:
        return await show_own(request, pages, own, token, 422, values=typed, errors=errors)
    return pages.redirect(f"/r/{token}?saved=1#hours")
