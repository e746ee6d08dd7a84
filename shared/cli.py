"""The `teilhabe` command. Each installed service adds its subcommands (entry points `teilhabe.commands`)."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from shared.runtime.processes import Process, commands_of, installed_services

Answer = TypeVar("Answer")

app = typer.Typer(
    help="Participation and civic engagement: events, registrations by web and SMS, notifications.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
topics_app = typer.Typer(help="The topics of Kafka.", no_args_is_help=True)
app.add_typer(topics_app, name="topics")
letters_app = typer.Typer(help="Dead letters: records that a consumer could not handle.", no_args_is_help=True)
app.add_typer(letters_app, name="dlq")

StateOption = Annotated[
    Path, typer.Option("--state-folder", envvar="TEILHABE_STATE", help="Where the local stack keeps its data.")
]
PortOption = Annotated[int, typer.Option(envvar="TEILHABE_PORT", help="The first port; the others follow from it.")]
KafkaOption = Annotated[str, typer.Option(envvar="TEILHABE_KAFKA", help="host:port of a broker")]
STATE = Path(".state")
PORT = 8710


@app.callback()
def remember_the_local_stack(context: typer.Context) -> None:
    """In a checkout, commands speak to the stack that `up` started, unless the environment says otherwise."""
    if context.invoked_subcommand not in {"up", "down", "reset", "status"}:
        from shared.embedded.surroundings import recall

        recall(Path(os.environ.get("TEILHABE_STATE", STATE)))


@app.command()
def up(state_folder: StateOption = STATE, port: PortOption = PORT, *, background: bool = False) -> None:
    """Start everything on this machine: PostgreSQL, a broker, the three services, demo data."""
    from shared.embedded.terminal import start

    sys.exit(start(state_folder.resolve(), port, background=background))


@app.command()
def down(state_folder: StateOption = STATE) -> None:
    """Stop what `up` started; the data stays."""
    from shared.embedded import control

    try:
        ended = control.end(state_folder.resolve())
    except control.ControlError as error:
        _refuse(error)
    typer.echo("Stopped." if ended else "Nothing was running.")


@app.command()
def reset(state_folder: StateOption = STATE, *, yes: bool = False) -> None:
    """Stop, and remove all data of the local stack."""
    from shared.embedded import control

    folder = state_folder.resolve()
    if not yes:
        typer.confirm(f"Remove all data in {folder}?", abort=True)
    try:
        control.end(folder)
        control.remove(folder)
    except control.ControlError as error:
        _refuse(error)
    typer.echo("Removed. `make up` starts anew.")


@app.command()
def status(state_folder: StateOption = STATE) -> None:
    """Show what runs, how it is and how much memory it takes."""
    from shared.embedded import control
    from shared.embedded.surroundings import Surroundings

    parts = list(control.parts(Surroundings.of(state_folder.resolve())))
    for part in parts:
        typer.echo(f"{part.name:22} {part.pid:>8} {part.memory:7.0f} MB  {part.health}")
    if not parts:
        typer.echo("Nothing is running.")
        raise typer.Exit(1)
    typer.echo(f"{'together':22} {'':8} {sum(part.memory for part in parts):7.0f} MB")


@app.command()
def run(service: str, process: Process, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Run one process of a service, with settings from the environment."""
    from shared.runtime.processes import SettingsError, UnknownServiceError, run_process

    try:
        run_process(service, process, host=host, port=port)
    except (SettingsError, UnknownServiceError) as error:
        _refuse(error)


@app.command()
def migrate(services: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Bring the databases of the services (all if none is named) to the newest schema."""
    from shared.database.migrations import upgrade
    from shared.runtime.processes import SettingsError, UnknownServiceError, settings_of

    for service in services or installed_services():
        try:
            url = settings_of(service).database
        except (SettingsError, UnknownServiceError) as error:
            _refuse(error)
        upgrade(service, url)
        typer.echo(f"{service}: up to date")


@app.command()
def secrets(key_id: str = "k1") -> None:
    """Print new keys and passwords as lines for deploy/.env; they are stored nowhere else."""
    from shared.runtime.keys import as_lines, new_keys, new_passwords

    typer.echo(as_lines(new_keys(key_id) | new_passwords()), nl=False)


@topics_app.command("create")
def create_topics(
    kafka: KafkaOption,
    replication_factor: int = 1,
) -> None:
    """Create the topics that are missing on the broker."""
    from shared.messaging.topics import create_topics as create

    created = _answer(create(kafka, replication_factor=replication_factor))
    typer.echo(f"{len(created)} topics created")


@letters_app.command("list")
def list_letters(kafka: KafkaOption, topic: Annotated[str | None, typer.Argument()] = None) -> None:
    """Show how many dead letters are open, how old and why; of one topic each by itself."""
    from shared.messaging import dlq

    now = datetime.now(UTC)
    found = {name: _answer(dlq.open_letters(kafka, name)) for name in ([topic] if topic else dlq.dead_letter_topics())}
    for name, letters in found.items():
        if letters:
            typer.echo(dlq.summary(name, letters, now))
        for letter in letters if topic else ():
            typer.echo(f"  offset {letter.offset}, {dlq.in_words(now - letter.at)} old: {letter.reason}")
    if not any(found.values()):
        typer.echo("No dead letter is open.")


@letters_app.command("show")
def show_letter(topic: str, offset: int, kafka: KafkaOption) -> None:
    """Show one dead letter; what is sealed in it stays hidden."""
    from shared.messaging import dlq

    typer.echo(_answer(dlq.describe(kafka, topic, offset)))


@letters_app.command("replay")
def replay_letters(
    topic: str,
    kafka: KafkaOption,
    offset: int | None = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All open letters of the topic.")] = False,
) -> None:
    """Publish dead letters again to where they came from; consumers that had them before drop them."""
    from shared.messaging import dlq

    if everything == (offset is not None):
        raise typer.BadParameter("name either --offset or --all")
    typer.echo(f"{_answer(dlq.replay(kafka, topic, offset))} replayed")


def _answer(question: Coroutine[Any, Any, Answer]) -> Answer:
    from aiokafka.errors import KafkaError

    from shared.messaging.dlq import DeadLetterError
    from shared.messaging.topics import TopicsError

    try:
        return asyncio.run(question)
    except (DeadLetterError, TopicsError) as error:
        _refuse(error)
    except KafkaError as error:
        _refuse(ConnectionError(f"The broker does not answer as it should: {error}"))


def _refuse(error: Exception) -> NoReturn:
    typer.echo(str(error), err=True)
    raise typer.Exit(1)


def main() -> None:
    """Entry point of `teilhabe`. A service is imported only for its own subcommands and for the list of all."""
    first = sys.argv[1] if len(sys.argv) > 1 else "--help"
    for service in installed_services():
        if first in {service, "--help"}:
            app.add_typer(commands_of(service), name=service)
    for shortcut in entry_points(group="teilhabe.shortcuts"):
        if first in {shortcut.name, "--help"}:
            app.add_typer(shortcut.load(), name=shortcut.name)
    app()


if __name__ == "__main__":
    main()
