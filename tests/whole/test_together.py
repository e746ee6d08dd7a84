"""Two organisations, three people, one event, from the invitation to the door: in German, and from right to left."""

import pytest

from tests.support.people import (
    CallList,
    create_event,
    fill_registration,
    register_on_paper,
    register_page,
    sign_in,
    until,
)
from tests.support.system import teilhabe
from tests.whole.cast import (
    CO_HOST,
    CO_HOST_NAMES,
    CODE,
    DESK,
    EVENT,
    HOST_NAMES,
    MOVED,
    OWNER,
    PAPER_NAME,
    PHONE,
    REACH,
    RESIDENT,
    RESIDENT_NAME,
    TITLE,
    ask_to_co_host,
    describe,
    invite_to_the_desk,
    let_in,
    names_on_list,
    reschedule,
    running_cast,
)

pytestmark = pytest.mark.timeout(420)

NOTE = "Kommt mit Rollstuhl"
CHANGES = (
    "Eine Organisation zum Mitveranstalten eingeladen",
    "Mitveranstalten zugesagt",
    "Gemeinsames Veranstalten beendet",
    "Veranstaltung auf neue Termine gelegt",
    "Eine Anmeldung markiert",
    "Einer Anmeldung einen Platz gegeben",
    "Eine Anmeldung eingecheckt",
    "Die Liste der Anmeldungen heruntergeladen",
)


async def two_organisations(cast):
    """An operator adds them; each describes itself, and the office invites its desk."""
    adding = ["events", "organisation", "add", "--owner"]
    cast.host_id = teilhabe(cast.system, *adding, OWNER, "--kind", "authority", "--name-de", "Amt").strip()
    ours = ["--kind", "self-organisation", "--name-de", "Verein", "--language", "ar"]
    cast.co_host_id = teilhabe(cast.system, *adding, CO_HOST, *ours).strip()
    await sign_in(cast.system, cast.owner.page, OWNER)
    await describe(cast.owner, cast.host_id, HOST_NAMES)
    await invite_to_the_desk(cast.owner, cast.host_id, cast.post, cast.desk)
    await sign_in(cast.system, cast.co_host.page, CO_HOST)
    await describe(cast.co_host, cast.co_host_id, CO_HOST_NAMES)


async def one_event_of_both(cast):
    """Both are named on its page, each reader's way."""
    cast.event_id = await create_event(cast.system, cast.owner.page, EVENT, ("de", "ar"))
    await cast.owner.look()
    await ask_to_co_host(cast.owner, cast.event_id, cast.co_host_id, cast.post, cast.co_host)
    for reader, language in ((cast.owner, "de"), (cast.resident, "ar")):
        text = await reader.open("events", f"/events/{CODE}")
        assert HOST_NAMES[language] in text
        assert CO_HOST_NAMES[language] in text


async def register_on_the_web(cast):
    """In Arabic, and the co-host may know; returns the code for the door."""
    page = cast.resident.page

    async def asked():
        await register_page(cast.system, page, cast.event_id)
        return await page.locator("[name^=share-]").count() == 1

    await until("the co-host's name on the form", asked)
    assert CO_HOST_NAMES["ar"] in await page.inner_text("main")
    await cast.resident.look()
    await page.check("[name^=share-]")
    given = {"channel": "email", "email": RESIDENT, "name": RESIDENT_NAME, "party_size": "1"}
    await fill_registration(page, **given, language="ar", consent="yes")
    await page.wait_for_url("**/r/*")
    await cast.resident.look()
    assert TITLE in await cast.mailbox.newest()
    return (await page.inner_text(".t-ticket__code")).strip()


async def register_by_sms(cast):
    """In Turkish: not shared, and then shared; the host's list has the row without being asked again."""
    phone = cast.phone
    await cast.owner.open("registrations", cast.console)
    await phone.text(f"{CODE} tr")
    await phone.next_after(1)
    asked = [text for text in await phone.received() if "PAYLAŞ" in text]
    assert len(asked) == 1
    assert CO_HOST_NAMES["de"] in asked[0]
    await rows_on_the_open_list(cast, 2)
    assert "GİZLE" in await phone.answer_to(f"GİZLE {CODE}")
    assert await names_on_list(cast.co_host, cast.event_id) == [RESIDENT_NAME]
    await phone.answer_to(f"PAYLAŞ {CODE}")
    assert len(await names_on_list(cast.co_host, cast.event_id)) == 2


async def register_with_paper_alone(cast):
    """At the desk, and nothing is shared; there is no place left."""
    page = cast.desk.page
    await register_on_paper(cast.system, page, cast.event_id, PAPER_NAME, REACH)
    await cast.desk.look()
    assert "Warteliste" in await page.inner_text("main")
    await rows_on_the_open_list(cast, 3)
    await cast.owner.look()


async def rows_on_the_open_list(cast, number):
    rows = cast.owner.page.locator("#live-list tbody tr")

    async def counted():
        return await rows.count() == number

    await until(f"{number} rows of the live list", counted)


async def see_only_who_agreed(cast):
    """The co-host's list, page and file."""
    assert len(await names_on_list(cast.co_host, cast.event_id)) == 2
    await cast.co_host.look()
    seen = await cast.co_host.page.content()
    assert RESIDENT_NAME in seen
    assert not [word for word in (PAPER_NAME, RESIDENT, PHONE, PHONE[3:], REACH) if word in seen]
    export = await cast.co_host.page.request.get(f"{cast.system.url('registrations')}{cast.console}/export.csv")
    assert PAPER_NAME not in await export.text()


async def make_room(cast):
    """One more place: the desk has it on the call list, the host moves the party up, marks it and notes something."""
    page = cast.owner.page
    await cast.owner.open("events", f"/console/events/{cast.event_id}/edit")
    await page.fill("[name=capacity]", "3")
    await cast.owner.press("main form button[type=submit]:not([name])")
    calls = CallList(cast.system, cast.desk.page, cast.event_id)
    assert "Angebot: freier Platz" in await calls.entry(PAPER_NAME, REACH)
    await cast.desk.look()
    await cast.owner.open("registrations", cast.console)
    await page.get_by_role("link", name=PAPER_NAME).click()
    await page.wait_for_url("**/registrations/*-*")
    await cast.owner.look()
    form = "form:has([name=action][value={}]) button"
    for action in ("move-up", "mark"):
        await cast.owner.press(form.format(action))
        if action == "move-up":
            await cast.owner.press("main form button[type=submit]")
        await page.get_by_role("link", name=PAPER_NAME).first.click()
        await page.wait_for_selector("textarea[name=note]")
    await page.fill("[name=note]", NOTE)
    await cast.owner.press(form.format("note"))
    text = await cast.owner.open("registrations", cast.console)
    assert text.count("Bestätigt") >= 3
    assert "Markiert" in text
    assert NOTE in text


async def tell_of_new_dates(cast):
    """An SMS, a mail, and a call."""
    texts, mails = len(await cast.phone.received()), len(await cast.mailbox.subjects())
    await reschedule(cast.owner, cast.event_id)
    assert str(MOVED.day) in await cast.phone.next_after(texts)
    assert TITLE in await cast.mailbox.newest(mails)
    calls = CallList(cast.system, cast.desk.page, cast.event_id)
    await calls.entry(PAPER_NAME, f"{MOVED.day}.")
    await cast.desk.look()
    assert "Die Person weiß Bescheid" in await cast.desk.press(".t-call form button")
    assert await calls.open() == []
    assert PAPER_NAME in "".join(await calls.ended())
    await cast.desk.look()
    await cast.resident.page.reload()
    await cast.resident.look()


async def take_the_list_along(cast):
    """On paper, and as a file."""
    await cast.owner.open("registrations", cast.console)
    assert (await cast.owner.download("a[href*='attendance.pdf']")).startswith(b"%PDF-")
    table = (await cast.owner.download("a[href*='export.csv']")).decode("utf-8-sig")
    assert all(word in table for word in (RESIDENT_NAME, PAPER_NAME, NOTE))


async def part(cast):
    """The host ends the co-hosting, and what the co-host saw is gone."""
    await cast.owner.open("events", f"/console/events/{cast.event_id}/co-hosts")
    assert "Beendet" in await cast.owner.press("form[action$='/end'] button")
    pages = [cast.system.url("events") + f"/console/events/{cast.event_id}"]
    pages += [cast.system.url("registrations") + cast.console]

    async def gone():
        return [(await cast.co_host.page.goto(page)).status for page in pages] == [404, 404]

    await until("the end of what the co-host sees", gone)
    await cast.co_host.look()
    assert CO_HOST_NAMES["ar"] not in await cast.resident.open("events", f"/events/{CODE}")


async def read_who_did_what(cast):
    """The host's log of the event, with its own people's addresses and the other organisation's name."""
    page = cast.owner.page

    async def written():
        await page.goto(f"{cast.system.url('events')}/console/events/{cast.event_id}/history")
        text = await page.inner_text("main")
        return all(change in text for change in CHANGES) and text

    text = await until(f"a history with {CHANGES}", written)
    assert OWNER in text
    assert DESK in text
    assert CO_HOST not in text
    await cast.owner.look()


async def test_two_organisations_and_three_people_from_the_invitation_to_the_door(system, chromium):
    """An office and a self-organisation host one event; people come on the web, by SMS and with nothing but paper.

    The co-host sees who agreed to it and nobody else, and nothing any more when the co-hosting ends. Every page that
    is seen on the way is for everybody: in German, and from right to left where its reader reads Arabic.
    """
    async with running_cast(system, chromium) as cast:
        await two_organisations(cast)
        await one_event_of_both(cast)
        code = await register_on_the_web(cast)
        await register_by_sms(cast)
        await register_with_paper_alone(cast)
        await see_only_who_agreed(cast)
        await make_room(cast)
        await tell_of_new_dates(cast)
        await take_the_list_along(cast)
        await cast.door.page.context.add_cookies(await cast.owner.page.context.cookies())
        await let_in(cast.desk, cast.door, f"{cast.console}/check-in", code)
        await part(cast)
        await read_who_did_what(cast)
        assert not cast.problems, "\n".join(dict.fromkeys(cast.problems))
