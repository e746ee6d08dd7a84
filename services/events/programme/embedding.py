"""An organisation's programme on its own site: the page for the frame, its script, and the console's snippet."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from services.events.events.pages import wording
from services.events.organisations.queries import organisation_by_id
from services.events.programme.pages import around, event_url, feed_url, read_wanted
from services.events.programme.queries import find_events
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.events import Kind
from shared.i18n.languages import LANGUAGES, PAGE_LANGUAGES
from shared.runtime.api import DatabaseDep, PagesDep
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.reader import LANGUAGE_QUERY
from shared.web.serving import AssetLibrary
from shared.web.shown import pick
from shared.web.urls import content_security_policy

router = APIRouter(include_in_schema=False)

MOST_EVENTS = 50
_FOREIGN = "cross-origin"
_FILTERS = ("organisation", "language", "kind")
_SNIPPET = Markup(
    '<iframe data-teilhabe src="{frame}" title="{title}" height="700" style="width: 100%; border: 0"></iframe>\n'
    '<script src="{script}" async></script>'
)


@router.get("/events/embed.js")
async def script(request: Request, pages: PagesDep) -> Response:
    """The script of foreign sites that lets the frame grow with its content; its address stays the same for ever."""
    asset = pages.assets.assets["embed.js"]
    response = AssetLibrary.file_response(asset, request.headers, current=False)
    response.headers["cache-control"] = "public, max-age=3600"
    response.headers["cross-origin-resource-policy"] = _FOREIGN
    return response


@router.get("/events/embed")
async def embedded(request: Request, database: DatabaseDep, pages: PagesDep) -> Response:
    """The programme of one organisation without anything around it: the one page that foreign sites may frame.

    It sets no cookies, shows nobody's own things, and its links open pages of their own.
    """
    wanted, now = read_wanted(_filters(request.query_params)), now_of(request)
    if wanted.organisation is None:
        raise Problem(404)
    async with database.read() as session:
        organisation = await organisation_by_id(session, wanted.organisation)
        events, count = await find_events(session, wanted, now, size=MOST_EVENTS)
    if organisation is None:
        raise Problem(404)
    context: dict[str, Any] = {
        "organisation": organisation,
        "events": events,
        "more": count - len(events),
        "all_url": f"{pages.urls.events}/events?{urlencode(_filters(request.query_params))}",
        "event_url": lambda event: event_url(pages, event),
    }
    answer = pages.render(request, "programme/embed.html", **context, **around(request, pages, now))
    del answer.headers["set-cookie"]
    answer.headers["content-security-policy"] = content_security_policy(pages.urls, frame_ancestors="*")
    answer.headers["cross-origin-resource-policy"] = _FOREIGN
    return answer


def _filters(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given[name] for name in _FILTERS if given.get(name)}


@router.get("/console/organisations/{organisation_id}/embed")
async def snippet(
    request: Request,
    organisation_id: UUID,
    member: MemberDep,
    pages: PagesDep,
    language: Annotated[str, Query()] = "",
    kind: Annotated[str, Query()] = "",
    words: Annotated[str, Query()] = "",
) -> Response:
    """What to paste into the organisation's own site, and how it looks there."""
    membership = member.memberships.get(organisation_id)
    if membership is None:
        raise Problem(404)
    reader = pages.reader(request)
    values = {
        "language": language if language in LANGUAGES else "",
        "kind": kind if kind in set(Kind) else "",
        "words": words if words in PAGE_LANGUAGES else reader.language,
    }
    filters = _filters({"organisation": str(organisation_id), **values})
    title = reader.gettext("Events: %(organisation)s", organisation=pick(membership.name, values["words"]).text)
    frame = embed_url(pages, filters, values["words"])
    context: dict[str, Any] = {
        "organisation": membership,
        "values": values,
        "preview": frame.removeprefix(pages.urls.events),
        "frame_title": title,
        "snippet": str(_SNIPPET.format(frame=frame, title=title, script=f"{pages.urls.events}/events/embed.js")),
        "feed": feed_url(pages, filters, values["words"]),
        "text_languages": PAGE_LANGUAGES,
    }
    answer = pages.render(request, "programme/snippet.html", **context, **wording(reader))
    answer.headers["content-security-policy"] = content_security_policy(pages.urls, frame_src="'self'")
    return answer


def embed_url(pages: Pages, filters: Mapping[str, str], language: str) -> str:
    """The address of the page for the frame."""
    return f"{pages.urls.events}/events/embed?{urlencode({**filters, LANGUAGE_QUERY: language})}"
