"""Lists and calendars of other programs: each dialect is read alike, and what cannot be read is refused, with why."""

from datetime import datetime, time

import pytest

from services.events.importing.found import Defaults, SourceError
from services.events.importing.places import place_fields
from services.events.importing.plain_text import plain_text
from services.events.importing.planning import Known, Step, plan
from services.events.importing.reading import read_source
from tests.support.foreign_lists import BERLIN, CAFE, NOW, calendar, imported, told, whole

DIALECTS = [
    "google.csv", "outlook_en.csv", "outlook_de.csv", "pretix_de.csv", "pretix_en.csv", "eventbrite.csv",
    "the_events_calendar.csv", "vhs.csv", "generic.tsv",
    "google.ics", "outlook.ics", "apple.ics", "thunderbird.ics", "nextcloud.ics", "the_events_calendar.ics",
    "pretix.ics",
]  # fmt: skip


@pytest.mark.parametrize("name", DIALECTS)
def test_each_dialect_tells_of_the_same_event(name):
    """Title and moments are the same, whoever wrote the list; the place is where its writer had one."""
    first = imported(whole(name))[0]
    assert first.reasons == []
    assert first.content.words["de"].title == "Sprachcafé"
    assert [(s.starts_at, s.ends_at) for s in first.content.sessions] == [CAFE]
    if name == "nextcloud.ics":
        assert first.content.online_link == "https://meet.example.org/cafe"
    else:
        assert first.content.venue_name == "Nachbarschaftshaus"
    if name not in {"vhs.csv", "nextcloud.ics", "the_events_calendar.csv"}:
        assert first.content.venue_address.startswith("Parkweg 2, ")
        assert {"10999", "Berlin"} <= set(first.content.venue_address.replace(",", "").split())


@pytest.mark.parametrize("name", ["google.csv", "outlook_de.csv", "vhs.csv", "google.ics", "outlook.ics"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_encoding_and_line_end_is_read(name, codec, end):
    """UTF-8 and UTF-16 with and without a mark, Windows-1252, and both line ends, tell the same."""
    text = whole(name).decode()
    assert [entry.title for entry in imported(text.replace("\n", end).encode(codec))] == [
        entry.title for entry in imported(text)
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_columns_are_parted_by_what_parts_them(delimiter):
    """The mark is found out by the names of the columns, even where cells hold the others."""
    rows = [["Titel", "Datum", "Uhrzeit", "Ort"], ["A, B; C | D", "24.05.2027", "18.30 – 20 Uhr", "Haus"]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    for start in ("", f"sep={delimiter}\n"):
        [entry] = imported(start + text)
        assert entry.content.words["de"].title == "A, B; C | D"
        assert [(s.starts_at, s.ends_at) for s in entry.content.sessions] == [CAFE]


DEFAULTS = Defaults(minutes=90, day=(time(10), time(16)))
ROWS = {
    "google.csv": ["", "for the whole day", "marked as private"],
    "outlook_en.csv": ["", "for the whole day"],
    "outlook_de.csv": ["", "for the whole day"],
    "pretix_de.csv": ["", "says no end"],
    "pretix_en.csv": ["", "says no end"],
    "eventbrite.csv": ["", "is cancelled where"],
    "the_events_calendar.csv": ["", "for the whole day"],
    "vhs.csv": ["", "more than 3 days", "“acht” is no number"],
    "generic.tsv": ["", "says no end"],
    "google.ics": ["", "for the whole day", ""],
    "outlook.ics": ["", "marked as private"],
    "nextcloud.ics": ["", "is cancelled where", "again and again"],
}


@pytest.mark.parametrize("name", ROWS)
def test_each_row_is_taken_or_refused_with_its_reason(name):
    """No row is passed over in silence, and the good ones come in whatever their neighbours are."""
    entries = imported(whole(name))
    assert len(entries) == len(ROWS[name])
    for entry, part in zip(entries, ROWS[name], strict=True):
        assert (entry.content is None) == bool(part)
        assert part in " ".join(told(entry))


def test_what_a_list_leaves_open_the_organiser_can_say():
    """Whole days become days with times, and events without an end last as long as the organiser said."""
    _, putztag, _ = imported(whole("google.csv"), DEFAULTS)
    [session] = putztag.content.sessions
    assert session.starts_at == datetime(2027, 6, 5, 10, tzinfo=BERLIN)
    assert session.ends_at == datetime(2027, 6, 5, 16, tzinfo=BERLIN)
    _, putztag = imported(whole("outlook_en.csv"), DEFAULTS)
    assert [s.starts_at.day for s in putztag.content.sessions] == [5]
    _, lesung = imported(whole("pretix_en.csv"), DEFAULTS)
    assert lesung.content.sessions[0].starts_at == datetime(2027, 5, 25, 12, tzinfo=BERLIN)
    assert lesung.content.sessions[0].ends_at == datetime(2027, 5, 25, 13, 30, tzinfo=BERLIN)


def test_the_rest_of_a_row_is_taken_over_too():
    """Capacity, languages, contact, kind, subtitle and address stand in the draft."""
    vhs = imported(whole("vhs.csv"))[0]
    assert (vhs.uid, vhs.line) == ("27-101", 4)
    assert (vhs.content.capacity, vhs.content.words["de"].text) == (15, "Kaffee, Tee und Gespräche")
    generic = imported(whole("generic.tsv"))[0].content
    assert generic.spoken_languages == ["de", "tr", "ar"]
    assert (generic.contact_name, generic.contact_phone, generic.kind) == ("Empfang", "+49 30 23125010", "course")
    eventbrite = imported(whole("eventbrite.csv"))[0].content
    assert eventbrite.capacity == 30
    assert eventbrite.words["de"].text == "https://www.eventbrite.example/e/998877665544"


def test_a_formula_stays_a_text():
    """What a spreadsheet would carry out is a title here, letter by letter."""
    formula = imported(whole("generic.tsv"), DEFAULTS)[1]
    assert formula.content.words["de"].title == '=HYPERLINK("https://x.example";"Lesung")'
    assert formula.content.venue_name == ""


def test_html_becomes_text():
    """Paragraphs, lists, links and entities of a description are told in plain words; scripts are not."""
    google = imported(whole("google.ics"))[0].content
    assert google.words["de"].text == "Kaffee, Tee\nund Gespräche\nmehr (https://haus.example.org/cafe)"
    tec = imported(whole("the_events_calendar.csv"))[0].content
    assert tec.words["de"].text == "Kaffee, Tee\nund Gespräche\n\n- kostenlos\n\nhttps://haus.example.org/cafe"
    assert plain_text("<p>a</p><script>alert(1)</script><style>p{}</style><p>b</p>") == "a\n\nb"
    assert plain_text("2 < 3 und 4 > 1") == "2 < 3 und 4 > 1"


def test_what_is_long_over_is_counted_and_left_out():
    """A calendar with years of past events tells of those to come."""
    assert read_source(whole("google.ics"), Defaults(), NOW).left_out == 1


BROKEN = {
    "": "There is nothing in it.",
    "\ufeff \n": "There is nothing in it.",
    "PK\x03\x04": "This is no text.",
    "<!doctype html><title>Anmelden</title>": "We find no line with the names",
    "Vorname;Nachname\nA;B": "We find no line with the names",
    "Titel;Datum\n": "There is no event in it.",
    'Titel;Datum\n"Nähen;24.05.2027\nx;y': "Line 2 cannot be read",
    'Titel;Datum\nA;24.05.2027\n"B"x;25.05.2027': "Line 3 cannot be read",
    "Titel;Datum\n" + "A;24.05.2027\n" * 501: "more than 500 events",
    "BEGIN:VCALENDAR\nEND:VCALENDAR": "There is no event in this calendar.",
    "BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:x\nEND:VTODO\nEND:VCALENDAR": "There is no event in this calendar.",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_refused_with_its_reason(text):
    """And with the line where it is broken."""
    with pytest.raises(SourceError) as refused:
        read_source(text.encode(), Defaults(), NOW)
    assert BROKEN[text] in refused.value.reason.message % refused.value.reason.values


LISTED = {
    ";24.05.2027;18:30-20:00": "It has no title.",
    "A;;18:30-20:00": "It says no date.",
    "A;bald;18:30": "“bald” is no date",
    "A;31.02.2027;18:30-20:00": "“31.02.2027” is no date",
    "A;24.05.2027;25:00": "“25:00” is no time",
    "A;24.05.2027;abends": "“abends” is no date",
    "A;24.05.2027;20:00": "It says no end.",
    "A;24.05.2020;18:30-20:00": "It is over already."[3:],
    "A;28.03.2027;02:30-04:00": "the clocks go forward",
    "A;31.10.2027;02:30-04:00": "comes twice on this day",
    f"{'A' * 121};24.05.2027;18:30-20:00": "At most 120 characters fit.",
    "A": "It has fewer columns than",
}


@pytest.mark.parametrize("row", LISTED)
def test_a_row_is_refused_by_the_same_rules_as_the_form(row):
    """What the event's form would not take, an import does not take either, and it says so."""
    text = row if ";" in row else ""
    content = f"Datum;Uhrzeit;Titel\n{row}" if not text else f"Titel;Datum;Uhrzeit\n{text}"
    [entry] = imported(content)
    assert entry.content is None
    assert LISTED[row] in " ".join(told(entry))


CALENDARS = {
    "no start": (calendar(DTSTART=None), "It says no date."),
    "no title": (calendar(SUMMARY=None), "It has no title."),
    "no end": (calendar(DTEND=None), "It says no end."),
    "an end before the start": (calendar(DTEND="20270524T170000"), "The end has to be after the start."),
    "a start that is none": (calendar(DTSTART="morgen"), "does not follow the format"),
    "cancelled": (calendar(begin="BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\n"), "is cancelled where"),
    "cut off": (calendar().partition("END:VEVENT")[0], "cut off or broken"),
    "over": (calendar(DTSTART="20270228T100000", DTEND="20270228T110000"), "over already"),
}


@pytest.mark.parametrize("name", CALENDARS)
def test_a_broken_event_of_a_calendar_is_refused_with_its_reason(name):
    """Its neighbours are none the worse."""
    text, part = CALENDARS[name]
    [entry] = imported(text)
    assert entry.content is None
    assert part in " ".join(told(entry))


def test_a_cut_off_event_names_its_line():
    """And those before it come in."""
    text = whole("nextcloud.ics").decode()
    whole_one, cut = imported(text[: text.index("SUMMARY:Lesung")])
    assert whole_one.content is not None
    assert (cut.line, "cut off" in told(cut)[0]) == (15, True)


@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("Haus, Weg 1, 10999 Berlin", {"venue_name": "Haus", "venue_address": "Weg 1, 10999 Berlin"}),
        ("Weg 1, 10999 Berlin", {"venue_address": "Weg 1, 10999 Berlin"}),
        ("vhs, Raum 3", {"venue_name": "vhs", "venue_address": "Raum 3"}),
        ("Online", {}),
        ("Zoom: https://zoom.example/j/1", {"online_link": "https://zoom.example/j/1"}),
        ("", {}),
    ],
)
def test_a_place_is_a_house_an_address_or_a_link(place, fields):
    """The parts of one line go where the form has them."""
    assert {name: value for name, value in place_fields(place).items() if value} == fields


def test_an_event_without_an_id_is_known_by_title_and_date():
    """The same row again is the same event; another date is another one."""
    head = "Titel;Datum;Uhrzeit\n"
    first, second = imported(f"{head}A;24.05.2027;18-20 Uhr\nA;25.05.2027;18-20 Uhr")
    [again] = imported(f"{head}a ;24.05.2027;18-20 Uhr")
    assert again.uid == first.uid != second.uid
    assert imported(calendar(UID=None))[0].uid.startswith("sha256:")
    assert imported(calendar(UID="x" * 3000))[0].uid.startswith("sha256:")


def known(entry, **changes):
    given = {"event_id": "e", "content_hash": entry.hash, "imported_version": 1, "version": 1, "state": "draft"}
    return Known(**given | changes)


def test_each_row_has_its_step():
    """New, the same, changed, kept with the reason, or refused: told by what was imported before."""
    [entry] = imported(calendar())
    [moved] = imported(calendar(SUMMARY="Sprachcafé am Abend"))
    table = [
        ({}, Step.NEW, ""),
        ({entry.uid: known(entry)}, Step.SAME, ""),
        ({entry.uid: known(entry, state="published", version=7)}, Step.SAME, ""),
        ({entry.uid: known(moved)}, Step.CHANGED, ""),
        ({entry.uid: known(moved, version=2)}, Step.KEPT, "changed the draft"),
        ({entry.uid: known(moved, state="published")}, Step.KEPT, "published here"),
        ({entry.uid: known(moved, state="cancelled")}, Step.KEPT, "cancelled here"),
    ]
    for before, step, part in table:
        [planned] = plan([entry], before)
        assert planned.step == step
        assert part in " ".join(reason.message for reason in planned.reasons)


def test_the_same_event_twice_in_a_list_is_imported_once():
    """The second one says where the first is."""
    row = "A;24.05.2027;18-20 Uhr"
    first, second = plan(imported(f"Titel;Datum;Uhrzeit\n{row}\n{row}"), {})
    assert (first.step, second.step) == (Step.NEW, Step.REFUSED)
    assert second.reasons[0].values == {"line": 2}
