"""What can go wrong, each kind a coroutine that breaks something, mends it as a supervisor would, and returns.

Times are seconds. A fault holds the locks of the parts that it breaks, so that two never break the same one at once;
faults of different parts overlap.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from deploy.kafka.kafka import LocalKafka
from shared.messaging.topics import create_topics
from tests.faults.house import House
from tests.faults.provider import Mood
from tests.support.databases import crash
from tests.support.system import SERVICES


@dataclass(frozen=True)
class Pace:
    """How long things stay broken: as long as by hand, or as short as in the suite.

    `breath` is the longest time for which a broker that came back is left in peace: the next fault meets it anywhere
    between its first moment and its work.
    """

    stopped: float
    frozen: float
    moody: float
    crowded: float
    breath: float


BY_HAND = Pace(stopped=10, frozen=10, moody=10, crowded=6, breath=6)
QUICK = Pace(stopped=1, frozen=2.5, moody=0.8, crowded=0.7, breath=1.5)
_MINUTE = 60.0
Fault = Callable[[House, random.Random, Pace], Awaitable[None]]


def _kill_api(service: str) -> Fault:
    async def kill(house: House, dice: random.Random, _pace: Pace) -> None:
        number = dice.randrange(len(house.system.ports[service]))
        await _kill(house, f"{service}-api-{number}")

    return kill


def _kill_worker(service: str) -> Fault:
    async def kill(house: House, _dice: random.Random, _pace: Pace) -> None:
        await _kill(house, f"{service}-worker-0")

    return kill


async def _kill(house: House, name: str) -> None:
    async with house.lock(name):
        await asyncio.to_thread(house.kill, name)
        house.start(name)


async def _kill_postgres(house: House, dice: random.Random, _pace: Pace) -> None:
    """The server, or one of its children, upon which it throws out everybody and recovers."""
    async with house.lock("postgres"):
        if dice.random() < 0.5:
            await asyncio.to_thread(crash, house.postgres)
            return
        with suppress(asyncpg.PostgresError, OSError):
            async with house.connected(dice.choice(SERVICES)) as connection:
                pids = await connection.fetch("SELECT pid FROM pg_stat_activity WHERE datname IS NOT NULL")
                os.kill(dice.choice(pids)["pid"], signal.SIGKILL)


async def _crowd(house: House, _dice: random.Random, pace: Pace) -> None:
    """Somebody else takes every connection that is left."""
    async with house.lock("postgres"), AsyncExitStack() as taken:
        with suppress(asyncpg.PostgresError, OSError):
            while True:
                await taken.enter_async_context(house.connected("events"))
        await asyncio.sleep(pace.crowded)


async def _zombie(house: House, dice: random.Random, pace: Pace) -> None:
    """A worker is frozen while another of its kind takes over, and then goes on as if nothing had been."""
    service = dice.choice(SERVICES)
    name, heir = f"{service}-worker-0", f"{service}-worker-1"
    async with house.lock(name), house.lock(heir):
        process = house.system.processes[name]
        os.kill(process.pid, signal.SIGSTOP)
        if not house.embedded:  # the embedded broker takes one member a group
            house.start(heir)
        await asyncio.sleep(pace.frozen)
        os.kill(process.pid, signal.SIGCONT)
        await asyncio.sleep(1)
        if not house.embedded:
            await asyncio.to_thread(house.kill, heir)


def _mood(mood: Mood) -> Fault:
    async def be_moody(house: House, _dice: random.Random, pace: Pace) -> None:
        async with house.lock("provider"):
            house.provider.mood = mood
            await asyncio.sleep(pace.moody)
            house.provider.mood = Mood.WELL

    return be_moody


@asynccontextmanager
async def _broker_of(house: House, dice: random.Random, pace: Pace) -> AsyncIterator[None]:
    """Nobody else breaks the broker meanwhile, nor for a breath afterwards."""
    async with house.lock("broker"):
        yield
        await asyncio.sleep(dice.uniform(0, pace.breath))


async def _kill_broker(house: House, dice: random.Random, pace: Pace) -> None:
    async with _broker_of(house, dice, pace):
        await asyncio.to_thread(house.broker.kill)
        await asyncio.to_thread(house.broker.start)


def _stop_kafka(length: Callable[[Pace], float]) -> Fault:
    async def stop(house: House, dice: random.Random, pace: Pace) -> None:
        async with _broker_of(house, dice, pace):
            await asyncio.to_thread(house.broker.stop)
            await asyncio.sleep(length(pace))
            await asyncio.to_thread(house.broker.start)

    return stop


async def _freeze_kafka(house: House, dice: random.Random, pace: Pace) -> None:
    """Connections stay open and nothing answers; then it goes on, and finds its sessions over."""
    async with _broker_of(house, dice, pace):
        _kafka(house).pause()
        await asyncio.sleep(pace.frozen)
        _kafka(house).resume()


async def _empty_kafka(house: House, dice: random.Random, pace: Pace) -> None:
    """Its disk is lost."""
    async with _broker_of(house, dice, pace):
        await asyncio.to_thread(_kafka(house).kill)
        _kafka(house).wipe()
        await asyncio.to_thread(_kafka(house).start)
        await create_topics(house.broker.address, replication_factor=1)


async def _fill_kafka(house: House, dice: random.Random, pace: Pace) -> None:
    """Its disk is full; it gives up, and is started again once there is room."""
    async with _broker_of(house, dice, pace):
        _kafka(house).fill_disk()
        for _ in range(100):
            if house.broker.process.poll() is not None:
                break
            await asyncio.sleep(0.1)
        await asyncio.to_thread(house.broker.kill)
        await asyncio.to_thread(house.broker.start)


async def _everything(house: House, _dice: random.Random, _pace: Pace) -> None:
    """The power goes out, and comes back."""
    names = house.processes()
    async with AsyncExitStack() as stack:
        heirs = [f"{service}-worker-1" for service in SERVICES]
        for part in sorted([*names, *heirs, "broker", "postgres"]):
            await stack.enter_async_context(house.lock(part))
        house.broker.process.kill()
        house.postgres.process.kill()
        await asyncio.to_thread(house.kill, *names)
        await asyncio.to_thread(house.broker.kill)
        for name in names:
            house.start(name)
        await asyncio.gather(asyncio.to_thread(crash, house.postgres), asyncio.to_thread(house.broker.start))


def _kafka(house: House) -> LocalKafka:
    assert isinstance(house.broker, LocalKafka)
    return house.broker


KINDS: dict[str, Fault] = {
    **{f"{service}-api": _kill_api(service) for service in SERVICES},
    **{f"{service}-worker": _kill_worker(service) for service in SERVICES},
    "postgres": _kill_postgres,
    "connections": _crowd,
    "zombie": _zombie,
    "provider-late": _mood(Mood.LATE),
    "provider-error": _mood(Mood.ERROR),
    "provider-drop": _mood(Mood.DROP),
    "broker": _kill_broker,
    "kafka-stopped": _stop_kafka(lambda pace: pace.stopped),
    "kafka-minute": _stop_kafka(lambda _: _MINUTE),
    "kafka-frozen": _freeze_kafka,
    "kafka-emptied": _empty_kafka,
    "kafka-full": _fill_kafka,
    "everything": _everything,
}
"""By name; `broker` is Kafka, or the embedded one, killed; `kafka-minute` is stopped for a minute at any pace."""
NEEDS_KAFKA = frozenset(name for name in KINDS if name.startswith("kafka-"))
