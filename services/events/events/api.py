"""Organisers' events as JSON, for members who are signed in.

Every change but the first names the version that the writer saw in `If-Match`. Doing again what is done already is a
success that changes nothing, so each of them can be sent again safely.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from services.events.events.cancelling import cancel_event
from services.events.events.checking import IncompleteError, what_is_missing
from services.events.events.commands import (
    ChangedMeanwhileError,
    CodeTakenError,
    FixedFieldError,
    UnknownEventError,
    WrongStateError,
    create_event,
    edit_event,
)
from services.events.events.describing import content_of
from services.events.events.drafting import (
    DEFAULT_ZONE,
    MOST_SESSIONS,
    EventContent,
    PostponementReasons,
    Reasons,
    SessionTimes,
    Zone,
    in_zone,
)
from services.events.events.form import values_of
from services.events.events.merging import differences
from services.events.events.model import State
from services.events.events.pages import CODE_TAKEN, FIXED, own_event
from services.events.events.postponing import postpone_event
from services.events.events.publishing import publish_event
from services.events.events.rescheduling import reschedule_event
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of
from shared.database.engine import Database, WriteSession
from shared.i18n.catalogues import N_
from shared.web.documented import answers
from shared.web.problem import Problem

router = APIRouter(prefix="/api/events", tags=["organisers"])

_VERSION = re.compile(r'(?:W/)?"?(\d{1,18})"?')
_NO_VERSION = N_("Say in If-Match which version of the event you have seen.")
_NO_KEY = N_("Say in Idempotency-Key which request this is, so that sending it twice does it once.")

ERRORS = answers(
    s400="The body or a header cannot be read.",
    s401="Nobody is signed in.",
    s403="Who is signed in belongs to no organisation, or a foreign site's page sent the request.",
    s404="There is no such event among those of the member's organisations.",
    s409="The event's state does not allow this, its code is taken, or a published event cannot change this field.",
    s412="Somebody changed the event since the version in If-Match; `changes` says what, `version` is the newest.",
    s413="The body is too large.",
    s422="A value does not fit, or something that a public event needs is missing.",
    s428="If-Match is missing.",
    s503="The database is away; `Retry-After` says for how many seconds to wait.",
)

IfMatch = Annotated[str, Header(description="the ETag that came with the event", examples=['"3"'])]

IdempotencyKey = Annotated[str, Header(max_length=200, description="any text; the same again makes nothing new")]


class NewEvent(EventContent):
    """A draft to be made."""

    organisation_id: UUID


class OwnEvent(BaseModel):
    """An event as its organisers see it; the ETag is its version."""

    id: UUID
    organisation_id: UUID
    state: State
    version: int = Field(examples=[3])
    missing: list[str] = Field(description="what it lacks before it can be published, as the form's field names")
    content: EventContent


class NewDates(BaseModel):
    """The sessions of a rescheduled event: all of them."""

    time_zone: Zone = DEFAULT_ZONE
    sessions: list[SessionTimes] = Field(min_length=1, max_length=MOST_SESSIONS)

    @field_validator("sessions")
    @classmethod
    def _moments(cls, sessions: list[SessionTimes], info: ValidationInfo) -> list[SessionTimes]:
        return in_zone(sessions, info.data.get("time_zone", DEFAULT_ZONE))


@router.post("", status_code=201, responses=ERRORS)
async def create(
    request: Request,
    response: Response,
    new: NewEvent,
    member: MemberDep,
    idempotency_key: Annotated[
        str, Header(max_length=200, description="any text; the same again makes nothing new")
    ] = "",
) -> OwnEvent:
    """Make a draft."""
    if not idempotency_key:
        raise _problem(request, 400, "idempotency-key-missing", _NO_KEY)
    content = EventContent.model_validate(new.model_dump(exclude={"organisation_id"}))
    key = uuid5(NAMESPACE_URL, f"idempotency:{idempotency_key}")

    async def make(session: WriteSession) -> UUID:
        return await create_event(session, member, new.organisation_id, content, key, now_of(request))

    event_id = await _carry_out(request, make)
    return await _own(request, response, member, event_id)


@router.get("/{event_id}/content", responses=ERRORS)
async def read(request: Request, response: Response, event_id: UUID, member: MemberDep) -> OwnEvent:
    """One of the organisations' events, drafts included."""
    return await _own(request, response, member, event_id)


@router.put("/{event_id}/content", responses=ERRORS)
async def edit(
    request: Request,
    response: Response,
    event_id: UUID,
    content: EventContent,
    member: MemberDep,
    if_match: IfMatch = "",
) -> OwnEvent:
    """Replace what the event says. Of a published event, the code, the zone and the sessions have to stay."""
    version = _version(request, if_match)

    async def change(session: WriteSession) -> int:
        return await edit_event(session, member, event_id, content, version, now_of(request))

    await _carry_out(request, change)
    return await _own(request, response, member, event_id)


@router.post("/{event_id}/publish", responses=ERRORS)
async def publish(
    request: Request, response: Response, event_id: UUID, member: MemberDep, if_match: IfMatch = ""
) -> OwnEvent:
    """Let everybody see the event and register."""
    version = _version(request, if_match)

    async def change(session: WriteSession) -> int:
        return await publish_event(session, member, event_id, version, now_of(request))

    await _carry_out(request, change)
    return await _own(request, response, member, event_id)


@router.post("/{event_id}/reschedule", responses=ERRORS)
async def reschedule(
    request: Request, response: Response, event_id: UUID, dates: NewDates, member: MemberDep, if_match: IfMatch = ""
) -> OwnEvent:
    """Move a published event, or give a postponed one its new dates. Everybody who is registered is told."""
    version = _version(request, if_match)

    async def change(session: WriteSession) -> int:
        zone, sessions = dates.time_zone, dates.sessions
        return await reschedule_event(session, member, event_id, zone, sessions, version, now_of(request))

    await _carry_out(request, change)
    return await _own(request, response, member, event_id)


@router.post("/{event_id}/postpone", responses=ERRORS)
async def postpone(
    request: Request,
    response: Response,
    event_id: UUID,
    reasons: PostponementReasons,
    member: MemberDep,
    if_match: IfMatch = "",
) -> OwnEvent:
    """Postpone a published event until it is rescheduled. Everybody who is registered is told, and keeps the place."""
    version = _version(request, if_match)

    async def change(session: WriteSession) -> int:
        return await postpone_event(session, member, event_id, reasons.reason, version, now_of(request))

    await _carry_out(request, change)
    return await _own(request, response, member, event_id)


@router.post("/{event_id}/cancel", responses=ERRORS)
async def cancel(
    request: Request, response: Response, event_id: UUID, reasons: Reasons, member: MemberDep, if_match: IfMatch = ""
) -> OwnEvent:
    """Cancel a public event, with a reason in its main language at least. Everybody who is registered is told."""
    version = _version(request, if_match)

    async def change(session: WriteSession) -> int:
        return await cancel_event(session, member, event_id, reasons.reason, version, now_of(request))

    await _carry_out(request, change)
    return await _own(request, response, member, event_id)


async def _own(request: Request, response: Response, member: Member, event_id: UUID) -> OwnEvent:
    event = await own_event(request.app.state.database, member, event_id, Right.SEE)
    content = content_of(event)
    response.headers["etag"] = f'"{event.row.version}"'
    response.headers["cache-control"] = "no-store"
    lacks = what_is_missing(content, now_of(request)) if event.row.state == State.DRAFT else []
    return OwnEvent(
        id=event.row.id,
        organisation_id=event.row.organisation_id,
        state=State(event.row.state),
        version=event.row.version,
        missing=[part.field for part in lacks],
        content=content,
    )


async def _carry_out(request: Request, command: Callable[[WriteSession], Awaitable[Any]]) -> Any:
    """The command in a transaction of its own; what it refuses becomes a problem."""
    database: Database = request.app.state.database
    try:
        async with database.begin() as session:
            return await command(session)
    except UnknownEventError:
        raise Problem(404) from None
    except WrongStateError as error:
        raise Problem(409, "wrong-state", state=error.state.value) from None
    except CodeTakenError:
        raise _problem(request, 409, "code-taken", CODE_TAKEN) from None
    except FixedFieldError as error:
        raise _problem(request, 409, "fixed-field", FIXED, field=error.field) from None
    except IncompleteError as error:
        _ = request.app.state.pages.reader(request).gettext
        missing = [{"field": part.field, "detail": _(part.message)} for part in error.missing]
        raise Problem(422, "incomplete", errors=missing) from None
    except ChangedMeanwhileError as error:
        raise _changed(error) from None


def _changed(error: ChangedMeanwhileError) -> Problem:
    now = values_of(error.now)
    before = values_of(error.before) if error.before else now
    changes = [{"field": d.field, "before": d.before, "now": d.now} for d in differences(before, now, now)]
    return Problem(412, "changed-meanwhile", changes=changes, version=error.version)


def _version(request: Request, if_match: str) -> int:
    found = _VERSION.fullmatch(if_match.strip())
    if found is None:
        raise _problem(request, 428, "version-missing", _NO_VERSION)
    return int(found[1])


def _problem(request: Request, status: int, slug: str, explanation: str, **extra: Any) -> Problem:
    return Problem(status, slug, explanation=request.app.state.pages.reader(request).gettext(explanation), **extra)
