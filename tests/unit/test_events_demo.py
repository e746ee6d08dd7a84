from datetime import UTC, datetime, timedelta

import pytest

from services.events.demo.commands import _content, _data, _profile, demo_codes, demo_owners, demo_parties
from services.events.events.checking import what_is_missing
from shared.sms.keywords import code_problem

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize("days", range(0, 400, 37))
@pytest.mark.parametrize("event", _data()["events"], ids=lambda event: event["code"])
def test_a_demo_event_can_be_published_on_any_day(event, days):
    """Whenever the demo is loaded, each of its events is complete and to come."""
    now = NOW + timedelta(days=days)
    assert what_is_missing(_content(event, now.date()), now) == []


@pytest.mark.parametrize("event", _data()["events"], ids=lambda event: event["code"])
def test_every_language_of_a_demo_event_is_whole(event):
    """Whoever reads one of its languages finds title, text and access notes in it."""
    content = _content(event, NOW.date())
    for words in content.words.values():
        assert words.text
        assert words.contact_hours
        assert words.access_notes or not content.venue_name


def test_the_demo_has_what_a_newcomer_is_shown():
    """Each kind, one event of twelve places and one of four that more people want, one online, one cancelled.

    One with a co-host that asks for names, one that repeats, one postponed, one with shifts.
    """
    events = {event["code"]: event for event in _data()["events"]}
    assert {event["kind"] for event in events.values()} == {"workshop", "course", "participation", "volunteering"}
    wanted = {events[code]["capacity"]: count for code, count in demo_parties().items()}
    assert wanted[12] < 12
    assert wanted[4] > 4
    assert any("cancelled" in event for event in events.values())
    assert any("postponed" in event for event in events.values())
    assert {len(_content(event, NOW.date()).shifts) for event in events.values()} == {0, 3}
    assert any("weekly" in event for event in events.values())
    assert events["PARK"]["co_host"] == {"organisation": "together", "role": "partner", "scope": "names"}
    assert demo_parties()["PARK"] >= 2
    assert any("online_link" in event for event in events.values())
    assert "GARTEN" in demo_codes()
    assert all(code_problem(code) is None for code in demo_codes())
    assert all(owner.endswith("@demo.example") for owner in demo_owners())


@pytest.mark.parametrize("organisation", _data()["organisations"], ids=lambda organisation: organisation["key"])
def test_a_demo_organisation_says_who_it_is_in_every_language(organisation):
    """Name, description and hours; which languages it speaks; and an office to ask."""
    profile = _profile(organisation)
    for texts in (profile.name, profile.description, profile.contact_hours):
        assert set(texts) == {"de", "en", "tr", "ar", "uk"}
    assert profile.kind == organisation["kind"]
    assert profile.languages
    assert profile.contact_name
    assert profile.contact_phone
    assert profile.contact_email.endswith("@demo.example")
