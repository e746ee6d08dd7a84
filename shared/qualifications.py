"""What each qualification that a role can take is called."""

from shared.contracts.events import Qualification
from shared.i18n.catalogues import N_

NAMES = {
    Qualification.GOOD_CONDUCT: N_("Extended certificate of good conduct"),
    Qualification.FIRST_AID: N_("First aid course"),
    Qualification.FOOD_HYGIENE: N_("Instruction for handling food"),
    Qualification.YOUTH_LEADER: N_("Youth leader card"),
    Qualification.LIFEGUARD: N_("Lifeguard badge"),
    Qualification.DRIVING_LICENCE: N_("Driving licence"),
}
