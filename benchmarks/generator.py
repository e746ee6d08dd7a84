"""The load: a lean HTTP/1.1 client in a process of its own, `python -m benchmarks.generator PLAN`.

It prepares every request as bytes before the clock starts, keeps its connections open, and reads of an answer no more
than its status and its length. The plan is JSON (`Plan`), the outcome is JSON on standard output (`Outcome`).
"""

import asyncio
import json
import sys
from asyncio import Future, Protocol, Transport
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter, process_time, time
from typing import Any, cast
from uuid import uuid4

import uvloop

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "
_TAIL = 200  # characters of a wrong answer that are shown


@dataclass
class Plan:
    """What to send. `targets` are `port/path`; request n goes to target n modulo their number.

    `body` may hold `{n}` (the number of the request, zero-padded), which makes each request another person's.
    `rate` is requests a second, sent at their time whether or not earlier ones were answered; None is as fast as
    `connections` allow, each with one request at a time. `statuses` are the right answers.
    """

    targets: list[str]
    count: int
    body: str = ""
    connections: int = 64
    rate: float | None = None
    statuses: list[int] = field(default_factory=lambda: [201])
    keyed: bool = False
    remember: bool = False
    first: int = 0


@dataclass
class Outcome:
    """`seconds` is the wall time from the first request to the last answer, `cpu` this process's own share of it.

    `waits` are seconds from the time a request was due to its answer; `answered_at` the Unix times of the answers, in
    the order of the requests, if the plan says `remember`.
    """

    seconds: float
    cpu: float
    waits: list[float]
    wrong: int
    example: str
    answered_at: list[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.waits) / self.seconds


class Line(Protocol):
    """One connection, with one request at a time."""

    def __init__(self) -> None:
        self._transport: Transport | None = None
        self._buffer = b""
        self._answer: Future[bytes] | None = None

    def connection_made(self, transport: Any) -> None:
        """Asyncio gives the transport."""
        self._transport = cast("Transport", transport)

    def ask(self, request: bytes) -> Future[bytes]:
        """Send; the future holds the whole answer."""
        assert self._transport is not None  # noqa: S101 - asked only after it was made
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Gather until the answer is whole."""
        self._buffer = self._buffer + data if self._buffer else data
        head = self._buffer.find(_END_OF_HEAD)
        if head < 0 or len(self._buffer) < head + 4 + _length(self._buffer[:head]):
            return
        answer, self._buffer = self._buffer, b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for an answer is told."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    start = head.lower().find(_LENGTH)
    if start < 0:
        return 0
    return int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0])


def requests_of(plan: Plan) -> list[bytes]:
    """The bytes of each request."""
    return [_request(plan, number) for number in range(plan.count)]


def _request(plan: Plan, number: int) -> bytes:
    port, _, path = plan.targets[number % len(plan.targets)].partition("/")
    head = f"Host: 127.0.0.1:{port}\r\nAccept-Language: de\r\n"
    if not plan.body:
        return f"GET /{path} HTTP/1.1\r\n{head}\r\n".encode()
    body = plan.body.replace("{n}", f"{plan.first + number:07d}").encode()
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    if plan.keyed:
        head += f"Idempotency-Key: {uuid4()}\r\n"
    return f"POST /{path} HTTP/1.1\r\n{head}\r\n".encode() + body


class Load:
    """The requests of a plan, on their way."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = requests_of(plan)
        self._right = [str(status).encode() for status in plan.statuses]
        self._waits = [0.0] * plan.count
        self._answered_at = [0.0] * plan.count
        self._wrong = 0
        self._example = ""
        self._next = 0
        self._idle: asyncio.Queue[Line] = asyncio.Queue()

    async def run(self) -> Outcome:
        """Send all of it and wait for every answer."""
        lines = await self._connect()
        cpu, start = process_time(), perf_counter()
        if self._plan.rate is None:
            await asyncio.gather(*(self._drive(line) for line in lines))
        else:
            await self._pace(lines, self._plan.rate)
        seconds, cpu = perf_counter() - start, process_time() - cpu
        for line in lines:
            line.close()
        answered_at = self._answered_at if self._plan.remember else []
        return Outcome(seconds, cpu, self._waits, self._wrong, self._example, answered_at)

    async def _connect(self) -> list[Line]:
        """All connections of a line's target are to one port; with several ports they are spread."""
        loop = asyncio.get_running_loop()
        ports = sorted({int(target.partition("/")[0]) for target in self._plan.targets})
        pairs = [
            await loop.create_connection(Line, "127.0.0.1", ports[number % len(ports)])
            for number in range(self._plan.connections)
        ]
        return [line for _, line in pairs]

    async def _drive(self, line: Line) -> None:
        while self._next < self._plan.count:
            number, self._next = self._next, self._next + 1
            await self._ask(line, number, perf_counter())

    async def _pace(self, lines: Sequence[Line], rate: float) -> None:
        for line in lines:
            self._idle.put_nowait(line)
        start = perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(self._plan.count):
                due = start + number / rate
                if (pause := due - perf_counter()) > 0:
                    await asyncio.sleep(pause)
                group.create_task(self._ask_when_free(number, due))

    async def _ask_when_free(self, number: int, due: float) -> None:
        line = await self._idle.get()
        await self._ask(line, number, due)
        self._idle.put_nowait(line)

    async def _ask(self, line: Line, number: int, due: float) -> None:
        answer = await line.ask(self._requests[number])
        self._waits[number] = perf_counter() - due
        self._answered_at[number] = time()
        if answer[9:12] not in self._right:
            self._wrong += 1
            self._example = answer[:_TAIL].decode(errors="replace")


def main(argv: Sequence[str]) -> None:
    """Run the plan of the file that is named."""
    plan = Plan(**json.loads(Path(argv[0]).read_text()))
    outcome = uvloop.run(Load(plan).run())
    json.dump(asdict(outcome), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
