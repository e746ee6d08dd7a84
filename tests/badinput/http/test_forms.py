"""Every form, filled in by somebody who means ill, errs, or comes back after a week."""

import html
import re
from uuid import uuid4

import pytest

from tests.badinput.http.form import Form
from tests.badinput.http.forms import WITHOUT_TOKEN, forms_of, routes_of
from tests.badinput.http.services import LANGUAGES

HTML = "<script>alert(1)</script>\"'&amp;"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "%0a=1")
NUMBERS = ("0", "-1", "1000000000", "9" * 30, "9" * 5000, "1.5", "1e3", "NaN", "0x10", "²", "٣", "۳", "１２", "")
DATES = ("2027-02-30T10:00", "2027-13-01T10:00", "2027-03-28T02:30", "2027-10-31T02:30", "0001-01-01T00:00")
MOMENTS = (*DATES, "9999-12-31T23:59", "2027-04-05T10:00+99:00", "2027-04-05", "now", "2027-04-05T24:00")
TEXTS = (
    "",
    " ",
    "x" * 19_000,
    HTML,
    "a\x00b",
    "\x00",
    "\u202eabc\u202c",
    "\u200b\u200b",
    "\ufeff",
    "\u2028",
    "🫥" * 4000,
)
LINKS = ("javascript:alert(1)", "data:text/html,x", "//evil.example", "http://", "https://a.b\r\nX-Y: 1", "file:///etc")
OTHER = ("../../etc/passwd", "{{7*7}}", "%(x)s %s %", "'; DROP TABLE events; --", "xx", "de-simple", "de\x00")
EVERYTHING = (*TEXTS, *FORMULAS, *NUMBERS, *MOMENTS, *LINKS, *OTHER)
WORST = ("", HTML, "9" * 5000, "2027-03-28T02:30")
EDIT = "/console/events/{event_id}/edit"
"""Reads its fields as the form for a new event does."""

SUMMARY = re.compile(r'id="error-summary".*?<ul[^>]*>(.*?)</ul>', re.DOTALL)
TAG = re.compile(r"<[^>]*>")


@pytest.fixture
async def forms(target):
    return await forms_of(target)


async def test_every_route_that_takes_a_form_is_attacked_here(target, forms):
    """A form that somebody adds comes into these tests, or is named with the reason why it needs no token."""
    taking = {path for path, methods in routes_of(target.app) if "POST" in methods and "api" not in path.split("/")}
    named = {form.route for form in forms}
    assert taking - set(WITHOUT_TOKEN) == named


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_form_without_its_token_writes_nothing_and_loses_nothing(target, forms, language):
    """The person is shown what was typed, in their language, with a button to send it again; so on each form."""
    before = await target.contents()
    for form in forms:
        answer = await form.browser(target, language).form(form.action, form.fields | {"request_key": str(uuid4())})
        assert (answer.status, answer.headers["content-language"]) == (403, language), form
        for name, value in form.fields.items():
            assert f'name="{name}" value="{html.escape(value)}"' in answer.text, (form.route, name)
    assert await target.contents() == before


async def test_a_token_that_is_not_this_browser_s_is_no_token(target, forms):
    """Rubbish, another browser's token, one without its proof, an enormous one: refused, and nothing is written."""
    before = await target.contents()
    for form in forms:
        browser, other = form.browser(target), form.browser(target)
        own, foreign = await form.hidden(browser), await form.hidden(other)
        nonce, _, proof = own["csrf_token"].partition(".")
        wrong = ("", ".", nonce, f"{nonce}.", f".{proof}", f"{nonce}.{proof[:-1]}", foreign["csrf_token"], "x" * 19_000)
        for token in (*wrong, "\x00", "٣.٣", f"{nonce}x.{proof}"):
            answer = await browser.form(form.action, form.fields | own | {"csrf_token": token})
            assert answer.status == 403, (form.route, token[:40])
    assert await target.contents() == before


async def test_any_value_in_any_field_is_taken_or_explained(target, forms):
    """No field of any form brings a page down; where a form is refused, nothing is written and what was typed stays."""
    before = await target.contents()
    for form in forms:
        browser = form.browser(target)
        own = await form.hidden(browser)
        everywhere = [dict.fromkeys(form.text or form.fields, value) for value in EVERYTHING]
        singly = [{name: value} for name in form.fields for value in WORST] if form.route != EDIT else []
        for changed in [*everywhere, *singly]:
            own |= {"request_key": str(uuid4())}
            before = await attempt(target, form, browser, own, changed, before)


async def attempt(target, form: Form, browser, own: dict[str, str], changed: dict[str, str], before):
    """Send the form with something changed; returns what the database then holds."""
    sent = form.fields | changed
    answer = await browser.form(form.action, sent | own)
    what = (form.route, {name: value[:40] for name, value in changed.items()}, answer.status)
    assert answer.status in {303, 403, 404, 409, 410, 422, 429, 200}, what
    assert HTML not in answer.text, what
    if answer.status in {303, 200}:
        return await target.contents()
    if answer.status == 422:
        assert sentences(answer), what
        for name in form.text:
            assert kept(answer.text, sent[name]), (*what, name)
    assert await target.contents() == before, what
    return before


def kept(page: str, value: str) -> bool:
    """Whether a page still shows what was typed; blanks around it do not matter."""
    shown = html.unescape(page).replace("\r\n", "\n")
    return value.replace("\r\n", "\n").strip() in shown


def sentences(answer) -> list[str]:
    """What the summary above a form says is wrong."""
    found = SUMMARY.search(answer.text)
    return [" ".join(TAG.sub(" ", line).split()) for line in found[1].split("</li>")[:-1]] if found else []


async def test_what_is_wrong_is_said_in_the_reader_s_language(target, forms):
    """The same mistakes in five languages: as many sentences, and none of them left in another language."""
    for form in forms:
        if not form.bad:
            continue
        said = {}
        for language in LANGUAGES:
            browser = form.browser(target, language)
            answer = await browser.form(form.action, form.fields | form.bad | await form.hidden(browser))
            assert answer.status in {409, 422}, (form.route, answer.status)
            said[language] = sentences(answer) or [page_text(answer)]
        for number, english in enumerate(said["en"]):
            assert len({lines[number] for lines in said.values()}) == len(LANGUAGES), (form.route, english)


def page_text(answer) -> str:
    """The words of the first warning of a page."""
    alert = answer.text.partition("kern-alert--danger")[2].partition('class="kern-title">')[2].partition("<")[0]
    assert alert.strip()
    return alert


async def test_a_field_that_comes_twice_or_not_at_all_brings_nothing_down(target, forms):
    """Each field doubled with something else, each left out, all left out, and fields that nobody knows."""
    for form in forms:
        browser = form.browser(target)
        own = await form.hidden(browser)
        for name, value in form.fields.items():
            pairs = [*form.fields.items(), *own.items()]
            for sent in ([(name, HTML), *pairs, (name, value)], [pair for pair in pairs if pair[0] != name]):
                assert (await browser.form(form.action, sent)).status < 500, (form.route, name)
        extra = {
            "id": "1",
            "state": "published",
            "organisation_id": str(uuid4()),
            "__proto__": "x",
            "": "",
            "\x00": "\x00",
        }
        for sent in (own, own | form.fields | extra):
            assert (await browser.form(form.action, sent)).status < 500, form.route
