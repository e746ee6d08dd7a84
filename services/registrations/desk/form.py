"""The form that the desk fills in for somebody who calls or stands there: the wish in it, or all that is wrong."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from services.registrations.consents.commands import answers
from services.registrations.people.commands import Address
from services.registrations.people.model import Means
from services.registrations.registrations import wishes
from services.registrations.registrations.admission import Wish
from services.registrations.registrations.form import (
    Filled,
    chosen_channel,
    in_order,
    read_wish,
    share_names,
    wrong_size,
)
from services.registrations.registrations.wishes import Blank, Language, NameLine
from services.registrations.settings import RegistrationsSettings
from shared.contracts.events import EventState
from shared.contracts.registrations import Channel
from shared.i18n.catalogues import N_
from shared.i18n.plain import AS_ONE_LINE, one_line
from shared.web.forms import FormErrors
from shared.web.reader import Reader

FIELDS = ("name", "party_size", "language", "channel", "email", "phone", "reach", "consent")
PAPER = "paper"
HEARD = "heard"

NO_CHANNEL = N_("Choose how the person is told.")
NO_CONSENT = N_("Without the person's agreement we may not keep the data. Read the text to them and ask.")
NO_NAME = N_("Write a name, so that the desk finds the person again.")

ReachLine = Annotated[str, StringConstraints(max_length=200), AS_ONE_LINE]
CONSENTS = {Means.EMAIL: "email", Means.PHONE: "sms", Means.PAPER: PAPER}


class PaperRequest(BaseModel):
    """What the desk writes down of somebody who has neither phone nor mail."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    name: Annotated[NameLine, StringConstraints(min_length=1)]
    reach: Annotated[ReachLine | None, Blank] = None
    language: Language
    consent: Literal[True]


def desk_channel(values: Mapping[str, str]) -> str | None:
    """How the person is told: as chosen, else by the one field that is filled in."""
    return PAPER if values.get("channel") == PAPER else chosen_channel(values)


def read_desk_wish(
    values: Mapping[str, str],
    key: UUID,
    settings: RegistrationsSettings,
    event: EventState,
    reader: Reader,
    member_id: UUID,
) -> Filled:
    """The wish of the form, which `member_id` filled in while speaking with the person.

    The owner of a number is asked as on the web, unless the desk says that it heard the agreement from the owner.
    """
    if desk_channel(values) == PAPER:
        filled = _read_paper(values, key, event, reader)
    else:
        filled = read_wish(values, key, settings, event, reader)
    if filled.wish is None:
        return Filled(None, _as_the_desk_is_told(filled.errors, reader))
    means = filled.wish.address.means
    wish = replace(
        filled.wish,
        channel=Channel.DESK,
        consent=f"desk-{CONSENTS[means]}-{settings.consent_version}",
        ask_owner=means is Means.PHONE and values.get(HEARD) != "yes",
        told_by=member_id,
    )
    return Filled(wish, FormErrors())


def _read_paper(values: Mapping[str, str], key: UUID, event: EventState, reader: Reader) -> Filled:
    """The key of the form makes the address, so that a form which is sent twice is one person."""
    wrong = dict(wrong_size(values, event.largest_party, reader))
    given = {name: values.get(name, "") for name in ("name", "reach", "language")}
    try:
        typed = PaperRequest.model_validate({**given, "consent": values.get("consent") == "yes"})
    except ValidationError as error:
        own = {} if one_line(given["name"]) else {"name": reader.gettext(NO_NAME)}
        return Filled(None, in_order({**FormErrors.of(error, reader, own), **wrong}, FIELDS))
    if wrong:
        return Filled(None, in_order(wrong, FIELDS))
    address = Address(Means.PAPER, f"{PAPER}:{key}", typed.language, name=typed.name, reach=typed.reach)
    size = wishes.party_size(values["party_size"].strip())
    agreed = answers(event, {one: values.get(name) == "yes" for one, name in share_names(event).items()})
    wish = Wish(address, size, Channel.DESK, "", name=typed.name, request_key=key, agreed=agreed)
    return Filled(wish, FormErrors())


def _as_the_desk_is_told(errors: FormErrors, reader: Reader) -> FormErrors:
    """What concerns the person is said of the person: it is not the reader who has to agree."""
    own = {"channel": NO_CHANNEL, "consent": NO_CONSENT}
    told = {name: reader.gettext(own[name]) if name in own else message for name, message in errors.items()}
    return in_order(told, FIELDS)
