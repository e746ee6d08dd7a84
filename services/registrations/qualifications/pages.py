"""The desk notes what it has seen, or takes it back; the person has it forgotten."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.desk.person import PERSON, ServedDep, show_person
from services.registrations.qualifications.commands import forget, note_seen
from services.registrations.qualifications.queries import holding_of, is_shown
from services.registrations.qualifications.wording import BAD_DAY, OVER
from services.registrations.registrations.manage import own_registration
from shared.auth.audit import record
from shared.auth.sign_in import MemberDep
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors

router = APIRouter(include_in_schema=False)


def read_day(typed: str, today: date) -> tuple[date | None, str]:
    """The last day that was typed, none for an empty field, or what is wrong with it."""
    if not typed:
        return None, ""
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None, BAD_DAY
    return (day, "") if today <= day and day.year < 3000 else (None, OVER if day < today else BAD_DAY)


@router.post(PERSON + "/qualification")
async def change(
    request: Request, member: MemberDep, form: FormDep, person: ServedDep, pages: PagesDep, database: DatabaseDep
) -> Response:
    """Note that the document was seen, with its last day; or with `forget` that nothing is known of it."""
    own, typed, errors = person.own, str(form.get("valid_until", "")).strip(), FormErrors()
    now = datetime.now(UTC)
    forgets = form.get("do") == "forget"
    day, wrong = (None, "") if forgets else read_day(typed, now.astimezone(ZoneInfo(own.event.time_zone)).date())
    if wrong:
        errors.add("valid_until", pages.reader(request).gettext(wrong))
        return show_person(request, pages, person, status=422, values={"valid_until": typed}, errors=errors)
    async with database.begin() as session:
        holding = await holding_of(session, own.registration)
        if holding is None:
            return pages.redirect(person.path)
        registration_id, kind = own.registration.id, holding.kind
        if forgets:
            changed = await forget(session, registration_id, kind)
        else:
            changed = await note_seen(session, registration_id, kind, day, member.person_id, now)
        if changed:
            await record(
                session,
                "qualification.forgotten" if forgets else "qualification.seen",
                person_id=member.person_id,
                organisation_id=own.event.organisation_id,
                event_id=own.event.id,
                subject_id=registration_id,
            )
    return pages.redirect(f"{person.path}?done=changed")


@router.post("/r/{token}/qualification")
async def forget_own(request: Request, token: str, _form: FormDep, pages: PagesDep, database: DatabaseDep) -> Response:
    """Have it forgotten; the organisation then sees that it was not seen."""
    own = await own_registration(request, token)
    async with database.begin() as session:
        holding = await holding_of(session, own.registration)
        if holding and holding.row and is_shown(own, holding.row):
            await forget(session, own.registration.id, holding.kind)
    return pages.redirect(f"/r/{token}?saved=1")
