"""Forms: forgery, double submission, limits, errors that keep what was typed."""

import re

import pytest
from pydantic import BaseModel, Field, ValidationError

from shared.web import csrf
from shared.web.forms import FormErrors
from tests.support.asgi_client import AsgiClient
from tests.support.demo_web import create_demo


@pytest.fixture
def browser():
    return AsgiClient(create_demo())


def hidden(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found, f"the page has no hidden field {name}"
    return found[1]


async def fields_of(browser: AsgiClient) -> dict[str, str]:
    page = (await browser.get("/form")).text
    return {name: hidden(page, name) for name in ("csrf_token", "request_key")}


async def test_a_form_from_our_page_is_accepted(browser):
    """A form that our page gave out is carried out and answered with a redirect."""
    answer = await browser.post("/form", {**await fields_of(browser), "name": "Ada", "people": "2"})
    assert (answer.status, answer.headers["location"]) == (303, "/components")


async def test_a_form_without_a_token_is_shown_again_and_can_be_sent(browser):
    """A form whose token is lost shows what was typed, escaped, and goes through when it is sent again."""
    fields = await fields_of(browser)
    del fields["csrf_token"]
    answer = await browser.post("/form", {**fields, "name": "<b>Ada", "people": "2"})
    assert answer.status == 403
    assert "&lt;b&gt;Ada" in answer.text
    assert "<b>Ada" not in answer.text
    again = {"csrf_token": hidden(answer.text, "csrf_token"), "request_key": hidden(answer.text, "request_key")}
    assert again["request_key"] == fields["request_key"]
    answer = await browser.post("/form", {**again, "name": "Ada", "people": "2"})
    assert answer.status == 303


async def test_a_token_of_another_browser_is_refused(browser):
    """A token fits the browser that it was made for and no other."""
    stranger = AsgiClient(browser.app)
    fields = await fields_of(stranger)
    await fields_of(browser)
    assert (await browser.post("/form", {**fields, "name": "Ada", "people": "2"})).status == 403


async def test_a_token_without_any_cookie_is_refused(browser):
    """A browser that sends no cookie is not believed, whatever token it sends."""
    fields = await fields_of(browser)
    browser.cookies.clear()
    assert (await browser.post("/form", {**fields, "name": "Ada", "people": "2"})).status == 403


async def test_the_guard_is_what_refuses(browser, monkeypatch):
    """Negative control: with the comparison switched off, a form without a token goes through."""
    monkeypatch.setattr(csrf.CsrfSecret, "accepts", lambda _self, _token: True)
    assert (await browser.post("/form", {"csrf_token": "", "request_key": "", "name": "", "people": "2"})).status == 422


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}],
    ids=["fetch metadata", "origin"],
)
async def test_a_form_of_a_foreign_site_is_refused_without_an_offer(browser, headers):
    """A form that a foreign site sent is refused even with a good token, and nothing invites to send it again."""
    answer = await browser.post("/form", {**await fields_of(browser), "name": "Ada", "people": "2"}, headers)
    assert answer.status == 403
    assert "Ada" not in answer.text
    assert "csrf_token" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "origin": "null"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:8720"},
        {"origin": "http://127.0.0.1:8710"},
    ],
    ids=["no referrer", "another service", "same origin"],
)
async def test_a_form_of_one_of_our_services_is_accepted(browser, headers):
    """Our own pages send `Origin: null`, for they have no referrer; the other services may send forms too."""
    answer = await browser.post("/form", {**await fields_of(browser), "name": "Ada", "people": "2"}, headers)
    assert answer.status == 303


async def test_a_form_without_a_request_key_is_refused(browser):
    """Without a key, sending twice could not be told from sending once."""
    fields = {**await fields_of(browser), "request_key": "x"}
    assert (await browser.post("/form", {**fields, "name": "Ada", "people": "2"})).status == 400


async def test_each_page_has_its_own_request_key(browser):
    """Two forms are two wishes."""
    assert (await fields_of(browser))["request_key"] != (await fields_of(browser))["request_key"]


async def test_an_error_names_the_field_and_keeps_what_was_typed(browser):
    """A form with an error comes back with 422, the sentence at the field and on top, and the other values."""
    answer = await browser.post("/form", {**await fields_of(browser), "name": "Ada", "people": "9"})
    assert answer.status == 422
    assert answer.text.count("Write a number that is 6 or less.") == 2
    assert 'href="#field-people"' in answer.text
    assert 'aria-describedby="field-people-error" aria-invalid="true"' in answer.text
    assert 'value="Ada"' in answer.text
    assert 'value="9"' in answer.text
    assert "<title>Please check: " in answer.text


@pytest.mark.parametrize(
    "form",
    [{f"f{number}": "x" for number in range(401)}, {"note": "x" * 64_001}],
    ids=["fields", "length"],
)
async def test_a_form_beyond_the_limits_is_refused(browser, form):
    """More than 400 fields, or one of more than 64,000 characters, is not read."""
    assert (await browser.post("/form", form)).status == 400


async def test_files_are_not_taken(browser):
    """A form with a file is refused, for no page asks for one."""
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nhi\r\n--x--\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert (await browser.request("POST", "/form", body, headers)).status == 400


class Person(BaseModel):
    """A form with a rule per field."""

    name: str = Field(min_length=1, max_length=3)
    age: int


def test_findings_of_pydantic_become_sentences_once_per_field():
    """Each field has one sentence; a page's own sentence goes before the general one."""

    class English:
        def gettext(self, message, **values):
            return message % values

    with pytest.raises(ValidationError) as caught:
        Person.model_validate({"name": "long name", "age": "x"})
    errors = FormErrors.of(caught.value, English(), {"age": "How old?"})
    assert dict(errors) == {
        "name": "This text is too long. At most 3 characters fit.",
        "age": "How old?",
    }
    errors.add("name", "second word")
    assert errors["name"].startswith("This text is too long")
