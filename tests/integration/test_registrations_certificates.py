"""Certificates of volunteering: issued once, replaced, revoked, told, printed, and found by their person alone."""

import asyncio
from base64 import b64encode
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.registrations.certificates.codes import ALPHABET, grouped, new_code, read_code
from services.registrations.certificates.commands import DiffersError, Issuer
from shared.auth.members import keep_organisations
from shared.contracts.notification_requests import Secret
from shared.contracts.organisations import Membership, OrganisationChanged, Role
from shared.tickets import png, qr_code
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.certificates import certificates, console_of, issue, press, sign_off, token_of, worked_day
from tests.support.registration_pages import hidden, messages, running_api, signed_in, where, words
from tests.support.sheets import read, text_of
from tests.support.shifts import take


@pytest.fixture(scope="module")
async def app(database_url):
    async with running_api(database_url("registrations")) as app:
        yield app


@pytest.fixture
def database(app):
    return app.state.database


def test_codes_are_read_as_people_type_them():
    """In small letters, with blanks, hyphens or neither, O for 0, I and L for 1; anything else is none."""
    code = new_code()
    assert len(code) == 12
    assert set(code) <= set(ALPHABET)
    assert not set("ILOU") & set(ALPHABET)
    assert grouped("7K4X9TQM2BWR") == "7K4X-9TQM-2BWR"
    for typed in ("7k4x 9tqm 2bwr", "7K4X9TQM2BWR", " 7K4X–9TQM–2BWR ", "７Ｋ４Ｘ－９ＴＱＭ－２ＢＷＲ"):
        assert read_code(typed) == "7K4X9TQM2BWR"
    assert read_code("OoIi-Ll01-abcd") == "00111101ABCD"
    assert [read_code(typed) for typed in ("", "7K4X-9TQM-2BW", "7K4X-9TQM-2BWRR", "7K4X-9TQM-2BWU", "x" * 5000)] == [
        None
    ] * 5


async def test_what_was_signed_off_is_certified_and_told_once(app, database):
    """Hours, shifts, roles and days, with a code; the person is told with the link of their newest registration."""
    day, [own] = await worked_day(database)
    browser = await signed_in(app, day)
    assert "Ada Beispiel (German) 5 hours Kitchen Not issued yet" in words(await browser.get(console_of(day)))
    for _ in range(2):
        answer = await press(browser, day, own[0], name="Ada Beispiel")
        assert where(answer) == f"{console_of(day)}?done=issued"
    [row] = await certificates(database, day)
    assert (row.name, row.language, row.minutes, row.shifts) == ("Ada Beispiel", "de", 300, 2)
    assert row.roles == [dict(day.roles[0].name)]
    assert row.event_title == dict(day.title)
    assert set(row.registration_ids) == set(own)
    [told] = await messages(database, day, "NotificationRequested")
    assert (told["template"], told["data"]) == ("certificate-ready", {"minutes": 300})
    assert (told["person_id"], told["registration_id"]) == (str(row.person_id), str(max(own)))
    secret = given.VAULT.open(told["sealed"], Secret, f"request:{max(own)}")
    assert secret.token == await token_of(database, day, max(own))
    [logged] = await messages(database, day, "ChangeRecorded")
    assert (logged["action"], logged["subject_id"]) == ("certificate.issued", str(row.id))
    assert logged["after"] == {"minutes": 300, "shifts": 2}
    page = words(await browser.get(console_of(day)))
    assert f"Issued Code: {grouped(row.code)}" in page


async def test_the_paper_that_is_out_stays_as_it_is(app, database):
    """Hours that change later change no certificate: the page says so, and replacing is asked about once."""
    day, [own] = await worked_day(database)
    old = await issue(database, day, own[0])
    await sign_off(database, day, own[1], 90)
    browser = await signed_in(app, day)
    assert "Not up to date" in words(await browser.get(console_of(day)))
    asked = await press(browser, day, own[0], name="Ada Beispiel")
    assert asked.status == 200
    assert "Replace the certificate?" in words(asked)
    assert "Until now From now on Hours 5 hours 4 hours Yes, replace" in words(asked)
    assert [row.revoked_at for row in await certificates(database, day)] == [None]
    for _ in range(2):
        await press(browser, day, own[0], name="Ada Beispiel", replaces=str(old.id))
    first, second = await certificates(database, day)
    assert (first.id, first.revoked_by, first.reason) == (old.id, browser.person_id, "")
    assert (second.minutes, second.revoked_at) == (240, None)
    assert first.code != second.code
    assert len(await messages(database, day, "NotificationRequested")) == 2
    actions = [line["action"] for line in await messages(database, day, "ChangeRecorded")]
    assert actions == ["certificate.issued", "certificate.replaced", "certificate.issued"]


async def test_a_name_is_corrected_by_a_new_certificate(database):
    """In the person's new language, too."""
    day, [own] = await worked_day(database)
    old = await issue(database, day, own[0], name="Ada Beispeil")
    with pytest.raises(DiffersError) as refused:
        await issue(database, day, own[0], name="Ada Beispiel")
    assert refused.value.certificate_id == old.id
    async with database.begin() as session:
        await session.execute(text("UPDATE people SET language = 'ar' WHERE id = :id"), {"id": old.person_id})
    new = await issue(database, day, own[0], name="Ada Beispiel", replaces=old.id)
    assert (new.name, new.language) == ("Ada Beispiel", "ar")


async def test_two_who_issue_at_once_issue_one(database):
    """The table's own index sees to it; the other finds the same one, and the person is told once."""
    day, [own] = await worked_day(database)
    made = await asyncio.gather(*(issue(database, day, own[0]) for _ in range(8)))
    assert len({row.id for row in made}) == 1
    assert len(await certificates(database, day)) == 1
    assert len(await messages(database, day, "NotificationRequested")) == 1


async def test_two_who_replace_at_once_leave_one(database):
    """With the same new name it is one new certificate; with another one the second is told."""
    day, [own] = await worked_day(database)
    old = await issue(database, day, own[0], name="Alt")
    again = await asyncio.gather(*(issue(database, day, own[0], name="Neu", replaces=old.id) for _ in range(4)))
    assert len({row.id for row in again}) == 1
    with pytest.raises(DiffersError):
        await issue(database, day, own[0], name="Anders", replaces=old.id)
    assert [row.revoked_at is None for row in await certificates(database, day)] == [False, True]


async def test_without_the_index_two_would_be_good(database):
    """Negative control: the same race with the guard away leaves several, and the index cannot come back."""
    index = "CREATE UNIQUE INDEX uq_certificates_live ON certificates (event_id, person_id) WHERE revoked_at IS NULL"
    async with database.begin() as session:
        await session.execute(text("DROP INDEX uq_certificates_live"))
    counts, days = [0], []
    try:
        while len(counts) < 20 and max(counts) <= 1:
            day, [own] = await worked_day(database)
            days.append(day.id)
            await asyncio.gather(*(issue(database, day, own[0]) for _ in range(8)))
            counts.append(len(await certificates(database, day)))
        assert max(counts) > 1
        with pytest.raises(IntegrityError):
            async with database.begin() as session:
                await session.execute(text(index))
    finally:
        async with database.begin() as session:
            await session.execute(text("DELETE FROM certificates WHERE event_id = ANY(:ids)"), {"ids": days})
            await session.execute(text(index))


async def test_a_revoked_certificate_is_good_no_more(app, database):
    """It asks once, for the reason, which only the host reads; a new one can be issued."""
    day, [own] = await worked_day(database)
    row = await issue(database, day, own[0])
    browser = await signed_in(app, day)
    page = f"{console_of(day)}/{own[0]}/revoke"
    form = await hidden(browser, page) | {"certificate": str(row.id)}
    missing = await browser.post(page, form | {"reason": " "})
    assert (missing.status, "Write why." in words(missing)) == (422, True)
    for _ in range(2):
        answer = await browser.post(page, form | {"reason": "Falsche Person"})
        assert where(answer).startswith(console_of(day))
    shown = words(await browser.get(console_of(day)))
    assert "Revoked" in shown
    assert "Reason: Falsche Person" in shown
    assert where(await browser.get(f"{console_of(day)}/{own[0]}/certificate.pdf")) == console_of(day)
    assert where(await browser.get(page)) == console_of(day)
    logged = await messages(database, day, "ChangeRecorded")
    assert [line["action"] for line in logged] == ["certificate.issued", "certificate.revoked"]
    assert "Falsche" not in str(logged)
    again = await issue(database, day, own[0])
    late = await browser.post(page, form | {"reason": "Falsche Person"})
    assert where(late) == console_of(day)
    states = {one.id: one.revoked_at is None for one in await certificates(database, day)}
    assert states == {row.id: False, again.id: True}


async def test_all_who_have_a_name_get_theirs_at_once(app, database):
    """Not who has none, nor who had one revoked; sent twice, nobody gets a second one or is told again."""
    wishes = [given.wish(name=name) for name in ("Ada", "Berta", "Clara", None)]
    day, [ada, berta, clara, nameless] = await worked_day(database, *wishes)
    revoked = await issue(database, day, berta[0], name="Berta")
    async with database.begin() as session:
        await Issuer(session, given.VAULT, uuid4(), day, datetime.now(UTC)).revoke(revoked.id, "Falsch")
    browser = await signed_in(app, day)
    answers = [where(await press(browser, day)) for _ in range(2)]
    assert answers == [f"{console_of(day)}?done=all&count={count}" for count in (2, 0)]
    named = [(row.name, row.revoked_at is None) for row in await certificates(database, day)]
    assert sorted(named) == [("Ada", True), ("Berta", False), ("Clara", True)]
    assert len(await messages(database, day, "NotificationRequested")) == 3
    bad = await press(browser, day, nameless[0], name=" … ")
    assert (bad.status, "Write the name that is to stand on the certificate." in words(bad)) == (422, True)
    too_long = await press(browser, day, nameless[0], name="x" * 121)
    assert (too_long.status, "x" * 121 in too_long.text) == (422, True)
    assert {ada[0], clara[0]} < {one for row in await certificates(database, day) for one in row.registration_ids}


async def test_nothing_signed_is_nothing_to_certify(app, database):
    """Hours of none, a registration without hours, and one of another event lead back to the list."""
    day, [own] = await worked_day(database, minutes=0)
    other, [foreign] = await worked_day(database)
    browser = await signed_in(app, day)
    assert "No hours are signed off yet" in words(await browser.get(console_of(day)))
    for registration_id in (own[0], foreign[0], uuid4()):
        assert where(await press(browser, day, registration_id, name="Ada")) == console_of(day)
    assert await certificates(database, day) == await certificates(database, other) == []


async def test_a_certificate_whose_hours_are_gone_can_be_revoked(app, database):
    """It stays in the list, and is not up to date."""
    day, [own] = await worked_day(database)
    await issue(database, day, own[0])
    for registration_id in own:
        await sign_off(database, day, registration_id, 0)
    browser = await signed_in(app, day)
    assert "No hours are signed off any more." in words(await browser.get(console_of(day)))
    assert (await browser.get(f"{console_of(day)}/{own[0]}/revoke")).status == 200


@pytest.mark.parametrize(("role", "status"), [(Role.OWNER, 200), (Role.DESK, 403), (Role.VIEWER, 403), (None, 404)])
async def test_only_the_host_issues(app, database, role, status):
    """And there who may edit; another organisation finds nothing."""
    day, [own] = await worked_day(database)
    row = await issue(database, day, own[0])
    browser = await signed_in(app, day, role) if role else await signed_in(app)
    one = f"{console_of(day)}/{own[0]}"
    for path in (console_of(day), f"{one}/certificate.pdf", f"{one}/revoke"):
        assert (await browser.get(path)).status == status, path
    if status != 200:
        form = await hidden(browser, "/registrations/certificates")
        wanted = {f"name-{own[0]}": "Eve", "replaces": str(row.id), "certificate": str(row.id), "reason": "x"}
        for path in (console_of(day), one, f"{one}/revoke"):
            assert (await browser.post(path, form | wanted)).status == status, path
        assert [one.name for one in await certificates(database, day) if one.revoked_at is None] == ["Ada Beispiel"]


async def test_the_paper_keeps_the_names_of_its_day_and_has_the_logo(app, database):
    """What event and organisation are called later changes no paper; the desk prints it for who has no page."""
    day, [own] = await worked_day(database)
    await keep(database, day, 1, "Freiwilligenbüro")
    await issue(database, day, own[0])
    await given.publish(database, day.model_copy(update={"title": {"de": "Umbenannt"}}), 2)
    browser = await signed_in(app, day)
    logo = b64encode(png(qr_code("logo"))).decode().rstrip("=")
    await keep(database, day, 2**50, "Umbenannt", logo, browser.person_id)
    paper = await browser.get(f"{console_of(day)}/{own[0]}/certificate.pdf")
    assert (paper.status, paper.headers["content-type"]) == (200, "application/pdf")
    assert paper.headers["content-disposition"] == f'inline; filename="{day.code}-certificate.pdf"'
    text = text_of(paper.body)
    for said in ("Freiwilligenbüro", "Stadtteilfest", "Ada Beispiel", "5 Stunden", "in 2 Schichten", "Küche"):
        assert said in text
    assert "Umbenannt" not in text
    assert len(read(paper.body).pages[0].images) == 1


async def keep(database, event, version, name, picture=None, member=None):
    """What is known of the event's host."""
    members = [Membership(person_id=member, role=Role.OWNER)] if member else []
    told = OrganisationChanged(
        aggregate_id=event.organisation_id,
        aggregate_version=version,
        name={"de": name},
        members=members,
        picture=picture,
    )
    async with database.begin() as session:
        await keep_organisations(session, [told])


async def test_the_person_has_it_behind_their_own_links(app, database):
    """Of every registration with hours in it; not behind one that somebody makes later for the same address."""
    wish = given.wish(name="Ada Beispiel")
    day, [own] = await worked_day(database, wish, shifts=3)
    browser = AsgiClient(app)
    tokens = [await token_of(database, day, one) for one in own]
    assert "Your certificate" not in words(await browser.get(f"/r/{tokens[0]}"))
    assert (await browser.get(f"/r/{tokens[0]}/certificate.pdf")).status == 404
    row = await issue(database, day, own[0])
    for token in tokens:
        assert "The organisation certifies your help: 5 hours." in words(await browser.get(f"/r/{token}"))
        paper = await browser.get(f"/r/{token}/certificate.pdf")
        assert (paper.status, paper.headers["cache-control"]) == (200, "no-store")
        assert grouped(row.code) in text_of(paper.body)
        assert "Ada Beispiel" in text_of(paper.body)
        assert len(read(paper.body).pages) == 1
    [later] = await take(database, day, wish, 5)
    assert (await browser.get(f"/r/{later.token}/certificate.pdf")).status == 404
    async with database.begin() as session:
        await Issuer(session, given.VAULT, uuid4(), day, datetime.now(UTC)).revoke(row.id, "Falsch")
    assert (await browser.get(f"/r/{tokens[0]}/certificate.pdf")).status == 404
    assert "Your certificate" not in words(await browser.get(f"/r/{tokens[0]}"))
