"""The processes of the installed services: each has an `api` and a `worker`.

A service is installed by an entry point of the group `teilhabe.commands`; this module finds it there by name, since
`shared` imports no service.
"""

import socket
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from pydantic import ValidationError

Process = Literal["api", "worker"]
PROCESSES: tuple[Process, ...] = ("api", "worker")
_GROUP = "teilhabe.commands"


class UnknownServiceError(LookupError):
    """No service of this name is installed."""


class SettingsError(ValueError):
    """The environment does not hold what a service needs; the text names settings, and never a value."""


def installed_services() -> tuple[str, ...]:
    """The names of the services, in alphabetical order."""
    return tuple(sorted(entry.name for entry in entry_points(group=_GROUP)))


def commands_of(service: str) -> Any:
    """The service's typer application: its subcommands of `teilhabe <service>`.

    Raises:
        UnknownServiceError: it is not installed.
    """
    return _entry(service).load()


def import_service(service: str) -> None:
    """Import all that the service's processes run, without starting any of it.

    Raises:
        UnknownServiceError: it is not installed.
    """
    module_of(service, "main")
    module_of(service, "settings")


def settings_of(service: str) -> Any:
    """The service's settings, from the environment.

    Raises:
        UnknownServiceError: it is not installed.
        SettingsError: a setting is missing or unsafe.
    """
    try:
        return module_of(service, "settings").load()
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        wrong = "; ".join(f"{_variable(detail['loc'])} {detail['msg']}".strip() for detail in details)
        raise SettingsError(f"The settings of {service} do not fit: {wrong}") from None


def run_process(service: str, process: Process, *, host: str, port: int, listener: socket.socket | None = None) -> None:
    """Serve until SIGTERM or SIGINT; logs go to standard output. `listener` is served instead of host and port.

    Raises:
        UnknownServiceError: the service is not installed.
        SettingsError: a setting is missing or unsafe.
    """
    from shared.runtime.logs import configure_logs
    from shared.runtime.serve import serve

    settings = settings_of(service)
    configure_logs(service, process, settings.log_level)
    main = module_of(service, "main")
    app = main.create_api(settings) if process == "api" else main.create_worker(settings).app()
    limit = settings.stop_limit.total_seconds()
    serve(app, host=host, port=port, stop_limit=limit, listener=listener)


def _variable(place: tuple[int | str, ...]) -> str:
    name = str(place[0]).upper() if place else ""
    return name if not name or name.startswith("TEILHABE_") else f"TEILHABE_{name}"


def module_of(service: str, name: str) -> Any:
    """A module of the service's package: `module_of("events", "main")`.

    Raises:
        UnknownServiceError: the service is not installed.
    """
    package = _entry(service).module.rpartition(".")[0]
    return import_module(f"{package}.{name}")


def _entry(service: str) -> EntryPoint:
    found = entry_points(group=_GROUP, name=service)
    if not found:
        raise UnknownServiceError(f"There is no service {service!r}; installed are {', '.join(installed_services())}")
    return next(iter(found))
