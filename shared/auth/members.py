"""Who may do what: the members of organisations, as each service knows them without asking another.

The events service owns the two tables; the others add them with `add_member_tables` and keep them with
`organisations_consumer`. A member who is no longer listed has no access from the next request on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, MetaData, Table, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.auth.rights import Access, Right, access_of, allows
from shared.contracts.events import CoHost, ContactPoint
from shared.contracts.organisations import OrganisationChanged, OrganisationMessage, Role
from shared.database.engine import ReadSession, WriteSession
from shared.messaging.consumers import Consumer
from shared.web.shown import pick

ROLES_SQL = ", ".join(f"'{role.value}'" for role in Role)


@dataclass(frozen=True)
class Membership:
    """One organisation that a person belongs to. `name` is per language."""

    organisation_id: UUID
    role: Role
    name: Mapping[str, str]


@dataclass(frozen=True)
class Member:
    """A person who is signed in. `memberships` has an entry for each organisation, never none."""

    person_id: UUID
    memberships: Mapping[UUID, Membership]
    language: str = field(default="de", compare=False)

    @property
    def organisation_ids(self) -> list[UUID]:
        """The organisations whose things the member may see and change."""
        return list(self.memberships)

    def belongs_to(self, organisation_id: UUID) -> bool:
        """Whether the organisation is one of the member's own."""
        return organisation_id in self.memberships

    def may(self, right: Right, organisation_id: UUID) -> bool:
        """Whether the member's role in the organisation allows this."""
        membership = self.memberships.get(organisation_id)
        return membership is not None and allows(membership.role, right)

    def organisations_where(self, right: Right) -> list[UUID]:
        """The organisations for which the member's role allows this."""
        return [organisation_id for organisation_id in self.memberships if self.may(right, organisation_id)]

    def access_to(self, host: UUID, co_hosts: Iterable[CoHost] = ()) -> Access | None:
        """What the member may do with an event of this host; None where it is nothing of theirs."""
        roles = {organisation_id: membership.role for organisation_id, membership in self.memberships.items()}
        return access_of(roles, host, co_hosts)

    @property
    def display_name(self) -> str:
        """The organisations' names in the reader's language: a console greets offices, not people."""
        return ", ".join(pick(membership.name, self.language).text for membership in self.memberships.values())


def add_member_tables(metadata: MetaData) -> None:
    """Declare the projection `organisations` and `members` in a service's metadata. Core tables."""
    Table(
        "organisations",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("name", JSONB, nullable=False),
        Column("profile", JSONB, nullable=False, server_default=text("'{}'")),
        Column("version", BigInteger, nullable=False),
    )
    members = Table(
        "members",
        metadata,
        Column("organisation_id", Uuid, primary_key=True),
        Column("person_id", Uuid, primary_key=True),
        Column("role", Text, nullable=False),
        CheckConstraint(f"role IN ({ROLES_SQL})", name="role"),
    )
    Index("ix_members_person_id", members.c.person_id)


_UPSERT = text(
    """
    INSERT INTO organisations (id, name, profile, version)
    SELECT * FROM unnest(:ids, :names, :profiles, :versions)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, profile = excluded.profile, version = excluded.version
    WHERE organisations.version < excluded.version
    RETURNING id
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("names", type_=ARRAY(JSONB)),
    bindparam("profiles", type_=ARRAY(JSONB)),
    bindparam("versions", type_=ARRAY(BigInteger)),
)
_PROFILE = {"kind", "languages", "contact", "website", "logo", "picture"}
_REMOVE = text("DELETE FROM members WHERE organisation_id = ANY(:ids)").bindparams(bindparam("ids", type_=ARRAY(Uuid)))
_ADD = text(
    """
    INSERT INTO members (organisation_id, person_id, role)
    SELECT * FROM unnest(:organisations, :people, :roles) ON CONFLICT DO NOTHING
    """
).bindparams(
    bindparam("organisations", type_=ARRAY(Uuid)),
    bindparam("people", type_=ARRAY(Uuid)),
    bindparam("roles", type_=ARRAY(Text)),
)


async def keep_organisations(session: WriteSession, messages: list[OrganisationChanged]) -> None:
    """Take over each organisation's newest state; a state older than the one that is known changes nothing."""
    newest: dict[UUID, OrganisationChanged] = {}
    for message in messages:
        known = newest.get(message.aggregate_id)
        if known is None or known.aggregate_version < message.aggregate_version:
            newest[message.aggregate_id] = message
    states = sorted(newest.values(), key=lambda state: state.aggregate_id)
    changed = await _upsert(session, states)
    await _replace_members(session, [state for state in states if state.aggregate_id in changed])


async def _upsert(session: WriteSession, states: list[OrganisationChanged]) -> set[UUID]:
    values = {
        "ids": [state.aggregate_id for state in states],
        "names": [state.name for state in states],
        "profiles": [state.model_dump(mode="json", include=_PROFILE) for state in states],
        "versions": [state.aggregate_version for state in states],
    }
    return set((await session.execute(_UPSERT, values)).scalars())


async def _replace_members(session: WriteSession, states: list[OrganisationChanged]) -> None:
    if not states:
        return
    await session.execute(_REMOVE, {"ids": [state.aggregate_id for state in states]})
    rows = list(chain.from_iterable(((state.aggregate_id, m) for m in state.members) for state in states))
    values = {
        "organisations": [organisation_id for organisation_id, _ in rows],
        "people": [member.person_id for _, member in rows],
        "roles": [member.role.value for _, member in rows],
    }
    await session.execute(_ADD, values)


def organisations_consumer(name: str = "members") -> Consumer:
    """The consumer that keeps the projection; `name` is what the service's inbox knows it by, stable for ever."""
    return Consumer(name, OrganisationChanged.topic, OrganisationMessage, keep_organisations)


async def memberships(session: ReadSession, person_id: UUID) -> dict[UUID, Membership]:
    """The organisations that the person belongs to now, in the order of their ids; empty for a stranger."""
    rows: Any = await session.execute(
        text(
            """
            SELECT o.id, m.role, o.name FROM members m JOIN organisations o ON o.id = m.organisation_id
            WHERE m.person_id = :person_id ORDER BY o.id
            """
        ).columns(id=Uuid, name=JSONB),
        {"person_id": person_id},
    )
    return {row.id: Membership(row.id, Role(row.role), row.name) for row in rows}


@dataclass(frozen=True)
class Profile:
    """What residents read of an organisation. `name` is per language, `logo` a path at the events service."""

    id: UUID
    name: Mapping[str, str]
    kind: str | None = None
    languages: Sequence[str] = ()
    contact: ContactPoint | None = None
    logo: str | None = None


async def profiles_of(session: ReadSession, organisation_ids: Collection[UUID]) -> dict[UUID, Profile]:
    """Those of the organisations that are known here, in a service that keeps the projection."""
    if not organisation_ids:
        return {}
    rows: Any = await session.execute(
        text("SELECT id, name, profile - 'picture' AS profile FROM organisations WHERE id = ANY(:ids)")
        .bindparams(bindparam("ids", type_=ARRAY(Uuid)))
        .columns(id=Uuid, name=JSONB, profile=JSONB),
        {"ids": list(organisation_ids)},
    )
    return {row.id: _profile(row.id, row.name, row.profile) for row in rows}


def _profile(organisation_id: UUID, name: Mapping[str, str], kept: Mapping[str, Any]) -> Profile:
    contact = ContactPoint.model_validate(kept["contact"]) if kept.get("contact") else None
    return Profile(organisation_id, name, kept.get("kind"), kept.get("languages", ()), contact, kept.get("logo"))
