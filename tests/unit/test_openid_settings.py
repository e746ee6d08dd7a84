"""The settings of the identity provider: whole or none, and as the environment gives them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import ValidationError

from shared.contracts.organisations import Role
from tests.security.door import SERVICES
from tests.support.events_service import shared_settings
from tests.support.forged_provider import CLIENT


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"openid_issuer": "http://login.example.org"}, "https://"),
        ({"openid_issuer": "https://login.example.org?x=1"}, "https://"),
        ({"openid_issuer": "login.example.org"}, "https://"),
        ({"openid_client_id": ""}, "CLIENT_ID"),
        ({"openid_scopes": "email"}, "SCOPES"),
        ({"openid_label": " "}, "LABEL"),
        ({"openid_roles_claim": "groups"}, "ROLES"),
        ({"openid_roles": {"team": {str(uuid4()): "owner"}}}, "ROLES"),
        ({"openid_roles": {"team": {str(uuid4()): "king"}}, "openid_roles_claim": "groups"}, "owner"),
    ],
)
def test_half_a_provider_is_refused(settings, why):
    """The process does not start with a provider that could not work, or one that is spoken to in the clear."""
    whole = {"openid_issuer": "https://login.example.org/realms/a", "openid_client_id": CLIENT}
    kind, common = SERVICES["events"], shared_settings() | {"TEILHABE_DATABASE_EVENTS": "postgresql://nowhere"}
    assert kind(**common, **whole).openid
    with pytest.raises(ValidationError, match=why):
        kind(**common, **(whole | settings))


def test_the_environment_says_which_values_give_which_roles(monkeypatch):
    """The mapping and the label are JSON in their variables; an empty variable is none."""
    organisation = uuid4()
    given = {"ISSUER": "https://login.example.org", "CLIENT_ID": "a", "ROLES_CLAIM": "groups", "LABEL": "Stadt"}
    given["ROLES"] = f'{{"team": {{"{organisation}": "organiser"}}}}'
    for name, value in given.items():
        monkeypatch.setenv(f"TEILHABE_OPENID_{name}", value)
    kind, common = SERVICES["events"], shared_settings() | {"TEILHABE_DATABASE_EVENTS": "postgresql://nowhere"}
    settings = kind(**common)
    assert settings.openid_roles == {"team": {organisation: Role.ORGANISER}}
    assert settings.openid_name("tr") == "Stadt"
    monkeypatch.setenv("TEILHABE_OPENID_LABEL", '{"de": "Stadt", "tr": "Kent"}')
    assert kind(**common).openid_name("tr") == "Kent"
    for name in given:
        monkeypatch.setenv(f"TEILHABE_OPENID_{name}", "")
    assert not kind(**common).openid
    assert kind(**common).openid_timeout == timedelta(seconds=10)
