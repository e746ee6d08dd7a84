"""What was found, as events would be made of it: checked by the same rules as the event's form."""

import json
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from services.events.events.drafting import EventContent
from services.events.importing.found import Defaults, Found, Reason, Source
from shared.i18n.plain import one_line
from shared.web.validation import sentence

_LONGEST_TITLE = 200
_INSIDE = {"title", "text", "access_notes"}
_SIMPLE = (str, int, float)


class Entry(BaseModel):
    """One row of an import. `content` is the event that would be made; without it the reasons say why there is none."""

    line: int
    title: str
    uid: str
    content: EventContent | None = None
    reasons: list[Reason] = []

    @property
    def hash(self) -> bytes:
        """By which it is seen whether the source says the same as before."""
        stored = self.content.stored() if self.content else None
        return sha256(json.dumps(stored, sort_keys=True).encode()).digest()


def entries_of(source: Source, defaults: Defaults) -> list[Entry]:
    """Each event that was found, in the order of its lines."""
    return [_entry(found, defaults) for found in sorted(source.events, key=lambda found: found.line)]


def _entry(found: Found, defaults: Defaults) -> Entry:
    entry = Entry(line=found.line, title=one_line(found.title)[:_LONGEST_TITLE], uid=found.source_uid)
    if found.reasons:
        return entry.model_copy(update={"reasons": found.reasons})
    try:
        content = EventContent.model_validate(_given(found, defaults))
    except ValidationError as error:
        reasons = [_reason(wrong, defaults) for wrong in error.errors(include_url=False, include_input=False)]
        return entry.model_copy(update={"reasons": reasons})
    return entry.model_copy(update={"content": content})


def _given(found: Found, defaults: Defaults) -> dict[str, Any]:
    words = {"title": found.title, **found.words}
    return {
        "kind": found.kind or defaults.kind,
        "main_language": defaults.language,
        "words": {defaults.language: words},
        "time_zone": found.zone,
        "sessions": [{"starts_at": _plain(start), "ends_at": _plain(end)} for start, end in found.sessions],
        **found.fields,
    }


def _plain(moment: Any) -> Any:
    """A moment with an offset of its own: pydantic knows no zone of a calendar."""
    return moment.astimezone(ZoneInfo("UTC")) if moment.tzinfo else moment


def _reason(error: Any, defaults: Defaults) -> Reason:
    location = [str(part) for part in error["loc"]]
    inside = next((part for part in location if part in _INSIDE), "")
    field = f"{inside}-{defaults.language}" if inside else {"sessions": "starts"}.get(location[0], location[0])
    message, values = sentence(error)
    return Reason(message, {name: value for name, value in values.items() if isinstance(value, _SIMPLE)}, field)
