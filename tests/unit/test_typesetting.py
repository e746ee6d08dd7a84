"""Sheets as PDF: every script, nothing that people write becomes markup, and limits that hold."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
import typst
from babel.messages.pofile import read_po

from shared.i18n.languages import CATALOGUE_FOLDER, LANGUAGES
from shared.typesetting import compiling
from shared.typesetting.attendance import MOST_PARTIES, Attending, attendance_list
from shared.typesetting.badges import MOST_BADGES, badges
from shared.typesetting.compiling import (
    TEMPLATES,
    BusyError,
    TooLargeError,
    Typesetter,
    TypesettingError,
    compiled,
    pictures,
    typeset,
)
from shared.typesetting.fonts import FAMILIES, fonts
from shared.typesetting.said import fitted, in_one_piece, said, written
from shared.typesetting.slips import SlipOf, Standing, slip
from shared.web.assets import AssetsError
from tests.support.sheets import (
    ATTENDANCE,
    BADGES,
    SLIP,
    TITLES,
    event_state,
    families,
    is_for_screen_readers,
    name_sheet,
    read,
    text_of,
)

LATIN = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,:;!?-()/@+&%#'\""
# CLDR's main and auxiliary letters of each language, where the catalogues may not happen to hold them all.
LETTERS = {
    "de": "äöüß ÄÖÜẞ „“‚‘»«–…€§",
    "en": "‘’“” †‡ é",
    "tr": "çğıİöşüâîû ÇĞIÖŞÜ",
    "ar": "ًٌٍَُِّْٰ ء أؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهويىٱآ ٠١٢٣٤٥٦٧٨٩ ،؛؟",
    "fa": "ءآأؤئابپتةثجچحخدذرزژسشصضطظعغفقکگلمنوهی‌ ۰۱۲۳۴۵۶۷۸۹ ٬٫٪«»",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя АБВГҐДЕЄЖЗИІЇЙКЛМНОПРСТУФХЦЧШЩЬЮЯ ʼ’№",
    "ru": "ёъыэ ЁЪЫЭ",
    "kmr": "çêîşû ÇÊÎŞÛ",
    "pl": "ąćęłńóśźż ĄĆĘŁŃÓŚŹŻ",
    "ro": "ăâîșțşţ ĂÂÎȘȚ",
    "bg": "ѝъьщ ѝ",
    "fr": "àâæçéèêëîïôœùûüÿ ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ",
    "es": "áéíñóúü¿¡ ÁÉÍÑÓÚÜ",
    "vi": "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ ĂÂĐÊÔƠƯ ₫",
    "sq": "çë ÇË",
    "ti": "ሀሁሂሃሄህሆለሉሐሑመሙረሩሰሱሸሹቀቁቈቐቑቘበቡቨተቱቸነኑኘአኡከኩኰኸኹዀወዐዘዠየደጀገጐጠጨጸፈፐ ፡።፣፤፥፦ ፩፪፫፬፭፮፯፰፱፲፻፼",
}
LETTERS["de-simple"] = LETTERS["de"] + "·"


def in_badges(letters: str) -> list[str]:
    return [letters[start : start + 40] for start in range(0, len(letters), 40)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fonts_hold_every_letter_of_each_language(language):
    """No letter of a language, in either case, and none of its catalogue, is an empty box."""
    po = CATALOGUE_FOLDER / f"{language}.po"
    texts = [LATIN, LETTERS[language], LETTERS[language].upper(), TITLES[language], LANGUAGES[language].endonym]
    if po.is_file():
        with po.open("rb") as source:
            texts += [str(message.string) for message in read_po(source)]
    seen = "".join(sorted({letter for text in texts for letter in text if letter.isprintable()}))
    assert len(seen) > len(LATIN)
    assert is_for_screen_readers(name_sheet(*in_badges(LETTERS[language]), *in_badges(seen)))


def test_a_letter_without_a_glyph_shows_as_a_box_and_is_not_passed_over():
    """Where our fonts lack a letter the file says so by not claiming PDF/UA, and the badge is not an empty one."""
    sheet = name_sheet("გიორგი")
    assert not is_for_screen_readers(sheet)
    assert read(sheet).root_object["/MarkInfo"]["/Marked"]
    lacking, empty = (pictures(BADGES, badges(event_state(), [name], [], "de"))[0] for name in ("გიორგი", "\u200b"))
    assert lacking != empty


def test_only_our_own_fonts_are_used():
    """Neither the machine's fonts nor the compiler's: every machine sets the same sheet."""
    sheet = name_sheet("Ayşe", "محمد", "ሰላም", "🌱", "მ")
    assert families(sheet) <= {family.replace(" ", "") for family in FAMILIES}
    assert len(families(sheet)) == 4
    assert set(fonts().families()) == set(FAMILIES)


def test_missing_fonts_are_named(monkeypatch, tmp_path):
    """Who has not fetched the fonts reads what to do, and gets no sheet of empty boxes."""
    monkeypatch.setenv("TEILHABE_WEB_LIBRARIES", str(tmp_path))
    (tmp_path / "fonts").mkdir()
    fonts.cache_clear()
    try:
        with pytest.raises(AssetsError, match=r"shared\.web\.assets"):
            fonts()
    finally:
        monkeypatch.undo()
        fonts.cache_clear()


HOSTILE = '#panic("x") #read("/etc/passwd") *b* _i_ $a$ @r <l> = h \\u{41} // c /* d */ `r` "q" ]})'


def test_what_looks_like_markup_is_printed_as_it_stands():
    """Text of people never becomes source: no call is run, no file is read, no sign is lost."""
    event = event_state(title={"de": HOSTILE}, venue=None)
    sheets = [
        compiled(ATTENDANCE, attendance_list(event, event.sessions[0], [Attending(HOSTILE[:70], 1, "#x")], "de")),
        compiled(SLIP, slip(event, SlipOf(Standing.CONFIRMED, 1, "#x", "https://a.example/r/#x"), "de", "de")),
    ]
    for sheet in sheets:
        assert "".join(HOSTILE.split()) in "".join(text_of(sheet).split())
        assert "root:" not in text_of(sheet)
        assert read(sheet).metadata.title.endswith(HOSTILE)


def test_the_same_text_in_a_source_would_have_been_run(tmp_path):
    """The negative control: spliced into a source, the text stops the compiler."""
    with pytest.raises(typst.TypstError, match="panicked"):
        typst.compile(f"{HOSTILE}".encode(), root=tmp_path)


RUBBISH = {
    "long": "Wort " * 2000,
    "one word": "W" * 10_000,
    "nothing seen": "\u200b\u2066\u202e\ufeff\u2069",
    "turned round": "\u202eabc\u202d def\u2067",
    "control": "a\x00b\x07c\ud800d",
    "marks": "a" + "\u0301" * 10_000,
    "emoji": "👩‍🌾🏳️‍🌈🌱" * 50,
    "no characters": "\ufffe\uffff\U0010ffff\ue000",
    "joiners": "\u200d\u200c" * 500,
    "lines": "a\r\nb\u2028c\n\n\n" * 500,
}


@pytest.mark.parametrize("text", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_gives_a_sheet_all_the_same(text):
    """Whatever is typed as name, title, place or hours: a PDF, quickly, and of as many pages as it should have."""
    event = event_state(title={"de": text, "ar": text}, code="GARTEN")
    began = time.monotonic()
    for language in ("de", "ar"):
        rows = [Attending(text, 1, "K4") for _ in range(3)]
        assert len(read(compiled(ATTENDANCE, attendance_list(event, event.sessions[0], rows, language))).pages) <= 2
        assert len(read(compiled(BADGES, badges(event, [text] * 10, [{"de": text}] * 3, language))).pages) == 1
        paper = SlipOf(Standing.WAITLISTED, 2, "K4", "https://a.example/r/x", co_hosts=[{"ar": text}] * 3)
        assert len(read(compiled(SLIP, slip(event, paper, language, "de"))).pages) == 1
    assert time.monotonic() - began < 10


def test_more_than_a_file_holds_is_refused_before_it_is_set():
    """Past the limits the caller hears that it is too much; nothing is set, and nothing is cut off silently."""
    event = event_state()
    too_many = [Attending("A", 1, "K4")] * (MOST_PARTIES + 1)
    with pytest.raises(TooLargeError):
        attendance_list(event, event.sessions[0], too_many, "de")
    with pytest.raises(TooLargeError):
        badges(event, ["A"] * (MOST_BADGES + 1), [], "de")
    with pytest.raises(TooLargeError):
        compiled(BADGES, {"text": "x" * compiling.LARGEST_INPUT})


def test_a_text_that_is_too_long_ends_visibly():
    """It is cut with an ellipsis, never within a letter and its marks; a long word may break."""
    assert fitted("abc", 3) == "abc"
    assert fitted("abcdef", 4) == "abc…"
    assert fitted("ab" + "e\u0301" * 3, 6) == "abe\u0301…"
    assert fitted("x" * 31, 40) == "x" * 20 + "\u200b" + "x" * 11


def test_no_line_ends_between_the_day_and_its_month():
    """Nor within a time; the year may stand on the next line."""
    assert in_one_piece("Freitag, 1. Januar 2027, 12:00 Uhr") == "Freitag, 1.\u00a0Januar 2027, 12:00\u00a0Uhr"
    assert in_one_piece("Friday, 1 January 2027, 12:00") == "Friday, 1\u00a0January 2027, 12:00"


def test_a_name_is_written_in_its_own_direction():
    """Its first letter decides; where it has none, the language of the sheet."""
    assert written("محمد (Abteilung 2)", "de").direction == "rtl"
    assert written("12 Ayşe", "ar").direction == "ltr"
    assert written("12-34", "ar").direction == "rtl"
    assert said("Garten", "ar").direction == "rtl"


async def test_the_loop_goes_on_while_a_sheet_is_set():
    """Typst lets go of the interpreter: while a large list is set, the event loop answers others."""
    event = event_state()
    data = attendance_list(event, event.sessions[0], [Attending("Ayşe Yılmaz", 1, "K4")] * 1000, "de")
    longest, done = 0.0, asyncio.Event()

    async def tick():
        nonlocal longest
        while not done.is_set():
            before = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - before)

    ticking = asyncio.create_task(tick())
    began = time.monotonic()
    assert (await typeset(ATTENDANCE, data)).startswith(b"%PDF")
    took = time.monotonic() - began
    done.set()
    await ticking
    assert longest < took / 2


async def test_who_comes_when_too_much_is_printed_is_told_at_once(monkeypatch):
    """One works, one waits, and the third hears that it is busy; afterwards there is room again."""
    go_on = threading.Event()
    monkeypatch.setattr(compiling, "compiled", lambda *_: b"%PDF" if go_on.wait(10) else b"")
    typesetter = Typesetter(at_once=1, waiting=1)
    first, second = (asyncio.create_task(typesetter.typeset(BADGES, {})) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await typesetter.typeset(BADGES, {})
    go_on.set()
    assert await asyncio.gather(first, second) == [b"%PDF", b"%PDF"]
    assert await typesetter.typeset(BADGES, {}) == b"%PDF"


async def test_a_sheet_that_takes_too_long_is_given_up(monkeypatch):
    """Whoever asked is told after a stated time, and is not left waiting."""
    go_on = threading.Event()
    monkeypatch.setattr(compiling, "compiled", lambda *_: go_on.wait(10))
    try:
        with pytest.raises(BusyError):
            await Typesetter(longest_wait=0.05).typeset(BADGES, {})
    finally:
        go_on.set()


def test_a_failure_names_the_template_and_nothing_that_people_wrote():
    """An error may reach a log, where no name belongs: the compiler's words are kept apart."""
    with pytest.raises(TypesettingError) as failed:
        compiled(BADGES, {"heading": {"text": "Geheimer Name"}, "title": 1})
    assert str(failed.value) == "badges.typ could not be set"
    assert failed.value.detail
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_a_panic_of_the_compiler_is_a_failure_like_any_other(monkeypatch):
    """It is no Exception in Python, and would otherwise end whatever runs it."""

    class PanicException(BaseException):
        pass

    class Broken:
        def compile(self, **_):
            raise PanicException

    monkeypatch.setattr(compiling, "_compiler", lambda *_: Broken())
    with pytest.raises(TypesettingError):
        compiled(BADGES, {})


def test_the_layout_looks_for_letters_in_the_same_families():
    """The list in the layout is the list that is loaded."""
    layout = Path(TEMPLATES / "layout.typ").read_text()
    assert "(" + ", ".join(f'"{family}"' for family in FAMILIES) + ")" in layout
