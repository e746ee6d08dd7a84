#!/usr/bin/env python3
"""Checks each service's migrations on an empty database: one head, and no difference to the models."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from shared.database.migrations import configuration, upgrade
from shared.embedded.postgres import EmbeddedPostgres
from shared.runtime.processes import installed_services


def main() -> int:
    """Entry point; prints one line for each service and returns 1 if any has a problem."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder))
        postgres.start()
        try:
            return max(check(postgres, service) for service in installed_services())
        finally:
            postgres.stop()


def check(postgres: EmbeddedPostgres, service: str) -> int:
    """1 if the service's migrations have several heads, do not run, or leave another schema than the models'."""
    heads = ScriptDirectory.from_config(configuration(service)).get_heads()
    if len(heads) != 1:
        return say(service, f"{len(heads)} heads: {', '.join(heads)}")
    postgres.create_database(service)
    upgrade(service, postgres.url(service))
    try:
        command.check(configuration(service, postgres.url(service)))
    except CommandError as difference:
        return say(service, str(difference))
    sys.stdout.write(f"{service}: migrations and models agree\n")
    return 0


def say(service: str, problem: str) -> int:
    """Print the problem."""
    sys.stderr.write(f"{service}: {problem}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
