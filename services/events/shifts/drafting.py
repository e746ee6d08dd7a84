"""What a coordinator writes of volunteers' shifts: the roles of an event, and how many people each takes in a shift."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from uuid6 import uuid7

from services.events.events.fields import Language, Languages, Line, refuse
from services.events.events.scheduling import resolved
from shared.contracts.events import Qualification
from shared.i18n.plain import AS_LINES, AS_ONE_LINE

MOST_ROLES = 20
MOST_SHIFTS = 40
MOST_PEOPLE = 1000
MOST_HOURS = 28 * 24
LARGEST_NUMBER = 99
"""The largest number that a text can name (`shared.sms.keywords.LARGEST_PARTY`)."""

Name = Annotated[str, StringConstraints(max_length=60, min_length=1), AS_ONE_LINE]
Notes = Annotated[str, StringConstraints(max_length=500), AS_LINES]


class RoleContent(BaseModel):
    """What volunteers do, and what that takes. Whoever signs up has to speak all of `languages`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID = Field(default_factory=uuid7, description="keep it to keep the role; another one makes a new role")
    name: dict[Language, Name] = Field(min_length=1, examples=[{"de": "Küche"}])
    notes: dict[Language, Notes] = Field(default={}, description="what is good to know")
    languages: Languages = Field(default=[], description="that a volunteer has to speak")
    certificate: dict[Language, Line] = Field(default={}, description="that a volunteer has to show")
    qualification: Qualification | None = Field(
        default=None, description="that somebody of you looks at; what is noted is until when it counts"
    )
    least_age: int | None = Field(default=None, ge=1, le=99, description="years")
    answer_within: int | None = Field(
        default=None,
        ge=1,
        le=MOST_HOURS,
        description="hours in which you answer who signs up; without it whoever signs up has the role",
    )


class StaffingContent(BaseModel):
    """How many people a role takes in a shift: it does not work with fewer than `least`, and `most` can sign up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID = Field(default_factory=uuid7)
    role: UUID
    number: int | None = Field(default=None, ge=1, le=LARGEST_NUMBER, description="what people text; given if missing")
    least: int = Field(default=0, ge=0, le=MOST_PEOPLE)
    wanted: int = Field(ge=0, le=MOST_PEOPLE)
    most: int = Field(ge=0, le=MOST_PEOPLE)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.least <= self.wanted <= self.most:
            raise refuse("not_in_order")
        return self


class ShiftContent(BaseModel):
    """One shift. A time without an offset is local time in the event's zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID = Field(default_factory=uuid7)
    starts_at: datetime = Field(examples=["2027-05-08T10:00:00"])
    ends_at: datetime = Field(examples=["2027-05-08T12:30:00"])
    place: Line = Field(default="", description="where it is not simply the event's")
    staffing: list[StaffingContent] = Field(default=[], max_length=MOST_ROLES)


def refuse_contradictions(roles: Sequence[RoleContent], shifts: Iterable[ShiftContent]) -> None:
    """Raises PydanticCustomError for a shift whose roles are not the event's, or come twice, and for too many."""
    known, posts = {role.id for role in roles}, 0
    for shift in shifts:
        needed = [one.role for one in shift.staffing]
        if len(set(needed)) < len(needed) or not known.issuperset(needed):
            raise refuse("unknown_role")
        posts += len(needed)
    if len(known) < len(roles):
        raise refuse("unknown_role")
    if posts > LARGEST_NUMBER:
        raise refuse("too_many_posts")


def in_order_of_time(shifts: Iterable[ShiftContent], zone: str) -> list[ShiftContent]:
    """The shifts as moments, first to last. Raises PydanticCustomError for a time that is none, or two."""
    moments = [
        shift.model_copy(update={name: resolved(getattr(shift, name), zone) for name in ("starts_at", "ends_at")})
        for shift in shifts
    ]
    if any(shift.ends_at <= shift.starts_at for shift in moments):
        raise refuse("ends_too_early")
    return sorted(moments, key=lambda shift: (shift.starts_at, shift.ends_at, shift.id))


def numbered(shifts: Sequence[ShiftContent]) -> list[ShiftContent]:
    """The shifts with a number for each role in them: those that have one keep it, the others get the next ones.

    The roles of a shift stand in the order of their numbers.
    """
    used: set[int] = set()
    kept: dict[UUID, int] = {}
    for one in (one for shift in shifts for one in shift.staffing):
        if one.number and one.number not in used:
            used.add(one.number)
            kept[one.id] = one.number
    free = iter([*range(max(used, default=0) + 1, LARGEST_NUMBER + 1), *sorted(set(range(1, 100)) - used)])
    made = []
    for shift in shifts:
        staffing = [one.model_copy(update={"number": kept.get(one.id) or next(free)}) for one in shift.staffing]
        made.append(shift.model_copy(update={"staffing": sorted(staffing, key=lambda one: one.number or 0)}))
    return made


def with_own_ids(
    roles: Sequence[RoleContent], shifts: Sequence[ShiftContent], foreign: set[UUID]
) -> tuple[list[RoleContent], list[ShiftContent]]:
    """The same, with another id for whatever has a `foreign` one, or one that comes twice."""
    seen = set(foreign)

    def fresh(id_: UUID) -> UUID:
        taken = id_ in seen
        seen.add(id_)
        return uuid7() if taken else id_

    role_ids = {role.id: fresh(role.id) for role in roles}
    return (
        [role.model_copy(update={"id": role_ids[role.id]}) for role in roles],
        [
            shift.model_copy(
                update={
                    "id": fresh(shift.id),
                    "staffing": [
                        one.model_copy(update={"id": fresh(one.id), "role": role_ids[one.role]})
                        for one in shift.staffing
                    ],
                }
            )
            for shift in shifts
        ],
    )
