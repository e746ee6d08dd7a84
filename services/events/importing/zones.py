"""The time zones of foreign calendars: IANA's names, Windows' names, and what programs make of either."""

import re

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from services.events.events.scheduling import known_zones

_BY_CASE = {name.casefold(): name for name in known_zones()}
_WINDOWS = {name.casefold(): zone for name, zone in WINDOWS_TO_OLSON.items()}
# Outlook shows zones by their cities, Exchange and Lotus by their German names.
_SHOWN = {
    "berlin": "Europe/Berlin",
    "mitteleuropäische zeit": "Europe/Berlin",
    "mez": "Europe/Berlin",
    "cet": "Europe/Berlin",
    "cest": "Europe/Berlin",
    "mesz": "Europe/Berlin",
    "w. europe": "Europe/Berlin",
    "westeuropäische zeit": "Europe/London",
    "z": "UTC",
    "utc": "UTC",
    "gmt": "UTC",
}


def zone_of(name: str) -> str:
    """The IANA name of a zone, however it was called; empty for one that nobody knows."""
    plain = name.strip().strip("\"'").casefold()
    if not plain:
        return ""
    for known in (_BY_CASE, _WINDOWS, _SHOWN):
        if plain in known:
            return known[plain]
    # /mozilla.org/20050126_1/Europe/Berlin, /freeassociation.sourceforge.net/Europe/Berlin
    parts = plain.split("/")
    for begin in range(1, len(parts)):
        if (tail := "/".join(parts[begin:])) in _BY_CASE and "/" in tail:
            return _BY_CASE[tail]
    cities = [city.strip() for city in re.split(r"[,)(]", plain)]
    return next((_SHOWN[city] for city in cities if city in _SHOWN and city != "utc"), "")
