"""Importing in the console as a browser without a window does."""

from tests.support.events_service import send

NEW = "/console/imports/new"
FIELDS = {"kind": "workshop", "language": "de", "time_zone": "Europe/Berlin", "minutes": "", "order": ""}


async def paste(browser, content, **fields):
    return await send(browser, NEW, list((FIELDS | {"pasted": content} | fields).items()))


async def preview(browser, content, **fields):
    """The address of the preview."""
    answer = await paste(browser, content, **fields)
    assert answer.status == 303, answer.text
    return answer.headers["location"]
