"""A calendar from an address that somebody typed: from the public internet alone, bounded in size and time.

Whoever types an address must not reach through us what only we can reach (OWASP, server-side request forgery). So each
connection is judged where it is made, by the number that it goes to: however a name or a number was written, whatever a
name has come to mean since it was looked up, wherever a redirect leads.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from services.events.importing.found import MOST_BYTES
from shared.i18n.catalogues import N_

NO_ADDRESS = N_("Write a web address, for example https://example.org/calendar.ics.")
NOT_PUBLIC = N_("This address is not on the public internet, so we do not fetch it.")
NOT_THERE = N_("Nobody answers at this address. Check how it is written.")
REFUSED = N_("The server answered with error %(status)s instead of the calendar.")
TOO_FAR = N_("The address leads from one to the next without an end.")
TOO_LARGE = N_("What is there is larger than %(most)s MB.")
TOO_SLOW = N_("The server took too long to answer. Try again later, or save the file and choose it here.")

_SECONDS = 10
_MOST_REDIRECTS = 3
_PORTS = {80, 443, 8080, 8443}
_LONGEST = 2000
_REDIRECTS = {301, 302, 303, 307, 308}
# Each holds an IPv4 address inside, to which somebody translates.
_TRANSLATED = [ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")]


class FetchError(Exception):
    """Nothing was fetched; the message is an English sentence that the catalogues know, with `values` in it."""

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.message = message
        self.values = values


def is_public(address: str) -> bool:
    """Whether everybody on the internet reaches the address: no private, local, shared or translated one, no name."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _TRANSLATED):
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


class _Door:
    """Makes the sockets of one fetch, and none to what is not public."""

    def __init__(self, *, allow_local: bool) -> None:
        self._allow_local = allow_local
        self.refused = False

    def __call__(self, where: Any) -> socket.socket:
        """The socket for an address as `getaddrinfo` has it. Raises OSError."""
        family, kind, protocol, _, address = where
        if not (self._allow_local or is_public(str(address[0]))):
            self.refused = True
            raise OSError
        return socket.socket(family, kind, protocol)


async def fetch(address: str, *, allow_local: bool = False) -> bytes:
    """What is at the address: at most 2 MB within 10 seconds, past at most three redirects. Raises FetchError.

    `allow_local` is for tests, whose server is on this machine.
    """
    door = _Door(allow_local=allow_local)
    connector = aiohttp.TCPConnector(socket_factory=door, use_dns_cache=False, force_close=True)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"accept": "text/calendar, text/csv, */*;q=0.5", "accept-encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=_SECONDS),
    )
    try:
        async with session, asyncio.timeout(_SECONDS):
            return await _follow(session, _web_address(address, allow_local=allow_local), allow_local=allow_local)
    except TimeoutError:
        raise FetchError(TOO_SLOW) from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise FetchError(NOT_PUBLIC if door.refused else NOT_THERE) from None


def _web_address(address: str, *, allow_local: bool) -> str:
    """The address, checked; `webcal:` is how calendars write https. Raises FetchError."""
    address = address.strip()
    scheme, _, rest = address.partition("://")
    if scheme.lower() in {"webcal", "webcals"}:
        address = f"https://{rest}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise FetchError(NO_ADDRESS) from None
    if len(address) > _LONGEST or parts.scheme.lower() not in {"http", "https"} or not parts.hostname or parts.username:
        raise FetchError(NO_ADDRESS)
    if not allow_local and port not in {None, *_PORTS}:
        raise FetchError(NOT_PUBLIC)
    return address


async def _follow(session: aiohttp.ClientSession, address: str, *, allow_local: bool) -> bytes:
    for _ in range(_MOST_REDIRECTS + 1):
        async with session.get(address, allow_redirects=False) as answer:
            if answer.status not in _REDIRECTS:
                return await _body(answer)
            leads_to = urljoin(address, answer.headers.get("location", ""))
        address = _web_address(leads_to, allow_local=allow_local)
    raise FetchError(TOO_FAR)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    if answer.status != 200:
        raise FetchError(REFUSED, status=answer.status)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchError(NOT_THERE)
    body = bytearray()
    async for part in answer.content.iter_chunked(64 * 1024):
        body += part
        if len(body) > MOST_BYTES:
            raise FetchError(TOO_LARGE, most=MOST_BYTES // (1024 * 1024))
    return bytes(body)
