"""What the fields of an event, an organisation and a shift may hold, and what a reader is told of what they may not."""

import re
from collections.abc import Iterable
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.events.events.scheduling import TIME_MISSING, TIME_TWICE_OFFSET
from shared.i18n.catalogues import N_
from shared.i18n.languages import LANGUAGES
from shared.i18n.plain import AS_ONE_LINE
from shared.sms.keywords import CodeProblem

HOME_REGION = "DE"

UNKNOWN_LANGUAGE = N_("Choose one of the languages.")
UNKNOWN_ZONE = N_("Choose a time zone, for example Europe/Berlin.")
ENDS_TOO_EARLY = N_("The end has to be after the start.")
CLOSES_TOO_EARLY = N_("Registration has to end after it begins.")
NO_ADDRESS = N_("Write an e-mail address, for example office@example.org.")
NO_NUMBER = N_("Write a phone number, for example 030 1234567.")
NO_LINK = N_("Write a web address that begins with https://.")
NO_MAIN_TITLE = N_("Write a title in the main language.")
NO_NAME = N_("Write the name in each language in which there is a text.")
NOT_VOLUNTEERING = N_("This event has shifts of volunteers. Take them away first, or leave it as volunteering.")
NO_ROLE_NAME = N_("Write what the role is called in the main language.")
UNKNOWN_ROLE = N_("A shift has a role that the event does not have, or the same role twice.")
NOT_IN_ORDER = N_("Write three numbers that do not get smaller: at least, wanted, at most.")
TOO_MANY_POSTS = N_("An event can have 99 roles in its shifts: people text the number of the one that they want.")
CODE_LENGTH = N_("Write 4 to 10 letters or digits.")
CODE_CHARACTERS = N_("Use other letters. I, L, O, S, B and Z, and the digits 0, 1, 2, 5 and 8, look too much alike.")
CODE_RESERVED = N_("This word already means something in an SMS. Choose another one.")
CODE_TEXTS = {
    CodeProblem.LENGTH: CODE_LENGTH,
    CodeProblem.CHARACTERS: CODE_CHARACTERS,
    CodeProblem.RESERVED: CODE_RESERVED,
}

MESSAGES = {
    "unknown_language": UNKNOWN_LANGUAGE,
    "unknown_zone": UNKNOWN_ZONE,
    "ends_too_early": ENDS_TOO_EARLY,
    "closes_too_early": CLOSES_TOO_EARLY,
    "no_address": NO_ADDRESS,
    "no_number": NO_NUMBER,
    "no_link": NO_LINK,
    "no_main_title": NO_MAIN_TITLE,
    "no_name": NO_NAME,
    "not_volunteering": NOT_VOLUNTEERING,
    "no_role_name": NO_ROLE_NAME,
    "unknown_role": UNKNOWN_ROLE,
    "not_in_order": NOT_IN_ORDER,
    "too_many_posts": TOO_MANY_POSTS,
    "time_missing": TIME_MISSING,
    "time_twice": TIME_TWICE_OFFSET,
} | {f"code_{problem}": message for problem, message in CODE_TEXTS.items()}
"""What a reader is told of each kind of error that is raised here, for `shared.web.validation`."""

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,63}")
_LINK = re.compile(r"https?://[^\s/]+\.[^\s]+")


def refuse(kind: str) -> PydanticCustomError:
    """The error of this kind, which `MESSAGES` explains to the reader."""
    return PydanticCustomError(kind, MESSAGES[kind])


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise refuse("unknown_language")
    return code


def in_order(codes: Iterable[str]) -> list[str]:
    """The languages in the order in which they are shown everywhere, each once."""
    chosen = set(codes)
    return [code for code in LANGUAGES if code in chosen]


Language = Annotated[str, Field(json_schema_extra={"enum": list(LANGUAGES)}), AfterValidator(_language)]
Languages = Annotated[list[Language], AfterValidator(in_order)]
Line = Annotated[str, StringConstraints(max_length=200), AS_ONE_LINE]


def link_of(text: str) -> str:
    """A web address, or nothing. Raises PydanticCustomError."""
    if text and not _LINK.fullmatch(text):
        raise refuse("no_link")
    return text


def is_address(text: str) -> bool:
    """Whether this looks like an e-mail address."""
    return bool(_ADDRESS.fullmatch(text))


def address_of(text: str) -> str:
    """An e-mail address, or nothing. Raises PydanticCustomError."""
    if text and not is_address(text):
        raise refuse("no_address")
    return text


def international(number: str) -> str:
    """A phone number as it is written for readers everywhere: `+49 30 1234567`."""
    try:
        parsed = phonenumbers.parse(number, HOME_REGION)
    except phonenumbers.NumberParseException:
        raise refuse("no_number") from None
    if not phonenumbers.is_possible_number(parsed):
        raise refuse("no_number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
