"""The public page that checks a certificate: one answer for everything that does not fit, and nothing about others."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.registrations.certificates import pages
from services.registrations.certificates.codes import grouped, new_code
from services.registrations.certificates.commands import Issuer
from shared.i18n.languages import PAGE_LANGUAGES
from shared.web.limits import Limit
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.certificates import issue, worked_day
from tests.support.registration_pages import hidden, running_api, words

CHECK = "/registrations/certificates"
GENUINE = "This certificate is genuine."
REVOKED = "This certificate has been revoked."
UNKNOWN = "We know no such certificate. Check what you typed."


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


@pytest.fixture
async def issued(database):
    """A certificate of five hours for Ayşe Yılmaz-Öztürk, and its event."""
    day, [own] = await worked_day(database)
    return day, await issue(database, day, own[0], name="Ayşe Yılmaz-Öztürk")


async def ask(app, code, name="Ayşe Yılmaz-Öztürk", hours="5", minutes="", language="en"):
    browser = AsgiClient(app, language)
    form = {"code": code, "name": name, "hours": hours, "minutes": minutes}
    return await browser.post(CHECK, await hidden(browser, CHECK) | form)


def verdict(answer):
    assert answer.status == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    [said] = [one for one in (GENUINE, REVOKED, UNKNOWN) if one in words(answer)]
    return said


async def test_what_stands_on_the_paper_is_genuine(app, issued):
    """However the name is spelt and the code is parted, and the hours in whatever digits."""
    _, row = issued
    for code in (row.code, grouped(row.code), grouped(row.code).lower().replace("-", " ")):
        assert verdict(await ask(app, code)) == GENUINE
    for name in ("ayse yilmaz ozturk", "AYŞE YILMAZ–ÖZTÜRK", "  Ayşe  YılmazÖztürk "):
        assert verdict(await ask(app, row.code, name)) == GENUINE
    for hours, minutes in (("5", "0"), ("٥", ""), ("4", "60"), ("", "300")):
        assert verdict(await ask(app, row.code, hours=hours, minutes=minutes)) == GENUINE


async def test_everything_else_gets_one_answer(app, database, issued):
    """A wrong code, name or hours, one of the three left out of a revoked one: the very same page for each."""
    day, row = issued
    wrong = [(new_code(), {}), ("no code", {}), (row.code, {"name": "Ada"}), (row.code, {"hours": "6"})]
    wrong += [(row.code, {"minutes": "1"}), (row.code, {"name": "…"}), (row.code, {"name": "x" * 5000})]
    for code, changed in wrong:
        answer = await ask(app, code, **changed)
        assert verdict(answer) == UNKNOWN, (code, changed)
        for said in (day.title["en"], "Kitchen", "Integrationsbüro"):
            assert said not in answer.text
    async with database.begin() as session:
        await Issuer(session, given.VAULT, uuid4(), day, datetime.now(UTC)).revoke(row.id, "Irrtum")
    assert verdict(await ask(app, row.code)) == REVOKED
    assert "Irrtum" not in (await ask(app, row.code)).text
    assert verdict(await ask(app, row.code, name="Ada")) == UNKNOWN
    assert verdict(await ask(app, row.code, hours="6")) == UNKNOWN


async def test_the_qr_code_fills_in_the_code_and_tells_nothing(app, issued):
    """The page of a code that there is and of one that there is not are alike; no search engine keeps them."""
    _, row = issued
    for code in (row.code, new_code()):
        page = await AsgiClient(app).get(f"{CHECK}/{grouped(code)}")
        assert f'value="{grouped(code)}"' in page.text
        assert '<meta name="robots" content="noindex">' in page.text
        assert page.headers["cache-control"] == "no-store"
        assert f'action="{CHECK}"' in page.text
    assert "rubbish" not in (await AsgiClient(app).get(f"{CHECK}/rubbish")).text.partition("<main")[2]


async def test_what_is_missing_is_said_and_nothing_typed_is_lost(app):
    """Each field; a number that is none."""
    answer = await ask(app, "", "", "", "")
    assert answer.status == 422
    for said in ("Write the code of the certificate.", "Write the name as it", "Write the hours and minutes"):
        assert said in words(answer)
    answer = await ask(app, "7k4x", "Ada", "3,75", "")
    assert (answer.status, 'value="3,75"' in answer.text, 'value="7k4x"' in answer.text) == (422, True, True)


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
async def test_it_answers_in_the_reader_s_language(app, issued, language):
    """Genuine, and not known."""
    _, row = issued
    for code, english in ((row.code, GENUINE), ("x", UNKNOWN)):
        answer = await ask(app, code, language=language)
        assert answer.headers["content-language"] == language
        assert (english in words(answer)) is (language == "en")


async def test_tries_come_to_an_end_right_ones_too(app, issued, monkeypatch):
    """Each counts, or the answers beyond the limit would still tell right from wrong; what was typed stays."""
    _, row = issued
    monkeypatch.setattr(pages, "CHECKS", Limit(f"checks-{uuid4()}", 2 / app.state.limits._factor, timedelta(hours=1)))
    assert verdict(await ask(app, row.code, name="Ada")) == UNKNOWN
    assert verdict(await ask(app, row.code)) == GENUINE
    for name in ("Ada", "Ayşe Yılmaz-Öztürk"):
        answer = await ask(app, row.code, name)
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0
        assert f'value="{name}"' in answer.text
        assert GENUINE not in words(answer)
