"""Demo data of the services, loaded through what they publish as commands; `shared` knows them by name only.

Events come first. A party can register for an event once Kafka has brought it to the registrations service.
"""

import asyncio
import time
from typing import Any

from shared.runtime.processes import module_of, settings_of

_ARRIVED_WITHIN = 30.0


class DemoDataError(RuntimeError):
    """The demo data could not be loaded; the text says what was missing."""


def sign_in_addresses() -> list[str]:
    """The e-mail addresses of demo organisers."""
    owners: list[str] = module_of("events", "demo.commands").demo_owners()
    return owners


def load_demo_data() -> None:
    """Make organisations and events, and register parties for some of them; what is there already stays as it is.

    Raises:
        DemoDataError: an event did not arrive at the registrations service within 30 s.
    """
    module_of("events", "cli").demo()
    asyncio.run(_register(module_of("events", "demo.commands").demo_parties()))


async def _register(parties: dict[str, int]) -> None:
    register = module_of("registrations", "cli").register_demo_parties
    settings = settings_of("registrations")
    deadline = time.monotonic() + _ARRIVED_WITHIN
    for code, count in parties.items():
        await _register_for(register, settings, code, count, deadline)


async def _register_for(register: Any, settings: Any, code: str, count: int, deadline: float) -> None:
    while not await register(settings, code, count):
        if time.monotonic() > deadline:
            raise DemoDataError(f"The event {code} has not arrived at the registrations service")
        await asyncio.sleep(0.1)
