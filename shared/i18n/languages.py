"""The languages of Teilhabe: how each is named and written, and what its readers accept in its place."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from babel import Locale

from shared.i18n.folding import fold

Direction = Literal["ltr", "rtl"]

CATALOGUE_FOLDER: Final = Path(__file__).parent / "catalogues"


@dataclass(frozen=True, slots=True)
class Language:
    """A language that people may choose.

    `chain` lists, best first, the languages its readers get when a text is missing; it starts with the
    language itself and always holds German and English. `locale` is the CLDR locale for Babel.
    """

    code: str
    endonym: str
    direction: Direction
    chain: tuple[str, ...]
    locale: str


def _language(code: str, endonym: str, instead: str, locale: str = "") -> Language:
    written: Direction = "rtl" if code in {"ar", "fa"} else "ltr"
    return Language(code, endonym, written, (code, *instead.split()), locale or code)


# Where a community has long lived in Germany, German comes before English; where most came lately, English.
# Ukrainian does not fall back to Russian: many read it, but not all want to. English takes European dates
# (en_150), since 5/12 and 12/5 must never be mistaken. CLDR files Kurmanji under ku.
LANGUAGES: Final[dict[str, Language]] = {
    language.code: language
    for language in (
        _language("de", "Deutsch", "en"),
        _language("de-simple", "Leichte Sprache", "de en", "de"),
        _language("en", "English", "de", "en_150"),
        _language("tr", "Türkçe", "de en"),
        _language("ar", "العربية", "en de"),
        _language("fa", "فارسی", "en de"),
        _language("uk", "Українська", "en de"),
        _language("ru", "Русский", "de en"),
        _language("kmr", "Kurdî (Kurmancî)", "tr de en", "ku"),
        _language("pl", "Polski", "de en"),
        _language("ro", "Română", "en de"),
        _language("bg", "Български", "en de"),
        _language("fr", "Français", "en de"),
        _language("es", "Español", "en de"),
        _language("vi", "Tiếng Việt", "de en"),
        _language("sq", "Shqip", "de en"),
        _language("ti", "ትግርኛ", "en de"),
    )
}

#: The languages that pages and notifications are written in: those with a catalogue, and the source.
PAGE_LANGUAGES: Final[tuple[str, ...]] = tuple(
    code for code in LANGUAGES if code == "en" or (CATALOGUE_FOLDER / f"{code}.po").is_file()
)

# Tags by which browsers and phones name a language that we know by another code.
_TAGS: Final = {"ku": "kmr", "prs": "fa", "pes": "fa", "mo": "ro", "als": "sq", "aln": "sq"}

_RANGE = re.compile(r"\*|[a-z]{1,8}(-[a-z0-9]{1,8})*")
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")

# What people write besides the code, the endonym and the name that CLDR gives each language in every other.
# Left out for what they mean elsewhere: `per` (Persian), `bul` (Bulgarian), `ara` (Arabic), `alb` (Albanian).
_NAMES: Final = {
    "de": "ger deu almanca alman almani allemand aleman niemiecki nimecka німецька немецкий ألماني الماني",
    "de-simple": "leicht einfach leichte_sprache einfache_sprache einfaches_deutsch leichtes_deutsch"
    " easy_german simple_german plain_german",
    "en": "eng gb ingilizce inglizi angielski inglish انجليزي انكليزي انگليش",
    "tr": "tur turc turco tuerkisch turki turkisch تركي ترکی",
    "ar": "arabi arabic araby arabiya عربي عربى العربي العربية",
    "fa": "fas prs farsi dari dary parsi persian afghani فارسي دری دري",
    "uk": "ua ukr ukrain ukrainska ukrayinska ukrainska_mova українською украинська укр",
    "ru": "rus russkij russkiy russki po_russki русский русская русски по_русски рус",
    "kmr": "ku kur kurd kurdi kurmanci kurmandschi kurmanji kurmancî kurdisch kurdish كردي كرمانجي",
    "pl": "pol polska polnisch po_polsku",
    "ro": "ron rum rumaenisch romana romaneste moldova moldoveneste limba_romana",
    "bg": "balgarski bulgarski",
    "fr": "fra fre franzoesisch francais francés frz فرنسي",
    "es": "spa espanol castellano اسباني",
    "vi": "vie vn viet vietnam tieng_viet",
    "sq": "al sqi albani shqipe",
    "ti": "tir tigrigna tigrinya tigrinja tigrinia",
}


def direction(code: str) -> Direction:
    """How the language is written; left to right for a code we do not know."""
    language = LANGUAGES.get(code)
    return language.direction if language else "ltr"


def fallback_chain(code: str) -> tuple[str, ...]:
    """The languages to try for a reader, best first, their own at the start. Raises KeyError if unknown."""
    return LANGUAGES[code].chain


def cldr_locale(code: str) -> Locale:
    """Babel's locale of a language; German's for an unknown code. Cached."""
    return _locale(LANGUAGES.get(code, LANGUAGES["de"]).locale)


@cache
def _locale(identifier: str) -> Locale:
    return Locale.parse(identifier)


def negotiate(accept_language: str | None, offered: Sequence[str], default: str = "de") -> str:
    """The offered language that fits an `Accept-Language` header best (RFC 9110 §12.5.4, RFC 4647 §3.4).

    A range is shortened until it names an offered language. Only if no range does, the fallback chains of
    the ranges are tried; then the default is given. Rubbish in the header is passed over.
    """
    weighted = sorted(_ranges(accept_language or ""), key=lambda pair: -pair[1])
    refused = {_tag(tag) for tag, quality in weighted if quality == 0}
    candidates = [code for code in offered if code not in refused]
    wanted = [tag for tag, quality in weighted if quality > 0]
    direct = (_lookup(tag, candidates) for tag in wanted)
    chains = (instead for tag in wanted for instead in _chain(tag) if instead in candidates)
    return next(filter(None, direct), None) or next(chains, default)


def _tag(tag: str) -> str:
    primary, _, rest = tag.partition("-")
    return f"{_TAGS.get(primary, primary)}-{rest}".strip("-")


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    """The language ranges of a header with their quality between 0 and 1; at most the first 50."""
    for part in header[:2000].lower().split(",")[:50]:
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        if _RANGE.fullmatch(tag):
            yield _tag(tag), _quality(parameters)


def _quality(parameters: list[str]) -> float:
    """The weight of a range; 1 where none is given, 0 where it cannot be read."""
    given = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    return float(given) if _QUALITY.fullmatch(given) else 0.0


def _lookup(tag: str, offered: Sequence[str]) -> str | None:
    subtags = tag.split("-")
    while subtags:
        if (shortened := "-".join(subtags)) in offered:
            return shortened
        subtags.pop()
    return None


def _chain(tag: str) -> tuple[str, ...]:
    known = _lookup(tag, tuple(LANGUAGES))
    return LANGUAGES[known].chain if known else ()


@cache
def language_words() -> dict[str, str]:
    """Every folded way to write a language that we understand, with the code it means.

    The codes and endonyms, CLDR's name of each language in every other, and what people write besides.
    """
    words: dict[str, str] = {}
    for code, language in LANGUAGES.items():
        ours = (code, language.endonym, *(name.replace("_", " ") for name in _NAMES[code].split()))
        for name in (*ours, *_cldr_names(code)):
            words.setdefault(fold(name), code)
    return words


def _cldr_names(code: str) -> Iterator[str]:
    """The names of a language in all our languages; none for Leichte Sprache, whose locale is German's."""
    if "-" in code:
        return
    tag = cldr_locale(code).language
    for reader in LANGUAGES:
        yield cldr_locale(reader).languages.get(tag, tag)


def parse_language(text: str) -> str | None:
    """The code of the language that someone named: `TR`, `türkçe`, `Turkish`, `العربية`; None if unclear.

    Case, accents and punctuation make no difference. UK and UA both mean Ukrainian.
    """
    return language_words().get(fold(text[:100]))
