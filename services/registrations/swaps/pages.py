"""The question on the person's own page: would you swap?"""

from contextlib import suppress
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.registrations.manage import own_registration
from services.registrations.swaps.commands import NothingAskedError, answer
from shared.runtime.api import DatabaseDep, FormDep, PagesDep

router = APIRouter(include_in_schema=False)


@router.post("/r/{token}/swap")
async def say(request: Request, token: str, pages: PagesDep, database: DatabaseDep, form: FormDep) -> Response:
    """Yes or no; where nothing is asked any more the page says how things stand."""
    own, said = await own_registration(request, token), form.get("answer")
    if said in ("yes", "no"):
        with suppress(NothingAskedError):
            async with database.begin() as session:
                vault, now = request.app.state.vault, datetime.now(UTC)
                await answer(session, vault, own.registration.id, now, agreed=said == "yes")
    return pages.redirect(f"/r/{token}?saved=1")
