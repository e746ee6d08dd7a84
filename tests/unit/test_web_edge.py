"""The edge of a service: headers, request ids, logs without paths, limits, metrics, problems."""

import uuid

import pytest
import structlog
from prometheus_client import REGISTRY

from shared.web.headers import EdgeMiddleware, security_headers
from shared.web.urls import ServiceUrls
from tests.support.asgi_client import AsgiClient
from tests.support.demo_web import create_demo


@pytest.fixture(scope="module")
def app():
    return create_demo()


@pytest.fixture
def browser(app):
    return AsgiClient(app)


def count_of(route: str, status: str) -> float:
    labels = {"service": "demo", "method": "GET", "route": route, "status": status}
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0.0


@pytest.mark.parametrize("path", ["/form", "/nowhere", "/breaks/x", "/api/full", "/api/docs"])
async def test_each_answer_has_the_security_headers(browser, path):
    """Pages, errors, even failures and the API carry the policy, and none can be framed or sniffed."""
    headers = (await browser.get(path)).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in headers


def test_https_is_remembered_where_it_is_used():
    """Behind https the browser is told to stay there."""
    https = ServiceUrls("https://a.example", "https://a.example", "https://a.example")
    assert b"strict-transport-security" in dict(security_headers(https))


async def test_a_request_id_is_taken_over_if_it_is_one(browser):
    """A UUID of the caller comes back; anything else is replaced by our own."""
    known = str(uuid.uuid4())
    assert (await browser.get("/form", {"x-request-id": known})).headers["x-request-id"] == known
    replaced = (await browser.get("/form", {"x-request-id": "<script>"})).headers["x-request-id"]
    assert uuid.UUID(replaced)


async def test_logs_and_metrics_name_the_route_and_never_the_path(browser):
    """Tokens stand in paths and queries, so only the route's pattern is logged and counted."""
    before = count_of("/secret/{token}", "200")
    with structlog.testing.capture_logs() as logs:
        await browser.get("/secret/geheim?also=geheim")
    assert "geheim" not in str(logs)
    assert logs[0]["route"] == "/secret/{token}"
    assert logs[0]["status"] == "200"
    assert count_of("/secret/{token}", "200") == before + 1


async def test_the_route_of_an_included_router_has_its_prefix(app):
    """Routers are included under the service's name, and the logs say so."""
    from fastapi import APIRouter, FastAPI

    inner, outer = APIRouter(prefix="/links"), FastAPI()

    @inner.get("/{token}")
    async def link(token: str) -> str:
        return token

    router = APIRouter(prefix="/registrations")
    router.include_router(inner)
    outer.include_router(router)
    outer.add_middleware(EdgeMiddleware, pages=app.state.pages)
    with structlog.testing.capture_logs() as logs:
        await AsgiClient(outer).get("/registrations/links/geheim")
    assert logs[0]["route"] == "/registrations/links/{token}"


async def test_addresses_that_do_not_exist_are_counted_as_one(browser):
    """A scanner cannot fill the metrics with its guesses."""
    before = count_of("unmatched", "404")
    for guess in ("/wp-admin", "/.env"):
        await browser.get(guess)
    assert count_of("unmatched", "404") == before + 2


async def test_assets_do_not_fill_the_log(app, browser):
    """Assets are counted as one route, and logged only when someone looks for it."""
    with structlog.testing.capture_logs() as logs:
        await browser.get(app.state.pages.assets.url("mark.svg"))
    assert (logs[0]["route"], logs[0]["log_level"]) == ("/assets", "debug")


async def test_a_failure_is_answered_without_its_words(browser):
    """An unexpected error is a page with its number; neither page nor log repeats the error's own text."""
    with structlog.testing.capture_logs() as logs:
        answer = await browser.get("/breaks/geheim")
    assert answer.status == 500
    assert "Something went wrong on our side" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert "spoken of" not in answer.text
    assert "Traceback" not in answer.text
    assert "geheim" not in str(logs)
    failed = next(entry for entry in logs if entry["event"] == "request_failed")
    assert failed["error"] == "RuntimeError"
    assert any("demo_web.py" in place for place in failed["where"])


async def test_a_failure_of_the_api_is_a_problem(browser):
    """Programs get problem details for unexpected errors too."""
    answer = await browser.get("/api/breaks")
    assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "found while reading"])
async def test_a_body_beyond_a_mebibyte_is_refused(browser, announced):
    """Too large a body is refused, whether its length is said or not."""
    headers = {"content-type": "application/json", **({} if announced else {"content-length": "0"})}
    answer = await browser.request("POST", "/api/notes", b'"' + b"x" * (1024 * 1024) + b'"', headers)
    assert answer.status == 413
    assert answer.json()["type"] == "urn:teilhabe:problem:body-too-large"


async def test_a_problem_for_programs(browser):
    """A problem has its type, status, sentence, further members and headers (RFC 9457)."""
    answer = await browser.get("/api/full")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    assert answer.json() == {
        "type": "urn:teilhabe:problem:capacity-reached",
        "title": "Something has changed in the meantime",
        "status": 409,
        "detail": "Somebody was quicker, or this was done already. Look at how it is now, then try again.",
        "places_left": 0,
        "instance": f"urn:uuid:{answer.headers['x-request-id']}",
    }


async def test_values_that_do_not_fit_are_named_and_not_echoed(browser):
    """Each value that does not fit is named by a pointer or a parameter; what was sent is not repeated."""
    answer = await browser.post_json("/api/notes?limit=99", {"title": "geheimes", "count": "viele"})
    assert answer.status == 422
    assert "geheimes" not in answer.text
    assert answer.json()["errors"] == [
        {"in": "query", "parameter": "limit", "detail": "Write a number that is 10 or less."},
        {"pointer": "#/title", "detail": "This text is too long. At most 5 characters fit."},
        {"pointer": "#/count", "detail": "Write a whole number, for example 3."},
    ]


async def test_a_body_that_is_no_json_is_named(browser):
    """Broken JSON is a problem about the whole body."""
    answer = await browser.request("POST", "/api/notes", b"{", {"content-type": "application/json"})
    assert answer.json()["errors"] == [{"pointer": "#", "detail": "This is not valid JSON."}]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503])
async def test_each_status_has_a_page(browser, status):
    """Each failure is a page with a heading, a sentence and a way on."""
    answer = await browser.get(f"/fails/{status}")
    assert answer.status == status
    assert answer.text.count("<h1") == 1
    assert 'href="http://127.0.0.1:8710/events"' in answer.text


async def test_an_impossible_address_is_no_page(browser):
    """A part of an address that cannot be is a missing page for people, not a form to mend."""
    assert (await browser.get("/fails/many")).status == 404


async def test_a_wrong_method_says_which_are_right(browser):
    """405 keeps its Allow header."""
    answer = await browser.request("DELETE", "/secret/x")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
