"""Printed sheets, read again; their templates, and events to print."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from pypdf import PdfReader
from uuid6 import uuid7

from services.events.co_hosts.model import CoHostRow
from services.events.events.model import EventRow, EventTextRow, SessionRow
from services.events.events.queries import AskedCoHost, CountedPlaces, WholeEvent
from services.events.organisations.model import OrganisationRow
from shared.contracts.events import ContactPoint, EventState, Places, Session, Venue
from shared.i18n.languages import LANGUAGES
from shared.typesetting.badges import badges
from shared.typesetting.compiling import TEMPLATES, compiled

BADGES = TEMPLATES / "badges.typ"
ATTENDANCE = TEMPLATES / "attendance.typ"
SLIP = TEMPLATES / "slip.typ"
PLAN = TEMPLATES / "plan.typ"
CERTIFICATE = TEMPLATES / "certificate.typ"

START = datetime(2027, 4, 10, 8, 0, tzinfo=UTC)
_UNSEEN = re.compile("[\u2060\u2066-\u2069\u200b]")

TITLES = {
    "de": "Gemeinsam gärtnern",
    "de-simple": "Wir machen einen Garten",
    "en": "Gardening together",
    "tr": "Birlikte bahçe işi",
    "ar": "نزرع الحديقة",
    "fa": "با هم باغبانی",
    "uk": "Разом доглядаємо сад",
    "ru": "Вместе ухаживаем за садом",
    "kmr": "Bi hev re baxçevanî",
    "pl": "Wspólne ogrodnictwo źdźbło",
    "ro": "Grădinărit împreună",
    "bg": "Заедно в градината",
    "fr": "Jardiner ensemble",
    "es": "Jardinería juntos",
    "vi": "Cùng nhau làm vườn",
    "sq": "Kopshtari së bashku",
    "ti": "ብሓባር ጀርዲን ንሰርሕ",
}
assert set(TITLES) == set(LANGUAGES)


def read(pdf: bytes) -> PdfReader:
    return PdfReader(BytesIO(pdf))


def text_of(pdf: bytes) -> str:
    """Every page's text, with single blanks and without what is not seen."""
    pages = (page.extract_text() for page in read(pdf).pages)
    return " ".join(_UNSEEN.sub("", "\n".join(pages)).split())


def is_for_screen_readers(pdf: bytes) -> bool:
    """Whether the file says that it is PDF/UA-1."""
    return b"<pdfuaid:part>1</pdfuaid:part>" in pdf


def families(pdf: bytes) -> set[str]:
    """The fonts that the file holds, without weight."""
    found = set()
    for page in read(pdf).pages:
        for font in page["/Resources"].get("/Font", {}).values():
            name = str(font.get_object()["/BaseFont"]).partition("+")[2] or str(font.get_object()["/BaseFont"])
            found.add(name.strip("/").partition("-")[0])
    return found


def left_edges(pdf: bytes, wanted: str) -> list[float]:
    """How far from the left, as a part of the page's width, pieces of text with `wanted` in them begin."""
    page = read(pdf).pages[0]
    width, found = float(page.mediabox.width), []

    def visit(text: str, current: list[float], _matrix: list[float], *_rest: Any) -> None:
        if wanted in text:
            found.append(current[4] / width)

    page.extract_text(visitor_text=visit)
    return found


def whole_event(**changes: Any) -> WholeEvent:
    """A published event in every language. `changes` are the row's; `texts`, `dates`, `organisations` the rest."""
    texts = changes.pop("texts", {code: {"title": title} for code, title in TITLES.items()})
    dates, others = changes.pop("dates", 2), changes.pop("organisations", [])
    event_id = uuid7()
    given: dict[str, Any] = {
        "id": event_id,
        "organisation_id": uuid7(),
        "code": "GARTEN",
        "state": "published",
        "kind": "volunteering",
        "main_language": "de",
        "time_zone": "Europe/Berlin",
        "venue_name": "Haus am Kanal",
        "venue_address": "Kanalstraße 12, 12345 Demostadt",
        "spoken_languages": ["de", "tr", "ar"],
        "largest_party": 4,
        "registration_closes_at": START - timedelta(days=2),
        "contact_name": "Freiwilligenbüro",
        "contact_email": "office@demo.example",
        "contact_phone": "+493023125020",
        "contact_languages": ["de", "uk"],
        "starts_at": START,
        "ends_at": START + timedelta(days=60),
    }
    sessions = [
        SessionRow(id=uuid7(), event_id=event_id, starts_at=at, ends_at=at + timedelta(hours=3))
        for at in (START + timedelta(days=7 * week) for week in range(dates))
    ]
    words = {code: EventTextRow(event_id=event_id, language=code, **fields) for code, fields in texts.items()}
    asked = [
        AskedCoHost(CoHostRow(state=state), OrganisationRow(id=uuid7(), kind="association", name=name))
        for name, state in others
    ]
    owner = OrganisationRow(id=uuid7(), kind="authority", name={"de": "Integrationsbüro", "ar": "مكتب الاندماج"})
    places = [CountedPlaces(uuid7(), {}, 10, 0, 0)]
    return WholeEvent(EventRow(**given | changes), words, sessions, places, owner, asked)


def event_state(**changes: Any) -> EventState:
    """The same event as the other services know it."""
    state = EventState(
        id=uuid7(),
        code="GARTEN",
        organisation_id=uuid7(),
        status="published",
        kind="volunteering",
        title=TITLES,
        text={},
        sessions=[Session(id=uuid7(), starts_at=START, ends_at=START + timedelta(hours=3))],
        time_zone="Europe/Berlin",
        venue=Venue(name="Haus am Kanal", address="Kanalstraße 12"),
        places=[Places(id=uuid7(), capacity=10)],
        largest_party=4,
        contact=ContactPoint(
            name="Freiwilligenbüro", phone="+493023125020", languages=["de", "uk"], hours={"de": "Montag, 9 bis 12 Uhr"}
        ),
    )
    return state.model_copy(update=changes)


def name_sheet(*names: str) -> bytes:
    return compiled(BADGES, badges(event_state(), names, [{"de": "Büro"}], "de"))
