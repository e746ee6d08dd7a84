"""What a notification tells: an event as one reader is told of it, and everything else that a text may name."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from shared.auth.members import Profile
from shared.contracts.events import ContactPoint, EventState, Status
from shared.declines import why
from shared.i18n import formats
from shared.i18n.catalogues import N_, translations
from shared.sms.words import KEYWORD_INTENTS, word_for
from shared.tickets import code_of
from shared.web.shown import Shown, pick

NO_DATE = N_("postponed, the new date is not known yet")
_LOCALIZED = ("host", "event_title")
_SPACES = re.compile(r"\s+")


def one_line(text: str) -> str:
    """The text without line breaks and control characters, for headers and SMS."""
    kept = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return _SPACES.sub(" ", "".join(kept)).strip()


class CoHostFacts(NamedTuple):
    """An organisation that hosts an event with another, as one reader is told of it; parts may be empty."""

    name: str
    phone: str
    spoken: str


class Logo(NamedTuple):
    """The picture of an organisation that hosts an event, and what it is called."""

    name: str
    png: bytes


@dataclass(frozen=True)
class EventFacts:
    """An event in one language. Built once for all who read the same.

    `number` is that of the role in a shift which alone is told of.
    """

    state: EventState
    version: int
    organisation: str
    language: str
    co_hosts: Sequence[Profile] = ()
    logos: Sequence[Logo] = ()
    number: int | None = None

    @property
    def code(self) -> str:
        """What people text to mean it."""
        return f"{self.state.code} {self.number}" if self.number else self.state.code

    @cached_property
    def together(self) -> list[CoHostFacts]:
        """Who hosts it with the organisation, and whom to ask there."""
        return [
            CoHostFacts(
                one_line(pick(profile.name, self.language).text),
                (profile.contact.phone or "") if profile.contact else "",
                formats.list_of(
                    [formats.language_name(code, self.language) for code in profile.languages], self.language
                ),
            )
            for profile in self.co_hosts
        ]

    @cached_property
    def title(self) -> Shown:
        """The title along the reader's chain."""
        shown = pick(self.state.title, self.language)
        return Shown(one_line(shown.text), shown.language, shown.direction, shown.is_fallback, shown.wanted)

    @cached_property
    def when(self) -> str:
        """The first date as short as it can be said, and how many more there are; for SMS."""
        if self.postponed:
            return translations(self.language).gettext(NO_DATE)
        if not self.state.sessions:
            return ""
        first, *more = self.state.sessions
        zone = self.state.time_zone
        when = formats.format_range(first.starts_at, first.ends_at, self.language, zone, short=True)
        if not more:
            return when
        text = translations(self.language).ngettext(
            "%(when)s and %(count)s more date", "%(when)s and %(count)s more dates", len(more)
        )
        return text % {"when": when, "count": formats.format_number(len(more), self.language)}

    @cached_property
    def dates(self) -> list[str]:
        """Each session in full; while there is no date, that."""
        if self.postponed:
            return [translations(self.language).gettext(NO_DATE)]
        zone = self.state.time_zone
        return [formats.format_range(s.starts_at, s.ends_at, self.language, zone) for s in self.state.sessions]

    @property
    def postponed(self) -> bool:
        """Whether the dates do not hold and there are no others yet."""
        return self.state.status is Status.POSTPONED

    @cached_property
    def place(self) -> str:
        """Where it is, in one line; empty for an event online."""
        venue = self.state.venue
        return one_line(", ".join(filter(None, (venue.name, venue.address)))) if venue else ""

    @property
    def contact(self) -> ContactPoint:
        """Whom to ask."""
        return self.state.contact

    def localized(self, texts: Mapping[str, str]) -> Shown | None:
        """The text of several that this reader gets; none if there is none at all."""
        return pick(texts, self.language) if any(text.strip() for text in texts.values()) else None

    @cached_property
    def spoken(self) -> str:
        """The languages of the contact point as a sentence lists them."""
        return formats.list_of(
            [formats.language_name(code, self.language) for code in self.contact.languages], self.language
        )


@dataclass(frozen=True)
class Telling:
    """One notification to one person: all that rendering needs, and nothing that it must look up.

    `sign_up` is where one signs up for the event's shifts. `by_desk`: it is not sent, but said by somebody of the desk.
    """

    template: str
    language: str
    delivery_id: UUID
    key: UUID
    data: Mapping[str, Any] = field(default_factory=dict)
    event: EventFacts | None = None
    name: str | None = None
    link: str | None = None
    first: bool = False
    unsubscribe: str | None = None
    sent_at: datetime | None = None
    ticket: str = ""
    ticket_address: str = ""
    sign_up: str = ""
    by_desk: bool = False

    @property
    def entry(self) -> str:
        """The code that a party says at the door, for people who have a place."""
        told = self.template in {"confirmation", "already-registered"} and self._placed
        return code_of(self.ticket) if told and self.ticket else ""

    @property
    def _placed(self) -> bool:
        return self.template == "confirmation" or self.data.get("state") == "confirmed"

    @property
    def online_link(self) -> str:
        """The link of an online event, for people who have a place; others find it on their page once they do."""
        placed = self._placed or (self.template == "party-changed" and not self.data.get("waits"))
        return (self.event.state.online_link or "") if self.event and placed else ""

    def words(self) -> dict[str, str]:
        """The words that the reader can text to us, as `yes_word`, `cancel_word` and so on."""
        return {f"{intent}_word": word_for(intent, self.language) for intent in KEYWORD_INTENTS}

    def moment(self, name: str, *, short: bool) -> str:
        """A time in `data` (ISO 8601) in the event's time zone; empty if there is none."""
        given = self.data.get(name)
        zone = self.event.state.time_zone if self.event else "Europe/Berlin"
        if not given:
            return ""
        return formats.format_date_time(datetime.fromisoformat(str(given)), self.language, zone, short=short)

    def variables(self, *, short: bool) -> dict[str, Any]:
        """What every template may use; `data` adds its own names."""
        event = self.event
        reasons = (event.state.cancellation_reason or event.state.postponement_reason) if event else {}
        reason = event.localized(reasons) if event else None
        around = {
            "language": self.language,
            "code": event.code if event else "",
            "when": event.when if event else "",
            "reason": one_line(reason.text) if reason else "",
            "link": self.link or "",
            "own_page": self.link or "",
            "sign_up": f"{self.sign_up}#post-{event.number}" if event and event.number else self.sign_up,
            "entry": self.entry,
            "hours": self._hours(short=short),
            "declined": self._declined(),
            "first": self.first,
            "by_desk": self.by_desk,
            "party": 1,
            "holds": True,
            "waits": False,
            "state": "",
            "why": "",
        }
        texts = {name: self._localized(name) for name in _LOCALIZED if isinstance(self.data.get(name), list)}
        return around | self.words() | dict(self.data) | texts | self._moments(short=short)

    def _hours(self, *, short: bool) -> str:
        """The `minutes` of `data`, as they are said; empty if there are none."""
        if "minutes" not in self.data:
            return ""
        return formats.format_duration(int(self.data["minutes"]), self.language, short=short)

    def _declined(self) -> str:
        """Why somebody does not get a role; empty where it is not about that."""
        sentence = why(self.data.get("declined_for"))
        return translations(self.language).gettext(sentence) if sentence else ""

    def _localized(self, name: str) -> str:
        """A public text of `data` in the reader's language (`notification_requests.localized`)."""
        texts = dict(line.split("|", 1) for line in self.data[name] if "|" in line)
        return one_line(pick(texts, self.language).text) if texts else ""

    def _moments(self, *, short: bool) -> dict[str, str]:
        return {name: self.moment(name, short=short) for name in ("until", "planned")}
