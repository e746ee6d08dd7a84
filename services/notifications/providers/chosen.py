"""The providers that the settings choose."""

from services.notifications.deliveries.sending import Providers
from services.notifications.mailbox.providers import DevelopmentMailbox, DevelopmentPhone
from services.notifications.providers.port import MailProvider, SmsProvider
from services.notifications.providers.smtp import SmtpMail
from services.notifications.providers.twilio import TwilioSms
from services.notifications.settings import NotificationsSettings
from shared.database.engine import Database


def chosen_providers(settings: NotificationsSettings, database: Database) -> Providers:
    """One for SMS and one for mail; the settings have made sure that production gets no development one."""
    return Providers(_sms(settings, database), _mail(settings, database))


def _sms(settings: NotificationsSettings, database: Database) -> SmsProvider:
    if settings.sms_provider == "development":
        return DevelopmentPhone(database)
    return TwilioSms(
        url=settings.twilio_url,
        account=settings.twilio_account,
        token=settings.twilio_token.get_secret_value(),
        sender=settings.twilio_sender or settings.sms_number,
        callback=settings.notifications_url,
        timeout=settings.provider_timeout,
        connections=settings.send_concurrency,
    )


def _mail(settings: NotificationsSettings, database: Database) -> MailProvider:
    if settings.mail_provider == "development":
        return DevelopmentMailbox(database)
    return SmtpMail(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        connections=settings.smtp_connections,
        timeout=settings.provider_timeout,
    )
