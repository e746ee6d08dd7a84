"""Series of events in the console: each date is seen before anything happens, and by no other organisation."""

import html
import re

from sqlalchemy import func
from sqlmodel import col, select
from uuid6 import uuid7

from services.events.series.model import OccurrenceRow, SeriesRow
from shared.auth.rights import Right
from tests.support.events_service import CSRF, count, csrf, form_bytes
from tests.support.series import a_series, series_of, venues

RULE_FORM = [("frequency", "weekly"), ("interval", "1"), ("weekdays", "0"), ("ends", "never"), ("publishes", "yes")]
HIDDEN = re.compile(r'name="shown" value="([^"]*)"')


async def fill_in(browser, path, pairs, shown=None):
    page = await browser.get(path)
    found = HIDDEN.search(page.text) if shown is None else None
    seen = html.unescape(found[1]) if found else shown or ""
    tokens = [("csrf_token", CSRF.findall(page.text)[-1]), ("request_key", str(uuid7())), ("shown", seen)]
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return await browser.request("POST", path, form_bytes([*pairs, *tokens]), kind)


async def test_an_organiser_sees_the_dates_before_the_series_begins(events, member):
    """The preview changes with the rule, and nothing is made before its dates were seen."""
    event_id = await events.published(member)
    browser = await events.signed_in(member)
    own, path = f"/console/events/{event_id}", f"/console/events/{event_id}/repeat"
    assert f'href="{path}"' in (await browser.get(own)).text
    assert "Every week: Monday" in (await browser.get(path)).text
    other = [("interval", "2") if pair[0] == "interval" else pair for pair in RULE_FORM]
    preview = await fill_in(browser, path, other)
    assert preview.status == 200
    assert "Every 2 weeks: Monday" in preview.text
    assert "Monday, 19 April 2027" in preview.text or "April 19, 2027" in preview.text
    shown = html.unescape(HIDDEN.search(preview.text)[1])
    begun = await fill_in(browser, path, other, shown)
    assert begun.headers["location"].endswith("?done=begun")
    page = await browser.get(begun.headers["location"])
    assert "The series has begun" in page.text
    assert page.text.count("/console/events/") >= 2
    assert (await browser.get(path)).status == 303
    event = (await browser.get(own)).text
    assert "See the whole series" in event
    public = (await events.browser().get(f"/events/{(await events.row(event_id)).code}")).text
    assert "Every 2 weeks: Monday" in public
    assert "Other dates" in public


async def test_an_organiser_edits_several_dates_from_the_form_of_one(events, member):
    """The form asks for which dates, and the answer says how many followed."""
    _, ids = await a_series(events, member)
    browser = await events.signed_in(member)
    path = f"/console/events/{ids[1]}/edit"
    page = await browser.get(path)
    assert 'name="scope"' in page.text
    fields = {name: value for name, value in re.findall(r'<input[^>]* name="([\w-]+)"[^>]* value="([^"]*)"', page.text) if name not in {"kind", "scope", "spoken_languages", "contact_languages"}}  # fmt: skip # noqa: E501
    fields |= {"kind": "workshop", "main_language": "de", "time_zone": "Europe/Berlin", "text-de": "Wir nähen."}
    fields |= {"access_notes-de": "Rampe", "venue_name": "Turm", "scope": "later", "contact_languages": "de"}
    pairs = [*fields.items(), ("spoken_languages", "de"), ("spoken_languages", "tr")]
    kind = {"content-type": "application/x-www-form-urlencoded"}
    saved = await browser.request("POST", path, form_bytes(pairs), kind)
    assert saved.headers["location"].endswith("?done=saved&others=2&refused=0")
    assert await venues(events, ids) == ["Haus", "Turm", "Turm", "Turm"]
    assert "2 other dates of the series were changed too." in (await browser.get(saved.headers["location"])).text


async def test_an_organiser_confirms_what_a_new_rule_does(events, member):
    """The page lists each date by what becomes of it; without the tick and a reason nothing happens."""
    series_id, ids = await a_series(events, member)
    await count(events, ids[1], taken=2)
    browser = await events.signed_in(member)
    path = f"/console/series/{series_id}/edit"
    rule = [*RULE_FORM, ("from", "10:00"), ("to", "12:00"), ("skip-1", "2027-04-12"), ("skip-2", "2027-04-26")]
    preview = await fill_in(browser, path, rule)
    assert preview.status == 200
    assert "These are cancelled; nobody is registered" in preview.text
    assert "2 people registered" in preview.text
    shown = HIDDEN.search(preview.text)[1]
    refused = await fill_in(browser, path, rule, shown)
    assert refused.status == 422
    assert "Say why these dates do not take place." in refused.text
    done = await fill_in(browser, path, [*rule, ("confirmed", "yes"), ("reason", "Feier\x00tag")], shown)
    assert done.headers["location"].endswith("?done=changed")
    assert [(await events.row(event_id)).state for event_id in ids[1:]] == ["published", "published", "cancelled"]
    token = await csrf(browser, f"/console/series/{series_id}")
    refused = await browser.post(f"/console/series/{series_id}/end", {"csrf_token": token})
    assert refused.status == 422
    ended = await browser.post(f"/console/series/{series_id}/end", {"csrf_token": token, "confirmed": "yes"})
    assert ended.headers["location"].endswith("?done=ended")
    assert (await browser.get(path)).status == 409


async def test_others_series_do_not_exist(events, member):
    """Every page and action of another organisation's series is a 404, and nothing changes."""
    series_id, ids = await a_series(events, member)
    browser = await events.signed_in(await events.organisation("Anderer Verein"))
    token = await csrf(browser, "/console")
    form = {"csrf_token": token, "confirmed": "yes", **dict(RULE_FORM)}
    for path in (f"series/{series_id}", f"series/{series_id}/edit", f"events/{ids[0]}/repeat"):
        assert (await browser.get(f"/console/{path}")).status == 404
    for path in (f"series/{series_id}/edit", f"series/{series_id}/end", f"events/{ids[0]}/repeat"):
        assert (await browser.post(f"/console/{path}", form)).status == 404
    assert (await series_of(events, series_id)).row.ended_at is None
    async with events.database.read() as session:
        mine = col(SeriesRow.organisation_id).in_(member.organisations_where(Right.EDIT))
        assert (await session.execute(select(func.count()).select_from(SeriesRow).where(mine))).scalar_one() == 1
        assert (await session.execute(select(func.count()).select_from(OccurrenceRow))).scalar_one() >= 4
