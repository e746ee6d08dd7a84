"""What somebody of the desk says to a person: the words of the mail that another person would get."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.notifications.calls.queries import Call
from services.notifications.deliveries.rendering import facts_of, places_of, reading_language
from services.notifications.events.queries import KnownEvent
from services.notifications.templates.facts import EventFacts, Telling
from services.notifications.templates.mail import source
from shared.i18n.languages import direction


@dataclass(frozen=True)
class Words:
    """What is to be said, in one language: sentences, then when and where, and whom to ask."""

    language: str
    direction: str
    paragraphs: list[str]
    event: EventFacts


class Sayings:
    """Puts entries into words; an event is put into each language once."""

    def __init__(self, events: Mapping[UUID, KnownEvent]) -> None:
        self._events = events
        self._facts: dict[tuple[UUID, str, str], EventFacts] = {}

    def facts(self, call: Call, language: str) -> EventFacts:
        """The event as one reader is told of it."""
        known = self._events[call.event_id]
        places_id = places_of(known, call.data)
        key = (call.event_id, language, str(places_id))
        if key not in self._facts:
            self._facts[key] = facts_of(known, language, places_id)
        return self._facts[key]

    def words(self, call: Call, language: str) -> Words:
        """The entry in the language, or the first of its chain that we have texts in."""
        language = reading_language(language)
        event = self.facts(call, language)
        telling = Telling(call.template, language, call.id, call.id, call.data, event, by_desk=True)
        text = str(source(telling, "text")["text"])
        paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
        return Words(language, direction(language), paragraphs, event)

    def both(self, call: Call, reader: str) -> list[Words]:
        """For the person, and for who reads it out where that is another language."""
        own = self.words(call, call.language or reader)
        also = self.words(call, reader)
        return [own] if own.language == also.language else [own, also]
