"""The registration form as it was filled in: the wish in it, or everything that is wrong with it at once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from services.registrations.consents.commands import asking
from services.registrations.registrations import wishes
from services.registrations.registrations.admission import Wish
from services.registrations.registrations.wishes import RegistrationRequest
from services.registrations.settings import RegistrationsSettings
from shared.contracts.events import EventState
from shared.i18n.catalogues import N_
from shared.i18n.formats import format_number
from shared.i18n.plain import one_line
from shared.web.forms import FormErrors
from shared.web.reader import Reader

FIELDS = ("party_size", "channel", "email", "phone", "name", "language", "consent")
CONTACTS = ("email", "phone")
AT_MOST = N_("At most %(largest)s people can come together.")
WRONG_CONTACT = {"email": wishes.BAD_EMAIL, "phone": wishes.BAD_PHONE, "no-sms": wishes.NO_SMS}


class Filled(NamedTuple):
    """What came of a form: a wish, or errors in the order of the fields."""

    wish: Wish | None
    errors: FormErrors


def read_wish(
    values: Mapping[str, str], key: UUID, settings: RegistrationsSettings, event: EventState, reader: Reader
) -> Filled:
    """The wish of a form; only the chosen way of contact counts, whatever stands in the field of the other."""
    channel = chosen_channel(values)
    wrong = dict(_wrong_contact(values, channel, settings, reader)) | dict(
        wrong_size(values, event.largest_party, reader)
    )
    given = {
        "party_size": 1 if "party_size" in wrong else wishes.party_size(values["party_size"].strip()),
        "email": values.get("email") if channel == "email" else None,
        "phone": values.get("phone") if channel == "phone" else None,
        "name": values.get("name"),
        "language": values.get("language", ""),
        "consent": values.get("consent") == "yes",
        "share_with": [one for one in share_names(event) if values.get(share_names(event)[one]) == "yes"],
    }
    try:
        typed = RegistrationRequest.model_validate(given)
    except ValidationError as error:
        found = FormErrors.of(error, reader, {"consent": reader.gettext(wishes.NO_CONSENT)})
        return Filled(None, in_order({**found, **wrong}))
    return Filled(None, in_order(wrong)) if wrong else Filled(typed.wish(settings, key, event), FormErrors())


def share_names(event: EventState) -> dict[UUID, str]:
    """For each co-host that asks to see who comes, the name of its box in a form."""
    return {co_host.organisation_id: f"share-{co_host.organisation_id}" for co_host in asking(event)}


def chosen_channel(values: Mapping[str, str]) -> str | None:
    """How the person wants to be reached: as chosen, else by the one field that is filled in."""
    if values.get("channel") in CONTACTS:
        return values["channel"]
    filled = [name for name in CONTACTS if values.get(name, "").strip()]
    return filled[0] if len(filled) == 1 else None


def _wrong_contact(
    values: Mapping[str, str], channel: str | None, settings: RegistrationsSettings, reader: Reader
) -> Iterable[tuple[str, str]]:
    if channel is None:
        yield "channel", reader.gettext(wishes.NO_CHANNEL)
        return
    typed = one_line(values.get(channel, ""))
    try:
        if channel == "email":
            wishes.email_address(typed)
        else:
            wishes.phone_number(typed, settings.default_region)
    except PydanticCustomError as error:
        yield channel, reader.gettext(WRONG_CONTACT[error.type])


def wrong_size(values: Mapping[str, str], largest_party: int, reader: Reader) -> Iterable[tuple[str, str]]:
    """What is wrong with the number of people, if anything."""
    try:
        largest = min(largest_party, wishes.MOST_PEOPLE)
        if wishes.party_size(values.get("party_size", "").strip()) > largest:
            yield "party_size", reader.gettext(AT_MOST, largest=format_number(largest, reader.language))
    except ValueError:
        yield "party_size", reader.gettext(wishes.BAD_PARTY)


def in_order(wrong: Mapping[str, str], fields: Sequence[str] = FIELDS) -> FormErrors:
    """What is wrong, in the order of the form's fields."""
    errors = FormErrors()
    unplaced = [name for name in wrong if name not in fields and name]
    for field in (*fields, *unplaced):
        if field in wrong:
            errors.add(field, wrong[field])
    return errors
