"""Organisations: what residents read, who acts for them, invitations, and the log of changes."""

from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.events.organisations.drawing import drawn_again
from services.events.organisations.logos import set_logo
from services.events.organisations.members import LastOwnerError, remove_member, set_role
from shared.contracts.notification_requests import Secret
from shared.contracts.organisations import Role
from tests.support.events_service import CSRF, owner_address, send, taken_over


@pytest.fixture
async def owner(events):
    return await events.organisation()


def page_of(member):
    return f"/console/organisations/{member.organisation_ids[0]}"


async def told_of(events, member):
    """What the other services were told of the member's organisation."""
    return await events.messages("organisations", member.organisation_ids[0])


async def invited(events, browser, member, address, role="desk", language="tr"):
    """The token of an invitation that was just sent to the address."""
    form = [("email", address), ("role", role), ("mail_language", language)]
    answer = await send(browser, f"{page_of(member)}/invitations", form, page_of(member))
    assert answer.status == 303, answer.text
    request = (await events.messages("notification-requests"))[-1]
    secret = events.vault.open(request["sealed"], Secret, f"request:{request['aggregate_id']}")
    assert (secret.recipient.email, secret.recipient.language) == (address, language)
    assert request["template"] == "invitation"
    assert address not in str(request)
    return secret.token


async def test_an_owner_says_who_the_organisation_is_in_several_languages(events, owner):
    """Residents read it on a page of its own, the other services learn it, and the log says that it changed."""
    browser = await events.session_of(owner)
    given = [("kind", "association"), ("website", "https://buero.example.org"), ("contact_phone", "030 23125010")]
    for code, name in (("de", "Begegnung"), ("ar", "لقاء")):
        given += [("language", code), (f"name-{code}", name), (f"description-{code}", f"{name}!")]
    answer = await send(browser, f"{page_of(owner)}/edit", [*given, ("languages", "ar"), ("languages", "de")])
    assert answer.headers["location"] == f"{page_of(owner)}?done=saved"
    told = (await told_of(events, owner))[-1]
    assert told["name"] == {"de": "Begegnung", "ar": "لقاء"}
    assert (told["kind"], told["languages"]) == ("association", ["de", "ar"])
    assert told["contact"]["phone"] == "+49 30 23125010"
    public = await events.browser("ar").get(f"/organisations/{owner.organisation_ids[0]}")
    assert "لقاء!" in public.text
    assert (await events.messages("audit"))[-1]["action"] == "organisation.changed"


async def test_a_wrong_form_is_shown_again_with_what_was_typed(events, owner):
    """Each mistake stands at its field; nothing is saved."""
    browser = await events.session_of(owner)
    given = [("kind", "association"), ("website", "javascript:alert(1)"), ("language", "de"), ("name-de", "")]
    answer = await send(browser, f"{page_of(owner)}/edit", [*given, ("contact_email", "nobody"), ("contact_name", "X")])
    assert answer.status == 422
    assert 'id="field-website-error"' in answer.text
    assert 'id="field-contact_email-error"' in answer.text
    assert 'id="field-name-de-error"' in answer.text
    assert "javascript:alert(1)" in answer.text
    assert len(await told_of(events, owner)) == 1


async def test_who_is_invited_belongs_to_the_organisation_by_the_link(events, owner):
    """The link signs in, works once, and gives the role that was meant."""
    token = await invited(events, await events.session_of(owner), owner, "desk@demo.example")
    guest = events.browser()
    page = await guest.get(f"/invitations/{token}")
    assert "Desk" in page.text
    assert (await guest.post(f"/invitations/{token}", {"csrf_token": CSRF.search(page.text)[1]})).status == 303
    assert (await guest.get("/console")).status == 200
    assert (await told_of(events, owner))[-1]["members"][-1]["role"] == "desk"
    assert (await events.browser().get(f"/invitations/{token}")).status == 410


async def test_an_invitation_ends_when_it_is_taken_back_replaced_or_over(events, owner):
    """Only the newest link of an address leads anywhere, and for a week."""
    browser = await events.session_of(owner)
    first = await invited(events, browser, owner, "a@demo.example")
    second = await invited(events, browser, owner, "A@demo.example ".strip())
    assert (await events.browser().get(f"/invitations/{first}")).status == 410
    assert (await events.browser().get(f"/invitations/{second}")).status == 200
    page = (await browser.get(page_of(owner))).text
    path = page.split('/take-back"')[0].rpartition('action="')[2] + "/take-back"
    assert (await browser.post(path, {"csrf_token": CSRF.search(page)[1]})).status == 303
    assert (await events.browser().get(f"/invitations/{second}")).status == 410
    third = await invited(events, browser, owner, "a@demo.example")
    events.later(days=8)
    assert (await events.browser().get(f"/invitations/{third}")).status == 410


async def test_an_old_invitation_takes_nothing_away(events, owner):
    """An owner who follows a link for the desk stays an owner."""
    address = owner_address(owner.organisation_ids[0])
    token = await invited(events, await events.session_of(owner), owner, address, "viewer")
    guest = events.browser()
    page = await guest.get(f"/invitations/{token}")
    await guest.post(f"/invitations/{token}", {"csrf_token": CSRF.search(page.text)[1]})
    assert [one["role"] for one in (await told_of(events, owner))[-1]["members"]] == ["owner"]


async def test_the_last_owner_can_neither_leave_nor_become_less(events, owner):
    """By page and by command; with a second owner both work."""
    [organisation_id] = owner.organisation_ids
    browser = await events.session_of(owner)
    me = f"{page_of(owner)}/members/{owner.person_id}"
    assert "needs an owner" in (await send(browser, f"{me}/remove", [])).text
    assert "needs an owner" in (await send(browser, f"{me}/role", [("role", "desk")], page_of(owner))).text
    async with events.database.begin() as session:
        with pytest.raises(LastOwnerError):
            await remove_member(session, organisation_id, owner.person_id)
    second = await events.colleague(organisation_id, Role.OWNER)
    assert (await send(browser, f"{me}/remove", [])).headers["location"] == "/events"
    async with events.database.begin() as session:
        with pytest.raises(LastOwnerError):
            await set_role(session, organisation_id, second.person_id, Role.VIEWER)


async def test_who_is_removed_is_signed_out(events, owner):
    """The next request finds no access, and the session is gone; another organisation's access stays."""
    [organisation_id] = owner.organisation_ids
    colleague = await events.colleague(organisation_id, Role.ORGANISER)
    theirs, mine = await events.session_of(colleague), await events.session_of(owner)
    assert (await theirs.get("/console")).status == 200
    await send(mine, f"{page_of(owner)}/members/{colleague.person_id}/remove", [])
    assert (await theirs.get("/console")).status == 403
    async with events.database.read() as session:
        left = await session.execute(
            text("SELECT count(*) FROM member_sessions WHERE person_id = :id"), {"id": colleague.person_id}
        )
    assert left.scalar_one() == 0


@pytest.mark.parametrize("role", [Role.ORGANISER, Role.DESK, Role.VIEWER])
async def test_only_an_owner_manages_the_organisation(events, owner, role):
    """Everybody else looks, without the forms, and is told so when they try; strangers find nothing."""
    [organisation_id] = owner.organisation_ids
    browser = await events.session_of(await events.colleague(organisation_id, role))
    page = await browser.get(page_of(owner))
    assert page.status == 200
    assert "/invitations" not in page.text
    assert (await browser.get(f"{page_of(owner)}/edit")).status == 403
    assert (await browser.get(f"{page_of(owner)}/members/{owner.person_id}/remove")).status == 403
    token = CSRF.search((await browser.get("/console")).text)[1]
    form = {"csrf_token": token, "email": "x@demo.example", "role": "owner"}
    assert (await browser.post(f"{page_of(owner)}/invitations", form)).status == 403
    stranger = await events.session_of(await events.organisation("Anderes"))
    assert (await stranger.get(page_of(owner))).status == 404


async def test_the_others_get_a_small_picture_of_the_logo_for_their_mails(events, owner):
    """With its address for pages; once it is taken away, neither."""
    [organisation_id] = owner.organisation_ids
    sent = BytesIO()
    Image.new("RGB", (800, 200), "#1a3f99").save(sent, "PNG")
    for picture in (drawn_again(sent.getvalue()), None):
        async with events.database.begin() as session:
            await set_logo(session, owner, organisation_id, picture)
        told = (await told_of(events, owner))[-1]
        assert bool(told["logo"]) is bool(told["picture"]) is bool(picture)
        if picture:
            with Image.open(BytesIO(b64decode(told["picture"] + "=="))) as small:
                assert small.size == (320, 80)


async def test_the_log_of_changes_is_read_by_event_and_by_organisation(events, owner):
    """Who, what, when, from what to what; only those who edit see it."""
    [organisation_id] = owner.organisation_ids
    colleague = (await events.colleague(organisation_id, Role.DESK, "reception@demo.example")).person_id
    browser = await events.session_of(owner)
    await send(browser, f"{page_of(owner)}/members/{colleague}/role", [("role", "viewer")], page_of(owner))
    await taken_over(events)
    log = (await browser.get(f"{page_of(owner)}/history")).text
    assert "Changed a member" in log
    assert "reception@demo.example" in log
    assert owner_address(organisation_id) in log
    desk = await events.session_of(await events.colleague(organisation_id, Role.DESK))
    assert (await desk.get(f"{page_of(owner)}/history")).status == 403
    event_id = await events.published(owner)
    assert (await browser.get(f"/console/events/{event_id}/history")).status == 200
    assert (await desk.get(f"/console/events/{event_id}/history")).status == 403


@pytest.mark.parametrize("statement", ["UPDATE audit SET action = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
@pytest.mark.parametrize("account", ["superuser", "its owner"])
async def test_the_log_of_changes_is_append_only(events, owner, statement, account):
    """The database refuses to change a row: to the account that owns the table by right, to a superuser by trigger."""
    await events.colleague(owner.organisation_ids[0], Role.DESK)
    await taken_over(events)
    async with events.database.begin() as session:
        if account == "its owner":
            await session.execute(text("CREATE ROLE auditor"))
            await session.execute(text("GRANT ALL ON SCHEMA public TO auditor"))
            await session.execute(text("ALTER TABLE audit OWNER TO auditor"))
            await session.execute(text("SET LOCAL ROLE auditor"))
        before = (await session.execute(text("SELECT count(*) FROM audit"))).scalar_one()
        assert before
        with pytest.raises(ProgrammingError, match=r"append-only|permission denied"):
            await session.execute(text(statement))
        await session.rollback()
