"""From a claimed delivery to what its recipient reads."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.notifications.contacts.addresses import may_be_texted
from services.notifications.deliveries.claiming import ALWAYS_SENT, Claim
from services.notifications.deliveries.composing import CO_HOSTING
from services.notifications.events.queries import KnownEvent
from services.notifications.optouts.tokens import unsubscribe_token
from services.notifications.providers.port import NotRetryableError
from services.notifications.settings import NotificationsSettings
from services.notifications.templates.facts import EventFacts, Logo, Telling, one_line
from shared.contracts.deliveries import DeliveryChannel
from shared.contracts.notification_requests import Recipient, Secret, Template
from shared.i18n.languages import LANGUAGES, PAGE_LANGUAGES, fallback_chain
from shared.shifts import post_of, seen_from
from shared.tickets import ticket_of, ticket_url
from shared.vault import SealBrokenError, Vault
from shared.web.shown import pick

DEFAULT_LANGUAGE = "de"
AT_EVENTS = {Template.SIGN_IN: "sign-in/{token}", Template.INVITATION: "invitations/{token}"}
"""Where the secret of a link leads at the events service; every other leads to a registration."""


class Renderer:
    """Renders one batch; an event is put into each language once, however many are told of it."""

    def __init__(self, settings: NotificationsSettings, vault: Vault, events: Mapping[UUID, KnownEvent]) -> None:
        self._settings = settings
        self._vault = vault
        self._events = events
        self._facts: dict[tuple[UUID, str, str], EventFacts] = {}

    def telling(self, claim: Claim, now: datetime) -> tuple[str, Telling]:
        """The address, and what to say.

        Raises NotRetryableError where there is no address or none that we write to, or a seal cannot be opened.
        """
        secret = self._secret(claim)
        recipient = self._recipient(claim, secret)
        address = recipient.phone if claim.channel is DeliveryChannel.SMS else recipient.email
        if not address:
            raise NotRetryableError("no-address")
        if claim.channel is DeliveryChannel.SMS and not may_be_texted(address):
            raise NotRetryableError("no-sms")
        language = reading_language(str(claim.data.get("language", "")) or recipient.language)
        return address, Telling(
            template=claim.template,
            language=language,
            delivery_id=claim.id,
            key=claim.key,
            data=claim.data,
            event=self._event(claim, language),
            name=claim.name,
            link=self._link(claim, secret),
            first=claim.first,
            unsubscribe=self._unsubscribe(claim, address),
            sent_at=now,
            ticket=ticket_of(claim.registration_id) if claim.registration_id else "",
            ticket_address=self._ticket_address(claim),
            sign_up=f"{self._settings.registrations_url.rstrip('/')}/registrations/shifts/{claim.event_id}",
        )

    def _secret(self, claim: Claim) -> Secret:
        if claim.sealed is None or claim.purpose is None:
            return Secret()
        try:
            return self._vault.open(claim.sealed, Secret, claim.purpose)
        except SealBrokenError as error:
            raise NotRetryableError("seal-broken") from error

    def _recipient(self, claim: Claim, secret: Secret) -> Recipient:
        if secret.recipient is not None:
            return secret.recipient
        known = claim.channel is DeliveryChannel.SMS
        language = claim.language or DEFAULT_LANGUAGE
        return Recipient(
            language=language, phone=claim.address if known else None, email=None if known else claim.address
        )

    def _event(self, claim: Claim, language: str) -> EventFacts | None:
        known = self._events.get(claim.event_id) if claim.event_id else None
        if known is None or claim.event_id is None:
            return None
        places_id = places_of(known, claim.data)
        key = (claim.event_id, language, str(places_id))
        if key not in self._facts:
            self._facts[key] = facts_of(known, language, places_id)
        return self._facts[key]

    def _link(self, claim: Claim, secret: Secret) -> str | None:
        if claim.template in CO_HOSTING:
            return f"{self._settings.events_url.rstrip('/')}/console/events/{claim.data.get('about', '')}/co-hosts"
        if claim.template == Template.ANSWERS_DUE:
            base = self._settings.registrations_url.rstrip("/")
            return f"{base}/registrations/console/events/{claim.event_id}?state=pending"
        if not secret.token:
            return None
        if claim.template in AT_EVENTS:
            path = AT_EVENTS[Template(claim.template)].format(token=secret.token)
            return f"{self._settings.events_url.rstrip('/')}/{path}"
        return f"{self._settings.registrations_url.rstrip('/')}/r/{secret.token}"

    def _ticket_address(self, claim: Claim) -> str:
        """What the QR code of the registration says."""
        known = self._events.get(claim.event_id) if claim.event_id else None
        if known is None or claim.registration_id is None:
            return ""
        return ticket_url(self._settings.registrations_url, known.state.code, ticket_of(claim.registration_id))

    def _unsubscribe(self, claim: Claim, address: str) -> str | None:
        if claim.channel is DeliveryChannel.SMS or claim.template in ALWAYS_SENT:
            return None
        token = unsubscribe_token(self._vault, address)
        return f"{self._settings.notifications_url.rstrip('/')}/notifications/unsubscribe/{token}"


def places_of(known: KnownEvent, data: Mapping[str, object]) -> UUID | None:
    """Which role in which shift is told of; none of an event without shifts."""
    return UUID(str(data["places_id"])) if known.state.shifts and data.get("places_id") else None


def facts_of(known: KnownEvent, language: str, places_id: UUID | None = None) -> EventFacts:
    """The event as one reader is told of it; while its organisation is not known here, by the name of its contact.

    With the places of a role in a shift it is no more than this shift, and the code has the number behind it.
    """
    names = {code: name for code, name in known.organisation.items() if name.strip()}
    name = pick(names, language).text if names else known.state.contact.name
    logos = [Logo(one_line(pick(name_of, language).text), png) for name_of, png in known.pictures]
    post = post_of(known.state, places_id)
    number = post.number if post else None
    return EventFacts(seen_from(known.state, places_id), known.version, name, language, known.co_hosts, logos, number)


def reading_language(code: str) -> str:
    """The language that we write to somebody in: theirs, else the first of its chain that we have texts in."""
    chain = fallback_chain(code if code in LANGUAGES else DEFAULT_LANGUAGE)
    return next((candidate for candidate in chain if candidate in PAGE_LANGUAGES), DEFAULT_LANGUAGE)
