import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.i18n.folding import fold as fold_words
from shared.sms.encoding import (
    FORBIDDEN,
    GSM_BASIC,
    GSM_EXTENSION,
    Segments,
    encoding_of,
    fold,
    plain_typography,
    segments,
    split,
)

GSM_TEXT = st.text(st.sampled_from(sorted(GSM_BASIC | GSM_EXTENSION)), max_size=700)
ANY_TEXT = st.text(max_size=400)


def units_of(text, encoding):
    if encoding == "UCS-2":
        return len(text.encode("utf-16-be", "surrogatepass")) // 2
    return len(text) + sum(character in GSM_EXTENSION for character in text)


def test_the_gsm_alphabet_is_complete():
    """The default alphabet has 127 characters beside the escape, and the extension table ten."""
    assert len(GSM_BASIC) == 127
    assert len(GSM_EXTENSION) == 10
    assert not GSM_BASIC & GSM_EXTENSION


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments(0, "GSM-7", 0, 160)),
        ("Hallo", Segments(1, "GSM-7", 5, 155)),
        ("a" * 160, Segments(1, "GSM-7", 160, 0)),
        ("a" * 161, Segments(2, "GSM-7", 161, 145)),
        ("a" * 306, Segments(2, "GSM-7", 306, 0)),
        ("a" * 307, Segments(3, "GSM-7", 307, 152)),
        ("€" * 80, Segments(1, "GSM-7", 160, 0)),
        ("a" * 152 + "€" + "a" * 100, Segments(2, "GSM-7", 254, 51)),
        ("ş" * 70, Segments(1, "UCS-2", 70, 0)),
        ("ş" * 71, Segments(2, "UCS-2", 71, 63)),
        ("ş" * 134, Segments(2, "UCS-2", 134, 0)),
        ("ş" * 135, Segments(3, "UCS-2", 135, 66)),
        ("😀" * 35, Segments(1, "UCS-2", 70, 0)),
        ("ş" * 66 + "😀" + "ş" * 10, Segments(2, "UCS-2", 78, 55)),
    ],
)
def test_a_text_costs_what_the_standard_says(text, expected):
    """160 and 153 septets, 70 and 67 units; pairs count two, and move whole into the next segment."""
    assert segments(text) == expected


@given(GSM_TEXT)
@example("a" * 152 + "€")
@example("a" * 152 + "€" + "b" * 20)
def test_gsm_segments_hold_the_whole_text(text):
    """Split and joined again, a GSM text is the same, and no segment is too long."""
    parts = split(text)
    assert "".join(parts) == text
    assert encoding_of(text) == "GSM-7"
    assert all(0 < units_of(part, "GSM-7") <= (153 if len(parts) > 1 else 160) for part in parts)


@given(ANY_TEXT)
@example("ş" * 66 + "😀" * 3)
def test_segments_of_any_text_fit_and_lose_nothing(text):
    """No part is over its limit, no surrogate pair is torn, and the figures agree with UTF-16."""
    parts, cost = split(text), segments(text)
    assert "".join(parts) == text
    assert cost.count == len(parts)
    assert cost.units == units_of(text, cost.encoding)
    assert cost.units_left >= 0


@pytest.mark.parametrize(
    ("text", "language", "folded"),
    [
        ("„Grüße“ – heute…", "de", '"Grüße" - heute...'),
        ("l’été «ici»", "fr", 'l\'été "ici"'),
        ("10\u202fUhr\u00a0früh", "de", "10 Uhr früh"),
        ("Gru\u0308ße", "de", "Grüße"),
        ("„İyi günler…“", "tr", "„İyi günler…“"),
        ("п’ять – шість", "uk", "п’ять – шість"),
        ("می\u200cخواهم", "fa", "می خواهم"),
        ("Auf\u200clage", "de", "Auflage"),
        ("\u2067السبت\u2069", "ar", "السبت"),
        ("Łódź", "pl", "Łódź"),
        ("Français", "fr", "Français"),
    ],
)
def test_typography_is_folded_where_it_saves_money_and_letters_stay(text, language, folded):
    """Plain signs replace fine ones only if the text then fits GSM; no letter becomes another or `?`."""
    assert fold(text, language) == folded


@given(ANY_TEXT, st.sampled_from(["de", "fa", "uk"]))
def test_folding_keeps_every_letter_and_no_invisible_sign(text, language):
    """Folding twice changes nothing, forbidden characters are gone, and letters and digits are all there."""
    folded = fold(text, language)
    assert fold(folded, language) == folded
    assert not set(folded) & FORBIDDEN
    kept = [character for character in plain_typography(text) if character.isalnum()]
    assert [character for character in plain_typography(folded) if character.isalnum()] == kept


@given(ANY_TEXT)
def test_folding_never_makes_a_text_dearer_in_gsm(text):
    """A text that is in the GSM alphabet stays in it."""
    if encoding_of(text) == "GSM-7":
        assert encoding_of(fold(text, "de")) == "GSM-7"


@pytest.mark.parametrize("code", [0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0xFEFF])
def test_bidi_controls_and_zero_width_characters_are_forbidden(code):
    """Our texts never send a character that nobody sees and everybody pays for."""
    assert chr(code) in FORBIDDEN
    assert fold(f"a{chr(code)}b", "en") == "ab"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("HAYIR", "hayır"),
        ("İPTAL", "iptal"),
        ("ıptal", "IPTAL"),
        ("Arrêt!", "arret"),
        ("إيقاف", "ايقاف"),
        ("أوقف", "اوقف"),
        ("إلغاء", "الغا"),
        ("توقّـــف", "توقف"),
        ("کمک", "كمك"),
        ("وضعیت", "وضعيت"),
        ("حالة", "حاله"),
        ("٣ ۳ ３ ३", "3 3 3 3"),
        ("ＳＴＯＰ", "stop"),
        ("st\u200bop\u200f", "stop"),
        ("п’ять", "п'ять"),
        ("їжак", "іжак"),
        ("Łódź", "lodz"),
        ("Straße", "strasse"),
        ("ja👍🏽", "ja 👍"),
        ("STOP,\n danke.", "stop danke"),
        ("ደው።", "ደው"),
    ],
)
def test_spellings_that_people_hold_equal_fold_equally(typed, meant):
    """Case, accents, script variants, digits and invisible characters make no difference."""
    assert fold_words(typed) == fold_words(meant)


@given(st.text(max_size=2000))
@example("ﷺ İ ı ǅ ẞ ᾳ ͅ ḯ")
def test_folding_twice_changes_nothing(text):
    """A folded text is its own folding."""
    assert fold_words(fold_words(text)) == fold_words(text)
