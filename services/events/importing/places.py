"""Where an event takes place, told from one line: a house, an address, or a link."""

import re
from typing import Any

_LINK = re.compile(r"https?://[^\s<>\"]+")
_ONLINE_WORDS = re.compile(r"(?i)^\W*(online|digital|zoom|webinar|microsoft teams[\w -]*|videokonferenz|web)\W*$")
_PARTS = re.compile(r"\s*(?:,|\n|;|\s[|·–-]\s)\s*")


def place_fields(place: str) -> dict[str, Any]:
    """The fields of the event's form that a line such as `Haus, Weg 1, 10999 Berlin` fills."""
    fields: dict[str, Any] = {}
    if link := _LINK.search(place):
        fields["online_link"] = link[0].rstrip(".,;)")
        place = _LINK.sub("", place)
    place = place.strip(" \n,;()-–|")
    if not place or _ONLINE_WORDS.match(place):
        return fields
    first, *rest = [part for part in _PARTS.split(place) if part]
    if re.search(r"\d", first) and not re.search(r"(?i)raum|room|saal|haus|etage", first):
        fields["venue_address"] = ", ".join([first, *rest])
    else:
        fields["venue_name"] = first
        fields["venue_address"] = ", ".join(rest)
    return fields
