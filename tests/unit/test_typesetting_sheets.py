"""What stands on each sheet: the slip, the attendance list, the plan and the badges, in every language."""

from datetime import date

import pytest

from shared.contracts.events import Status
from shared.i18n.languages import LANGUAGES
from shared.shifts import by_shift
from shared.typesetting.attendance import Attending, attendance_list
from shared.typesetting.badges import badges
from shared.typesetting.certificates import CertificateOf, certificate
from shared.typesetting.compiling import TooLargeError, compiled, pictures
from shared.typesetting.plans import PlannedPost, plan
from shared.typesetting.slips import SlipOf, Standing, slip
from shared.web.reader import page_language
from tests.support.sheets import (
    ATTENDANCE,
    BADGES,
    CERTIFICATE,
    PLAN,
    SLIP,
    START,
    TITLES,
    event_state,
    is_for_screen_readers,
    left_edges,
    name_sheet,
    read,
    text_of,
)
from tests.support.shifts import volunteer_day


def test_papers_name_everybody_who_hosts():
    """The slip in the person's language, each badge with both organisations."""
    guest = {"de": "Haus der Kulturen", "tr": "Kültürler Evi"}
    paper = SlipOf(Standing.CONFIRMED, 2, "K47XQ", "https://a.example/r/x", co_hosts=[guest])
    said = slip(event_state(), paper, "tr", "de")
    assert [line.text for line in said.sections[-1].lines] == ["Kültürler Evi"]
    made = badges(event_state(), ["A"], [{"de": "Büro"}, guest], "tr")
    assert [one.text for one in made.organisations] == ["Büro", "Kültürler Evi"]
    text = read(compiled(BADGES, made)).pages[0].extract_text()
    assert "Büro" in text
    assert "Evi" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sheet_says_its_title_and_language_to_who_hears_it(language):
    """PDF/UA-1 with title, language and tags, in each language."""
    paper = SlipOf(Standing.CONFIRMED, 2, "K47XQ", "https://a.example/r/x")
    sheet = compiled(SLIP, slip(event_state(), paper, language, "de"))
    root = read(sheet).root_object
    assert is_for_screen_readers(sheet)
    assert read(sheet).metadata.title == TITLES[language]
    assert root["/Lang"] == language.partition("-")[0]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert all(word in text_of(sheet) for word in TITLES[language].split())


def test_what_is_written_from_the_right_begins_at_the_right():
    """The title of a sheet in Arabic stands at the right edge, that of a German one at the left."""
    paper = SlipOf(Standing.CONFIRMED, 2, "K47XQ", "https://a.example/r/x")
    arabic, german = (compiled(SLIP, slip(event_state(), paper, language, language)) for language in ("ar", "de"))
    assert max(left_edges(arabic, "الحديقة")) > 0.5
    assert min(left_edges(german, "Gemeinsam")) < 0.2


@pytest.mark.parametrize("standing", Standing)
def test_a_slip_says_where_one_stands(standing):
    """State, people, place, contact with phone, languages and hours, the code and, small, the office's own language."""
    words = {
        Standing.CONFIRMED: ("Yeriniz var", "Sie haben einen Platz"),
        Standing.WAITLISTED: ("Bekleme listesindesiniz", "Sie stehen auf der Warteliste"),
        Standing.OFFERED: ("Size bir yer açıldı", "Ein Platz ist für Sie frei"),
        Standing.PENDING: ("Size bir yer ayırdık", "Wir halten einen Platz für Sie frei"),
    }
    paper = SlipOf(standing, 2, "K47XQ", "https://a.example/r/x", position=3, expires_at=START)
    text = text_of(compiled(SLIP, slip(event_state(), paper, "tr", "de")))
    wanted = ("Birlikte bahçe işi", "Haus am Kanal", "Freiwilligenbüro", "+49 30 23125020", "Українська", "K47XQ")
    for word in (*words[standing], *wanted, "Montag, 9 bis 12 Uhr", "Gemeinsam gärtnern"):
        assert word in text
    alone = text_of(compiled(SLIP, slip(event_state(), paper, "de", "de-simple")))
    assert alone.count("Gemeinsam gärtnern") == 1


def test_a_slip_says_whether_the_dates_hold():
    """Of a postponed event that they do not, and that an offer waits; of a moved one when it was planned for."""
    offered = SlipOf(Standing.OFFERED, 1, "", "https://a.example/r/x", expires_at=START)
    moved = event_state().model_copy(update={"previous_starts": [START]})
    postponed = moved.model_copy(update={"status": Status.POSTPONED})
    texts = [text_of(compiled(SLIP, slip(event, offered, "de", "de"))) for event in (event_state(), moved, postponed)]
    assert ["Der neue Termin steht noch nicht fest" in text for text in texts] == [False, False, True]
    assert ["Das ist ein neuer Termin" in text for text in texts] == [False, True, False]
    assert ["wenn der neue Termin feststeht" in text for text in texts] == [False, False, True]


def test_an_attendance_list_repeats_its_head_and_counts_its_pages():
    """Each page has the head of the table and says which of how many it is; every party stands there once."""
    names = ["Ayşe Yılmaz", "محمد العلي", "Олена Коваль", "ሰላም ተስፋይ", "", "Nguyễn Thị Hồng"]
    parties = [Attending(name, 2, f"K{number}Q") for number, name in enumerate(names * 10)]
    event = event_state()
    sheet = compiled(ATTENDANCE, attendance_list(event, event.sessions[0], parties, "de", first_number=101))
    pages = [" ".join(page.extract_text().split()) for page in read(sheet).pages]
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert f"Seite {number} von {len(pages)}" in page
        assert "Unterschrift" in page
    text = text_of(sheet)
    assert all(text.count(party.code) == 1 for party in parties)
    assert text.count("kein Name angegeben") == 10
    assert text.count("Олена Коваль") == 10
    assert "120 Personen sind angemeldet." in text
    assert "160" in pages[-1]
    assert is_for_screen_readers(sheet)


def test_an_attendance_list_of_nobody_says_so():
    """It is a sheet with the event on it, and not an empty table."""
    event = event_state()
    assert "Es ist niemand angemeldet." in text_of(
        compiled(ATTENDANCE, attendance_list(event, event.sessions[0], [], "de"))
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plan_says_who_does_what_and_what_is_missing(language):
    """Each shift with its roles; a name in any script; who has none is counted, and so is who is missing."""
    day = volunteer_day(roles=2, most=2)
    names = {True: (["محمد العلي", ""], ["Олена Коваль"]), False: ([], [])}
    shifts = [[PlannedPost(post, *names[post.number % 2 == 1]) for post in posts] for posts in by_shift(day)]
    sheet = compiled(PLAN, plan(day, shifts, language))
    text = text_of(sheet)
    assert text.count("Олена Коваль") == 2
    assert "Zelt 1" in text
    assert is_for_screen_readers(sheet)
    missing = [row.missing for shift in plan(day, shifts, language).shifts for row in shift.rows]
    assert [one is None for one in missing] == [True, False, True, False]


def test_a_plan_has_a_limit():
    """A file is made within a time and a memory that are known."""
    [first, *_] = by_shift(volunteer_day())
    with pytest.raises(TooLargeError):
        plan(volunteer_day(), [[PlannedPost(first[0], ["Ada"] * 2501, [])]], "de")


NAMES = {
    "de": "Jürgen Groß", "de-simple": "Jürgen Groß", "en": "Ada Example", "tr": "Ayşe Yılmaz", "ar": "محمد العلي",
    "fa": "زهرا محمدی", "uk": "Олена Коваль", "ru": "Юлия Щербакова", "kmr": "Rojîn Şêxo", "pl": "Łukasz Śmigły",
    "ro": "Ștefan Țurcanu", "bg": "Цветелина Ъглова", "fr": "Zoë Œuvrard", "es": "Íñigo Muñoz",
    "vi": "Trần Văn Đức", "sq": "Gëzim Çela", "ti": "ሰላም ተስፋይ",
}  # fmt: skip


def certified(name, **changes):
    values = {
        "name": name, "organisation": {"de": "Freiwilligenbüro", "ar": "مكتب المتطوعين"}, "event_title": TITLES,
        "roles": [{"de": "Küche", "ar": "المطبخ"}], "minutes": 225, "shifts": 2,
        "first_day": date(2026, 12, 5), "last_day": date(2027, 1, 7), "issued_on": date(2027, 1, 9),
        "code": "7K4X-9TQM-2BWR", "page": "a.example/registrations/certificates",
        "address": "https://a.example/registrations/certificates/7K4X-9TQM-2BWR",
    }  # fmt: skip
    return CertificateOf(**values | changes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_certificate_is_complete_in_german_and_in_the_person_s_language(language):
    """On one page, with every letter: name, hours, shifts, period, role, event, organisation, code and where to check.

    A letter without a glyph would cost the file its claim to be for screen readers.
    """
    sheet = compiled(CERTIFICATE, certificate(certified(NAMES[language]), language))
    text = text_of(sheet)
    assert len(read(sheet).pages) == 1
    assert is_for_screen_readers(sheet)
    german = ("Bescheinigung über freiwilliges Engagement", "3 Stunden 45 Minuten", "in 2 Schichten", "Küche", "Hilfe")
    dates = ("5. Dezember 2026 – 7. Januar 2027", "9. Januar 2027", "Freiwilligenbüro", TITLES["de"])
    for said in (*german, *dates, "7K4X-9TQM-2BWR", "a.example/registrations/certificates", "Ort und Datum"):
        assert said in text, said
    assert all(word in text for word in NAMES[language].split())
    others = {"tr": "3 saat 45 dakika", "ar": "شهادة", "uk": "3 години 45 хвилин", "en": "3 hours 45 minutes"}
    spoken = page_language(language)
    assert {code: said in text for code, said in others.items()} == {code: code == spoken for code in others}
    assert spoken == "de" or all(word in text for word in TITLES[language].split())


def test_a_certificate_is_set_from_the_right_where_it_is_read_from_the_right():
    """The Arabic side stands at the right, beside the German one at the left, each in its own direction."""
    sides = certificate(certified(NAMES["ar"]), "ar").sides
    assert [(side.language, side.direction) for side in sides] == [("de", "ltr"), ("ar", "rtl")]
    sheet = compiled(CERTIFICATE, certificate(certified(NAMES["ar"]), "ar"))
    assert min(left_edges(sheet, "المطبخ")) > 0.5
    assert max(left_edges(sheet, "Küche")) < 0.2


def test_a_certificate_takes_the_longest_texts_a_logo_and_names_that_look_like_markup():
    """Everything is on its one page still."""
    [logo] = pictures(CERTIFICATE, certificate(certified("Ada"), "de"), 10)
    roles = [{"de": f"{'Aufgabe ' * 7}{number}"} for number in range(20)]
    known = certified("#strong[W] $x$ " * 8, roles=roles, event_title={"de": "Titel " * 20}, picture=logo)
    sheet = compiled(CERTIFICATE, certificate(known, "uk"))
    text = text_of(sheet)
    assert len(read(sheet).pages) == 1
    assert len(read(sheet).pages[0].images) == 1
    assert text.count("#strong[W] $x$") == 8
    for said in ("Aufgabe 19", "Підпис і печатка", "7K4X-9TQM-2BWR"):
        assert said in text


def test_badges_are_ten_on_a_page():
    """Eleven names are two pages; each badge has the name, the event and the organisation."""
    sheet = name_sheet(*[f"Person {number}" for number in range(10)], "")
    assert len(read(sheet).pages) == 2
    assert text_of(sheet).count("Gemeinsam gärtnern") == 11
    assert text_of(sheet).count("Büro") == 11
    assert "Person 9" in read(sheet).pages[0].extract_text()
