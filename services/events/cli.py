"""The subcommands `teilhabe events …`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer
from uuid6 import uuid7

if TYPE_CHECKING:
    from shared.database.engine import WriteSession
    from shared.vault import Vault

app = typer.Typer(help="Events: organisations, members, demo data.", no_args_is_help=True)
organisation_app = typer.Typer(help="Organisations.", no_args_is_help=True)
member_app = typer.Typer(help="Who acts for an organisation.", no_args_is_help=True)
app.add_typer(organisation_app, name="organisation")
app.add_typer(member_app, name="member")

Address = Annotated[str, typer.Argument(help="e-mail address")]
Organisation = Annotated[UUID, typer.Argument(help="the organisation's id")]
Language = Annotated[str, typer.Option(help="language of the mails to this person")]
Kinds = Literal["authority", "association", "self-organisation", "initiative"]
Roles = Literal["owner", "organiser", "desk", "viewer"]
Command = Callable[["WriteSession", "Vault"], Awaitable[Any]]


@app.callback()
def _group() -> None:
    """Keep the subcommands together."""


@organisation_app.command("add")
def add_organisation(
    kind: Annotated[Kinds, typer.Option()],
    owner: Annotated[str, typer.Option(help="e-mail address of the first owner")],
    name_de: Annotated[str, typer.Option(help="name in German")],
    name_en: Annotated[str, typer.Option(help="name in English")] = "",
    language: Language = "de",
) -> None:
    """Add an organisation and its first owner; prints its id."""
    from services.events.organisations import commands
    from services.events.organisations.model import OrganisationKind

    organisation_id = uuid7()
    name = {code: text for code, text in {"de": name_de, "en": name_en}.items() if text}

    async def add(session: "WriteSession", vault: "Vault") -> None:
        await commands.add_organisation(
            session,
            vault,
            organisation_id=organisation_id,
            kind=OrganisationKind(kind),
            name=name,
            owner=owner,
            language=language,
            now=datetime.now(UTC),
        )

    _carry_out(add)
    typer.echo(organisation_id)


@member_app.command("add")
def add_member(
    organisation: Organisation,
    address: Address,
    role: Annotated[Roles, typer.Option()] = "organiser",
    language: Language = "de",
) -> None:
    """Let a person act for an organisation, or give a member another role."""
    from services.events.organisations import members
    from shared.contracts.organisations import Role

    async def add(session: "WriteSession", vault: "Vault") -> None:
        await members.add_member(session, vault, organisation, address, Role(role), language)

    _carry_out(add)


@member_app.command("remove")
def remove_member(organisation: Organisation, address: Address) -> None:
    """Take away a person's access; it ends in all three services."""
    from services.events.organisations import members

    async def remove(session: "WriteSession", vault: "Vault") -> None:
        await members.remove_member(session, organisation, await members.person_with(session, vault, address))

    _carry_out(remove)


@member_app.command("unlink")
def unlink_member(address: Address) -> None:
    """Forget which account at the identity provider is this person's; the next one with the address takes its place."""
    from services.events.sign_in.identities import unlink

    async def forget(session: "WriteSession", vault: "Vault") -> None:
        if not await unlink(session, vault, address):
            typer.echo("This address is linked to no account.", err=True)
            raise typer.Exit(1)

    _carry_out(forget)


@app.command()
def demo() -> None:
    """Load demo organisations and events; running it again adds nothing."""
    from services.events.demo.commands import demo_owners

    made = asyncio.run(_load_demo())
    typer.echo(f"{made} demo events made; sign in as {', '.join(demo_owners())}")


async def _load_demo() -> int:
    from services.events.demo.commands import load_demo
    from services.events.series.planning import Window
    from services.events.settings import load
    from shared.database.engine import Database
    from shared.vault import Vault

    settings = load()
    database = Database(settings.database, connections=2)
    try:
        window = Window(settings.series_ahead, settings.series_at_least)
        return await load_demo(database, Vault(settings), window, datetime.now(UTC))
    finally:
        await database.close()


def _carry_out(command: Command) -> None:
    from services.events.organisations.members import LastOwnerError, NotAMemberError
    from services.events.organisations.telling import UnknownOrganisationError

    refusals = {
        UnknownOrganisationError: "There is no such organisation.",
        NotAMemberError: "This address belongs to nobody in the organisation.",
        LastOwnerError: "This is the last owner. Add another one first.",
    }
    try:
        asyncio.run(_in_transaction(command))
    except tuple(refusals) as error:
        typer.echo(refusals[type(error)], err=True)
        raise typer.Exit(1) from None


async def _in_transaction(command: Command) -> None:
    from services.events.settings import load
    from shared.database.engine import Database
    from shared.vault import Vault

    settings = load()
    database = Database(settings.database, connections=2)
    try:
        async with database.begin() as session:
            await command(session, Vault(settings))
    finally:
        await database.close()
