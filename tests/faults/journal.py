"""What was answered with success: the checker holds the system to it."""

import json
import time
from pathlib import Path
from typing import Any


class Journal:
    """A list in memory, and line by line in a file, so that a trial that breaks off can be looked at."""

    def __init__(self, path: Path) -> None:
        self.entries: list[dict[str, Any]] = []
        self._file = path.open("a", buffering=1)

    def note(self, what: str, **facts: Any) -> None:
        """Something was answered with success just now; ids are texts."""
        entry = {"at": time.time(), "what": what, **facts}
        self.entries.append(entry)
        self._file.write(json.dumps(entry, default=str) + "\n")

    def close(self) -> None:
        self._file.close()
