"""`make up` as a person sees it: progress, then the addresses, then silence until something happens."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shared.embedded.children import rotate
from shared.embedded.surroundings import Surroundings

_STARTED = b"1"


def start(state: Path, port: int, *, background: bool) -> int:
    """Run the stack until a signal, or only until it is ready if it goes on in the background; the exit code."""
    where = Surroundings(state, port)
    return _in_background(where) if background else _supervise(where, lambda: None)


def _supervise(where: Surroundings, when_ready: Callable[[], None]) -> int:
    from shared.embedded.stack import Stack, StackError

    begun = time.monotonic()

    def say(line: str) -> None:
        # A terminal that is gone must not keep the stack from stopping in order.
        with suppress(OSError):
            sys.stdout.write(f"{time.monotonic() - begun:6.1f} s  {line}\n")
            sys.stdout.flush()

    say("starting Teilhabe")
    stack = Stack(where, say)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stack.request_stop())
    try:
        stack.start()
        say("ready")
        sys.stdout.write(addresses(where))
        when_ready()
        stack.supervise()
        say("stopping")
    except StackError as error:
        sys.stdout.flush()
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        stack.stop()
    say("stopped")
    return 0


def addresses(where: Surroundings) -> str:
    """What to open in a browser."""
    from shared.embedded.demo import sign_in_addresses

    events, registrations, notifications = map(where.url_of, where.services)
    lines = (
        ("Programme", f"{events}/events"),
        ("For organisers", f"{events}/sign-in"),
        ("     sign in as", f"{sign_in_addresses()[0]}; the link arrives in the mailbox"),
        ("Phone and mailbox", f"{notifications}/notifications/phone"),
        ("API: events", f"{events}/api/docs"),
        ("     registrations", f"{registrations}/registrations/api/docs"),
        ("     notifications", f"{notifications}/notifications/api/docs"),
        ("Messages: events", f"{events}/api/messages"),
        ("     registrations", f"{registrations}/registrations/api/messages"),
        ("     notifications", f"{notifications}/notifications/api/messages"),
    )
    return "\n" + "".join(f"  {what:20} {url}\n" for what, url in lines) + "\n"


def _in_background(where: Surroundings) -> int:
    """A forked supervisor shows its progress here until it is ready, and writes to a log from then on."""
    reading, writing = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        os.close(reading)
        os.setsid()
        os._exit(_supervise(where, lambda: _leave_terminal(where.state / "logs" / "teilhabe.log", writing)))
    os.close(writing)
    signal.signal(signal.SIGINT, lambda *_: os.kill(supervisor, signal.SIGTERM))
    started = os.read(reading, 1) == _STARTED
    if started:
        sys.stdout.write("  It runs in the background: `make down` stops it.\n\n")
        return 0
    os.waitpid(supervisor, 0)
    return 1


def _leave_terminal(log: Path, writing: int) -> None:
    sys.stdout.flush()
    rotate(log)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.write(writing, _STARTED)
    os.close(writing)
