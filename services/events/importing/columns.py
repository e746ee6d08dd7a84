"""What the columns of a list are called, by each program that writes one; in German and English."""

from collections.abc import Iterable, Sequence

from shared.contracts.events import Kind
from shared.i18n.folding import fold

# Best name first: a list that has a `Name` and a `Summary` means the name by its title.
_NAMES = {
    "title": "Titel|Kurstitel|Veranstaltungstitel|Event Name|Event Title|Name der Veranstaltung|Veranstaltungsname"
    "|Betreff|Subject|Title|Name|Bezeichnung|Summary|Thema|Veranstaltung|Event|Kurs|Angebot",
    "subtitle": "Untertitel|Subtitle|Kurzbeschreibung|Event Excerpt|Excerpt|Short description",
    "text": "Beschreibung|Event Description|Description|Kursbeschreibung|Kursinhalt|Details|Text|Inhalt|Body|Info",
    "starts": "Start Date|Event Start Date|Startdatum|Beginnt am|Beginndatum|Datum von|Beginn am|Datum Beginn|Von Datum"
    "|Anfangsdatum|Start|Starts|Start Date/Time|Starts at|Beginn|Anfang|Termin|Datum|Date|Event Date|Date from"
    "|Veranstaltungsbeginn|Von|dtstart",
    "start_time": "Start Time|Event Start Time|Startzeit|Beginnt um|Beginnuhrzeit|Uhrzeit von|Zeit von|Beginn Uhrzeit"
    "|Uhrzeit Beginn|Anfangszeit|Beginn um|Uhrzeit|Kurszeit|Zeit|Time|Event Time",
    "ends": "End Date|Event End Date|Enddatum|Endet am|Endedatum|Datum bis|Ende am|Datum Ende|Bis Datum|End|Ends"
    "|End Date/Time|Ends at|Ende|Date to|Veranstaltungsende|Bis|dtend",
    "end_time": "End Time|Event End Time|Endzeit|Endet um|Endeuhrzeit|Uhrzeit bis|Zeit bis|Ende Uhrzeit|Uhrzeit Ende"
    "|Ende um",
    "duration": "Dauer|Duration|Dauer (Minuten)|Duration (minutes)|Dauer in Minuten|Dauer Min.|Length",
    "all_day": "All Day Event|Ganztägiges Ereignis|Ganztaegiges Ereignis|Ganztägig|Ganztags|All Day|Allday",
    "venue": "Event Venue Name|Venue Name|Venue|Veranstaltungsort|Kursort|Location|Ort|Event Location|Place|Haus"
    "|Außenstelle|Location Name",
    "room": "Raum|Room|Kursraum",
    "address": "Venue Address|Event Venue Address|Adresse|Address|Anschrift|Straße|Street|Venue Address 1"
    "|Location Address|Straße und Hausnummer",
    "postcode": "PLZ|Postleitzahl|Venue Zip|Zip|Postal Code|Venue Postal Code|Venue Zip Code|Postcode",
    "city": "Stadt|City|Venue City|Gemeinde",
    "uid": "UID|Event ID|Kursnummer|Kursnr.|Kurs-Nr.|Kursnr|Veranstaltungsnummer|Veranstaltungs-ID|Veranstaltungsnr."
    "|ID|Short form|Kurzform|Slug|GUID",
    "url": "URL|Event URL|Event Website|Website|Webseite|Link|Weblink|Internet",
    "online_link": "Online-Link|Online link|Meeting URL|Videolink|Zugangslink|Zoom-Link|Zoom|Livestream|Virtual URL",
    "capacity": "Capacity|Event Capacity|Max. TN|TN max.|Max. Teilnehmer|Max. Teilnehmende|Maximale Teilnehmerzahl"
    "|Teilnehmer max.|Kapazität|Plätze|Anzahl Plätze|Places|Seats|RSVP limit|Total Capacity|Maximum",
    "languages": "Sprachen|Sprache|Languages|Language|Veranstaltungssprache|Kurssprache",
    "contact_name": "Kontakt|Ansprechstelle|Contact|Ansprechpartner|Kontaktstelle",
    "contact_email": "Kontakt E-Mail|Contact email|E-Mail|Email|Mail|E-Mail-Adresse",
    "contact_phone": "Kontakt Telefon|Contact phone|Telefon|Phone|Tel.|Telefonnummer",
    "kind": "Art|Kind|Event Type|Veranstaltungsart|Type|Typ|Format|Kurstyp",
    "status": "Status|Event Status|Kursstatus|State",
    "zone": "Timezone|Time zone|Zeitzone|Event Timezone",
    "access_notes": "Barrierefreiheit|Accessibility|Zugang|Zugänglichkeit",
    "private": "Private|Privat",
}
_KNOWN = {fold(name): (field, rank) for field, names in _NAMES.items() for rank, name in enumerate(names.split("|"))}
_KINDS = {
    Kind.COURSE: "kurs course seminar lehrgang sprachkurs training schulung reihe",
    Kind.WORKSHOP: "workshop werkstatt",
    Kind.PARTICIPATION: "beteiligung participation dialog burgerdialog forum versammlung assembly consultation",
    Kind.VOLUNTEERING: "ehrenamt freiwilligendienst volunteering volunteer einsatz helfer",
}
_YES = {"true", "wahr", "yes", "ja", "1", "x", "ein", "on", "y", "j"}
_CANCELLED = {"cancelled", "canceled", "abgesagt", "entfallt", "fallt aus", "ausgefallen", "storniert", "gestrichen"}


def columns_of(header: Sequence[str]) -> dict[str, int]:
    """Which column holds which field; of two names for one field the better one."""
    found: dict[str, tuple[int, int]] = {}
    for column, name in enumerate(header):
        field, rank = _KNOWN.get(fold(name), ("", 0))
        if field and (field not in found or rank < found[field][0]):
            found[field] = (rank, column)
    return {field: column for field, (_, column) in found.items()}


def is_header(columns: Iterable[str]) -> bool:
    """Whether these fields are enough to tell of events."""
    known = set(columns)
    return "title" in known and bool({"starts", "start_time"} & known)


def kind_of(text: str) -> Kind | None:
    """The kind of event that a word names, if it is one of ours."""
    words = set(fold(text).split())
    return next((kind for kind, names in _KINDS.items() if words & set(names.split())), None)


def says_yes(text: str) -> bool:
    """Whether a cell is ticked."""
    return fold(text) in _YES


def says_cancelled(text: str) -> bool:
    """Whether a state means that the event does not take place."""
    return fold(text) in _CANCELLED
