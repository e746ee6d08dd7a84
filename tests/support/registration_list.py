"""An event with as many registrations as a large one has, and what its staff do to them."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import ARRAY, Integer, Text, bindparam, text

from services.registrations.actions.commands import Instruction, carry_out
from services.registrations.registrations.admission import admit
from shared.i18n.folding import fold
from tests.support import registrations as given
from tests.support.registration_pages import open_event

NAMES = ("Ayşe Yılmaz", "Łukasz Śmigły", "أحمد الحسن", "Оксана Шевченко", "Zoë", None, "Jürgen Groß", "=1+1")
LANGUAGES = ("de", "tr", "ar", "uk", "en")

_PEOPLE = text(
    """
    INSERT INTO people (id, means, address, language, version, created_at)
    SELECT gen_random_uuid(), 'email', 'p' || n || '-' || :run || '@example.org', (:languages)[1 + n % 5], 1, now()
    FROM generate_series(1, :count) AS n
    """
)
_REGISTRATIONS = text(
    """
    INSERT INTO registrations (id, event_id, places_id, person_id, channel, name, name_folded, party_size, state,
        holds_places, queue, token_hash, consent, unreachable, created_at, updated_at)
    SELECT gen_random_uuid(), :event_id, :places_id, p.id, CASE WHEN n % 3 = 0 THEN 'sms' ELSE 'web' END,
        (:names)[1 + n % 8] || ' ' || n, coalesce((:folded)[1 + n % 8] || ' ' || n, ''), 1 + n % 4,
        CASE WHEN n % 5 = 0 THEN 'waitlisted' ELSE 'confirmed' END, n % 5 <> 0, n,
        decode(md5(:run || n), 'hex'), 'test', n % 50 = 0, now(), now()
    FROM (SELECT id, row_number() OVER (ORDER BY address) AS n FROM people WHERE address LIKE '%-' || :run || '@%') p
    """
)
_KINDS = {"run": Text, "count": Integer, "languages": ARRAY(Text), "names": ARRAY(Text), "folded": ARRAY(Text)}


def _typed(statement):
    return statement.bindparams(
        *(bindparam(name, type_=kind) for name, kind in _KINDS.items() if f":{name}" in statement.text)
    )


async def crowded_event(database, count):
    """An event whose places nobody counted, with so many registrations that it is slow to admit them one by one."""
    event, run = await open_event(database, count * 4), uuid4().hex[:8]
    async with database.begin() as session:
        await session.execute(_typed(_PEOPLE), {"count": count, "run": run, "languages": list(LANGUAGES)})
        values = {"event_id": event.id, "places_id": event.places[0].id, "run": run}
        folded = [fold(name) if name else None for name in NAMES]
        await session.execute(_typed(_REGISTRATIONS), {**values, "names": list(NAMES), "folded": folded})
    async with database.engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text("ANALYZE people, registrations"))
    return event


async def admitted(database, event, *wishes):
    """Register parties now; the ids of their registrations."""
    async with database.begin() as session:
        decided = await admit(session, given.VAULT, given.RULES, event.places[0].id, wishes, datetime.now(UTC))
    return [decision.id for decision in decided]


async def act(database, event, action, *ids, key=None, by=None, **more):
    """Carry an action out for these registrations; what came of it, by registration."""
    instruction = Instruction(
        action=action,
        event_id=event.id,
        registration_ids=ids,
        person_id=by or uuid4(),
        organisation_id=event.organisation_id,
        request_key=key or uuid4(),
        **more,
    )
    done = await carry_out(database, given.VAULT, given.RULES, instruction, more.get("now") or datetime.now(UTC))
    return {one.registration_id: (one.outcome, one.most) for one in done}
