"""A browser for each file of tests."""

import pytest

from tests.support.look import running_browser


@pytest.fixture(scope="module")
async def browser(chromium):
    async with running_browser(chromium) as running:
        yield running
