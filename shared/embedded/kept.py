"""Starting again what ends by itself."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_WAITS = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
_SETTLED_AFTER = 60.0


@dataclass
class Kept:
    """A part that has to run: `start` starts it, `poll` is None while it runs and then says how it ended.

    The first restart is immediate; each further one waits longer, up to 30 s, until the part has run for a minute.
    """

    name: str
    start: Callable[[], None]
    poll: Callable[[], int | None]
    say: Callable[[str], None]
    _failures: int = field(default=0, init=False)
    _started_at: float = field(default=0.0, init=False)
    _due: float | None = field(default=None, init=False)

    def begin(self) -> None:
        """Start it for the first time; what goes wrong is the caller's."""
        self.start()
        self._started_at = time.monotonic()

    def look(self) -> None:
        """Notice that it ended, and start it again once its wait is over."""
        if self._due is None:
            status = self.poll()
            if status is None:
                return
            self._plan(how_it_ended(status))
        if self._due is not None and time.monotonic() >= self._due:
            self._start_again()

    def _plan(self, reason: str) -> None:
        if time.monotonic() - self._started_at > _SETTLED_AFTER:
            self._failures = 0
        wait = _WAITS[min(self._failures, len(_WAITS) - 1)]
        self._failures += 1
        self._due = time.monotonic() + wait
        self.say(f"{self.name} {reason}; it starts again {f'in {wait:.0f} s' if wait else 'now'}")

    def _start_again(self) -> None:
        self._due = None
        self._started_at = time.monotonic()
        try:
            self.start()
        except Exception as error:  # noqa: BLE001 - whatever hinders it now may be gone at the next try
            self._plan(f"did not start ({str(error).splitlines()[0]})")


def how_it_ended(status: int) -> str:
    """A process's exit code, or the negative of the signal that ended it, in words."""
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
