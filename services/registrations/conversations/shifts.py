"""Shifts by SMS: the code alone answers with the open shifts, numbered; the code and a number takes one."""

from collections.abc import Awaitable, Callable, Sequence

from services.registrations.conversations.talk import Conversation, ask
from services.registrations.events.model import PlacesRow
from services.registrations.events.queries import Offer
from services.registrations.people.commands import Address
from services.registrations.people.model import Means
from services.registrations.registrations.admission import Admitted, Refusal, Refused, Wish, admit
from services.registrations.registrations.model import State
from services.registrations.registrations.queries import Live
from services.registrations.shifts.commands import tell_overlap
from shared.contracts.notification_requests import Template
from shared.contracts.registrations import Channel
from shared.shifts import Post
from shared.web.shown import pick

MOST_SHIFTS = 12

Answer = Callable[[Conversation, Live], Awaitable[None]]


async def take(talk: Conversation, offer: Offer, accept: Answer, remind: Answer) -> None:
    """Sign the sender up for the shift whose number the text names, or answer with the shifts that there are."""
    open_posts = offer.posts(talk.now)
    post = next((post for post, _ in open_posts if post.number == talk.heard.party_size), None)
    if post is None:
        return await _list(talk, offer, open_posts)
    if mine := [one for one in await talk.meant() if one.number == post.number]:
        return await (accept if mine[0].waits else remind)(talk, mine[0])
    first = not [one for one in await talk.every() if one.event_id == offer.event.id]
    wish = Wish(Address(Means.PHONE, talk.number, talk.language), 1, Channel.SMS, talk.consent)
    decision = (await admit(talk.session, talk.vault, talk.rules, post.id, [wish], talk.now))[0]
    if isinstance(decision, Refused) and decision.other:
        return await tell_overlap(talk.session, post.id, offer.event.id, decision.other, talk.language)
    if isinstance(decision, Refused):
        return await _closed(talk, offer, decision.reason)
    if isinstance(decision, Admitted) and first:
        await ask(talk, decision.id, decision.person_id, offer.event)
    return None


async def _list(talk: Conversation, offer: Offer, posts: Sequence[tuple[Post, PlacesRow]]) -> None:
    """The shifts with a free place; where there is none, those that one can be a substitute for."""
    event = offer.event
    if offer.cancelled or offer.postponed or not posts or offer.not_open_yet(talk.now):
        return await _closed(talk, offer, _why(talk, offer))
    free = [post for post, pool in posts if pool.taken < pool.capacity]
    shown = free or [post for post, _ in posts]
    await talk.remember_language()
    data = {"code": event.code, "shifts": [_line(talk, post) for post in shown[:MOST_SHIFTS]]}
    more = max(0, len(shown) - MOST_SHIFTS)
    return await talk.answer(Template.SMS_SHIFTS, event.id, full="" if free else "yes", more=more, **data)


def _line(talk: Conversation, post: Post) -> str:
    """`number|start|end|role`."""
    times = f"{post.session.starts_at.isoformat()}|{post.session.ends_at.isoformat()}"
    return f"{post.number}|{times}|{pick(post.role.name, talk.language).text}"


def _why(talk: Conversation, offer: Offer) -> Refusal:
    if offer.cancelled:
        return Refusal.CANCELLED
    if offer.postponed:
        return Refusal.POSTPONED
    return Refusal.NOT_OPEN if offer.not_open_yet(talk.now) else Refusal.CLOSED


async def _closed(talk: Conversation, offer: Offer, why: Refusal) -> None:
    await talk.answer(Template.SMS_REGISTRATION_CLOSED, offer.event.id, code=offer.event.code, why=why.value)


def of_one_event(found: Sequence[Live]) -> bool:
    """Whether all of these are shifts of one event."""
    return bool(found) and all(one.number and one.event_id == found[0].event_id for one in found)


def asked_together(found: Sequence[Live]) -> list[Live]:
    """The shifts of one event about which a number's owner was asked at once: one yes is for all of them."""
    held = [one for one in found if one.state is State.HELD]
    return held if len(held) > 1 and len(held) == len(found) and of_one_event(held) else []
