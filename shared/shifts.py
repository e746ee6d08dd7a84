"""Shifts of volunteers: which one a pool of places belongs to, and the event as somebody in that shift knows it."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from shared.contracts.events import EventState, Places, Role, Session, Shift, Staffing, Venue
from shared.web.shown import pick


class Post(NamedTuple):
    """One role in one shift: what a volunteer signs up for."""

    shift: Shift
    session: Session
    staffing: Staffing
    role: Role
    places: Places

    @property
    def id(self) -> UUID:
        """The id of its pool of places."""
        return self.places.id

    @property
    def number(self) -> int:
        """What people text behind the event's code."""
        return self.staffing.number


def posts_of(event: EventState) -> list[Post]:
    """Every role of every shift, by the time of the shifts; none of an event without shifts."""
    return sorted(_posts(event), key=_time)


def _time(post: Post) -> tuple[datetime, datetime, UUID, int]:
    return post.session.starts_at, post.session.ends_at, post.session.id, post.number


def _posts(event: EventState) -> Iterator[Post]:
    sessions = {session.id: session for session in event.sessions}
    roles = {role.id: role for role in event.roles}
    places = {pool.id: pool for pool in event.places}
    for shift in event.shifts:
        for one in shift.staffing:
            yield Post(shift, sessions[shift.session_id], one, roles[one.role_id], places[one.places_id])


def by_shift(event: EventState) -> list[list[Post]]:
    """The roles of each shift, shift by shift, by their time."""
    return [list(posts) for _, posts in groupby(posts_of(event), key=lambda post: post.session.id)]


def post_of(event: EventState, places_id: UUID | None) -> Post | None:
    """The role and shift of this pool; None where the event has no shifts."""
    return next((post for post in _posts(event) if post.id == places_id), None)


def seen_from(event: EventState, places_id: UUID | None) -> EventState:
    """The event as somebody in this pool knows it: of a shift its own role, date and place. Others are as they are."""
    post = post_of(event, places_id)
    if post is None:
        return event
    title = {language: f"{pick(post.role.name, language).text} – {text}" for language, text in event.title.items()}
    own = {"title": title, "sessions": [post.session], "places": [post.places], "largest_party": 1}
    none: dict[str, object] = {"previous_starts": [], "shifts": [], "roles": []}
    return event.model_copy(update={**own, **none, "venue": _venue(event.venue, post.shift.place)})


def _venue(venue: Venue | None, place: str) -> Venue | None:
    if not place:
        return venue
    venue = venue or Venue(name="", address="")
    return venue.model_copy(update={"name": ", ".join(filter(None, (place, venue.name)))})
