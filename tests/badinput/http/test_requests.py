"""Requests that no page of ours leads to: wrong methods, rubbish in addresses and headers, bodies that are none."""

import json
import re
from uuid import uuid4

import pytest

from tests.badinput.http.client import FORM
from tests.badinput.http.forms import forms_of, routes_of

SEGMENTS = ("%00", "a%00b", "%ED%A0%80", "%FF", "..%2F..%2Fetc%2Fpasswd", "%2e%2e", "x" * 9000, "%E2%80%AE", "-1")
SEGMENTS += ("'\"><script>", "9" * 5000, "%D9%A3" * 32, "%0d%0aX-Y:1", "{}", "%7Btoken%7D", "%20", "null,null", "🫥")
QUERIES = ("lang=<script>", "lang=%00", "lang=ar&lang=xx", "page=-1", "page=1e9", "page=" + "9" * 30, "page=%00")
QUERIES += ("page=9223372036854775807", "page=10000&page_size=100", "page=٣", "q=%00", "q=%FF", "q=" + "x" * 60_000)
QUERIES += ("q=%25%5C_", "language=%00", "language=" + "x" * 300, "kind=%00", "from=0001-01-01", "until=9999-12-31")
QUERIES += ("from=2027-02-30", "from=%00&until=%00", "left=%00", "number=%00", "number=" + "9" * 320, "address=%00")
QUERIES += ("address=%25", "add=%00", "done=<script>", "next=%00", "next=//evil.example", "next=/x%0d%0aa", "new=%00")
QUERIES += ("&&&", "=", "%", "%zz", "page=1&page=2", "delivery=%00", ";".join(["a=b"] * 500), "&".join(["a=b"] * 3000))
STILL = ("/api/docs", "/api/openapi.json", "/api/messages", "/api/asyncapi.json", "/metrics", "/readyz", "/style.css")
"""Pages that do not look at what they are asked."""

PLACE = re.compile(r"\{[^}]*\}")
BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a number": b"1",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "NaN": b'{"party_size": NaN, "capacity": Infinity, "consent": true}',
    "a huge number": b'{"party_size": %s, "capacity": %s}' % (b"9" * 4000, b"9" * 4000),
    "a number beyond": b'{"party_size": ' + b"9" * 6000 + b"}",
    "an exponent": b'{"party_size": 1e999, "capacity": -1e999}',
    "deep": b'{"words": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "not UTF-8": b'{"name": "\xff\xfe", "email": "\xed\xa0\x80"}',
    "UTF-16": '{"consent": true}'.encode("utf-16"),
    "half a pair": b'{"email": "\\ud800@example.org", "name": "\\udfff", "consent": true, "reason": {"de": "\\ud800"}}',
    "NUL": b'{"email": "a\\u0000@example.org", "name": "\\u0000", "consent": true, "reason": {"de": "\\u0000"}}',
    "twice": b'{"consent": true, "consent": false, "email": "a@example.org", "email": 1}',
    "a key that is none": b'{"__proto__": {"x": 1}, "": 1, "\\u0000": 2}',
}
WITHOUT_BODY = ("/publish", "/accept")
"""What the address alone says is carried out."""

BOUNDARY = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FORMS = {
    "ten megabytes": (FORM, b"a=" + b"x" * 10_000_000),
    "thousands of fields": (FORM, b"&".join(b"f%d=x" % number for number in range(5000))),
    "no pairs": (FORM, b"\xff\x00%%%zz&&&=&;=;"),
    "JSON": ("application/json", b'{"csrf_token": "x"}'),
    "plain": ("text/plain", b"csrf_token=x"),
    "no type": ("", b"csrf_token=x"),
    "a type that is none": ("application/x-www-form-urlencoded; =;;", b"csrf_token=x"),
    "no boundary": ("multipart/form-data", PART % (b"a", b"b")),
    "an empty boundary": ("multipart/form-data; boundary=", PART % (b"a", b"b")),
    "no end": (BOUNDARY, PART % (b"csrf_token", b"b")),
    "no name": (BOUNDARY, b"--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--\r\n"),
    "no headers": (BOUNDARY, b"--x\r\n\r\nb\r\n--x--\r\n"),
    "half a header": (BOUNDARY, b"--x\r\nContent-Dispo"),
    "only ends": (BOUNDARY, b"--x--\r\n--x--\r\n"),
    "not UTF-8": (BOUNDARY, PART % (b"csrf_token", b"\xff\xfe") + b"--x--\r\n"),
    "a codec of Python's": (f"{BOUNDARY}; charset=unicode_escape", PART % (b"csrf_token", b"\\ud800") + b"--x--\r\n"),
    "half a pair": (f"{BOUNDARY}; charset=utf-7", PART % (b"csrf_token", b"+2AA-") + b"--x--\r\n"),
    "a codec that fails": (f'{BOUNDARY}; charset="undefined"', PART % (b"csrf_token", b"b") + b"--x--\r\n"),
    "a file": (BOUNDARY, b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nb\r\n--x--\r\n'),
}
HEADERS = [
    [("accept-language", value)]
    for value in ("", "*", "x" * 9000, "de;q=9", "de;q=nan,,;;q", "ü\xff", ",".join(["aa-bb;q=0.1"] * 2000))
]
HEADERS += [
    [(name, value)] for name in ("x-request-id", "x-forwarded-for", "cookie") for value in ("", "\xff", ",;=" * 999)
]
HEADERS += [
    [("cookie", f"{name}=\xff; {name}={'x' * 5000}")]
    for name in ("teilhabe_token", "teilhabe_csrf", "teilhabe_session")
]
HEADERS += [
    [("accept-language", "de"), ("accept-language", "ar")],
    [("host", "")],
    [("host", "evil.example"), ("host", "b")],
]
HEADERS += [[("if-match", value)] for value in ("", '"', "*", '"9"' * 99, "9" * 400)]
HEADERS += [[("origin", "\xff")], [("content-length", "²")], [("range", "bytes=9-1")], [("if-none-match", "\xff" * 99)]]


def filled(path: str, value: str) -> str:
    return PLACE.sub(lambda _: value, path)


def addresses(target) -> list[str]:
    """Each path of the service that can be read, with something that exists wherever it names something."""
    known = iter([*target.tokens, *target.ids] * 99)
    paths = [path for path, methods in routes_of(target.app) if "GET" in methods and not path.endswith(STILL)]
    return [filled(path, next(known)) for path in paths]


async def test_rubbish_in_a_path_finds_nothing_and_brings_nothing_down(target):
    """NUL, broken UTF-8, enormous and hostile segments, with each method that the path takes."""
    browser = target.browser()
    for path, methods in routes_of(target.app):
        for value in SEGMENTS if "{" in path else ():
            for method in {"GET", *methods}:
                answer = await browser.raw(method, filled(path, value))
                assert answer.status < 500, (method, path, value[:40])
                assert "<script>" not in answer.text, path


async def test_rubbish_in_a_query_is_passed_over_or_refused(target):
    """Filters, pages, languages and flags that nobody could have meant, on each page and for each API."""
    browser = target.browser()
    for path in addresses(target):
        for query in QUERIES:
            answer = await browser.raw("GET", f"{path}?{query}")
            assert answer.status < 500, (path, query[:60])
            assert b"<script>alert" not in answer.body, path


async def test_head_answers_as_get_does_without_the_body(target):
    """Same status, same type, same length as announced, and nothing behind it (RFC 9110 §9.3.2)."""
    browser = target.browser()
    for path in addresses(target):
        asked, head = await browser.raw("GET", path), await browser.raw("HEAD", path)
        assert (head.status, head.body) == (asked.status, b""), path
        assert head.headers.get("content-type") == asked.headers.get("content-type"), path


async def test_a_method_that_a_path_does_not_take_is_refused_with_those_it_does(target):
    """405, and Allow names every method of the path, whichever router they stand in (RFC 9110 §15.5.6)."""
    taken: dict[str, set[str]] = {}
    for path, methods in routes_of(target.app):
        taken.setdefault(path, set()).update(methods)
    browser, tried = target.browser(), 0
    for path, methods in taken.items():
        shadowed = path.startswith(("/sign-in/", "/assets"))
        for method in ("OPTIONS", "TRACE", "PROPFIND", "DELETE", "PATCH", "PUT", "POST"):
            if method in methods or shadowed:
                continue
            answer = await browser.raw(method, filled(path, target.ids[0]))
            assert answer.status == 405, (method, path)
            assert methods <= set(answer.headers["allow"].split(", ")), (method, path)
            tried += 1
    assert tried > 20


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_is_no_use_is_refused_by_every_api(target, body):
    """Broken, enormous, deep and foreign JSON: 4xx with a problem that programs can read, and nothing written."""
    browser, before = target.browser(), await target.contents()
    headers = [("content-type", "application/json"), ("if-match", '"1"'), ("idempotency-key", str(uuid4()))]
    for path, methods in routes_of(target.app):
        if "api" not in path.split("/") or path.endswith(WITHOUT_BODY):
            continue
        for method in methods & {"POST", "PUT", "PATCH"}:
            for place in [*target.ids, *target.tokens][:3]:
                answer = await browser.raw(method, filled(path, place), BODIES[body], headers)
                assert 400 <= answer.status < 500, (method, path, answer.status)
                assert json.loads(answer.body)["status"] == answer.status
    assert await target.contents() == before


@pytest.mark.parametrize("kind", FORMS)
async def test_a_form_that_is_no_form_is_refused_everywhere(target, kind):
    """Wrong types, broken parts, foreign codecs, ten megabytes, thousands of fields: a page that says no."""
    content_type, body = FORMS[kind]
    forms = await forms_of(target)
    before = await target.contents()
    for form in forms:
        answer = await form.browser(target).raw("POST", form.action, body, [("content-type", content_type)])
        assert 400 <= answer.status < 500, (form.route, answer.status)
        assert answer.headers["content-type"].startswith("text/html")
        assert await target.contents() == before, form.route


async def test_absurd_headers_change_nothing_but_the_language(target):
    """Repeated, empty, enormous and undecodable headers: every page still answers."""
    for headers in HEADERS:
        for path in addresses(target):
            answer = await target.browser().raw("GET", path, headers=headers)
            assert answer.status < 500, (path, headers[0][0], headers[0][1][:40])


@pytest.mark.parametrize(
    "key",
    ["", "x", "9" * 300, "\xff", "{}", "0193a1b2-0000-7000-8000-000000000001x"],
    ids=["empty", "letter", "long", "byte", "braces", "more"],
)
async def test_an_idempotency_key_that_is_none_is_refused(registrations, key):
    """A registration with rubbish for a key is not made: who sends a key relies on it."""
    body = json.dumps({"email": f"{uuid4().hex}@example.org", "consent": True}).encode()
    before = await registrations.contents()
    headers = [("content-type", "application/json"), ("idempotency-key", key)]
    url = f"/registrations/api/events/{registrations.ids[0]}/registrations"
    answer = await registrations.browser().raw("POST", url, body, headers)
    assert answer.status == 422
    assert answer.json()["errors"][0]["parameter"] == "idempotency-key"
    assert await registrations.contents() == before
