"""Demo data: each service that has a subcommand `demo` loads its own."""

from collections.abc import Iterable

import typer

from shared.runtime.processes import commands_of


def load_demo_data(services: Iterable[str]) -> None:
    """Run `teilhabe <service> demo` for each of the services that offers it, in this order.

    Raises:
        click.ClickException: a service refused.
    """
    for service in services:
        group = typer.main.get_command(commands_of(service))
        if "demo" in getattr(group, "commands", {}):
            group.main(["demo"], prog_name=f"teilhabe {service}", standalone_mode=False)
