"""The plan of a day of volunteers, to hang up: who does what in each shift, and where somebody is missing."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from shared.contracts.events import EventState
from shared.i18n.languages import direction
from shared.shifts import Post
from shared.typesetting.compiling import TEMPLATES, TooLargeError, typeset
from shared.typesetting.event_facts import contact_of, date_of, place_of, title_of
from shared.typesetting.said import Said, Section, chosen, tag, written
from shared.typesetting.words import Words

MOST_NAMES: Final = 2_500
"""What one file holds."""
_TEMPLATE: Final = TEMPLATES / "plan.typ"


class PlannedPost(NamedTuple):
    """A role in a shift, the names of those who have it, and of the substitutes in order; no name is an empty one."""

    post: Post
    here: Sequence[str]
    substitutes: Sequence[str]


class PlanRow(BaseModel):
    """One role. `missing` says how many more it takes."""

    model_config = ConfigDict(frozen=True)

    role: Said
    people: list[Said]
    substitutes: list[Said]
    missing: Said | None


class PlanShift(BaseModel):
    """One shift with its roles."""

    model_config = ConfigDict(frozen=True)

    when: Said
    place: Said | None
    rows: list[PlanRow]


class Plan(BaseModel):
    """The whole plan. `page` is the sentence with `{page}` and `{pages}` in it."""

    model_config = ConfigDict(frozen=True)

    language: str
    direction: Literal["ltr", "rtl"]
    heading: Said
    title: Said
    lines: list[Said]
    columns: list[Said]
    shifts: list[PlanShift]
    contact: Section
    page: Said


def plan(event: EventState, shifts: Iterable[Sequence[PlannedPost]], language: str) -> Plan:
    """What the plan says, shift by shift. Raises TooLargeError past MOST_NAMES."""
    planned = list(shifts)
    if sum(len(one.here) + len(one.substitutes) for posts in planned for one in posts) > MOST_NAMES:
        raise TooLargeError(_TEMPLATE.name)
    words = Words(language)
    return Plan(
        language=tag(language),
        direction=direction(language),
        heading=words.gettext("Plan"),
        title=title_of(event, language),
        lines=place_of(event, language),
        columns=[words.gettext("Role in the shift"), words.gettext("Who is there"), words.gettext("Substitutes")],
        shifts=[_shift(event, posts, words) for posts in planned if posts],
        contact=contact_of(event, language),
        page=words.gettext("Page %(page)s of %(pages)s", page="{page}", pages="{pages}"),
    )


def _shift(event: EventState, posts: Sequence[PlannedPost], words: Words) -> PlanShift:
    first = posts[0].post
    place = written(first.shift.place, words.language) if first.shift.place else None
    return PlanShift(
        when=date_of(event, first.session, words.language), place=place, rows=[_row(one, words) for one in posts]
    )


def _row(one: PlannedPost, words: Words) -> PlanRow:
    unnamed = words.gettext("no name given")
    count = one.post.staffing.least - len(one.here)
    missing = words.ngettext("%(count)s more is needed", "%(count)s more are needed", count)

    def names(given: Sequence[str]) -> list[Said]:
        return [written(name, words.language) if name.strip() else unnamed for name in given]

    return PlanRow(
        role=chosen(one.post.role.name, words.language, 60) or written("", words.language),
        people=names(one.here),
        substitutes=names(one.substitutes),
        missing=missing if count > 0 else None,
    )


async def plan_pdf(event: EventState, shifts: Iterable[Sequence[PlannedPost]], language: str) -> bytes:
    """The plan as PDF. Raises as `shared.typesetting.compiling.typeset` does."""
    return await typeset(_TEMPLATE, plan(event, shifts, language))
