"""docs/security.md speaks of tests and settings that there are."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.events.sign_in import openid_pages
from services.registrations.certificates.pages import CHECKS
from services.registrations.check_in.finding import UNKNOWN_CODES
from services.registrations.registrations import limits
from shared.web.limits import Limit
from tests.support import registrations as given

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def _tests() -> set[str]:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"(?m)^ *(?:async )?def (test_\w+)", source)}


def test_each_named_test_exists():
    """A guard whose test was renamed or removed is noticed."""
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    assert len(named) > 60
    assert named - _tests() == set()


def test_each_named_file_exists():
    """Links, and paths in code type, lead to what is there."""
    links = re.findall(r"\]\(([^)#]+)\)", DOCUMENT)
    paths = [(ROOT / "docs" / link) for link in links] + [
        ROOT / path for path in re.findall(r"`((?:tests|scripts|deploy)/[\w./]+)`", DOCUMENT)
    ]
    assert len(paths) > 5
    assert [path for path in paths if not path.exists()] == []


def test_each_threat_names_its_test():
    """No row of the tables of threats ends without a test."""
    threats = DOCUMENT.partition("## Threats")[2].partition("### Somebody else's code")[0]
    rows = [line for line in threats.splitlines() if line.startswith("| ") and "| ASVS |" not in line]
    assert len(rows) > 35
    assert [row for row in rows if "`test" not in row] == []
    assert [row for row in rows if not re.search(r"\b\d+\.\d+\.\d+\b", row)] == []


@pytest.mark.parametrize(
    ("limit", "row"),
    [
        (limits.PER_CLIENT, "| registrations on the web | client | {most} | an hour |"),
        (limits.PER_EMAIL, "| registrations on the web | e-mail address | {most} | an hour |"),
        (limits.PER_NUMBER, "| registrations on the web | number | {most} | a day |"),
        (openid_pages.TRIES, "| answers of the identity provider | client | {most} | an hour |"),
        (UNKNOWN_CODES, "| unknown codes at check-in | member | {most} | an hour |"),
        (CHECKS, "| checks of a certificate, right or wrong | client | {most} | an hour |"),
        (limits.GUESSES, "| wrong links of registrations | client | {most} | an hour |"),
    ],
)
def test_the_limits_are_those_of_the_code(limit: Limit, row: str):
    """The table says the figures that hold."""
    assert row.format(most=limit.most) in DOCUMENT


@pytest.mark.parametrize("name", ["events_url", "registrations_url", "notifications_url"])
def test_production_refuses_addresses_in_the_clear(name):
    """Where people's data would be read on the way the processes do not start; this machine itself is no way."""
    common = given.KEYS | {"environment": "production", "kafka": "kafka:9092"}
    database = {"TEILHABE_DATABASE_REGISTRATIONS": "postgresql+asyncpg://nowhere"}
    kind = type(given.settings())
    assert kind(**database, **common, **{name: "https://teilhabe.example.org"}).limit_factor == 1
    assert kind(**database, **common, **{name: "http://127.0.0.1:8080"}).environment == "production"
    with pytest.raises(ValidationError, match="https://"):
        kind(**database, **common, **{name: "http://teilhabe.example.org"})
