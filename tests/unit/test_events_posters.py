"""Posters and hand-outs: what they say, in every language, and that all of it fits its paper."""

from datetime import timedelta

import pytest

from services.events.co_hosts.model import State as CoHostState
from services.events.posters.inputs import Format, languages_of, poster
from services.events.posters.pages import TEMPLATE
from shared.i18n.languages import LANGUAGES
from shared.typesetting.compiling import compiled
from tests.support.sheets import START, TITLES, is_for_screen_readers, left_edges, read, text_of, whole_event

URL = "https://teilhabe.example.org/events/GARTEN"
BEFORE = START - timedelta(days=20)
LEAVES = {Format.POSTER_A4: 1, Format.POSTER_A3: 1, Format.HANDOUT_A5: 2, Format.HANDOUT_A6: 4}


def sheet(event, kind=Format.POSTER_A4, languages=("de",), now=BEFORE):
    return poster(event, kind, languages, url=URL, sms_number="+493023125000", now=now)


def printed(event, kind=Format.POSTER_A4, languages=("de",), now=BEFORE):
    return compiled(TEMPLATE, sheet(event, kind, languages, now))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_poster_says_everything_in_each_language(language):
    """Title, date, place, languages, code, number, contact and host, on one page, for eyes and for screen readers."""
    made = printed(whole_event(), languages=[language])
    text = text_of(made)
    assert len(read(made).pages) == 1
    assert is_for_screen_readers(made)
    assert read(made).metadata.title == TITLES[language]
    assert read(made).root_object["/Lang"] == language.partition("-")[0]
    wanted = ("2027", "Haus am Kanal", "Kanalstraße 12, 12345 Demostadt", "Türkçe", "GARTEN", "+49 30 23125000")
    contact = ("Freiwilligenbüro", "+49 30 23125020", "office@demo.example", "Українська")
    for word in (*TITLES[language].split(), *wanted, *contact):
        assert word in text


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "SMS mit GARTEN an +49 30 23125000"),
        ("en", "Text GARTEN to +49 30 23125000"),
        ("tr", "+49 30 23125000 numarasına GARTEN yazın"),
        ("uk", "Надішліть SMS з текстом GARTEN на номер +49 30 23125000"),
    ],
)
def test_a_poster_says_how_to_register_by_sms(language, sentence):
    """The sentence with the code and the number is there in the reader's language."""
    assert sentence in text_of(printed(whole_event(), languages=[language]))


def test_codes_and_numbers_stay_in_order_between_letters_from_the_right():
    """In an Arabic sentence code and number are marked to be read from the left."""
    (column,) = sheet(whole_event(), languages=["ar"]).columns
    assert column.call.direction == "rtl"
    assert "\u2066GARTEN\u2069" in column.call.text
    assert "\u2066+49\u00a030\u00a023125000\u2069" in column.call.text


@pytest.mark.parametrize("kind", Format)
@pytest.mark.parametrize("languages", [("de",), ("tr", "uk"), ("ar", "fa")])
def test_each_format_is_one_page_for_one_language_or_two(kind, languages):
    """A sheet is one page; a hand-out stands on it as often as it is cut, in each of its languages."""
    made = printed(whole_event(), kind, languages)
    page = read(made).pages[0]
    assert len(read(made).pages) == 1
    assert is_for_screen_readers(made)
    wide, high = sorted((float(page.mediabox.width), float(page.mediabox.height)))
    assert (round(wide), round(high)) == ((842, 1191) if kind == Format.POSTER_A3 else (595, 842))
    text = text_of(made)
    leaves = LEAVES[kind] // (2 if kind == Format.HANDOUT_A6 and len(languages) == 2 else 1)
    for language in languages:
        assert text.count(max(TITLES[language].split(), key=len)) == leaves


def test_what_is_written_from_the_right_stands_on_the_right():
    """Of German and Arabic, in whichever order they were chosen, the German column is the left one."""
    for languages in (["de", "ar"], ["ar", "de"]):
        made = printed(whole_event(), languages=languages)
        assert min(left_edges(made, "Gemeinsam")) < 0.2
        assert min(left_edges(made, "الحديقة")) > 0.5
    assert sheet(whole_event(), languages=["ar", "de"]).language == "ar"


LONGEST = {
    "title": "Bürgerbeteiligungsverfahren " * 4,
    "access_notes": "Stufenlos. " * 90,
    "contact_hours": "Mo 9–12 " * 37,
}


@pytest.mark.parametrize(
    ("kind", "languages"),
    [(Format.HANDOUT_A6, ["ar"]), (Format.POSTER_A4, ["de"]), *((kind, ["de", "ar"]) for kind in Format)],
)
def test_the_longest_event_fits_its_paper(kind, languages):
    """With each field as long as the form allows, the last line of the sheet is still on it, and nothing is cut off."""
    texts = {code: {**LONGEST, "title": f"{TITLES[code]} {LONGEST['title'][:90]}"} for code in ("de", "ar")}
    event = whole_event(
        texts=texts,
        dates=30,
        venue_name="Haus " * 40,
        venue_address="Straße " * 28,
        spoken_languages=list(LANGUAGES),
        contact_languages=list(LANGUAGES),
        contact_name="Servicestelle " * 14,
        organisations=[({"de": f"Verein {number} " * 6}, CoHostState.ACCEPTED) for number in range(9)],
    )
    made = printed(event, kind, languages)
    text = text_of(made)
    assert len(read(made).pages) == 1
    for word in ("25", "Stufenlos", "Verein 4", "GARTEN", "office@demo.example"):
        assert word in text
    assert lowest_line(made) > 8


def lowest_line(made: bytes) -> float:
    """How far above the lower edge of the page the lowest text stands."""
    page = read(made).pages[0]
    heights = []
    page.extract_text(visitor_text=lambda text, current, _m, *_: heights.append(current[5]) if text.strip() else None)
    return min(heights)


def test_co_hosts_are_named_and_those_who_were_only_asked_are_not():
    """Host and co-hosts stand on the sheet; who declined or has not answered does not."""
    others = [({"de": "Verein Ankommen"}, CoHostState.ACCEPTED), ({"de": "Nur gefragt"}, CoHostState.INVITED)]
    text = text_of(printed(whole_event(organisations=others)))
    assert "Integrationsbüro" in text
    assert "Verein Ankommen" in text
    assert "Nur gefragt" not in text


def test_a_long_course_names_its_first_dates_and_says_how_many_more():
    """Six lines at most: five dates and the number of the others."""
    (column,) = sheet(whole_event(dates=12)).columns
    assert len(column.when.lines) == 6
    assert column.when.lines[-1].text == "und 7 weitere Termine"
    assert len(sheet(whole_event(dates=6)).columns[0].when.lines) == 6


def test_a_poster_says_from_when_and_until_when_people_register():
    """The beginning is named while it has not come yet, the end wherever there is one."""
    opens = BEFORE + timedelta(days=3)
    early = " ".join(line.text for line in sheet(whole_event(registration_opens_at=opens)).columns[0].how)
    assert "24.\xa0März 2027" in early
    assert "8.\xa0April 2027" in early
    later = sheet(whole_event(registration_opens_at=opens), now=opens).columns[0].how
    assert "24.\xa0März 2027" not in " ".join(line.text for line in later)


def test_the_online_link_is_on_no_poster():
    """It is for registered people alone; the sheet says only that the event is online."""
    event = whole_event(online_link="https://meet.example/secret", venue_name="", venue_address="")
    assert "secret" not in sheet(event).model_dump_json()
    assert "Online." in text_of(printed(event))


def test_an_event_is_printed_in_the_languages_that_have_its_title():
    """Its main language comes first; a language without a title is not offered."""
    texts = {"ar": {"title": "حديقة"}, "de": {"title": "Garten"}, "tr": {"title": "Bahçe"}}
    assert languages_of(whole_event(texts=texts)) == ["de", "ar", "tr"]
