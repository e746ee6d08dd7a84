"""What a member's role allows, and what a member may see of an event.

An event belongs to its host. A co-host sees of it what the host offered (`Scope`), cut down by what each participant
agreed to, and by the member's own role in the co-hosting organisation. Whoever is neither does not know the event.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.contracts.events import CoHost, Scope
from shared.contracts.organisations import Role


class Right(StrEnum):
    """One kind of thing that a role allows for an organisation's own things."""

    SEE = "see"
    """The console: its events, drafts too, and their figures."""
    PEOPLE = "people"
    """Who comes, by name."""
    DESK = "desk"
    """Register and check in, change and end registrations."""
    EDIT = "edit"
    """Make, change, publish, move and cancel events; exports; who co-hosts."""
    MANAGE = "manage"
    """The organisation itself, and who belongs to it."""


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.ORGANISER: frozenset(Right) - {Right.MANAGE},
    Role.DESK: frozenset({Right.SEE, Right.PEOPLE, Right.DESK}),
    Role.VIEWER: frozenset({Right.SEE}),
}


def allows(role: Role, right: Right) -> bool:
    """Whether the role allows this."""
    return right in RIGHTS[role]


_SCOPES = list(Scope)


def narrower(one: Scope, other: Scope) -> Scope:
    """The smaller of two scopes."""
    return min(one, other, key=_SCOPES.index)


def covers(scope: Scope, wanted: Scope) -> bool:
    """Whether who has `scope` sees what `wanted` names."""
    return _SCOPES.index(scope) >= _SCOPES.index(wanted)


@dataclass(frozen=True)
class Access:
    """What a member may do with one event, and through which organisation.

    `scope` is None for the host's members; for a co-host's it is the most that may be seen of any participant.
    """

    organisation_id: UUID
    rights: frozenset[Right]
    scope: Scope | None = None

    @property
    def is_host(self) -> bool:
        """Whether the member acts for the organisation that owns the event."""
        return self.scope is None

    def may(self, right: Right) -> bool:
        """Whether the member may do this with the event; a co-host may look at what its scope covers, no more."""
        return right in self.rights

    def sees(self, wanted: Scope) -> bool:
        """Whether any of what `wanted` names is seen: the host sees counts and names, and no way of contact."""
        return covers(self.scope or self._own_scope, wanted)

    @property
    def _own_scope(self) -> Scope:
        return Scope.NAMES if Right.PEOPLE in self.rights else Scope.COUNTS


def access_of(roles: Mapping[UUID, Role], host: UUID, co_hosts: Iterable[CoHost]) -> Access | None:
    """What somebody with these roles, by organisation, may do with the event; None for a stranger.

    Who belongs to the host and to a co-host acts for the host; of several co-hosts the widest scope counts.
    """
    if host in roles:
        return Access(host, RIGHTS[roles[host]])
    mine = [
        _as_co_host(roles[co_host.organisation_id], co_host) for co_host in co_hosts if co_host.organisation_id in roles
    ]
    return max(mine, key=lambda access: _SCOPES.index(access.scope or Scope.NOTHING), default=None)


def _as_co_host(role: Role, co_host: CoHost) -> Access:
    most = co_host.scope if allows(role, Right.PEOPLE) else narrower(co_host.scope, Scope.COUNTS)
    people = {Right.PEOPLE} if covers(most, Scope.NAMES) else set()
    return Access(co_host.organisation_id, frozenset({Right.SEE} | people), most)
