"""Asking a process of ours how it is."""

import json
from http.client import HTTPConnection, HTTPException

from shared.embedded.surroundings import HOST

_TIMEOUT = 2.0


def failing_checks(port: int) -> list[str] | None:
    """What `/readyz` says: the names of failing checks, none if it is ready; None if nothing answers."""
    connection = HTTPConnection(HOST, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        checks = json.loads(answer.read())["checks"]
    except (OSError, HTTPException, ValueError, KeyError):
        return None
    finally:
        connection.close()
    return [name for name, passes in checks.items() if not passes]
