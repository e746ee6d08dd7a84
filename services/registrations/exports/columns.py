"""What an export holds of each registration, in the reader's language and the event's time zone."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.registrations.people.model import Means
from services.registrations.registrations.console import post_names
from services.registrations.registrations.listing import Line
from services.registrations.registrations.wording import CHANNELS, MEANS, NOT_REACHED, STATES
from services.registrations.shifts.wording import COMING
from shared.contracts.events import EventState
from shared.contracts.registrations import Channel
from shared.i18n.catalogues import N_
from shared.i18n.formats import language_name
from shared.web.reader import Reader

Cell = str | int | datetime
YES = N_("Yes")


class Column(NamedTuple):
    """A column's head, its width in characters, and what stands in it for one thing of the list."""

    head: str
    width: int
    cell: Callable[[Any], Cell]


def _coming(line: Line) -> str:
    """What somebody answered who was asked before their shift."""
    if line.coming_at:
        return YES
    return COMING["open"][0] if line.asked_to_come_at else ""


def columns_for(reader: Reader, event: EventState) -> list[Column]:
    """The columns of an export for this reader. Moments are as clocks in the zone showed them, without a zone."""
    _, zone, posts = reader.gettext, ZoneInfo(event.time_zone), post_names(event, reader)
    names: dict[str, str] = {}

    def language(line: Line) -> str:
        if line.language not in names:
            names[line.language] = language_name(line.language, reader.language)
        return names[line.language]

    def reached(line: Line) -> str:
        return _(NOT_REACHED) if line.unreachable else _(MEANS[Means(line.means)])

    def registered(line: Line) -> datetime:
        return line.created_at.astimezone(zone).replace(tzinfo=None, microsecond=0)

    shift = [Column(_(N_("Shift")), 40, lambda line: posts.get(line.places_id, ""))] if posts else []
    comes = [Column(_(N_("Is coming")), 16, lambda line: _(said) if (said := _coming(line)) else "")] if posts else []
    return [
        Column(_(N_("Name")), 30, lambda line: line.name or ""),
        *shift,
        Column(_(N_("People")), 10, lambda line: line.party_size),
        Column(_(N_("State")), 18, lambda line: _(STATES[line.state])),
        *comes,
        Column(_(N_("Language")), 16, language),
        Column(_(N_("Registered by")), 16, lambda line: _(CHANNELS[Channel(line.channel)])),
        Column(_(N_("Reached by")), 16, reached),
        Column(_(N_("Registered")), 18, registered),
        Column(_(N_("Marked")), 10, lambda line: _(YES) if line.marked else ""),
        Column(_(N_("Note")), 50, lambda line: line.note),
    ]
