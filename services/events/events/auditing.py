"""What the audit log is told of an event's changes."""

from collections.abc import Mapping

from services.events.events.describing import SAME_NAMES, WORD_FIELDS
from services.events.events.drafting import EventContent
from services.events.events.model import EventRow
from shared.auth.audit import Details, record
from shared.auth.members import Member
from shared.contracts.audit import Detail
from shared.database.engine import WriteSession

CHANGED = "changed"
_UNSAID = {"contact_name", "contact_email", "contact_phone", "online_link"}
"""A way to reach somebody, and a secret: the log says that they changed, and not to what."""


class Deputy(Member):
    """Acts on its own by what a member set up, such as a timer: the log names nobody for what it does."""


async def audit(
    session: WriteSession,
    member: Member,
    action: str,
    row: EventRow,
    before: Mapping[str, Detail],
    after: Mapping[str, Detail],
) -> None:
    """Tell who did this to the event; of two values that are the same, neither is kept."""
    person_id = None if isinstance(member, Deputy) else member.person_id
    await record(
        session,
        action,
        person_id=person_id,
        organisation_id=row.organisation_id,
        event_id=row.id,
        before=dict(before),
        after=dict(after),
    )


def details(content: EventContent) -> Details:
    """The facts of an event by the names of the form's fields; moments in UTC. Neither texts nor what is empty."""
    plain = {name: getattr(content, name) for name in (*SAME_NAMES, "capacity") if name not in _UNSAID}
    said: Details = {}
    for name, value in plain.items():
        text = " ".join(value) if isinstance(value, list) else value
        if text is not None and text != "":
            said[name] = text if isinstance(text, int) else _as_text(text)
    for number, times in enumerate(content.sessions, 1):
        said |= {f"starts-{number}": times.starts_at.isoformat(), f"ends-{number}": times.ends_at.isoformat()}
    return said


def _as_text(value: object) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def differences(before: EventContent, after: EventContent) -> tuple[Details, Details]:
    """The facts before and after; of each text and each way of contact that is another, that it changed."""
    old, new = _unsaid(before), _unsaid(after)
    changed: Details = {name: CHANGED for name in {**old, **new} if old.get(name, "") != new.get(name, "")}
    return details(before), details(after) | changed


def _unsaid(content: EventContent) -> dict[str, str]:
    texts = {name: str(getattr(content, name)) for name in (*sorted(_UNSAID), "roles", "shifts")}
    for language, words in content.words.items():
        texts |= {f"{name}-{language}": getattr(words, name) for name in WORD_FIELDS}
    return texts
