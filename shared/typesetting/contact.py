"""Whom to ask, as every sheet of an event says it."""

from collections.abc import Mapping, Sequence

import phonenumbers

from shared.typesetting.said import Section, as_it_is, chosen, composed, endonyms, written
from shared.typesetting.words import Words


def readable_number(number: str) -> str:
    """A number in E.164 as people read and dial it; another one as it is."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def contact_section(
    language: str, *, name: str, phone: str, email: str, languages: Sequence[str], hours: Mapping[str, str]
) -> Section:
    """The contact person or office, how to reach it, in which languages, and when."""
    words = Words(language)
    lines = [written(name, language)]
    if phone:
        lines.append(words.gettext("Phone: %(phone)s", phone=as_it_is(readable_number(phone))))
    if email:
        lines.append(composed(as_it_is(email), language))
    if languages:
        lines.append(words.gettext("We speak: %(languages)s", languages=endonyms(languages)))
    if reached := chosen(hours, language):
        lines.append(reached)
    return Section(label=words.gettext("Do you have questions?"), lines=lines)
