"""The form in which volunteers sign up for shifts, for several at once, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.registrations.consents.queries import co_hosts_of
from services.registrations.events.queries import Offer
from services.registrations.registrations.admission import Admitted, AlreadyRegistered, Decision, Refused, Wish
from services.registrations.registrations.form import chosen_channel, share_names
from services.registrations.registrations.limits import REMINDERS, count_wish
from services.registrations.registrations.pages import about, language_options, offered
from services.registrations.registrations.reminders import remind
from services.registrations.shifts.commands import NotAllError, sign_up, tell_overlap
from services.registrations.shifts.form import chosen_posts, named, read_sign_up
from services.registrations.shifts.wording import ELSEWHERE, NOT_ALL, NOT_FREE, NOT_OPEN
from shared.runtime.api import FormDep, PagesDep
from shared.shifts import Post
from shared.web.forms import FormErrors, request_key
from shared.web.limits import TooManyTriesError
from shared.web.problems import TEXTS
from shared.web.reader import Reader
from shared.web.shown import pick

router = APIRouter(include_in_schema=False)
PATH = "/registrations/shifts/{event_id}"


@dataclass(frozen=True)
class Filled:
    """The form as somebody has it: the event, what was typed, and the roles in shifts that were ticked."""

    request: Request
    offer: Offer
    values: Mapping[str, str]
    chosen: list[Post]

    @property
    def reader(self) -> Reader:
        """Who reads the page."""
        reader: Reader = self.request.app.state.pages.reader(self.request)
        return reader

    def name(self, post: Post) -> str:
        """A role in a shift as a sentence names it."""
        return named(post, self.reader, self.offer.event.time_zone)


def _shut(offer: Offer, now: datetime) -> bool:
    no_more = offer.cancelled or offer.postponed or offer.closed(now) or offer.not_open_yet(now)
    return no_more or not offer.event.shifts


@router.get(PATH)
async def form_page(request: Request, event_id: UUID, pages: PagesDep) -> Response:
    """The shifts to choose from; an event without any has another form."""
    offer = await offered(request, event_id)
    if _shut(offer, datetime.now(UTC)):
        return pages.redirect(f"/registrations/new/{event_id}")
    return await _form(Filled(request, offer, {"language": pages.reader(request).language}, []), FormErrors())


async def _form(filled: Filled, errors: FormErrors, status: int = 422) -> Response:
    """The form with what was chosen and typed."""
    request, offer, values = filled.request, filled.offer, filled.values
    async with request.app.state.database.read() as session:
        hosts = await co_hosts_of(session, offer.event)
    shown = {**values, "channel": chosen_channel(values) or "", "together": values.get("together", "free")}
    context: dict[str, Any] = about(request, offer) | {"values": shown, "errors": errors, "co_hosts": hosts}
    context |= {"languages": language_options(), "share_names": share_names(offer.event)}
    context |= {"shifts": _by_shift(offer), "chosen": {post.number for post in filled.chosen}}
    context["pick"] = lambda texts: pick(texts, filled.reader.language)
    answer: Response = request.app.state.pages.render(
        request, "shifts/new.html", status if errors else 200, personal=bool(errors), **context
    )
    return answer


def _by_shift(offer: Offer) -> list[list[tuple[Post, int]]]:
    """The roles of each shift, and how many people each can still take."""
    shifts: dict[UUID, list[tuple[Post, int]]] = {}
    for post, pool in offer.posts(datetime.now(UTC)):
        shifts.setdefault(post.session.id, []).append((post, max(0, pool.capacity - pool.taken)))
    return list(shifts.values())


@router.post(PATH)
async def register(request: Request, event_id: UUID, pages: PagesDep, form: FormDep) -> Response:
    """Decide about all shifts at once, and lead to the page of what came of it."""
    offer = await offered(request, event_id)
    if _shut(offer, datetime.now(UTC)):
        return pages.redirect(f"/registrations/new/{event_id}")
    chosen = chosen_posts(form, [post for post, _ in offer.posts(datetime.now(UTC))])
    filled = Filled(request, offer, {name: str(value) for name, value in form.items()}, chosen)
    settings = request.app.state.settings
    wish, errors = read_sign_up(filled.values, chosen, request_key(form), settings, offer.event, filled.reader)
    if wish is None:
        return await _form(filled, errors)
    try:
        for _ in chosen:  # each may cost an SMS to a number that somebody typed
            await count_wish(request, wish)
    except TooManyTriesError as error:
        errors.add("", filled.reader.gettext(TEXTS[429][1]))
        answer = await _form(filled, errors, error.status_code)
        answer.headers.update(error.headers or {})
        return answer
    return await _decided(filled, wish)


async def _decided(filled: Filled, wish: Wish) -> Response:
    state, event_id = filled.request.app.state, filled.offer.event.id
    places, whole = [post.id for post in filled.chosen], filled.values.get("together") == "all"
    askable = filled.values.get("askable") == "yes"
    try:
        async with state.database.begin() as session:
            now = datetime.now(UTC)
            decided = await sign_up(
                session, state.vault, state.rules, wish, places, now, all_or_none=whole, askable=askable
            )
    except NotAllError as error:
        return await _not_all(filled, wish, error)
    await _tell_overlaps(filled, decided)
    for decision in decided.values():
        if isinstance(decision, AlreadyRegistered):
            await remind(state.database, state.vault, state.limits, event_id, decision)
    return await _answer(filled, wish, decided)


async def _not_all(filled: Filled, wish: Wish, error: NotAllError) -> Response:
    """The form again. What is known of a number is said to its owner alone: who typed it may be a stranger."""
    await _tell_overlaps(filled, error.refused)
    if wish.ask_owner and not error.full:
        return _asked(filled)
    errors = FormErrors()
    full = "; ".join(filled.name(post) for post in filled.chosen if post.id in error.full)
    errors.add("post", filled.reader.gettext(NOT_FREE, what=full) if full else filled.reader.gettext(NOT_ALL))
    return await _form(filled, errors, 409)


async def _answer(filled: Filled, wish: Wish, decided: Mapping[UUID, Decision]) -> Response:
    """The person's own page; where something was refused, the form that says what, with nothing ticked any more."""
    if wish.ask_owner:
        return _asked(filled)
    refused = [post for post in filled.chosen if isinstance(decided[post.id], Refused)]
    if refused:
        errors = FormErrors()
        errors.add("post", " ".join(_sentences(filled, refused, decided)))
        return await _form(Filled(filled.request, filled.offer, filled.values, []), errors, 409)
    admitted = [decision for decision in decided.values() if isinstance(decision, Admitted)]
    event_id = filled.offer.event.id
    path = f"/r/{admitted[0].token}?new=1" if admitted else f"/registrations/already/{event_id}"
    answer: Response = filled.request.app.state.pages.redirect(path)
    return answer


def _asked(filled: Filled) -> Response:
    answer: Response = filled.request.app.state.pages.redirect(f"/registrations/asked/{filled.offer.event.id}")
    return answer


def _sentences(filled: Filled, refused: Sequence[Post], decided: Mapping[UUID, Decision]) -> list[str]:
    whys = {post.id: getattr(decided[post.id], "other", None) for post in refused}
    return [filled.reader.gettext(ELSEWHERE if whys[post.id] else NOT_OPEN, what=filled.name(post)) for post in refused]


async def _tell_overlaps(filled: Filled, decided: Mapping[UUID, Decision]) -> None:
    """Write to the person which shift is at the same time. Beyond a limit nothing is sent, and nobody told."""
    state, now = filled.request.app.state, datetime.now(UTC)
    for places_id, decision in decided.items():
        if not (isinstance(decision, Refused) and decision.other):
            continue
        try:
            async with state.database.begin() as session:
                await state.limits.count(session, now, (REMINDERS, str(decision.other.person_id)))
                await tell_overlap(session, places_id, filled.offer.event.id, decision.other)
        except TooManyTriesError:
            return
