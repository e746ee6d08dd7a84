"""Pages: the reader's language, the switcher, cookies, escaping, content in several languages."""

import re

import pytest
from jinja2 import UndefinedError
from starlette.requests import Request

from shared.i18n.languages import LANGUAGES, PAGE_LANGUAGES
from shared.web.pages import TEMPLATES, Pages
from shared.web.serving import AssetLibrary, load_assets
from shared.web.shown import pick
from shared.web.urls import ServiceUrls, content_security_policy
from tests.support.asgi_client import AsgiClient
from tests.support.demo_web import URLS, create_demo

HTTPS = ServiceUrls("https://a.example", "https://a.example", "https://a.example")


@pytest.fixture(scope="module")
def app():
    return create_demo()


@pytest.fixture(scope="module")
def assets():
    return load_assets()


def request_for(path="/", query="", cookie="", language=""):
    headers = [(b"cookie", cookie.encode()), (b"accept-language", language.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": headers}
    return Request({**scope, "scheme": "http", "server": ("127.0.0.1", 8710), "root_path": ""})


@pytest.fixture
def pages(tmp_path, assets):
    def make(text, urls=URLS):
        (tmp_path / "page.html").write_text(text)
        return Pages("demo", [tmp_path], urls, assets=assets)

    return make


@pytest.mark.parametrize(
    ("query", "cookie", "accepted", "expected"),
    [
        ("lang=tr", "teilhabe_language=ar", "uk", "tr"),
        ("", "teilhabe_language=ar", "uk", "ar"),
        ("", "", "uk, de;q=0.5", "uk"),
        ("", "", "", "de"),
        ("lang=kmr", "", "", "tr"),
        ("lang=klingon", "teilhabe_language=..", "en", "en"),
    ],
    ids=["query", "cookie", "header", "default", "along the chain", "rubbish"],
)
def test_the_readers_language(pages, query, cookie, accepted, expected):
    """The query goes first, then the cookie, then the browser, then German; rubbish is passed over."""
    request = request_for("/", query, cookie, accepted)
    answer = pages("{{ language }}").render(request, "page.html")
    assert answer.body.decode() == expected
    assert answer.headers["content-language"] == expected


async def test_a_language_that_was_chosen_is_remembered(app):
    """After `?lang=`, other pages are in that language too."""
    browser = AsgiClient(app)
    await browser.get("/form?lang=uk")
    assert 'lang="uk"' in (await browser.get("/form")).text.splitlines()[1]


async def test_arabic_pages_are_written_from_right_to_left(app):
    """The page's direction is that of its language."""
    page = (await AsgiClient(app, "ar").get("/form")).text
    assert '<html lang="ar" dir="rtl"' in page


async def test_the_switcher_offers_each_page_language_on_the_same_page(app):
    """Each language is a link, by its own name, to this path with this query."""
    page = (await AsgiClient(app).get("/components?member=1&lang=de")).text
    for code in PAGE_LANGUAGES:
        link = f'<a class="t-menu__link" href="/components?member=1&amp;lang={code}" lang="{code}"'
        assert link in page
        assert f">{LANGUAGES[code].endonym}</a>" in page


def test_values_in_translations_are_escaped(pages):
    """A name in a translated sentence is text, never markup."""
    text = '{{ _("Hello %(name)s", name=name) }} {{ ngettext("%(count)s b", "%(count)s bs", 1200) }}'
    answer = pages(text).render(request_for(language="de"), "page.html", name="<script>")
    assert answer.body == b"Hello &lt;script&gt; 1.200 bs"


def test_a_missing_name_is_an_error(pages):
    """A template that names what it was not given fails instead of showing nothing."""
    with pytest.raises(UndefinedError):
        pages("{{ nothing }}").render(request_for(), "page.html")


async def test_pages_of_a_member_are_not_kept(app):
    """No cache keeps a page of somebody who is signed in; the others are asked for again each time."""
    browser = AsgiClient(app)
    assert (await browser.get("/components?member=1")).headers["cache-control"] == "no-store"
    assert (await browser.get("/components")).headers["cache-control"] == "private, no-cache"


def test_cookies_are_safe_behind_https(pages):
    """Behind https the token's cookie is bound to the host, and both cookies are sent over https alone."""
    answer = pages("{{ csrf_field() }}", HTTPS).render(request_for(query="lang=en"), "page.html")
    cookies = answer.headers.getlist("set-cookie")
    assert len(cookies) == 2
    assert all("Secure" in cookie and "HttpOnly" in cookie and "SameSite=lax" in cookie for cookie in cookies)
    assert any(cookie.startswith("__Host-teilhabe_csrf=") for cookie in cookies)


def test_a_page_without_a_form_sets_no_token(pages):
    """Who only reads gets no cookie."""
    answer = pages("words").render(request_for(), "page.html")
    assert "set-cookie" not in answer.headers


async def test_a_page_says_that_it_falls_back(app):
    """A text that the reader's language lacks is shown in another, and the page says which."""
    browser = AsgiClient(app)
    page = (await browser.get("/components")).text
    assert 'This text is not yet available in <bdi lang="en">English</bdi>' in page
    assert '<div class="t-content" lang="de" dir="ltr">' in page


@pytest.mark.parametrize(
    ("texts", "language", "expected"),
    [
        ({"de": "D", "tr": "T"}, "tr", ("T", False)),
        ({"de": "D", "tr": "T"}, "kmr", ("T", True)),
        ({"de": " ", "pl": "P"}, "de", ("P", True)),
        ({"en": "E", "de": "D"}, "pl", ("D", True)),
    ],
    ids=["own", "along the chain", "blank is missing", "German before English"],
)
def test_the_text_that_a_reader_is_shown(texts, language, expected):
    """The reader's own language goes first, then the chain, then any."""
    shown = pick(texts, language)
    assert (shown.text, shown.is_fallback) == expected


def test_no_text_at_all_is_an_error():
    """Content is checked before it is published, so a blank one is a mistake of ours."""
    with pytest.raises(ValueError, match="no text"):
        pick({"de": ""}, "de")


def test_no_template_has_an_inline_script_or_style():
    """The content security policy forbids both, so no template may need them."""
    forbidden = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)")
    found = [path.name for path in TEMPLATES.glob("*.html") if forbidden.search(path.read_text())]
    assert found == []


def test_our_styles_have_no_left_and_right(assets):
    """One style sheet serves both directions of writing."""
    css = assets.assets["teilhabe.css"].body.decode()
    sided = r"^\s+(?:(?:margin|padding|border)-)?(?:left|right)\b.*|text-align: (?:left|right)"
    assert re.findall(sided, css, re.MULTILINE) == []


def test_the_policy_names_the_services_that_forms_go_to():
    """Forms may go to the three services and nowhere else; a page may change one directive for itself."""
    policy = content_security_policy(URLS, frame_src="'self'")
    assert "form-action 'self' http://127.0.0.1:8710 http://127.0.0.1:8720 http://127.0.0.1:8730;" in policy
    assert "default-src 'none'" in policy
    assert policy.endswith("frame-src 'self'")


async def test_assets_are_kept_for_ever_under_their_hash(app, assets: AssetLibrary):
    """An asset under today's hash never changes; under another's hash it is given, but not kept."""
    browser = AsgiClient(app)
    answer = await browser.get(assets.url("teilhabe.css"), {"accept-encoding": "gzip"})
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
    assert "immutable" in answer.headers["cache-control"]
    stale = await browser.get("/assets/0000/teilhabe.css")
    assert (stale.status, stale.headers["cache-control"]) == (200, "no-cache")
    assert (await browser.get(f"/assets/{assets.version}/../pages.py")).status == 404
