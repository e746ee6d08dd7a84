"""The list and its actions for programs: the same as the pages, in JSON."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from services.registrations.actions.commands import Done, Instruction, carry_out
from services.registrations.actions.model import Action, Outcome
from services.registrations.events.access import seen_event
from services.registrations.registrations.console import counted_event, shown_page
from services.registrations.registrations.listing import Order, Wanted, figures_of
from services.registrations.registrations.model import LONGEST_NOTE, State
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.registrations import Channel, DeclineReason
from shared.declines import REASONS
from shared.i18n.plain import Lines
from shared.runtime.api import DatabaseDep
from shared.web.documented import answers

router = APIRouter(prefix="/registrations/api/console", tags=["console"])

MOST_AT_ONCE = 500
_FAILURES = answers(
    s400="The body, a header or the query cannot be read",
    s401="Nobody is signed in",
    s403="The role does not allow it, or a foreign page sent the request",
    s404="There is no such event for this member",
    s413="The body is too large",
    s422="A value does not fit",
    s503="The database is away; `Retry-After` says for how many seconds to wait",
)


class FigureBody(BaseModel):
    """How many registrations and people are in one state."""

    registrations: int
    people: int


class LineBody(BaseModel):
    """One registration. `note` and `marked` are empty for whoever is not at the host's desk."""

    id: UUID
    name: str | None
    party_size: int
    state: State
    language: str
    channel: str
    unreachable: bool
    marked: bool
    note: str
    created_at: datetime
    expires_at: datetime | None
    answer_by: datetime | None = Field(description="when the organisation promised an answer")
    places_id: UUID = Field(description="the pool: of a volunteer, the role in the shift")
    contact: str = Field("", description="for a co-host that the host and the person let have it")


class ListBody(BaseModel):
    """One page of the list. `total` counts what the search and the filters leave."""

    figures: dict[State, FigureBody]
    total: int
    page: int
    pages: int
    registrations: list[LineBody]


class ListQuery(BaseModel):
    """What of the list is asked for."""

    q: str = Field("", max_length=120, description="looked for in names")
    state: Literal["live", "ended"] | State = "live"
    channel: Channel | None = None
    language: str = Field("", max_length=20)
    marked: bool = False
    unreached: bool = False
    sort: Order = Order.CAME
    page: int = Field(1, ge=1, le=10_000)

    def wanted(self) -> Wanted:
        """As the list knows it."""
        given = self.model_dump(exclude={"page", "marked", "unreached"}, exclude_none=True)
        flags = {name: "yes" for name in ("marked", "unreached") if getattr(self, name)}
        return Wanted.read({name: str(value) for name, value in given.items()} | flags)


@router.get("/events/{event_id}/registrations", responses=_FAILURES)
async def registrations(
    event_id: UUID, member: MemberDep, database: DatabaseDep, query: Annotated[ListQuery, Query()]
) -> ListBody:
    """The registrations that are asked for, a hundred a page; a page beyond the last is the last."""
    async with database.read() as session:
        _, access = await counted_event(session, member, event_id)
        figures = await figures_of(session, event_id)
        shown = await shown_page(session, access, event_id, query.wanted(), query.page)
    hidden = {} if access.may(Right.DESK) else {"note": "", "marked": False}
    return ListBody(
        figures={known: FigureBody(**figure._asdict()) for known, figure in figures.items()},
        total=shown.total,
        page=shown.page,
        pages=shown.last_page,
        registrations=[LineBody(**(line._asdict() | hidden)) for line in shown.lines],
    )


class ActionBody(BaseModel):
    """What is to be done to which registrations. With `added` a note goes below what stands there."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    registrations: list[UUID] = Field(min_length=1, max_length=MOST_AT_ONCE)
    party_size: int | None = Field(None, ge=1, le=1000, description="for `party`")
    note: Lines | None = Field(None, max_length=LONGEST_NOTE, description="for `note`")
    added: bool = False
    reason: DeclineReason = Field(DeclineReason.ASK, description="for `decline`")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.action is Action.PARTY and self.party_size is None:
            raise PydanticCustomError("missing", "party_size is missing")
        if self.action is Action.NOTE and self.note is None:
            raise PydanticCustomError("missing", "note is missing")
        if self.action is Action.DECLINE and self.reason not in REASONS:
            raise PydanticCustomError("enum", "reason cannot be chosen")
        return self


class OutcomeBody(BaseModel):
    """What came of it for one registration. `most` is how many people would have fitted."""

    registration_id: UUID
    outcome: Outcome
    most: int | None


class OutcomesBody(BaseModel):
    """What came of it for each registration."""

    outcomes: list[OutcomeBody]


@router.post("/events/{event_id}/actions", responses=_FAILURES)
async def act(
    request: Request,
    event_id: UUID,
    member: MemberDep,
    database: DatabaseDep,
    body: ActionBody,
    idempotency_key: Annotated[UUID | None, Header(description="the same key is carried out once")] = None,
) -> OutcomesBody:
    """Carry it out for each registration; what stands in the way of one stops no other."""
    async with database.read() as session:
        _, access = await seen_event(session, member, event_id, Right.DESK)
    instruction = Instruction(
        action=body.action,
        event_id=event_id,
        registration_ids=list(dict.fromkeys(body.registrations)),
        person_id=member.person_id,
        organisation_id=access.organisation_id,
        request_key=idempotency_key or uuid4(),
        party_size=body.party_size or 1,
        note=body.note or "",
        added=body.added,
        reason=body.reason,
    )
    state = request.app.state
    done = await carry_out(database, state.vault, state.rules, instruction, now_of(request))
    return OutcomesBody(outcomes=[_told(one) for one in done])


def _told(done: Done) -> OutcomeBody:
    return OutcomeBody(registration_id=done.registration_id, outcome=done.outcome, most=done.most)
