"""Which language a text is in, as far as a few words tell: so that somebody whom we do not know is answered in it."""

import unicodedata
from collections import Counter
from functools import cache

from shared.i18n.folding import fold
from shared.sms.words import Role, intent_words, table

_SCRIPTS = {"ARABIC": "ar", "CYRILLIC": "uk", "ETHIOPIC": "ti"}
_READ = 2000


def guess_language(text: str) -> str | None:
    """The one language whose lists alone hold a word of the text; else the language of its script; else None."""
    return _of_words(text) or _of_script(text)


def _of_words(text: str) -> str | None:
    folded = fold(text[:_READ])
    known = [_speakers()[word] for word in {folded, *folded.split()} if len(word) > 1 and word in _speakers()]
    told = {next(iter(languages)) for languages in known if len(languages) == 1}
    return told.pop() if len(told) == 1 else None


def _of_script(text: str) -> str | None:
    names = (unicodedata.name(letter, "").partition(" ")[0] for letter in text[:_READ] if letter.isalpha())
    scripts = Counter(name for name in names if name)
    return _SCRIPTS.get(scripts.most_common(1)[0][0]) if scripts else None


@cache
def _speakers() -> dict[str, set[str]]:
    """Each folded keyword and courtesy, and the languages that have it."""
    speakers: dict[str, set[str]] = {}
    for _intent, language, word in intent_words():
        speakers.setdefault(word, set()).add(language)
    for language, words in table()[Role.POLITE].items():
        for word in words:
            speakers.setdefault(fold(word), set()).add(language)
    return speakers
