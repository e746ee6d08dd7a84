"""In which language somebody is answered whom we do not know."""

import pytest

from shared.sms.guessing import guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("YARDIM", "tr"),
        ("yardim lutfen", "tr"),
        ("HILFE", "de"),
        ("مساعدة", "ar"),
        ("допомога", "uk"),
        ("hello my friends", "en"),
        ("مرحبا يا جماعة", "ar"),
        ("щось інше", "uk"),
        ("GARTEN 3", None),
        ("", None),
        ("🌱🌱", None),
        ("\x00\ud800", None),
    ],
)
def test_a_word_or_the_script_tells_the_language(text, language):
    """A word that one language alone has tells it, else the letters do; where nothing tells, nothing is guessed."""
    assert guess_language(text) == language


def test_words_of_two_languages_tell_nothing():
    """Somebody who mixes languages gets the default rather than one by chance."""
    assert guess_language("HILFE YARDIM") is None
