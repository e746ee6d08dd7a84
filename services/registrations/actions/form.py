"""The form of the list as it was sent: what is to be done to which registrations, or what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

from starlette.datastructures import FormData

from services.registrations.actions.model import Action
from services.registrations.actions.wording import EMPTY_CHOICE, NO_ACTION, TOO_LONG
from services.registrations.registrations import wishes
from services.registrations.registrations.form import AT_MOST
from services.registrations.registrations.listing import Wanted
from services.registrations.registrations.model import LONGEST_NOTE
from shared.contracts.registrations import DeclineReason
from shared.declines import REASONS
from shared.i18n.formats import format_number
from shared.i18n.plain import lines
from shared.web.forms import FormErrors
from shared.web.reader import Reader

AT_ONCE = (Action.MARK, Action.UNMARK)
"""These need no second step: nobody is told, and they are undone as quickly."""


@dataclass(frozen=True)
class Chosen:
    """What was sent. `values` is what was typed, `confirmed` whether the step before the effect was seen."""

    action: Action | None
    ids: tuple[UUID, ...]
    values: Mapping[str, str]
    confirmed: bool
    added: bool
    wanted: Wanted

    @property
    def note(self) -> str:
        """The note as it is kept."""
        return lines(self.values["note"])

    @property
    def reason(self) -> DeclineReason | None:
        """Why somebody is declined, of what a coordinator can say; None where nothing was chosen."""
        return next((one for one in REASONS if one == self.values["reason"]), None)

    @property
    def party_size(self) -> int:
        """The number of people. Raises ValueError where none was typed."""
        return wishes.party_size(self.values["party_size"].strip())


def read_chosen(form: FormData) -> Chosen:
    """What the form says; what names no registration is passed over."""
    action, search = str(form.get("action", "")), str(form.get("search", ""))
    ids = [known for sent in form.getlist("registration") if (known := _uuid(str(sent)))]
    return Chosen(
        action=Action(action) if action in list(Action) else None,
        ids=tuple(dict.fromkeys(ids)),
        values={name: str(form.get(name, "")) for name in ("note", "party_size", "reason")},
        confirmed=form.get("confirmed") == "yes" or action in AT_ONCE,
        added=form.get("added") == "yes",
        wanted=Wanted.read(dict(parse_qsl(search))),
    )


def errors_of(chosen: Chosen, largest_party: int, reader: Reader) -> FormErrors:
    """What stands in the way, in the reader's language; what is typed counts only once it was asked for."""
    errors = FormErrors()
    if chosen.action is None:
        errors.add("action", reader.gettext(NO_ACTION))
    if not chosen.ids:
        errors.add("", reader.gettext(EMPTY_CHOICE))
    if chosen.confirmed and chosen.action is Action.NOTE and len(chosen.note) > LONGEST_NOTE:
        errors.add("note", reader.gettext(TOO_LONG, max_length=format_number(LONGEST_NOTE, reader.language)))
    if chosen.confirmed and chosen.action is Action.DECLINE and chosen.reason is None:
        errors.add("reason", reader.gettext(NO_ACTION))
    if chosen.confirmed and chosen.action is Action.PARTY and (wrong := _wrong_size(chosen, largest_party, reader)):
        errors.add("party_size", wrong)
    return errors


def _wrong_size(chosen: Chosen, largest_party: int, reader: Reader) -> str:
    largest = min(largest_party, wishes.MOST_PEOPLE)
    try:
        if chosen.party_size > largest:
            return reader.gettext(AT_MOST, largest=format_number(largest, reader.language))
    except ValueError:
        return reader.gettext(wishes.BAD_PARTY)
    return ""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
