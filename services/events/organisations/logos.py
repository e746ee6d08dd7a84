"""An organisation's picture: read from what was sent, made anew, and kept.

What is shown is never what was sent: the picture is decoded and written again, so that nothing hides in it (a place in
its metadata, a script in its comment).
"""

from hashlib import sha256
from io import BytesIO
from uuid import UUID

from PIL import Image, UnidentifiedImageError
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.events.organisations.model import LogoRow
from services.events.organisations.telling import UnknownOrganisationError, locked, tell
from shared.auth.audit import record
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.database.engine import WriteSession

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
LARGEST_SIDE = 4000
"""Pixels of what is sent; more would fill the memory before it is made smaller."""
SHOWN_SIDE = 480
"""Pixels of what is kept."""


class NoPictureError(ValueError):
    """What was sent is no picture of a format that we read, or a larger one than we read."""


def drawn_again(sent: bytes) -> bytes:
    """The picture as PNG, 480 pixels at most on its longer side, without anything but its pixels.

    Raises NoPictureError.
    """
    try:
        with Image.open(BytesIO(sent), formats=FORMATS) as picture:
            if max(picture.size) > LARGEST_SIDE:
                raise NoPictureError
            plain = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise NoPictureError from error
    plain.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    made = BytesIO()
    plain.save(made, "PNG", optimize=True)
    return made.getvalue()


async def set_logo(session: WriteSession, member: Member, organisation_id: UUID, picture: bytes | None) -> None:
    """The organisation shows this picture, which `drawn_again` made, or none. The same again changes nothing.

    Raises UnknownOrganisationError where the member does not manage the organisation.
    """
    if not member.may(Right.MANAGE, organisation_id):
        raise UnknownOrganisationError
    organisation = await locked(session, organisation_id)
    before = await session.get(LogoRow, organisation_id)
    digest = sha256(picture).hexdigest()[:16] if picture else None
    if digest == (before.digest if before else None):
        return
    if picture:
        row = insert(LogoRow).values(organisation_id=organisation_id, digest=digest, content=picture)
        changed = {"digest": row.excluded.digest, "content": row.excluded.content}
        await session.execute(row.on_conflict_do_update(index_elements=["organisation_id"], set_=changed))
    else:
        await session.execute(delete(LogoRow).where(col(LogoRow.organisation_id) == organisation_id))
    await tell(session, organisation)
    await record(
        session,
        "organisation.logo-changed",
        person_id=member.person_id,
        organisation_id=organisation_id,
        after={"logo": picture is not None},
    )
