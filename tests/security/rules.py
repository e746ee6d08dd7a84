"""Which way needs what: the rules that test_matrix.py holds every route of members against."""

from shared.auth.rights import Right
from shared.contracts.events import Scope

SEE, PEOPLE, DESK, EDIT, MANAGE = Right
NOTHING, COUNTS, NAMES, CONTACT = Scope
EVENT, LIST = "/console/events/{event_id}", "/registrations/console/events/{event_id}"
HOUSE, JSON = "/console/organisations/{organisation_id}", "/registrations/api"

ANYBODY = {
    "GET /console", "GET /console/organisations", "GET /notifications/console",
    *(f"GET /registrations/console/hours{ending}" for ending in ("", ".csv", ".xlsx")),
}  # fmt: skip
"""Lists of what is one's own, which may be empty: see test_ownership.py."""

HOST = {
    EDIT: {
        "GET /console/events/new", "POST /console/events/new", "POST /api/events",
        "GET /console/imports/new", "POST /console/imports/new",
        "GET /console/imports/{import_id}", "POST /console/imports/{import_id}",
        *(f"{method} {EVENT}/{name}" for method in ("GET", "POST")
          for name in ("edit", "reschedule", "cancel", "postpone", "duplicate", "repeat", "co-hosts")),
        *(f"POST /api/events/{{event_id}}/{name}" for name in ("publish", "reschedule", "postpone", "cancel")),
        "PUT /api/events/{event_id}/content", f"POST {EVENT}/publish", f"GET {EVENT}/history",
        f"POST {EVENT}/co-hosts/{{organisation_id}}/end", f"GET {HOUSE}/history",
        f"GET {EVENT}/translations", f"GET {EVENT}/translations/{{language}}",
        *(f"POST {EVENT}/translations/{{language}}/{name}" for name in ("approve", "decline")),
        *(f"{method} {EVENT}/{part}" for method in ("GET", "POST")
          for part in ("shifts/{shift_id}", "roles/{role_id}")),
        f"POST {LIST}/plan/ask", f"POST {EVENT}/shifts/hold", f"POST {EVENT}/shifts/remove/{{part_id}}",
        "GET /console/series/{series_id}/edit",
        "POST /console/series/{series_id}/edit", "POST /console/series/{series_id}/end",
        *(f"{method} {LIST}/certificates{ending}" for method, ending in (
            ("GET", ""), ("POST", ""), ("POST", "/{registration_id}"), ("GET", "/{registration_id}/certificate.pdf"),
            ("GET", "/{registration_id}/revoke"), ("POST", "/{registration_id}/revoke"))),
        *(f"GET {LIST}/{name}" for name in ("export.csv", "export.xlsx", "attendance.pdf", "badges.pdf", "plan.pdf")),
        f"GET {LIST}/swaps", f"POST {LIST}/swaps", f"POST {LIST}/swaps/{{swap_id}}/withdraw",
        f"POST {LIST}/hours", f"POST {JSON}/events/{{event_id}}/hours",
    },
    DESK: {
        f"GET {LIST}/actions", f"POST {LIST}/actions", f"POST {JSON}/console/events/{{event_id}}/actions",
        *(f"GET {JSON}/events/{{event_id}}/check-in{name}" for name in ("", "/parties")),
        *(f"POST {JSON}/events/{{event_id}}/check-in{name}" for name in ("", "/undo", "/left", "/walk-ins")),
        *(f"GET {LIST}/check-in{name}" for name in ("", "/worker.js")), "GET /registrations/at/{code}/{ticket}",
        *(f"POST {LIST}/check-in{name}" for name in ("", "/party", "/undo", "/walk-ins")),
        f"GET {LIST}/hours", f"GET {JSON}/events/{{event_id}}/hours", f"POST {LIST}/hours/leave",
        f"GET {LIST}/register", f"POST {LIST}/register",
        *(f"GET {LIST}/desk/{{registration_id}}{name}" for name in ("", "/slip.pdf", "/cancel")),
        *(f"POST {LIST}/desk/{{registration_id}}/{name}" for name in ("accept", "askable", "cancel", "party")),
        f"POST {LIST}/desk/{{registration_id}}/qualification",
        "POST /notifications/console/calls/{delivery_id}/told",
        "GET /notifications/console/calls", "POST /notifications/console/calls",
    },
    PEOPLE: {f"GET {LIST}/registrations/{{registration_id}}", f"GET {LIST}/plan"},
    SEE: {
        f"GET {EVENT}", f"GET {EVENT}/shifts", f"GET {EVENT}/posters", f"GET {EVENT}/posters.pdf",
        "GET /api/events/{event_id}/content",
        "GET /console/series/{series_id}", f"GET {HOUSE}", f"GET {HOUSE}/embed", f"GET {LIST}", f"GET {LIST}/stream",
        f"GET {JSON}/console/events/{{event_id}}/registrations",
        "GET /notifications/api/events/{event_id}/deliveries", "GET /notifications/console/{event_id}",
    },
    MANAGE: {
        f"GET {HOUSE}/edit", f"POST {HOUSE}/edit", f"POST {HOUSE}/logo", f"POST {HOUSE}/invitations",
        f"POST {HOUSE}/invitations/{{invitation_id}}/take-back", f"POST {HOUSE}/members/{{person_id}}/role",
        f"GET {HOUSE}/members/{{person_id}}/remove", f"POST {HOUSE}/members/{{person_id}}/remove",
    },
}  # fmt: skip
"""What a member of the host needs for each."""

CO_HOST = {
    f"GET {EVENT}": NOTHING, f"GET {EVENT}/posters": NOTHING, f"GET {EVENT}/posters.pdf": NOTHING,
    f"GET {EVENT}/shifts": NOTHING,
    f"GET {EVENT}/co-hosts": NOTHING, f"POST {EVENT}/co-hosts/{{organisation_id}}/leave": NOTHING,
    f"GET {EVENT}/translations": NOTHING, f"GET {EVENT}/translations/{{language}}": NOTHING,
    f"POST {EVENT}/translations/{{language}}": NOTHING, f"POST {EVENT}/translations/{{language}}/reviewed": NOTHING,
    f"GET {LIST}": COUNTS, f"GET {LIST}/stream": COUNTS,
    f"GET {JSON}/console/events/{{event_id}}/registrations": COUNTS,
    f"GET {LIST}/registrations/{{registration_id}}": NAMES, f"GET {LIST}/plan": NAMES,
}  # fmt: skip
"""The scope that a co-host's organiser needs for what it reaches of the event at all."""

DECIDES = {f"POST {EVENT}/co-hosts/{{organisation_id}}/answer", f"POST {EVENT}/co-hosts/{{organisation_id}}/leave"}
"""Ways of an organisation that was asked to co-host; an answer is over once it was given."""

TRANSLATES = {f"POST {EVENT}/translations/{{language}}", f"POST {EVENT}/translations/{{language}}/reviewed"}
"""Ways of a co-host alone: the host writes its own texts where it edits the event."""

NEEDS_EDIT = {
    f"GET {EVENT}/co-hosts", f"GET {EVENT}/translations", f"GET {EVENT}/translations/{{language}}",
    *DECIDES, *TRANSLATES,
}  # fmt: skip
"""What of a co-host's ways its own organisers go alone."""
