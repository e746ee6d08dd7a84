"""Mistakes that people make with forms, and old forms that come back: what each is told, and that nothing is lost."""

import html
import json
import re
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.events.events.scheduling import known_zones
from tests.badinput.http.event_forms import event_fields, sign_in_token
from tests.badinput.http.form import Form
from tests.badinput.http.forms import forms_of
from tests.badinput.http.services import LANGUAGES
from tests.badinput.http.test_forms import sentences
from tests.support import registration_pages as pages

NEW = "/console/events/new"
SKIPPED, TWICE = "2027-03-28T02:30", "2027-10-31T02:30"


async def send(target, form: Form, language: str = "en", **changed: str):
    """Fill the form in as a browser of this language would, and send it."""
    browser = form.browser(target, language)
    fields = form.fields | {name.replace("__", "-"): value for name, value in changed.items()}
    return await browser.form(form.action, fields | await form.hidden(browser))


@pytest.fixture
async def new_event(events):
    return next(form for form in await forms_of(events) if form.route == NEW)


@pytest.fixture
async def registering(registrations):
    return next(form for form in await forms_of(registrations) if "new" in form.route)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_hour_that_summer_time_skips_is_said_to_be_none(events, new_event, language):
    """28 March 2027, 2:30 in Berlin does not exist; the sentence stands at the date, in the reader's language."""
    answer = await send(events, new_event, language, starts__1=SKIPPED, ends__1="2027-03-28T05:00")
    assert answer.status == 422
    assert SKIPPED in answer.text
    said = {"en": "There is no such time on this day: the clocks go forward over it. Choose another time."}
    assert sentences(answer)[0].endswith(said.get(language, sentences(answer)[0]))
    assert language == "en" or "clocks" not in answer.text


async def test_an_hour_that_comes_twice_is_asked_about(events, new_event):
    """31 October 2027, 2:30 in Berlin comes twice: the form asks which, and takes the answer."""
    asked = await send(events, new_event, starts__1=TWICE, ends__1="2027-10-31T05:00")
    assert asked.status == 422
    assert 'name="which_hour"' in asked.text
    moments = []
    for which in ("earlier", "later"):
        made = await send(events, new_event, starts__1=TWICE, ends__1="2027-10-31T05:00", which_hour=which)
        event_id = pages.where(made).rpartition("/")[2]
        moments.append((await events.more[0].row(event_id)).starts_at.isoformat())
    assert moments == ["2027-10-31T00:30:00+00:00", "2027-10-31T01:30:00+00:00"]


@pytest.mark.parametrize("moment", ["2027-02-29T10:00", "2027-13-01T10:00", "0001-01-01T00:00", "9999-12-31T23:59"])
async def test_a_date_that_does_not_exist_or_is_nobody_s_is_refused(events, new_event, moment):
    """Neither form nor API takes it: a date at the end of the calendar would bring down the page that shows it."""
    answer = await send(events, new_event, starts__1=moment, ends__1=moment)
    assert answer.status == 422
    assert any(sentence.endswith("Choose a date and a time.") for sentence in sentences(answer))
    body = {"sessions": [{"starts_at": f"{moment}:00+14:00", "ends_at": f"{moment}:00-14:00"}]}
    url, headers = (
        f"/api/events/{events.ids[0]}/reschedule",
        [("content-type", "application/json"), ("if-match", '"1"')],
    )
    told = await events.browser().raw("POST", url, json.dumps(body).encode(), headers)
    assert told.status == 422


async def test_every_time_zone_that_an_event_may_have_is_known_to_the_database(events):
    """A zone that PostgreSQL does not know would bring down each search by date, for everybody."""
    async with events.database.read() as session:
        names = set((await session.execute(text("SELECT name FROM pg_timezone_names"))).scalars())
    assert known_zones() - names == set()


async def test_the_longest_text_fits_in_every_script(events, new_event):
    """5,000 letters that browsers send as six or twelve characters each are as welcome as 5,000 Latin ones."""
    for letter in ("a", "ش", "🌱"):
        assert (await send(events, new_event, text__de=letter * 5000)).status == 303
        over = await send(events, new_event, text__de=letter * 5001)
        assert (over.status, letter * 5001 in over.text) == (422, True)
        assert sentences(over) == ["This text is too long. At most 5000 characters fit."]


async def test_a_reason_that_is_too_long_is_refused_and_kept(events):
    """Every notification would carry it; the event stays as it was."""
    cancel = next(form for form in await forms_of(events) if form.route.endswith("/cancel"))
    reason, before = "ü" * 1001, await events.contents()
    answer = await send(events, cancel, reason__de=reason)
    assert (answer.status, reason in answer.text) == (422, True)
    assert sentences(answer)[0].endswith("This text is too long. At most 1000 characters fit.")
    headers = [("content-type", "application/json"), ("if-match", '"2"')]
    url = cancel.action.replace("/console/events", "/api/events")
    told = await events.browser().raw("POST", url, json.dumps({"reason": {"de": reason}}).encode(), headers)
    assert (told.status, told.json()["errors"][0]["pointer"]) == (422, "#/reason/de")
    assert await events.contents() == before


@pytest.mark.parametrize(
    "version", ["9" * 5000, str(2**63), "-1", "²", ""], ids=["enormous", "beyond", "minus", "raised", "none"]
)
async def test_a_version_that_never_was_is_an_old_form(events, version):
    """The organiser is shown what is there now, and nothing is overwritten."""
    edit = next(form for form in await forms_of(events) if form.route.endswith("/edit"))
    before = await events.contents()
    answer = await send(events, edit, version=version, title__de="Anders")
    assert (answer.status, "Anders" in answer.text) == (409, True)
    assert await events.contents() == before


@pytest.mark.parametrize(
    "size",
    ["0", "-1", "1000000000", "2.5", "two", "9" * 5000, ""],
    ids=["0", "minus", "billion", "half", "word", "enormous", "none"],
)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_party_of_no_size_is_refused(registrations, registering, size, language):
    """Nothing is written, the sentence is in the reader's language, and all else that was typed is there still."""
    before = await registrations.contents()
    answer = await send(registrations, registering, language, party_size=size, name="Ada & Söhne")
    assert answer.status == 422
    assert len(sentences(answer)) == 1
    assert language == "en" or "people" not in sentences(answer)[0]
    assert html.escape("Ada & Söhne") in answer.text
    assert registering.fields["email"] in answer.text
    assert await registrations.contents() == before


async def test_a_name_that_is_too_long_is_called_so(registrations, registering):
    """The sentence says how much fits; the name is there still."""
    answer = await send(registrations, registering, name="ü" * 121)
    assert (answer.status, "ü" * 121 in answer.text) == (422, True)
    assert sentences(answer) == ["Name: This text is too long. At most 120 characters fit."]


@pytest.mark.parametrize("digits", ["2", "٢", "۲", "２"], ids=["latin", "arabic", "persian", "wide"])
async def test_the_digits_of_any_script_are_numbers(registrations, registering, digits):
    """Arabic, Persian and full-width digits work as Latin ones do, here and on the own page."""
    made = await send(registrations, registering, email=pages.email(), party_size=digits)
    own = pages.where(made).partition("?")[0].partition("8720")[2] or pages.where(made).partition("?")[0]
    browser = registrations.browser()
    changed = await pages.send(browser, f"{own}/party", {"party_size": f" {digits} "}, own)
    assert pages.where(changed) == f"{own}?saved=1"


async def test_a_form_that_lost_its_key_can_be_sent_again(registrations, registering):
    """What was typed comes back with a key, and sending that registers."""
    browser = registrations.browser()
    for key in (None, "", "x", "\x00"):
        fields = registering.fields | {"email": pages.email()} | await registering.hidden(browser)
        del fields["request_key"]
        answer = await browser.form(registering.action, fields | ({} if key is None else {"request_key": key}))
        assert answer.status == 400
        assert f'name="email" value="{fields["email"]}"' in answer.text
        again = fields | dict(reversed(pages.FIELD.findall(answer.text)))
        assert "/r/" in pages.where(await browser.form(registering.action, again))


async def test_a_form_that_is_sent_twice_is_carried_out_once(events, new_event, registrations, registering):
    """The same key is the same event and the same registration, whatever else changed in between."""
    for target, form, changed in (
        (events, new_event, {"title-de": "Anders"}),
        (registrations, registering, {"party_size": "3"}),
    ):
        browser = form.browser(target)
        fields = form.fields | await form.hidden(browser)
        first = pages.where(await browser.form(form.action, fields))
        before = await target.contents()
        assert pages.where(await browser.form(form.action, fields | changed)) == first
        after = await target.contents()
        assert {name for name in before if before[name] != after[name]} <= {"people", "outbox", "places"}


async def test_a_sign_in_link_works_once_and_never_later(events):
    """A used link, one whose time is over and one that never was say the same, and sign nobody in."""
    service, member, _ = events.more
    used, late = f"/sign-in/{await sign_in_token(service, member)}", f"/sign-in/{await sign_in_token(service, member)}"
    browser = events.browser(member=False)
    fields = await Form("", used, used).hidden(browser)
    assert (await browser.form(used, fields)).status == 303
    service.later(hours=2)
    for link in (used, late, "/sign-in/" + "a" * 32, "/sign-in/%00"):
        stranger = events.browser(member=False)
        own = await Form("", "/sign-in", "/sign-in").hidden(stranger)
        assert (await stranger.form(link, own)).status == 410, link
        assert "teilhabe_session" not in stranger.cookies
    service.later(hours=-2)


def _somewhere(route: str, event_id: object) -> str:
    """The route for this event; whatever else it names is not there."""
    return re.sub(r"\{\w+\}", lambda _: str(uuid4()), route.replace("{event_id}", str(event_id)))


async def test_nobody_s_event_is_changed_by_another_organisation(events):
    """Each form of the console with the id of a stranger's event: it is not there, and nothing is written."""
    theirs, before = events.ids[3], await events.contents()
    for form in await forms_of(events):
        if "{event_id}" not in form.route:
            continue
        browser = form.browser(events)
        own = await form.hidden(browser)
        before = await events.contents()
        answer = await browser.form(_somewhere(form.route, theirs), form.fields | own)
        assert answer.status == 404, form.route
        assert await events.contents() == before


async def test_nobody_else_s_organisation_gets_an_event(events, new_event):
    """The organisation is the member's, whatever the form or the JSON says."""
    _, member, stranger = events.more
    made = await send(events, new_event, organisation=str(stranger.organisation_ids[0]))
    row = await events.more[0].row(pages.where(made).rpartition("/")[2])
    assert row.organisation_id == member.organisation_ids[0]


async def test_a_token_of_no_registration_leads_nowhere(registrations):
    """Wrong, cut, lengthened and hostile tokens: 404 on each form, and nothing written."""
    token, before = registrations.tokens[0], await registrations.contents()
    browser = registrations.browser()
    own = await Form("", f"/r/{token}", "/r").hidden(browser)
    for wrong in (token[:-1], f"{token}a", "a" * 16, "%00", f"{token}%00", "%D9%A3"):
        for action in ("party", "language", "cancel", "accept"):
            fields = own | {"party_size": "2", "language": "tr"}
            answer = await browser.form(f"/r/{wrong}/{action}", fields)
            assert answer.status == 404, (wrong, action)
    assert await registrations.contents() == before


async def test_a_whole_event_by_multipart_is_an_event(events, new_event):
    """The control of the refusals: the same form in the other encoding that browsers know is taken."""
    browser = new_event.browser(events)
    fields = event_fields() | await new_event.hidden(browser) | {"title-de": "Größe 🌱"}
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = "".join(part.format(name, value) for name, value in fields.items()) + "--x--\r\n"
    headers = [("content-type", "multipart/form-data; boundary=x")]
    made = await browser.raw("POST", NEW, body.encode(), headers)
    row_id = pages.where(made).rpartition("/")[2]
    assert "Größe 🌱" in (await browser.get(f"/console/events/{row_id}")).text
