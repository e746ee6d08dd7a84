"""A day of volunteers gone through at random: who signs up, decides, swaps, leaves, comes and is signed off."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from services.registrations.check_in.commands import Desk, NoPlaceError, NotHereError, check_in, check_out
from services.registrations.hours.commands import NoHoursError, SignedOffError, Signing, correct, sign_off
from services.registrations.registrations import commands
from services.registrations.registrations.promises import keep_promises
from services.registrations.registrations.waitlist import expire_overdue
from services.registrations.shifts.commands import sign_up
from services.registrations.shifts.reminding import ask_who_comes, say_coming
from services.registrations.swaps.commands import Asking, CannotSwapError, NothingAskedError, answer, ask, expire_swaps
from shared.contracts.registrations import DeclineReason, EndedBy
from shared.shifts import posts_of
from tests.support import registrations as given

REFUSALS = (
    commands.NothingToAnswerError,
    commands.RegistrationEndedError,
    commands.OverlapsError,
    commands.NoRoomError,
    commands.OwnerNotAskedError,
    commands.DecidedError,
    CannotSwapError,
    NothingAskedError,
    NoPlaceError,
    NotHereError,
    NoHoursError,
    SignedOffError,
)
_ROWS = text("SELECT id, person_id, places_id, state, ended_by FROM registrations WHERE event_id = :event ORDER BY id")


class Walk:
    """One walk with a clock of its own; `visited` counts each step with what came of it."""

    def __init__(self, database, day, dice, people):
        self.database, self.day, self.dice = database, day, dice
        self.people = [given.number() for _ in range(people)]
        self.clock = day.sessions[0].starts_at - timedelta(hours=20)
        self.visited: Counter[str] = Counter()

    async def step(self):
        """Something happens, to somebody."""
        name = self.dice.choice(STEPS)
        try:
            came_of_it = await getattr(self, name)()
        except REFUSALS as error:
            came_of_it = type(error).__name__
        if came_of_it is not None:
            self.visited[f"{name}: {came_of_it}"] += 1

    async def do(self, command, *args: Any, **more: Any):
        """A command that takes the session and the vault."""
        async with self.database.begin() as session:
            return await command(session, given.VAULT, *args, **more)

    async def rows(self, *states):
        """The registrations, of these states if any are named."""
        async with self.database.read() as session:
            found = (await session.execute(_ROWS, {"event": self.day.id})).all()
        return [row for row in found if not states or row.state in states]

    async def one(self, *states):
        """Somebody in one of these states, and now and then anybody."""
        found = await self.rows(*(states if self.dice.random() < 0.8 else ()))
        return self.dice.choice(found) if found else None

    async def sign_up(self):
        post = self.dice.choice(posts_of(self.day))
        wish = given.wish(self.dice.choice(self.people), ask_owner=self.dice.random() < 0.35)
        decided = await self.do(sign_up, given.RULES, wish, [post.id], self.clock)
        return getattr(decided[post.id], "state", None) or decided[post.id].reason

    async def accept(self):
        row = await self.one("held", "offered")
        return row and await self.do(commands.accept, given.RULES, row.id, self.clock)

    async def approve(self):
        row = await self.one("pending", "waitlisted")
        return row and await self.do(commands.move_up, given.RULES, row.id, self.clock)

    async def decline(self):
        row = await self.one("pending", "waitlisted")
        return row and await self.do(commands.decline, given.RULES, row.id, DeclineReason.OTHERS, self.clock)

    async def cancel(self):
        row = await self.one("confirmed", "pending", "waitlisted", "offered")
        if row is None or self.dice.random() < 0.5:
            return None
        return await self.do(commands.cancel, given.RULES, row.id, EndedBy.PERSON, self.clock)

    async def ask_to_swap(self):
        found = await self.rows("confirmed")
        if len(found) < 2:
            return None
        one, other = self.dice.sample(found, 2)
        asking = Asking(uuid4(), self.day.organisation_id, self.day.id, self.clock)
        return "asked" if await self.do(ask, asking, one.id, other.id) else None

    async def answer_swap(self):
        async with self.database.read() as session:
            asked = (await session.execute(text("SELECT first_id, second_id FROM swaps WHERE ended_at IS NULL"))).all()
        if not asked:
            return None
        registration_id = self.dice.choice(self.dice.choice(asked))
        agreed = self.dice.random() < 0.8
        return await self.do(answer, registration_id, self.clock, agreed=agreed) or "waits for the other"

    async def come(self):
        await ask_who_comes(self.database, given.VAULT, timedelta(hours=36), self.clock)
        row = await self.one("confirmed")
        if row is None:
            return None
        async with self.database.begin() as session:
            return "said yes" if await say_coming(session, [row.id], self.clock) else "was not asked"

    async def check_in(self):
        return await self._at_the_desk(check_in)

    async def check_out(self):
        return await self._at_the_desk(check_out)

    async def _at_the_desk(self, command):
        row = await self.one("confirmed")
        if row is None:
            return None
        [session_of] = [post.session for post in posts_of(self.day) if post.id == row.places_id]
        desk = Desk(uuid4(), self.day, session_of, uuid4(), self.clock, self.clock)
        async with self.database.begin() as session:
            return (await command(session, desk, row.id)).result

    async def put_right(self):
        row = await self.one("confirmed")
        if row is None:
            return None
        async with self.database.begin() as session:
            await correct(session, row.id, self.dice.randrange(0, 300), "", self.clock)
        return "noted"

    async def sign(self):
        row = await self.one("confirmed")
        if row is None:
            return None
        signing = Signing(uuid4(), self.day, self.clock)
        changed = await self.do(sign_off, signing, {row.id: self.dice.choice((0, 60, 120, 180))})
        return "signed" if changed else "nothing new"

    async def wait(self):
        self.clock += timedelta(minutes=self.dice.randrange(30, 180))
        vault, rules = given.VAULT, given.RULES
        await expire_overdue(self.database, vault, rules, self.clock)
        await expire_swaps(self.database, vault, self.clock)
        await keep_promises(self.database, vault, rules, self.clock)
        return "time passes"


STEPS = (
    *["sign_up"] * 5,
    *["accept", "approve"] * 2,
    *["ask_to_swap", "answer_swap", "decline", "cancel"] * 2,
    *["come", "check_in", "check_out", "put_right", "sign", "wait"],
)
