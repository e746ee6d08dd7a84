import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.i18n.folding import fold
from shared.i18n.languages import (
    CATALOGUE_FOLDER,
    LANGUAGES,
    PAGE_LANGUAGES,
    cldr_locale,
    direction,
    fallback_chain,
    language_words,
    negotiate,
    parse_language,
)

OFFERED = ("de", "en", "tr", "ar", "uk")


def test_there_are_seventeen_languages():
    """All languages of the design are known, each by its own name."""
    expected = {
        "de",
        "de-simple",
        "en",
        "tr",
        "ar",
        "fa",
        "uk",
        "ru",
        "kmr",
        "pl",
        "ro",
        "bg",
        "fr",
        "es",
        "vi",
        "sq",
        "ti",
    }
    assert set(LANGUAGES) == expected
    assert len({language.endonym for language in LANGUAGES.values()}) == 17


def test_arabic_and_persian_run_right_to_left():
    """Arabic and Persian alone are written right to left, and so CLDR has it."""
    assert {code for code in LANGUAGES if direction(code) == "rtl"} == {"ar", "fa"}
    assert all(cldr_locale(code).text_direction == direction(code) for code in LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_chain_ends_in_a_text(code):
    """A chain starts with the reader's language, repeats nothing, and holds German and English."""
    chain = fallback_chain(code)
    assert chain[0] == code
    assert len(set(chain)) == len(chain)
    assert {"de", "en"} <= set(chain) <= set(LANGUAGES)
    assert chain[-1] in {"de", "en"}


def test_kurmanji_falls_back_to_turkish_and_ukrainian_not_to_russian():
    """A chain holds what its readers accept."""
    assert fallback_chain("kmr")[:3] == ("kmr", "tr", "de")
    assert fallback_chain("de-simple")[:2] == ("de-simple", "de")
    assert "ru" not in fallback_chain("uk")


def test_an_unknown_code_has_no_chain():
    """A code that we do not know is an error, so that rubbish in an address is noticed."""
    with pytest.raises(KeyError):
        fallback_chain("xx")


def test_pages_are_in_the_languages_with_a_catalogue():
    """A language gets pages by getting a catalogue file; English, the source, needs none."""
    files = {path.stem for path in CATALOGUE_FOLDER.glob("*.po")}
    assert set(PAGE_LANGUAGES) == files | {"en"}
    assert set(OFFERED) <= set(PAGE_LANGUAGES)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "de"),
        ("", "de"),
        ("*", "de"),
        ("tr", "tr"),
        ("uk-UA,uk;q=0.9,ru;q=0.8", "uk"),
        ("fr-CH, en;q=0.9, de;q=0.7", "en"),
        ("en;q=0.5, ar;q=0.8", "ar"),
        ("de;q=0.5, ar;q=0.5", "de"),
        ("EN-gb", "en"),
        ("ar-Arab-SY-x-private", "ar"),
        ("en;q=0, ar;q=0.1", "ar"),
        ("ku, de;q=0.3", "de"),
        ("ku", "tr"),
        ("fa-AF", "en"),
        ("prs", "en"),
        ("en;q=0, fa", "de"),
        ("tr;q=1.0000, ar;q=0.001", "ar"),
        (";;,=,q=1,tr;q=abc,uk;Q=0.9", "uk"),
    ],
)
def test_a_browser_gets_the_language_it_prefers(header, language):
    """Quality values order the ranges, longer tags are shortened, zero refuses, and rubbish is passed over."""
    assert negotiate(header, OFFERED) == language


def test_leichte_sprache_is_negotiated_by_its_own_tag():
    """The registered variant `de-simple` is found where it is offered, and German where it is not."""
    assert negotiate("de-simple", ("de", "de-simple")) == "de-simple"
    assert negotiate("de-simple", OFFERED) == "de"


@given(st.text(max_size=300))
def test_no_header_breaks_negotiation(header):
    """Whatever a client sends, one of the offered languages comes out."""
    assert negotiate(header, OFFERED) in OFFERED


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("TR", "tr"),
        ("tr", "tr"),
        ("türkçe", "tr"),
        ("TÜRKÇE!", "tr"),
        ("Turkish", "tr"),
        ("Tuerkisch", "tr"),
        ("INGILIZCE", "en"),
        ("العربية", "ar"),
        ("عربي", "ar"),
        ("українська", "uk"),
        ("UA", "uk"),
        ("UK", "uk"),
        ("русский", "ru"),
        ("KU", "kmr"),
        ("KMR", "kmr"),
        ("kürtçe", "kmr"),
        ("Kurmancî", "kmr"),
        ("فارسی", "fa"),
        ("فارسي", "fa"),
        ("Dari", "fa"),
        ("po polsku", "pl"),
        ("limba română", "ro"),
        ("български", "bg"),
        ("français", "fr"),
        ("español", "es"),
        ("Tiếng Việt", "vi"),
        ("shqip", "sq"),
        ("ትግርኛ", "ti"),
        ("Leichte Sprache", "de-simple"),
        ("Almanca", "de"),
    ],
)
def test_a_resident_names_a_language_in_their_own_way(text, code):
    """Codes, endonyms and names in other languages are understood, however they are typed."""
    assert parse_language(text) == code


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_is_known_by_its_code_and_its_own_name(code):
    """No language's own word is taken by another."""
    assert parse_language(code.upper()) == code
    assert parse_language(LANGUAGES[code].endonym) == code


def test_every_language_is_known_by_its_name_in_every_other():
    """CLDR's names find their language, except that none exists for Leichte Sprache."""
    for code in LANGUAGES.keys() - {"de-simple"}:
        for reader in LANGUAGES:
            name = cldr_locale(reader).languages.get(cldr_locale(code).language)
            assert name is None or parse_language(name) == code, (name, code)


@pytest.mark.parametrize("text", ["", "  ", "Klingon", "tr de", "x" * 5000, "\x00"])
def test_what_names_no_language_is_nothing(text):
    """A guess would send messages that nobody can read."""
    assert parse_language(text) is None


def test_language_words_are_folded():
    """Each word is stored as it is looked up."""
    assert all(fold(word) == word for word in language_words())
