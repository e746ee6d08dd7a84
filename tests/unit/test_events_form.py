from types import SimpleNamespace
from typing import Any

import pytest
from starlette.datastructures import FormData
from starlette.requests import Request

from services.events.events.checking import what_is_missing
from services.events.events.form import read_content, typed_values, values_of, with_one_more
from services.events.events.merging import differences, merged
from shared.web.reader import Reader
from tests.support.events_service import NOW, content


def reader() -> Reader:
    scope: dict[str, Any] = {"type": "http", "headers": [], "query_string": b"lang=en", "path": "/", "method": "GET"}
    return Reader(Request(scope), secure=False)


def as_form(values) -> FormData:
    pairs = list(values.texts.items()) + [("language", code) for code in values.languages]
    return FormData(pairs + [(name, code) for name, codes in values.lists.items() for code in codes])


def test_a_form_holds_everything():
    """What an event holds, shown in its form and read back, is the same."""
    event = content(
        words={
            "de": {"title": "Nähen", "text": "Zeile\n\nZeile", "access_notes": "Rampe", "contact_hours": "Mo"},
            "ar": {"title": "خياطة"},
        },
        sessions=[
            {"starts_at": "2027-10-31T02:30+01:00", "ends_at": "2027-10-31T05:00"},
            {"starts_at": "2027-11-01T10:00", "ends_at": "2027-11-01T11:00"},
        ],
        registration_opens_at="2027-04-01T09:00",
        registration_closes_at="2027-10-30T18:00",
        online_link="https://meet.demo.example/x",
        contact_email="office@demo.example",
        code="KURVE",
    )
    again, errors = read_content(typed_values(as_form(values_of(event))), reader())
    assert dict(errors) == {}
    assert again == event


@pytest.mark.parametrize(
    ("field", "typed", "named"),
    [
        ("starts-1", "2027-03-28T02:30", "starts-1"),
        ("ends-1", "2027-04-05T09:00", "ends-1"),
        ("ends-1", "", "ends-1"),
        ("starts-1", "tomorrow", "starts-1"),
        ("title-de", "", "title-de"),
        ("title-de", "x" * 121, "title-de"),
        ("capacity", "many", "capacity"),
        ("capacity", "-1", "capacity"),
        ("capacity", "100001", "capacity"),
        ("largest_party", "0", "largest_party"),
        ("contact_email", "nobody", "contact_email"),
        ("contact_phone", "call me", "contact_phone"),
        ("online_link", "meet.example", "online_link"),
        ("code", "OIL", "code"),
        ("registration_closes_at", "2027-01-01T10:00", "registration_closes_at"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(field, typed, named):
    """Each value that cannot be is refused at the field in which it was typed, with a sentence."""
    values = values_of(content(registration_opens_at="2027-02-01T10:00"))
    values.texts[field] = typed
    read, errors = read_content(values, reader())
    assert read is None
    assert named in errors
    assert errors[named].endswith(".")


def test_a_time_that_comes_twice_asks_for_the_hour():
    """The form asks which of the two is meant, and takes the answer."""
    values = values_of(content())
    values.texts |= {"starts-1": "2027-10-31T02:30", "ends-1": "2027-10-31T04:00"}
    assert "starts-1" in read_content(values, reader())[1]
    assert values.asks_which_hour
    values.texts["which_hour"] = "later"
    read, errors = read_content(values, reader())
    assert not errors
    assert read is not None
    assert read.sessions[0].starts_at.hour == 1


def test_one_more_keeps_what_was_typed():
    """Adding a date or a language changes nothing else."""
    values = values_of(content())
    values.texts |= {"more": "date", "venue_name": "Neues Haus"}
    assert with_one_more(values).dates == 2
    values.texts |= {"more": "language", "add_language": "tr"}
    assert with_one_more(values).languages == ["de", "tr"]
    assert values.get("venue_name") == "Neues Haus"


def test_everything_that_an_empty_draft_lacks_is_named():
    """A draft of nothing but a title lacks each part that people need, and a complete one nothing."""
    bare = content().model_copy(
        update={
            "words": {"de": SimpleNamespace(title="Nähen", text="", access_notes="", contact_hours="")},
            "sessions": [],
            "venue_name": "",
            "venue_address": "",
            "spoken_languages": [],
            "capacity": None,
            "contact_name": "",
            "contact_phone": "",
            "contact_languages": [],
        }
    )
    fields = [part.field for part in what_is_missing(bare, NOW)]
    assert fields == [
        "text-de",
        "starts-1",
        "venue_name",
        "spoken_languages",
        "capacity",
        "contact_name",
        "contact_phone",
        "contact_languages",
        "contact_hours-de",
    ]
    assert what_is_missing(content(), NOW) == []


def test_an_online_event_needs_no_access_notes():
    """Without a place nobody has to be told how to get in."""
    words = {"de": {"title": "Nähen", "text": "Am Schirm", "contact_hours": "Mo"}}
    online = content(words=words, venue_name="", venue_address="", online_link="https://meet.demo.example/x")
    assert what_is_missing(online, NOW) == []


def test_an_event_that_has_begun_cannot_be_published():
    """Dates and a registration in the past are missing things too."""
    past = content(registration_closes_at="2027-04-01T10:00")
    fields = [part.field for part in what_is_missing(past, past.sessions[0].starts_at)]
    assert fields == ["starts-1", "registration_closes_at"]


def test_merging_keeps_both_changes():
    """What only the first one changed stays, what the second one changed is taken, and both are shown."""
    before = values_of(content())
    now = values_of(content(capacity=20, venue_name="Halle", spoken_languages=["de"]))
    mine = values_of(content(venue_name="Saal", contact_name="Amt"))
    together = merged(before, now, mine)
    assert [together.get(name) for name in ("capacity", "venue_name", "contact_name")] == ["20", "Saal", "Amt"]
    assert together.lists["spoken_languages"] == ["de"]
    found = {change.field: change for change in differences(before, now, mine)}
    assert set(found) == {"capacity", "venue_name", "spoken_languages"}
    assert found["venue_name"].in_conflict
    assert not found["capacity"].in_conflict
