"""What the service refuses to start with, and how long it waits."""

from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.notifications.contacts.addresses import e164
from services.notifications.deliveries.retries import backoff
from services.notifications.main import create_api
from services.notifications.optouts.tokens import address_of_token, unsubscribe_token
from tests.support import notifications as given
from tests.support.asgi_client import AsgiClient

PRODUCTION = {
    "environment": "production",
    "sms_provider": "twilio",
    "twilio_account": "AC1",
    "twilio_token": "secret",
    "mail_provider": "smtp",
    "smtp_host": "mail.example.org",
}


def test_production_takes_real_providers():
    """With both real providers, production starts."""
    assert given.settings(**PRODUCTION).environment == "production"


@pytest.mark.parametrize(
    "changes",
    [
        {"sms_provider": "development"},
        {"mail_provider": "development"},
        {"twilio_token": ""},
        {"smtp_host": ""},
        {"lease": timedelta(seconds=20)},
    ],
)
def test_production_refuses_what_would_reach_nobody(changes):
    """A development phone in production would be silence: the service does not start."""
    with pytest.raises(ValidationError):
        given.settings(**PRODUCTION | changes)


@pytest.mark.parametrize("path", ["", "/style.css", "/conversation?number=%2B49", "/mails", f"/mails/{UUID(int=7)}"])
async def test_phone_and_mailbox_do_not_exist_in_production(path):
    """Nobody can read what others were sent, or text in their name."""
    client = AsgiClient(create_api(given.settings(**PRODUCTION)))
    assert (await client.get(f"/notifications/phone{path}")).status == 404
    assert (await client.post(f"/notifications/phone{path}", {})).status == 404


async def test_phone_exists_for_trying_out():
    """The same routes are there in development, so that the test above can fail."""
    client = AsgiClient(create_api(given.settings(environment="development")))
    assert (await client.get("/notifications/phone/style.css")).status == 200
    assert (await client.post("/notifications/phone", {})).status == 403


def test_first_retry_comes_at_once_and_later_ones_ever_more_rarely():
    """No wait after the first attempt, then about 30 s, a minute, two minutes, never much more than an hour."""
    assert backoff(1) == timedelta(0)
    for attempt, seconds in ((2, 30), (3, 60), (4, 120), (9, 3600), (60, 3600)):
        assert 0.5 * seconds <= backoff(attempt).total_seconds() <= 1.5 * seconds


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("030 23125042", "+493023125042"),
        ("+49 (0)30 23125042", "+493023125042"),
        ("0049 30 23125042", "+493023125042"),
        ("+90 212 555 00 11", "+902125550011"),
        ("Bank", None),
        ("112", None),
        ("", None),
    ],
)
def test_numbers_have_one_spelling(typed, number):
    """Numbers become E.164, local ones in the default region; what is none is nothing."""
    assert e164(typed, "DE") == number


def test_unsubscribe_token_names_its_address_and_cannot_be_made_up():
    """The token of an address leads back to its hash; one changed letter leads nowhere."""
    token = unsubscribe_token(given.VAULT, "Person@Example.org")
    assert address_of_token(given.VAULT, token) == given.VAULT.keyed_uuid("person@example.org", "email")
    assert "person" not in token
    for forged in (UUID(int=7).hex + token[32:], token[:-1] + ("a" if token[-1] != "a" else "b"), "", "x" * 48):
        assert address_of_token(given.VAULT, forged) is None
