"""The console's pages of translations: a co-host proposes and reads through, the host approves or declines."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from services.events.events.checking import IncompleteError
from services.events.events.commands import ChangedMeanwhileError, UnknownEventError, WrongStateError
from services.events.events.describing import content_of
from services.events.events.pages import version_in, wording
from services.events.events.queries import WholeEvent, content_at, event_by_id
from services.events.translations import commands
from services.events.translations.commands import (
    Decline,
    NotOpenError,
    NotTranslatedError,
    OwnWordsError,
    ProposalChangedError,
    SameWordsError,
    Seen,
    TakenError,
    Translation,
    event_words,
    words_of,
)
from services.events.translations.queries import Proposal, latest_proposals, translating
from services.events.translations.wording import (
    CANCELLED,
    HOST_STATES,
    MEANWHILE,
    NOT_COMPLETE,
    NOT_OPEN,
    OWN_WORDS,
    SAME_WORDS,
    STATES,
    TAKEN,
)
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of
from shared.database.engine import WriteSession
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.forms import FormErrors, request_key
from shared.web.problem import Problem

router = APIRouter(include_in_schema=False)
PATH = "/console/events/{event_id}/translations"

REFUSALS: dict[type[Exception], str] = {
    TakenError: TAKEN,
    ProposalChangedError: MEANWHILE,
    ChangedMeanwhileError: MEANWHILE,
    SameWordsError: SAME_WORDS,
    OwnWordsError: OWN_WORDS,
    NotOpenError: NOT_OPEN,
    IncompleteError: NOT_COMPLETE,
    WrongStateError: CANCELLED,
}
"""What a page says of each reason for which a command did nothing."""


@dataclass(frozen=True)
class Sent:
    """A form that somebody sent about the event's words in one language."""

    request: Request
    event_id: UUID
    language: str
    member: MemberDep
    form: FormDep
    database: DatabaseDep

    @property
    def now(self) -> datetime:
        """The moment at which it came."""
        return now_of(self.request)

    @property
    def seen(self) -> Seen:
        """What the form's page showed."""
        try:
            proposal_id = UUID(str(self.form.get("proposal", "")))
        except ValueError:
            proposal_id = None
        revision, version = (version_in(str(self.form.get(name, ""))) for name in ("revision", "version"))
        return Seen(proposal_id, revision, version)


SentDep = Annotated[Sent, Depends()]


class Translating(NamedTuple):
    """An event, whether the member decides for its host, and for which co-hosts the member translates."""

    event: WholeEvent
    decides: bool
    mine: list[UUID]


async def _seen(database: DatabaseDep, member: Member, event_id: UUID) -> Translating:
    """Raises Problem: 404 for strangers, 403 where the role is too small."""
    async with database.read() as session:
        event = await event_by_id(session, event_id)
    access = event.access_of(member) if event else None
    if event is None or access is None:
        raise Problem(404)
    decides, mine = member.may(Right.EDIT, event.row.organisation_id), translating(event, member)
    if not (decides or mine):
        raise Problem(403, "role")
    return Translating(event, decides, mine)


@router.get(PATH)
async def translations_page(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, done: str = ""
) -> Response:
    """Every language: what the event has in it, and how what was proposed stands."""
    event, decides, mine = await _seen(database, member, event_id)
    async with database.read() as session:
        proposals = await latest_proposals(session, event_id)
    context: dict[str, Any] = {"event": event, "decides": decides, "proposals": proposals, "done": bool(done)}
    context |= {"translation_states": HOST_STATES if decides else STATES, "mine": mine}
    return pages.render(request, "translations/translations.html", **context, **wording(pages.reader(request)))


@router.get(PATH + "/{language}")
async def translation_page(request: Request, event_id: UUID, language: str, member: MemberDep) -> Response:
    """The co-host's form, or what the host decides about."""
    return await _show(request, member, event_id, language)


async def _show(
    request: Request,
    member: Member,
    event_id: UUID,
    language: str,
    values: Mapping[str, str] | None = None,
    errors: FormErrors | None = None,
    *,
    status: int = 200,
) -> Response:
    database, pages = request.app.state.database, request.app.state.pages
    event, decides, mine = await _seen(database, member, event_id)
    try:
        commands.translated(event, language)
    except NotTranslatedError:
        raise Problem(404) from None
    async with database.read() as session:
        proposal = (await latest_proposals(session, event_id)).get(language)
        seen = await content_at(session, event_id, proposal.row.event_version) if proposal else None
    now, waits = content_of(event), bool(proposal and proposal.is_open)
    main, there = event_words(now, now.main_language), event_words(now, language)
    base = event_words(seen, seen.main_language) if seen and waits else main
    proposed = words_of(proposal.row) if proposal and waits else None
    declined = words_of(proposal.row) if proposal and proposal.is_declined and _is_own(proposal, mine) else None
    filled = (proposed or declined or there or Translation.model_construct(title="")).model_dump()
    context: dict[str, Any] = {"event": event, "into": language, "proposal": proposal, "waits": waits}
    context |= {"main": main, "there": there, "proposed": proposed, "before": base, "errors": errors or FormErrors()}
    context |= {
        "values": values if values is not None else filled,
        "translation_states": HOST_STATES if decides else STATES,
    }
    context |= {"may_write": not waits or _is_own(proposal, mine), "may_read": waits and _reads(proposal, member)}
    page = "translations/decide.html" if decides else "translations/translate.html"
    answer: Response = pages.render(request, page, status, **context, **wording(pages.reader(request)))
    return answer


def _is_own(proposal: Proposal | None, mine: list[UUID]) -> bool:
    return proposal is not None and proposal.row.organisation_id in mine


def _reads(proposal: Proposal | None, member: Member) -> bool:
    return proposal is not None and proposal.row.written_by != member.person_id


@router.post(PATH + "/{language}")
async def propose(sent: SentDep, pages: PagesDep) -> Response:
    """Saves the co-host's words for the host to decide about."""
    await _translator(sent)
    values = {name: str(value) for name, value in sent.form.items()}
    try:
        words = Translation.model_validate({name: values.get(name, "") for name in Translation.model_fields})
    except ValidationError as error:
        return await _wrong(sent, pages, error, values)
    key = request_key(sent.form)

    async def act(session: WriteSession) -> None:
        await commands.propose(session, sent.member, sent.event_id, sent.language, words, sent.seen, key, sent.now)

    return await _carried_out(sent, pages, act, values)


@router.post(PATH + "/{language}/reviewed")
async def reviewed(sent: SentDep, pages: PagesDep) -> Response:
    """Says that the co-host has read the proposal through."""
    await _translator(sent)

    async def act(session: WriteSession) -> None:
        await commands.review(session, sent.member, sent.event_id, sent.language, sent.seen, sent.now)

    return await _carried_out(sent, pages, act)


@router.post(PATH + "/{language}/approve")
async def approve(sent: SentDep, pages: PagesDep) -> Response:
    """Writes the proposal's words into the event, as the host saw them."""
    await _host(sent)

    async def act(session: WriteSession) -> None:
        await commands.approve(session, sent.member, sent.event_id, sent.language, sent.seen, sent.now)

    return await _carried_out(sent, pages, act)


@router.post(PATH + "/{language}/decline")
async def decline(sent: SentDep, pages: PagesDep) -> Response:
    """Tells the co-host why its words are not taken."""
    await _host(sent)
    values = {"reason": str(sent.form.get("reason", ""))}
    try:
        reason = Decline.model_validate(values).reason
    except ValidationError as error:
        return await _wrong(sent, pages, error, values)

    async def act(session: WriteSession) -> None:
        await commands.decline(session, sent.member, sent.event_id, sent.language, sent.seen, reason, sent.now)

    return await _carried_out(sent, pages, act, values)


async def _translator(sent: Sent) -> None:
    if not (await _seen(sent.database, sent.member, sent.event_id)).mine:
        raise Problem(403, "role")


async def _host(sent: Sent) -> None:
    if not (await _seen(sent.database, sent.member, sent.event_id)).decides:
        raise Problem(403, "role")


async def _carried_out(
    sent: Sent,
    pages: PagesDep,
    act: Callable[[WriteSession], Awaitable[None]],
    values: Mapping[str, str] | None = None,
) -> Response:
    """The list of translations; if the command did nothing, the page as it is now, with why and what was typed."""
    try:
        async with sent.database.begin() as session:
            await act(session)
    except (UnknownEventError, NotTranslatedError):
        raise Problem(404) from None
    except tuple(REFUSALS) as error:
        errors = FormErrors()
        errors.add("", pages.reader(sent.request).gettext(REFUSALS[type(error)]))
        return await _show(sent.request, sent.member, sent.event_id, sent.language, values, errors, status=409)
    return pages.redirect(f"/console/events/{sent.event_id}/translations?done=1")


async def _wrong(sent: Sent, pages: PagesDep, error: ValidationError, values: Mapping[str, str]) -> Response:
    """The page with what was typed, and what is wrong with it."""
    errors = FormErrors.of(error, pages.reader(sent.request))
    return await _show(sent.request, sent.member, sent.event_id, sent.language, values, errors, status=422)
