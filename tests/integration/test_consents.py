"""What participants let co-hosts see: asked at sign-up on the web and by SMS, and changed at any time."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.registrations.consents.queries import questions_of
from services.registrations.main import create_api
from shared.auth.members import keep_organisations
from shared.contracts.events import CoHost, CoHostRole, Scope
from shared.contracts.organisations import OrganisationChanged
from shared.database.migrations import upgrade
from tests.support import registrations as given
from tests.support.asgi_client import AsgiClient
from tests.support.registration_pages import own_path, register, registrations, send, words
from tests.support.registration_phone import Phone, held_by_web, open_event


@pytest.fixture(scope="module")
async def app(database_url):
    url = database_url("registrations")
    await asyncio.to_thread(upgrade, "registrations", url)
    app = create_api(given.settings(url))
    yield app
    await app.state.database.close()


@pytest.fixture
def database(app):
    return app.state.database


@pytest.fixture
def browser(app):
    return AsgiClient(app)


async def co_host(database, scope, name="Haus der Kulturen"):
    """An organisation that co-hosts, which this service has heard of."""
    organisation_id = uuid4()
    state = OrganisationChanged(aggregate_id=organisation_id, aggregate_version=1, name={"de": name}, members=[])
    async with database.begin() as session:
        await keep_organisations(session, [state])
    return CoHost(organisation_id=organisation_id, role=CoHostRole.PARTNER, scope=scope)


async def hosted_together(database, *scopes):
    hosts = [await co_host(database, scope, f"Verein {scope}") for scope in scopes]
    return await open_event(database, co_hosts=sorted(hosts, key=lambda one: one.organisation_id))


async def seen(database, event):
    """What each co-host sees of each registration, in the order in which they came."""
    async with database.read() as session:
        return [
            {one.co_host.organisation_id: one.sees for one in await questions_of(session, event, row.id)}
            for row in await registrations(database, event)
        ]


def box(one):
    return f"share-{one.organisation_id}"


async def test_the_form_says_what_each_co_host_sees_and_asks_only_where_it_sees_people(database, browser):
    """Nothing and counts are said; names and contact are asked, one box each, none of them ticked."""
    event = await hosted_together(database, Scope.NOTHING, Scope.COUNTS, Scope.NAMES, Scope.CONTACT)
    page = await browser.get(f"/registrations/new/{event.id}")
    said = words(page)
    assert "Verein nothing sees nothing of you." in said
    assert "Verein counts sees how many people come, and no names." in said
    assert "Verein names may see my name and how many people come." in said
    assert "Verein contact may see my name, how many people come, and how to reach me." in said
    boxes = [one for one in event.co_hosts if box(one) in page.text]
    assert {one.scope for one in boxes} == {Scope.NAMES, Scope.CONTACT}
    assert not [one for one in boxes if f'name="{box(one)}" value="yes" checked' in page.text]


async def test_each_co_host_is_answered_by_itself_and_silence_is_a_no(database, browser):
    """One box ticked, the other not: the one sees what it asked for, the other nothing; the person comes either way."""
    event = await hosted_together(database, Scope.NAMES, Scope.CONTACT)
    yes, no = event.co_hosts
    await register(browser, event, **{box(yes): "yes"})
    await register(browser, event)
    assert await seen(database, event) == [
        {yes.organisation_id: yes.scope, no.organisation_id: Scope.NOTHING},
        {yes.organisation_id: Scope.NOTHING, no.organisation_id: Scope.NOTHING},
    ]


async def test_a_box_for_somebody_who_does_not_ask_means_nothing(database, browser):
    """A form of our own making cannot agree for an organisation that is no co-host, or that is offered no names."""
    event = await hosted_together(database, Scope.COUNTS)
    await register(browser, event, **{box(event.co_hosts[0]): "yes", f"share-{uuid4()}": "yes"})
    async with database.read() as session:
        kept = await session.execute(
            text(
                "SELECT count(*) FROM consents c JOIN registrations r ON r.id = c.registration_id WHERE event_id = :id"
            ),
            {"id": event.id},
        )
    assert kept.scalar_one() == 0


async def test_the_answer_can_be_changed_on_the_own_page(database, browser):
    """Ticked boxes are shown as they stand; what is not ticked is taken back."""
    event = await hosted_together(database, Scope.NAMES, Scope.CONTACT)
    one, other = event.co_hosts
    path = await own_path(browser, event, **{box(one): "yes"})
    assert f'name="{box(one)}" value="yes" checked' in (await browser.get(path)).text
    await send(browser, f"{path}/sharing", {box(other): "yes"}, page=path)
    assert await seen(database, event) == [{one.organisation_id: Scope.NOTHING, other.organisation_id: other.scope}]


async def test_a_smaller_offer_holds_at_once_and_a_larger_one_asks_again(database, browser):
    """What is seen is the smaller of offer and consent: contact cut down to names, then opened again as agreed."""
    event = await hosted_together(database, Scope.NAMES)
    [asks] = event.co_hosts
    await register(browser, event, **{box(asks): "yes"})
    for offered, sees in (
        (Scope.CONTACT, Scope.NAMES),
        (Scope.COUNTS, None),
        (Scope.NAMES, Scope.NAMES),
    ):
        state = event.model_copy(update={"co_hosts": [asks.model_copy(update={"scope": offered})]})
        assert await seen(database, state) == [{asks.organisation_id: sees} if sees else {}]


async def test_programs_can_share_and_change_it(database, app):
    """The API knows the same answers, and shows what is asked."""
    event = await hosted_together(database, Scope.NAMES, Scope.CONTACT)
    one, other = event.co_hosts
    program = AsgiClient(app)
    body = {"email": f"{uuid4().hex}@example.org", "consent": True, "share_with": [str(one.organisation_id)]}
    made = await program.post_json(f"/registrations/api/events/{event.id}/registrations", body)
    own = f"/registrations/api/own/{made.json()['link'].rpartition('/')[2]}/sharing"
    asked = {UUID(each["organisation_id"]): each["sees"] for each in (await program.get(own)).json()}
    assert asked == {one.organisation_id: one.scope, other.organisation_id: "nothing"}
    change = b'{"share_with": ["%s"]}' % str(other.organisation_id).encode()
    assert (await program.request("PUT", own, change, {"content-type": "application/json"})).status == 204
    assert await seen(database, event) == [{one.organisation_id: Scope.NOTHING, other.organisation_id: other.scope}]


async def test_who_registers_by_sms_is_asked_and_answers_by_sms(database):
    """The question names the co-hosts with numbers; SHARE, SHARE 2 and PRIVATE answer it, and say how it stands."""
    event = await hosted_together(database, Scope.NAMES, Scope.CONTACT)
    one, other = event.co_hosts
    phone = Phone(database)
    confirmed, question = await phone.answers(phone.message(event.code))
    assert (confirmed["type"], question["template"]) == ("RegistrationConfirmed", "sms-share")
    assert [line.split("|")[:3] for line in question["data"]["shares"]] == [
        ["1", one.scope.value, "no"],
        ["2", other.scope.value, "no"],
    ]
    assert await seen(database, event) == [dict.fromkeys([one.organisation_id, other.organisation_id], Scope.NOTHING)]
    answer = await phone.text(f"{event.code} SHARE 2")
    assert [line.split("|")[2] for line in answer["data"]["shares"]] == ["no", "yes"]
    assert await seen(database, event) == [{one.organisation_id: Scope.NOTHING, other.organisation_id: other.scope}]
    await phone.text("PAYLAŞ")
    assert await seen(database, event) == [{one.organisation_id: one.scope, other.organisation_id: other.scope}]
    await phone.text("خصوصي")
    assert await seen(database, event) == [dict.fromkeys([one.organisation_id, other.organisation_id], Scope.NOTHING)]
    assert await phone.state() == ("confirmed", 1)


@pytest.mark.parametrize("number", ["0", "3", "1 2", "99"])
async def test_a_number_that_no_co_host_has_changes_nothing(database, number):
    """The sender hears how it stands, and nobody sees more than before."""
    event = await hosted_together(database, Scope.NAMES, Scope.CONTACT)
    phone = Phone(database)
    await phone.answers(phone.message(event.code))
    answer = await phone.text(f"SHARE {event.code} {number}")
    assert answer["template"] == "sms-share"
    assert set((await seen(database, event))[0].values()) == {Scope.NOTHING}


async def test_the_owner_of_a_typed_number_is_asked_after_the_yes(database):
    """What a stranger ticked on the web is said to the owner, who can take it back by SMS."""
    event = await hosted_together(database, Scope.NAMES)
    phone = Phone(database)
    await held_by_web(database, event, phone.number)
    confirmed, question = await phone.answers(phone.message("JA"))
    assert (confirmed["type"], question["template"]) == ("RegistrationConfirmed", "sms-share")


async def test_where_no_co_host_asks_nobody_is_asked(database):
    """Without co-hosts, or with such as see nobody, a text has one answer, and SHARE says where things stand."""
    event = await hosted_together(database, Scope.COUNTS)
    phone = Phone(database)
    assert (await phone.text(event.code))["type"] == "RegistrationConfirmed"
    assert (await phone.text("SHARE"))["template"] == "sms-status"


async def test_who_is_not_registered_shares_nothing(database):
    """SHARE from a number without a registration is answered, and does nothing."""
    event = await hosted_together(database, Scope.NAMES)
    assert (await Phone(database).text(f"SHARE {event.code}"))["template"] == "sms-nothing-open"
