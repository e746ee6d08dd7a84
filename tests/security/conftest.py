"""The three services, once for each file of tests."""

import pytest

from tests.security.door import close_doors, open_doors


@pytest.fixture(scope="module")
async def doors(database_url):
    """With the limits of production."""
    opened = await open_doors(database_url)
    yield opened
    await close_doors(opened)
