"""What can be wrong with a catalogue that a machine can see."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from gettext import c2py
from typing import Final

from babel.messages.catalog import Message
from babel.messages.plurals import get_plural

from shared.i18n.extraction import REVIEWED_HEADER, Catalogue
from shared.i18n.languages import cldr_locale

_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)([a-z])")
_LONE_PERCENT: Final = re.compile(r"%(?!\(\w+\)[a-z])")
_MARKUP: Final = re.compile(r"</?[a-zA-Z][^<>]*>|&#?\w+;")
_STRAY: Final = re.compile(r"[ \t]{2,}|\t| (?=\n)|\n(?= )")
#: A form for a single number may leave the number out: "two places" is one word in Arabic.
_COUNTS: Final = frozenset({"count", "num"})


def problems(catalogue: Catalogue, template: Catalogue) -> list[str]:
    """Each problem as a line that says where it is, in the catalogue's order; empty if there is none."""
    return [
        *_header_problems(catalogue),
        *_missing(catalogue, template),
        *_entry_problems(catalogue, template),
    ]


def source_problems(template: Catalogue) -> list[str]:
    """What makes an English text itself untranslatable or wrong."""
    return [
        f"{_name(message)}: {problem}"
        for message in template.texts()
        for text in _texts(message.id)
        for problem in _source_text_problems(text)
    ]


def _source_text_problems(text: str) -> Iterator[str]:
    if _LONE_PERCENT.search(text.replace("%%", "")):
        yield "a percent sign is neither %% nor part of a named placeholder like %(count)s"
    if text != text.strip() or _STRAY.search(text):
        yield "stray white space"


def _header_problems(catalogue: Catalogue) -> Iterator[str]:
    expected = get_plural(str(cldr_locale(catalogue.language)))
    if (catalogue.num_plurals, catalogue.plural_expr) != (expected.num_plurals, expected.plural_expr):
        yield f"Plural-Forms: must be {expected.plural_forms}"
    if catalogue.reviewed not in {"yes", "no"}:
        yield f"{REVIEWED_HEADER}: must be yes or no"


def _missing(catalogue: Catalogue, template: Catalogue) -> Iterator[str]:
    for message in template.texts():
        if catalogue.get(message.id, message.context) is None:
            yield f"{_name(message)}: not in the catalogue; run update"
    yield from (f"{_name(message)}: obsolete" for message in catalogue.obsolete.values())


def _entry_problems(catalogue: Catalogue, template: Catalogue) -> Iterator[str]:
    for message in catalogue.texts():
        if template.get(message.id, message.context) is None:
            yield f"{_name(message)}: not in the code; run update"
        else:
            yield from (f"{_name(message)}: {problem}" for problem in message_problems(message, catalogue))


def message_problems(message: Message, catalogue: Catalogue) -> Iterator[str]:
    """What is wrong with one translation."""
    sources, forms = _texts(message.id), _texts(message.string)
    if message.fuzzy:
        yield "fuzzy"
    if len(forms) != (catalogue.num_plurals if message.pluralizable else 1):
        yield f"has {len(forms)} plural forms, needs {catalogue.num_plurals}"
    elif not all(form.strip() for form in forms):
        yield "untranslated"
    else:
        for index, form in enumerate(forms):
            one_number = message.pluralizable and _is_for_one_number(catalogue.plural_expr, index)
            yield from _form_problems(sources, form, one_number=one_number)


def _form_problems(sources: tuple[str, ...], form: str, *, one_number: bool) -> Iterator[str]:
    wanted = {found for source in sources for found in _PLACEHOLDER.findall(source)}
    got = set(_PLACEHOLDER.findall(form))
    optional = {found for found in wanted if one_number and found[0] in _COUNTS}
    if got - wanted or wanted - got - optional:
        yield f"placeholders differ: {_listed(got)} instead of {_listed(wanted)}"
    if _LONE_PERCENT.search(form.replace("%%", "")):
        yield "a percent sign is neither %% nor part of a placeholder"
    if Counter(_MARKUP.findall(form)) not in [Counter(_MARKUP.findall(source)) for source in sources]:
        yield "HTML differs"
    if form != form.strip() or _STRAY.search(form):
        yield "stray white space"


@cache
def _is_for_one_number(expression: str, index: int) -> bool:
    """Whether a plural form stands for exactly one number, as `one` does in German but not in Ukrainian."""
    form_of = c2py(expression)
    return sum(form_of(number) == index for number in range(1000)) == 1


def _texts(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, list | tuple) else (str(text),)


def _listed(placeholders: set[tuple[str, str]]) -> str:
    return ", ".join(f"%({name}){kind}" for name, kind in sorted(placeholders)) or "none"


def _name(message: Message) -> str:
    return repr(_texts(message.id)[0])
