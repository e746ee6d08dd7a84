"""Residents on the web and with phones, all the time: they register, change their party, answer offers, cancel.

A resident does one thing after the other, repeats what was not answered with the same key, and notes what was.
"""

import asyncio
import random
from uuid import uuid4

import aiohttp

from tests.faults.asking import Answer, ask
from tests.faults.house import House
from tests.faults.journal import Journal
from tests.faults.organiser import LARGEST_PARTY, Event, Organiser

_SMS_PATIENCE = 40.0


class Load:
    """So many residents at a time, and one organiser."""

    def __init__(self, house: House, journal: Journal, organiser: Organiser, http: aiohttp.ClientSession) -> None:
        self.house, self.journal, self.organiser, self.http = house, journal, organiser, http
        self._numbers = random.sample(range(10**7), 100_000)

    async def run(self, dice: random.Random, residents: int) -> None:
        """Until cancelled: what is under way then is not noted, and nobody is held to it."""
        await asyncio.gather(*(self._people(random.Random(dice.random())) for _ in range(residents)))

    def mobile_number(self) -> str:
        """A German mobile number that nobody has had in this trial."""
        return f"+491511{self._numbers.pop():07d}"

    async def _people(self, dice: random.Random) -> None:
        while True:
            person = Resident(self, dice)
            lives = [person.by_mail, person.by_mail, person.by_phone, person.by_typed_number, person.by_phone]
            await dice.choice(lives)()
            await asyncio.sleep(dice.uniform(0, 0.4))


class Resident:
    """One person, who registers once."""

    def __init__(self, load: Load, dice: random.Random, event: Event | None = None) -> None:
        self._load, self._dice = load, dice
        self._event = event or dice.choice(load.organiser.active)
        self._party = dice.randint(1, LARGEST_PARTY)
        self._key = str(uuid4())
        self._token = ""

    async def by_mail(self) -> None:
        """On the web, with an e-mail address and the secret link."""
        answer = await self.register_by_mail()
        if answer is None or answer.status != 201:
            return
        state = answer.body["result"]
        for _ in range(self._dice.randint(0, 3)):
            await self._think()
            if state == "waitlisted":
                state = await self._await_offer()
            if state == "offered":
                await self._answer_offer()
                return
            if state != "confirmed" or self._dice.random() < 0.4:
                await self._cancel()
                return
            await self._change_party(self._dice.randint(1, LARGEST_PARTY))

    async def register_by_mail(self, address: str = "") -> Answer | None:
        """Send the form, and note the answer."""
        means = {"email": address or f"{uuid4().hex}@faults.example"}
        answer = await self._register(means)
        if answer is not None and answer.status == 201:
            self._token = answer.body["link"].rpartition("/")[2]
            party, result = self._party, answer.body["result"]
            self._note("registered", party=party, result=result, retried=answer.tries > 1, **means)
        return answer

    async def by_typed_number(self) -> None:
        """On the web, with a phone number whose owner is asked by SMS."""
        number = self._load.mobile_number()
        answer = await self._register({"phone": number})
        if answer is None or answer.status != 201:
            return
        self._note("registered", party=self._party, result="held", retried=answer.tries > 1, phone=number)
        if await self._load.house.provider.next_for(number, _SMS_PATIENCE) and self._dice.random() < 0.7:
            await self._text(number, f"JA {self._event.code}", "yes")

    async def by_phone_once(self) -> None:
        """By SMS: a place, and nothing after it."""
        await self._text(self._load.mobile_number(), f"{self._event.code} {self._party}", "register")

    async def by_phone(self) -> None:
        """By SMS alone."""
        number = self._load.mobile_number()
        answer = await self._text(number, f"{self._event.code} {self._party}", "register")
        if answer is None:
            return
        await self._think()
        deeds = ("stay", "party", "cancel", "wait", "wait")
        deed = self._dice.choice(deeds)
        if deed == "party":
            await self._text(number, f"{self._event.code} {self._party % LARGEST_PARTY + 1}", "party")
        elif deed == "cancel":
            await self._text(number, f"ABSAGEN {self._event.code}", "cancel")
        elif deed == "wait" and await self._load.house.provider.next_for(number, 10):
            word = self._dice.choice(("JA", "JA", "NEIN"))
            await self._text(number, f"{word} {self._event.code}", "answer")

    async def _text(self, number: str, words: str, meaning: str) -> str | None:
        """Text, and wait for the answer to it."""
        provider, notifications = self._load.house.provider, self._load.house.system.url("notifications")
        sid = await provider.text(notifications, number, words, _SMS_PATIENCE)
        if sid is None:
            return None
        self._note("texted", number=number, sid=sid, meaning=meaning)
        return await provider.next_for(number, _SMS_PATIENCE)

    async def _register(self, means: dict[str, str]) -> Answer | None:
        body = {**means, "language": "de", "party_size": self._party, "consent": True}
        headers = {"Idempotency-Key": self._key}
        return await self._ask("POST", f"events/{self._event.id}/registrations", json=body, headers=headers)

    async def _await_offer(self) -> str:
        state = "waitlisted"
        for _ in range(self._dice.randint(1, 12)):
            await self._think()
            answer = await self._ask("GET", f"own/{self._token}")
            if answer is None or answer.status != 200:
                break
            state = answer.body["state"]
            if state != "waitlisted":
                break
        return state

    async def _answer_offer(self) -> None:
        mood = self._dice.random()
        if mood < 0.25:
            await self._cancel()
        elif mood < 0.8:
            answer = await self._ask("POST", f"own/{self._token}/accept")
            if answer is not None and answer.status == 204:
                self._note("accepted")

    async def _cancel(self) -> None:
        answer = await self._ask("DELETE", f"own/{self._token}")
        if answer is not None and answer.status == 204:
            self._note("cancelled")

    async def _change_party(self, size: int) -> None:
        answer = await self._ask("PUT", f"own/{self._token}/party", json={"party_size": size})
        if answer is not None and answer.status == 204 and size != self._party:
            self._note("party", size=size)
            self._party = size

    async def _ask(self, method: str, path: str, **request) -> Answer | None:
        urls = [self._load.house.system.url("registrations", number) for number in range(2)]
        urls = [f"{url}/registrations/api/{path}" for url in urls]
        return await ask(self._load.http, method, urls, **request)

    async def _think(self) -> None:
        await asyncio.sleep(self._dice.uniform(0.2, 1.2))

    def _note(self, what: str, **facts) -> None:
        self._load.journal.note(what, key=self._key, event=self._event.id, **facts)
