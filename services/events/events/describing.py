"""An event in the other forms that it takes: as others may know it, and as its form holds it."""

from services.events.events.drafting import EventContent, SessionTimes, Words
from services.events.events.queries import WholeEvent
from services.events.shifts.drafting import RoleContent, ShiftContent
from shared.contracts.events import (
    ContactPoint,
    EventState,
    Kind,
    Places,
    Role,
    Session,
    Shift,
    Staffing,
    Status,
    Venue,
)


def event_state(event: WholeEvent) -> EventState:
    """Everything that the other services may know. Only for events that were published."""
    row = event.row
    return EventState(
        id=row.id,
        code=row.code,
        organisation_id=row.organisation_id,
        status=Status(row.state),
        kind=Kind(row.kind),
        title=event.texts("title"),
        text=event.texts("text"),
        sessions=[Session(id=s.id, starts_at=s.starts_at, ends_at=s.ends_at) for s in event.sessions],
        time_zone=row.time_zone,
        venue=_venue(event),
        online_link=row.online_link or None,
        spoken_languages=row.spoken_languages,
        places=[Places(id=p.id, name=p.name, capacity=p.capacity) for p in event.places],
        largest_party=row.largest_party,
        registration_opens_at=row.registration_opens_at,
        registration_closes_at=row.registration_closes_at,
        contact=contact_point(event),
        cancellation_reason=event.texts("cancellation_reason"),
        co_hosts=[co_host.as_contract() for co_host in event.co_hosts],
        postponement_reason=event.texts("postponement_reason"),
        previous_starts=row.previous_starts,
        roles=[_role(RoleContent.model_validate(role)) for role in row.roles],
        shifts=[_shift(ShiftContent.model_validate(shift)) for shift in row.shifts],
    )


def _role(role: RoleContent) -> Role:
    return Role.model_validate(role.model_dump())


def _shift(shift: ShiftContent) -> Shift:
    staffing = [
        Staffing(places_id=one.id, role_id=one.role, number=one.number or 0, least=one.least, wanted=one.wanted)
        for one in shift.staffing
    ]
    return Shift(session_id=shift.id, place=shift.place, staffing=staffing)


def _venue(event: WholeEvent) -> Venue | None:
    name, address = event.row.venue_name, event.row.venue_address
    if not (name or address):
        return None
    return Venue(name=name, address=address, access_notes=event.texts("access_notes"))


def contact_point(event: WholeEvent) -> ContactPoint:
    """Whom to ask."""
    row = event.row
    return ContactPoint(
        name=row.contact_name,
        email=row.contact_email or None,
        phone=row.contact_phone or None,
        languages=row.contact_languages,
        hours=event.texts("contact_hours"),
    )


SAME_NAMES = (
    "kind",
    "code",
    "main_language",
    "time_zone",
    "venue_name",
    "venue_address",
    "online_link",
    "spoken_languages",
    "largest_party",
    "registration_opens_at",
    "registration_closes_at",
    "contact_name",
    "contact_email",
    "contact_phone",
    "contact_languages",
)
"""Fields that a row and its content call the same."""

WORD_FIELDS = ("title", "text", "access_notes", "contact_hours")


def content_of(event: WholeEvent) -> EventContent:
    """The event as its form holds it."""
    words = {
        language: Words(**{field: getattr(row, field) for field in WORD_FIELDS})
        for language, row in event.words.items()
    }
    sessions = [SessionTimes(starts_at=s.starts_at, ends_at=s.ends_at) for s in event.sessions]
    same = {name: getattr(event.row, name) for name in (*SAME_NAMES, "roles", "shifts")}
    return EventContent.model_validate({**same, "words": words, "sessions": sessions, "capacity": event.capacity})
