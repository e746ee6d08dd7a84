"""The form of shifts as it was filled in: which roles in which shifts, and how the person is reached."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from starlette.datastructures import FormData

from services.registrations.registrations.form import Filled, read_wish
from services.registrations.settings import RegistrationsSettings
from services.registrations.shifts.overlaps import overlapping
from services.registrations.shifts.wording import AT_ONE_TIME, CHOOSE, TOO_MANY
from shared.contracts.events import EventState
from shared.i18n.formats import format_range
from shared.shifts import Post
from shared.web.forms import FormErrors
from shared.web.reader import Reader
from shared.web.shown import pick

MOST_AT_ONCE = 20


def chosen_posts(form: FormData, posts: Iterable[Post]) -> list[Post]:
    """The roles that were ticked, by the time of their shifts; numbers that there are not are passed over."""
    numbers = set(map(str, form.getlist("post")))
    return [post for post in posts if str(post.number) in numbers]


def named(post: Post, reader: Reader, zone: str) -> str:
    """A role in a shift as a sentence names it."""
    when = format_range(post.session.starts_at, post.session.ends_at, reader.language, zone)
    return f"{pick(post.role.name, reader.language).text}, {when}"


def read_sign_up(
    values: Mapping[str, str],
    chosen: list[Post],
    key: UUID,
    settings: RegistrationsSettings,
    event: EventState,
    reader: Reader,
) -> Filled:
    """The wish of the form, for each of the roles that were chosen, or all that is wrong with it."""
    wish, wrong = read_wish({**values, "party_size": "1"}, key, settings, event, reader)
    errors = FormErrors()
    if problem := _problem(chosen, reader, event.time_zone):
        errors.add("post", problem)
    for field, message in wrong.items():
        errors.add(field, message)
    return Filled(None if errors else wish, errors)


def _problem(chosen: list[Post], reader: Reader, zone: str) -> str:
    if not chosen:
        return reader.gettext(CHOOSE)
    if len(chosen) > MOST_AT_ONCE:
        return reader.gettext(TOO_MANY, most=MOST_AT_ONCE)
    if together := overlapping(chosen):
        one, other = (named(post, reader, zone) for post in together)
        return reader.gettext(AT_ONE_TIME, one=one, other=other)
    return ""
