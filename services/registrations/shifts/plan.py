"""The coordinator's plan of a day of volunteers: who is where and when, by shift and by person."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from services.registrations.people.model import Means
from services.registrations.registrations.listing import Line
from services.registrations.registrations.model import State
from shared.contracts.events import EventState
from shared.shifts import Post, by_shift, posts_of

STATES = (State.CONFIRMED, State.PENDING, State.OFFERED, State.HELD, State.WAITLISTED)


class Answer(StrEnum):
    """What somebody answered who was asked before a shift whether they come."""

    COMES = "comes"
    OPEN = "open"
    NOT_ASKED = "not-asked"


class Staffed(NamedTuple):
    """A role in a shift with its people: who has it, who waits for an answer, who was asked, who is a substitute."""

    post: Post
    here: list[Line]
    pending: list[Line]
    asked: list[Line]
    substitutes: list[Line]

    def answer(self, line: Line) -> Answer | None:
        """How it stands with one who has the role; nothing before anybody is asked.

        Nobody writes to people with nothing but paper: whoever makes the plan sees that they were not asked.
        """
        if line.coming_at:
            return Answer.COMES
        if line.asked_to_come_at:
            return Answer.OPEN
        begun = line.means == Means.PAPER or any(one.asked_to_come_at for one in self.here)
        return Answer.NOT_ASKED if begun else None

    @property
    def needed(self) -> int:
        """How many more it takes for the role to work at all."""
        return max(0, self.post.staffing.least - len(self.here))

    @property
    def wanted(self) -> int:
        """How many more are wanted."""
        return max(0, self.post.staffing.wanted - len(self.here))


class Volunteer(NamedTuple):
    """A person with every role in every shift that they have, were asked about or are a substitute for."""

    name: str | None
    language: str
    posts: list[tuple[Post, Line]]


def plan_of(event: EventState, lines: Iterable[Line]) -> list[list[Staffed]]:
    """Every role of every shift, shift by shift; `lines` come in the order in which people signed up."""
    found: dict[tuple[UUID, State], list[Line]] = {}
    for line in lines:
        found.setdefault((line.places_id, line.state), []).append(line)

    def staffed(post: Post) -> Staffed:
        here, pending, offered, held, waiting = (found.get((post.id, state), []) for state in STATES)
        return Staffed(post, here, pending, [*offered, *held], waiting)

    return [[staffed(post) for post in posts] for posts in by_shift(event)]


def volunteers_of(event: EventState, lines: Sequence[Line]) -> list[Volunteer]:
    """Everybody by name, those without one last; what each has is in the order of the shifts."""
    order = {post.id: number for number, post in enumerate(posts_of(event))}
    posts = {post.id: post for post in posts_of(event)}
    people: dict[UUID, list[Line]] = {}
    for line in lines:
        if line.places_id in posts:
            people.setdefault(line.person_id, []).append(line)
    found = [
        Volunteer(
            next((line.name for line in own if line.name), None),
            own[0].language,
            [(posts[line.places_id], line) for line in sorted(own, key=lambda line: order[line.places_id])],
        )
        for own in people.values()
    ]
    return sorted(found, key=lambda person: (person.name is None, person.name or ""))
