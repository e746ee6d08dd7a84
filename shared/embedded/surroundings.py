"""What the processes of `make up` are told of their surroundings, as environment variables.

`.state/keys.env` holds keys that were made on this machine, for this machine; `.state/surroundings.env` the rest, so
that other commands of the checkout speak to the same stack. What the caller's environment says goes before both.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from shared.runtime.keys import as_lines, new_keys

DEFAULT_PORT = 8710
HOST = "127.0.0.1"
PREFIX = "TEILHABE_"
PORT_VARIABLE = "TEILHABE_PORT"
_PORT_OFFSETS = {"events": 0, "registrations": 10, "notifications": 20}
_BROKER_OFFSET = 80
_KEYS = "keys.env"
_SURROUNDINGS = "surroundings.env"
_SETTINGS = {
    "TEILHABE_ENVIRONMENT": "development",
    "TEILHABE_SMS_NUMBER": "+493023125000",
    # uvicorn waits as long for open connections; all of it has to fit the 20 s in which `make up` ends.
    "TEILHABE_STOP_LIMIT": "PT6S",
    "TEILHABE_DATABASE_CONNECTIONS": "10",
}


@dataclass(frozen=True)
class Surroundings:
    """The state folder and the ports of one stack; all its ports follow from the first."""

    state: Path
    port: int = DEFAULT_PORT

    @classmethod
    def of(cls, state: Path) -> "Surroundings":
        """The state folder with the ports that its stack used last."""
        file = state / _SURROUNDINGS
        told = _read(file) if file.is_file() and os.access(file, os.R_OK) else {}
        return cls(state, int(told.get(PORT_VARIABLE, DEFAULT_PORT)))

    @property
    def services(self) -> tuple[str, ...]:
        """The services that have a port here, in the order in which they start."""
        return tuple(_PORT_OFFSETS)

    @property
    def broker_port(self) -> int:
        """Of the embedded broker; fixed, so that processes find it again after it was restarted."""
        return self.port + _BROKER_OFFSET

    def port_of(self, service: str, process: str) -> int:
        """The port of an api; its worker answers for its health on the next."""
        return self.port + _PORT_OFFSETS[service] + (process == "worker")

    def url_of(self, service: str) -> str:
        """Where a browser finds the service."""
        return f"http://{HOST}:{self.port_of(service, 'api')}"

    def variables(self) -> dict[str, str]:
        """All settings but the addresses of databases and broker."""
        urls = {f"TEILHABE_{service.upper()}_URL": self.url_of(service) for service in self.services}
        return _SETTINGS | {PORT_VARIABLE: str(self.port)} | urls | development_keys(self.state)


def database_variable(service: str) -> str:
    """The environment variable that names a service's database."""
    return f"TEILHABE_DATABASE_{service.upper()}"


def development_keys(state: Path) -> dict[str, str]:
    """The keys of this state folder, made at the first call. Only the owner of the file can read them."""
    file = state / _KEYS
    if not file.exists():
        _write(file, new_keys("local1"))
    return _read(file)


def remember(state: Path, variables: Mapping[str, str]) -> None:
    """Keep for other commands what the processes were told; the keys stay in their own file."""
    keys = development_keys(state)
    told = {name: value for name, value in variables.items() if name.startswith(PREFIX) and name not in keys}
    _write(state / _SURROUNDINGS, told)


def recall(state: Path) -> None:
    """Give this process what `remember` kept, where its environment says nothing."""
    for name in (_SURROUNDINGS, _KEYS):
        file = state / name
        if file.is_file() and os.access(file, os.R_OK):
            for variable, value in _read(file).items():
                os.environ.setdefault(variable, value)


def _read(file: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(file, interpolate=False).items() if value is not None}


def _write(file: Path, variables: Mapping[str, str]) -> None:
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(as_lines(variables))
    draft.replace(file)
