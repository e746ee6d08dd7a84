"""Understanding a text: its words by the shared lists, its codes by the events that there are."""

from typing import NamedTuple
from uuid import UUID

from services.registrations.events.queries import known_codes
from services.registrations.hours.working import Said, said_hours
from shared.database.engine import ReadSession
from shared.i18n.folding import fold
from shared.sms.codes import CODE_ALPHABET, LONGEST_CODE, SHORTEST_CODE
from shared.sms.keywords import Intent, PartySizeError, parse

_MOST_WORDS = 30


class Heard(NamedTuple):
    """A text as we understood it.

    With `names_unknown_code` it is a single word that may be meant as a code and belongs to no event. The word itself
    is not kept: it may as well be a name. `said` is what a text about hours says.
    """

    intent: Intent
    names_unknown_code: bool
    event_id: UUID | None
    party_size: int | None
    party_size_error: PartySizeError | None
    language: str | None
    said: Said | None = None


async def listen(session: ReadSession, text: str) -> Heard:
    """What the text asks for."""
    codes = await known_codes(session, _candidates(text))
    parsed = parse(text, codes.__contains__)
    like_a_code = parsed.intent is Intent.UNKNOWN and parsed.code is None and _is_like_a_code(parsed.rest)
    event_id = codes.get(parsed.code) if parsed.code else None
    said = said_hours(text, parsed.code or "") if parsed.intent is Intent.HOURS else None
    return Heard(
        *(parsed.intent, like_a_code, event_id, parsed.party_size, parsed.party_size_error, parsed.language), said
    )


def _candidates(text: str) -> set[str]:
    """Every beginning and end of a word that could be a code: people write GARTEN3 and 3GARTEN."""
    words = [word.upper() for word in fold(text).split()[:_MOST_WORDS]]
    lengths = range(SHORTEST_CODE, LONGEST_CODE + 1)
    parts = {part for word in words for n in lengths for part in (word[:n], word[-n:])}
    return {part for part in parts if len(part) >= SHORTEST_CODE and set(part) <= set(CODE_ALPHABET)}


def _is_like_a_code(rest: str) -> bool:
    """Whether what was not understood is one word that could be meant as a code."""
    return SHORTEST_CODE <= len(rest) <= LONGEST_CODE and rest.isascii() and rest.isalnum()
