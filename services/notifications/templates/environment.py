"""Jinja for notifications: one environment per language and flavour, each template compiled once per process.

The lines of an SMS are its sentences, which a space parts; in mails, blocks leave no lines behind.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from shared.i18n import formats
from shared.i18n.catalogues import translations

MESSAGES = Path(__file__).parent / "messages"
Flavour = Literal["sms", "text", "html"]


@cache
def template(name: str, language: str, flavour: Flavour) -> Template:
    """A compiled template of `messages/`. Raises jinja2.TemplateNotFound."""
    return _environment(language, flavour).get_template(name)


@cache
def _environment(language: str, flavour: Flavour) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(MESSAGES),
        autoescape=flavour == "html",  # noqa: S701 - the other flavours are plain text
        undefined=StrictUndefined,
        trim_blocks=flavour != "sms",
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(_words(language, flavour))
    environment.filters.update(
        number=lambda value: formats.format_number(value, language),
        paragraphs=_paragraphs,
    )
    return environment


def _words(language: str, flavour: Flavour) -> dict[str, Callable[..., Any]]:
    """`_` and `ngettext`. What the catalogues hold is our own; values are escaped in HTML."""
    texts = translations(language)

    def filled(text: str, values: dict[str, object]) -> str:
        if flavour == "html":
            return Markup(text % {name: escape(value) for name, value in values.items()})  # noqa: S704 - escaped
        return text % values

    def gettext(message: str, **values: object) -> str:
        return filled(texts.gettext(message), values)

    def ngettext(singular: str, plural: str, count: int, **values: object) -> str:
        number = {"count": formats.format_number(count, language)}
        return filled(texts.ngettext(singular, plural, count), number | values)

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext}


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, which blank lines part; the lines of one are joined."""
    make = type(text)
    joined = [" ".join(part.split()) for part in str(text).split("\n\n")]
    return [make(part) for part in joined if part]
