"""What a notification is told of: one event in each language, and data with everything that a text may name."""

from uuid import uuid4

from services.notifications.templates.facts import EventFacts, Telling
from shared.tickets import ticket_url
from tests.support import notifications as given

TICKET = "482913551204"
LINK = "https://teilhabe.example/r/abcdefghijklmnop"
DATA = {
    "party": 12,
    "previous": 3,
    "position": 14,
    "holds": True,
    "until": "2026-12-02T17:00:00+00:00",
    "state": "offered",
    "code": "GARTEN",
    "word": "YES",
    "codes": ["GARTEN", "HAFEN"],
    "lines": ["GARTEN|confirmed|3|||482 913", "HAFEN|offered|1|2026-12-02T17:00:00+00:00", "MARKT|waitlisted|2|"],
    "largest": 5,
    "why": "closed",
    "minutes": 225,
    "shares": ["1|contact|no|Migrantenselbstorganisation der Stadt und der Region Demostadt", "2|names|yes|Haus"],
    "shifts": [
        "3|2026-12-05T09:00:00+00:00|2026-12-05T12:00:00+00:00|Dolmetschen",
        "7|2026-12-05T12:00:00+00:00|2026-12-05T15:00:00+00:00|Küche",
    ],
    "more": 2,
    "full": "",
    "host": "Integrationsbüro",
    "event_title": "Nähen",
    "role": "owner",
    "declined_for": "certificate",
    "waiting": 3,
    "step": 2,
    "result": "left",
    "planned": "2026-12-05T09:00:00+00:00",
}


def facts(language, **changes):
    return EventFacts(given.event(given.LONG_TITLE, **changes), 3, "Integrationsbüro", language)


def telling(template, language="de", event=None, **changes):
    values = {"data": DATA, "event": event or facts(language), "link": LINK, "first": True, "name": "N"}
    values |= {"ticket": TICKET, "ticket_address": ticket_url("https://teilhabe.example", "GARTEN", TICKET)}
    return Telling(template, language, uuid4(), uuid4(), **values | changes)
