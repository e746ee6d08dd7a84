"""What the pages of certificates say in words."""

from services.registrations.certificates.queries import Standing, Verdict
from shared.i18n.catalogues import N_

STANDINGS = {
    Standing.NONE: N_("Not issued yet"),
    Standing.ISSUED: N_("Issued"),
    Standing.CHANGED: N_("Not up to date"),
    Standing.REVOKED: N_("Revoked"),
}
BADGES = {
    Standing.NONE: "info",
    Standing.ISSUED: "success",
    Standing.CHANGED: "warning",
    Standing.REVOKED: "danger",
}
VERDICTS = {
    Verdict.GENUINE: ("success", N_("This certificate is genuine.")),
    Verdict.REVOKED: ("warning", N_("This certificate has been revoked.")),
    Verdict.UNKNOWN: ("danger", N_("We know no such certificate. Check what you typed.")),
}
NO_NAME = N_("Write the name that is to stand on the certificate.")
NO_REASON = N_("Write why. Only your organisation reads it.")
TOO_LONG = N_("This text is too long. At most %(max_length)s characters fit.")
NO_CODE = N_("Write the code of the certificate.")
NO_NAME_TO_CHECK = N_("Write the name as it stands on the certificate.")
NO_HOURS = N_("Write the hours and minutes as numbers, as they stand on the certificate.")
