"""Sign-in at an identity provider, in a real browser."""

import asyncio
from datetime import UTC, datetime

import pytest

from deploy.kafka.kafka import free_port
from shared.contracts.organisations import Role
from shared.database.migrations import upgrade
from tests.support.events_service import running_events_service
from tests.support.look import open_page, sideways, violations
from tests.support.notifications import serving
from tests.support.openid_provider import CLIENT, SECRET, running_provider

PHONE, DESKTOP = 360, 1280
LABEL = {"de": "Stadt-Konto", "ar": "حساب المدينة"}


@pytest.fixture(scope="module")
async def served(database_url, tmp_path_factory):
    """The service on a port of its own, and the provider that leads back there."""
    url = database_url("events")
    await asyncio.to_thread(upgrade, "events", url)
    address = f"http://127.0.0.1:{free_port()}"
    with running_provider(
        free_port(), tmp_path_factory.mktemp("provider"), (f"{address}/sign-in/openid/back",)
    ) as provider:
        given = {"openid_issuer": provider.issuer, "openid_client_id": CLIENT, "openid_client_secret": SECRET}
        given |= {"openid_scopes": "openid email groups", "openid_label": LABEL, "events_url": address}
        async with running_events_service(url, **given) as service:
            service.now = datetime.now(UTC)
            async with serving(service.app, int(address.rpartition(":")[2])):
                office = (await service.organisation("Gartenamt")).organisation_ids[0]
                mapping = {"openid_roles_claim": "groups", "openid_roles": {"team": {office: Role.ORGANISER}}}
                service.app.state.settings = service.settings.model_copy(update=mapping)
                service.app.state.openid._settings = service.app.state.settings
                yield address, provider


async def looks_right(page) -> None:
    for width in (PHONE, DESKTOP):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await violations(page) == []
        assert await sideways(page) <= 0
    assert page.complaints == []


@pytest.mark.parametrize(("language", "button"), [("de", "Mit Stadt-Konto einloggen"), ("ar", "حساب المدينة")])
async def test_a_person_signs_in_and_out_with_the_account_of_the_provider(browser, served, language, button):
    """From a failed try to the button, the console and out again, by clicks; the policy of our pages stops nothing."""
    address, provider = served
    provider.accounts(team={"email": f"{language}@demo.example", "email_verified": True, "groups": ["team"]})
    async with open_page(browser, PHONE, locale=language) as page:
        await page.goto(f"{address}/sign-in/openid/back?state=x&code=y")
        await looks_right(page)
        await page.click("main .t-btn")
        await page.wait_for_url(f"{address}/sign-in")
        await page.goto(f"{address}/console")
        assert page.url.startswith(f"{address}/sign-in?next=")
        await looks_right(page)
        await page.get_by_role("link", name=button).click()
        await page.fill("input[name=login]", "team")
        await page.fill("input[name=password]", "any")
        await page.click("button[type=submit]")
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{address}/console")
        assert "Gartenamt" in await page.content()
        await page.evaluate("document.querySelector('form[action$=\"/sign-out\"]').requestSubmit()")
        await page.wait_for_url(f"{address}/sign-in/openid/left")
        await looks_right(page)
        await page.click("main .t-btn")
        await page.wait_for_url(f"{provider.issuer}/session/end?*")
