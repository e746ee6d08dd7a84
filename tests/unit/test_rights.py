"""What roles and scopes allow."""

from itertools import pairwise, product
from uuid import uuid4

import pytest

from shared.auth.rights import Right, access_of, allows, covers, narrower
from shared.contracts.events import CoHost, CoHostRole, Scope
from shared.contracts.organisations import Role

HOST, GUEST, OTHER = uuid4(), uuid4(), uuid4()


def co_host(organisation_id=GUEST, scope=Scope.CONTACT):
    return CoHost(organisation_id=organisation_id, role=CoHostRole.PARTNER, scope=scope)


def test_each_role_allows_more_than_the_one_below_it():
    """A viewer looks, the desk serves people, an organiser runs events, an owner runs the organisation."""
    ladder = [{right for right in Right if allows(role, right)} for role in reversed(Role)]
    assert ladder == sorted(ladder, key=len)
    assert all(smaller < larger for smaller, larger in pairwise(ladder))


def test_a_stranger_has_no_access():
    """Neither host nor co-host: the event is not there for them."""
    assert access_of({OTHER: Role.OWNER}, HOST, [co_host()]) is None
    assert access_of({}, HOST, []) is None


@pytest.mark.parametrize(("scope", "role"), list(product(Scope, Role)))
def test_a_co_host_never_changes_anything_and_sees_no_more_than_its_scope(scope, role):
    """Whatever the role in the co-hosting organisation is."""
    access = access_of({GUEST: role}, HOST, [co_host(scope=scope)])
    assert not access.is_host
    assert not {Right.EDIT, Right.DESK, Right.MANAGE} & access.rights
    assert not any(access.sees(wanted) for wanted in Scope if not covers(scope, wanted))
    assert access.sees(Scope.NAMES) == (covers(scope, Scope.NAMES) and allows(role, Right.PEOPLE))


def test_the_host_sees_names_and_no_way_of_contact():
    """What the form promises the participant; a viewer sees figures alone."""
    assert access_of({HOST: Role.ORGANISER}, HOST, []).sees(Scope.NAMES)
    assert not access_of({HOST: Role.OWNER}, HOST, []).sees(Scope.CONTACT)
    assert not access_of({HOST: Role.VIEWER}, HOST, []).sees(Scope.NAMES)


def test_who_belongs_to_several_sees_by_the_widest():
    """The host before any co-host, and the wider of two co-hosts."""
    assert access_of({HOST: Role.VIEWER, GUEST: Role.OWNER}, HOST, [co_host()]).organisation_id == HOST
    both = [co_host(OTHER, Scope.COUNTS), co_host(GUEST, Scope.NAMES)]
    assert access_of({GUEST: Role.DESK, OTHER: Role.OWNER}, HOST, both).organisation_id == GUEST


def test_scopes_are_ordered():
    """Each covers those before it."""
    for one, other in product(Scope, Scope):
        assert covers(one, narrower(one, other))
        assert covers(one, other) or covers(other, one)
