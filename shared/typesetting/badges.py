"""Name badges: sheets of A4 with ten of 85 by 54 mm, with lines to cut along."""

from collections.abc import Iterable
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.base import LocalizedText
from shared.contracts.events import EventState
from shared.i18n.languages import direction
from shared.typesetting.compiling import TEMPLATES, TooLargeError, typeset
from shared.typesetting.event_facts import title_of
from shared.typesetting.said import Said, chosen, tag, written
from shared.typesetting.words import Words

MOST_BADGES: Final = 2_500
MOST_HOSTS: Final = 2
_TEMPLATE: Final = TEMPLATES / "badges.typ"


class Badges(BaseModel):
    """The names, and what stands on each badge. A name that is empty leaves a line to write on."""

    model_config = ConfigDict(frozen=True)

    language: str
    direction: Literal["ltr", "rtl"]
    heading: Said
    title: Said
    organisations: list[Said]
    names: list[Said]


def badges(event: EventState, names: Iterable[str], hosts: Iterable[LocalizedText], language: str) -> Badges:
    """What the badges say, in the order of the names. `hosts` is what all who host the event are called.

    Raises TooLargeError past MOST_BADGES.
    """
    found = [written(name, language, 60) for name in names]
    if len(found) > MOST_BADGES:
        raise TooLargeError(_TEMPLATE.name)
    return Badges(
        language=tag(language),
        direction=direction(language),
        heading=Words(language).gettext("Name badges"),
        title=title_of(event, language),
        organisations=[name for host in hosts if (name := chosen(host, language, 100))][:MOST_HOSTS],
        names=found,
    )


async def badges_pdf(event: EventState, names: Iterable[str], hosts: Iterable[LocalizedText], language: str) -> bytes:
    """The badges as PDF. Raises as `shared.typesetting.compiling.typeset` does."""
    return await typeset(_TEMPLATE, badges(event, names, hosts, language))
