"""The public programme as JSON. Never the online link."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from services.events.events.describing import contact_point, event_state
from services.events.events.queries import WholeEvent
from services.events.programme.pages import event_url, shown_event
from services.events.programme.queries import PAGE_SIZE, Registration, Wanted, find_events, registration_state
from shared.auth.sign_in import now_of
from shared.contracts.base import LocalizedText
from shared.contracts.events import CoHostRole, ContactPoint, Kind, Session, Status, Venue
from shared.i18n.plain import OneLine
from shared.runtime.api import DatabaseDep, PagesDep
from shared.web.documented import answers
from shared.web.pages import Pages

router = APIRouter(prefix="/api/events", tags=["programme"])

_UNFIT = "A parameter does not fit."
_AWAY = "The database is away; `Retry-After` says for how many seconds to wait."


class OrganisationOut(BaseModel):
    """Who holds the event."""

    id: UUID
    name: LocalizedText = Field(examples=[{"de": "Integrationsbüro"}])
    kind: str = Field(examples=["authority"])


class CoHostOut(OrganisationOut):
    """Who hosts the event with it."""

    role: CoHostRole


class RegistrationOut(BaseModel):
    """Whether and where people register."""

    state: Registration
    url: str = Field(examples=["https://teilhabe.example/registrations/new/0193a1b2-0000-7000-8000-000000000001"])
    sms_number: str = Field(description="text the event's code to it", examples=["+493023125000"])
    opens_at: datetime | None
    closes_at: datetime | None
    largest_party: int = Field(examples=[5])
    capacity: int = Field(description="people", examples=[30])
    places_left: int = Field(description="people", examples=[12])
    waiting: int = Field(description="people on the waitlist", examples=[0])


class PublicEvent(BaseModel):
    """An event as everybody may know it. Texts are by language code."""

    id: UUID
    code: str = Field(examples=["GARTEN"])
    status: Status
    kind: Kind
    title: LocalizedText = Field(examples=[{"de": "Gemeinsam gärtnern", "en": "Gardening together"}])
    text: LocalizedText
    sessions: list[Session]
    time_zone: str = Field(examples=["Europe/Berlin"])
    venue: Venue | None
    online: bool = Field(description="whether people can take part online; the link is for registered people")
    spoken_languages: list[str] = Field(examples=[["de", "tr"]])
    organisation: OrganisationOut
    co_hosts: list[CoHostOut]
    registration: RegistrationOut
    contact: ContactPoint
    cancellation_reason: LocalizedText
    postponement_reason: LocalizedText
    previous_starts: list[datetime] = Field(description="when it was to begin before it was moved, the latest last")
    url: str = Field(examples=["https://teilhabe.example/events/GARTEN"])
    calendar_url: str = Field(examples=["https://teilhabe.example/events/GARTEN.ics"])


class Programme(BaseModel):
    """One page of what fits, soonest first."""

    events: list[PublicEvent]
    count: int = Field(description="how many events fit in all", examples=[1])
    page: int = Field(examples=[1])
    page_size: int = Field(examples=[PAGE_SIZE])


def public(event: WholeEvent, pages: Pages, sms_number: str, now: datetime) -> PublicEvent:
    """The event as everybody may know it."""
    state, owner, url = event_state(event), event.organisation, event_url(pages, event)
    same = {name: getattr(state, name) for name in PublicEvent.model_fields if name in type(state).model_fields}
    same |= {
        "online": bool(state.online_link),
        "organisation": OrganisationOut(id=owner.id, name=owner.name, kind=owner.kind),
        "co_hosts": [
            CoHostOut(
                id=one.organisation.id,
                name=one.organisation.name,
                kind=one.organisation.kind,
                role=CoHostRole(one.row.role),
            )
            for one in event.co_hosts
        ],
        "contact": contact_point(event),
        "url": url,
        "calendar_url": f"{url}.ics",
    }
    registration = RegistrationOut(
        state=registration_state(event, now),
        url=f"{pages.urls.registrations}/registrations/new/{state.id}",
        sms_number=sms_number,
        opens_at=state.registration_opens_at,
        closes_at=state.registration_closes_at,
        largest_party=state.largest_party,
        capacity=event.capacity or 0,
        places_left=event.left,
        waiting=event.waiting,
    )
    return PublicEvent(**same, registration=registration)


class ProgrammeQuery(BaseModel):
    """What to look for."""

    language: OneLine = Field(default="", max_length=20, description="spoken there", examples=["tr"])
    kind: Kind | None = None
    organisation: UUID | None = Field(default=None, description="whose events")
    from_day: date | None = Field(default=None, alias="from", description="first day, as the event's place counts it")
    until_day: date | None = Field(default=None, alias="until", description="last day")
    left: bool = Field(default=False, description="only with places left")
    q: str = Field(default="", max_length=200, description="words in any language", examples=["Garten"])
    page: int = Field(default=1, ge=1, le=10_000)
    page_size: int = Field(default=PAGE_SIZE, ge=1, le=100)


@router.get("", responses=answers(s422=_UNFIT, s503=_AWAY))
async def list_events(
    request: Request, query: Annotated[ProgrammeQuery, Query()], database: DatabaseDep, pages: PagesDep
) -> Programme:
    """Events that are not over; postponed and cancelled ones among them, until their dates have passed."""
    wanted = Wanted(
        query.language, query.kind, query.from_day, query.until_day, query.left, query.q, query.organisation
    )
    now, number = now_of(request), request.app.state.settings.sms_number
    async with database.read() as session:
        events, count = await find_events(session, wanted, now, query.page, query.page_size)
    shown = [public(event, pages, number, now) for event in events]
    return Programme(events=shown, count=count, page=query.page, page_size=query.page_size)


@router.get(
    "/{reference}", responses=answers(s404="There is no such event, or it is not published.", s422=_UNFIT, s503=_AWAY)
)
async def get_event(request: Request, reference: str, database: DatabaseDep, pages: PagesDep) -> PublicEvent:
    """One event, by its id or its code."""
    event = await shown_event(database, reference)
    return public(event, pages, request.app.state.settings.sms_number, now_of(request))
