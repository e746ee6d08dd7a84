"""The checker finds each kind of wrong in books that are else in order."""

from copy import deepcopy

import pytest

from tests.faults.books import Logged
from tests.faults.checker import check
from tests.faults.small_books import BY_SMS, BY_WEB, EVENT, KEY, NUMBER, TOO_LATE, balanced, party

REGISTRATIONS, REQUESTS = "teilhabe.registrations.v1", "teilhabe.notification-requests.v1"


def rules(books, **how):
    return {finding.rule for finding in check(books, **how)}


def record_of(books, number):
    return books.topics[REGISTRATIONS][number - 1]


def delivery(books, template):
    return next(row for row in books.rows("notifications", "deliveries") if row["template"] == template)


def test_balanced_books_have_no_findings():
    """What is in order is found to be in order."""
    assert check(balanced().books) == []


def forget_row(books):
    books.rows("registrations", "registrations").pop(0)


def forget_message(books):
    books.topics[REGISTRATIONS].pop(2)


def oversell_by_message(books):
    record_of(books, 4).message["party_size"] = 2


def oversell_by_row(books):
    books.rows("registrations", "registrations")[1]["party_size"] = 5


def same_version_twice(books):
    first = record_of(books, 2)
    books.topics[REGISTRATIONS].append(Logged(0, 99, EVENT, first.message | {"message_id": "other"}))


def against_the_order(books):
    log = books.topics[REGISTRATIONS]
    log[1], log[2] = log[2], log[1]


def another_answer(books):
    books.journal[1]["result"] = "waitlisted"


def forgotten_cancellation(books):
    books.journal.append({"what": "cancelled", "key": KEY, "event": EVENT})


def forgotten_party(books):
    books.journal.append({"what": "party", "key": KEY, "event": EVENT, "size": 3})


def forgotten_capacity(books):
    books.journal.append({"what": "capacity", "event": EVENT, "version": 4, "capacity": 9})


def forgotten_acceptance(books):
    record_of(books, 2).message["type"] = "RegistrationWaitlisted"
    books.journal.append({"what": "accepted", "key": KEY, "event": EVENT})


def lost_text(books):
    books.rows("notifications", "inbound").clear()


def text_answered_twice(books):
    answer = deepcopy(books.topics[REQUESTS][1])
    answer.message.update(message_id="again", causation_id="text", template="sms-status", data={})
    books.topics[REQUESTS].append(answer)


def text_not_answered(books):
    record_of(books, 4).message["causation_id"] = None


def nobody_wrote(books):
    books.rows("notifications", "deliveries").remove(delivery(books, "offer"))


def wrote_twice(books):
    row = delivery(books, "confirmation")
    books.rows("notifications", "deliveries").append(row | {"id": "second", "idempotency_key": "second"})


def wrote_what_is_no_news(books):
    delivery(books, "offer")["cause_id"] = "nothing"


def never_sent(books):
    delivery(books, "waitlist")["state"] = "queued"


def taken_by_nobody(books):
    books.accepted.pop(0)


def sent_without_the_ledger(books):
    books.accepted.append(books.accepted[0] | {"key": "unknown"})


def sent_more_often_than_tried(books):
    books.accepted.append(dict(books.accepted[0]))


def sms_again_too_soon(books):
    row = next(row for row in books.rows("notifications", "deliveries") if row["channel"] == "sms")
    row["attempts"] = 2
    first = next(one for one in books.accepted if one["key"] == row["idempotency_key"])
    books.accepted.append(first | {"at": first["at"] + 5})


def sms_again_after_its_receipt(books):
    sms_again_too_soon(books)
    first = next(one for one in books.accepted if one["to"] == NUMBER)
    first["receipt_at"] = first["at"] + 1
    books.accepted[-1]["at"] = first["at"] + 60


def sent_to_somebody_else(books):
    books.accepted[0]["to"] = "x@faults.example"


def not_told_of_the_move(books):
    books.topics[REQUESTS].pop(0)


def told_twice_of_the_move(books):
    first = books.topics[REQUESTS][0]
    books.topics[REQUESTS].append(Logged(0, 99, BY_WEB, first.message | {"message_id": "again"}))


def programme_is_behind(books):
    books.rows("events", "places_counts")[0] = books.rows("events", "places_counts")[0] | {"taken": 1}


def event_is_behind(books):
    books.rows("notifications", "events")[0]["version"] = 1


def contact_is_behind(books):
    books.rows("notifications", "contacts")[0]["version"] = 0


def member_is_unknown(books):
    books.rows("events", "members").append({"organisation_id": "o", "person_id": "p", "role": "owner"})


def something_is_parked(books):
    row = {"consumer": "deliveries-requests", "waits_for": f"event:{EVENT}", "topic": REQUESTS}
    books.rows("notifications", "parked").append(row)


def something_is_unsent(books):
    books.rows("registrations", "outbox")[0]["published_at"] = None


def something_is_unheard(books):
    books.rows("events", "inbox").pop()


def a_dead_letter(books):
    books.topics[f"{REGISTRATIONS}.events.dlq"] = [record_of(books, 1)]


def a_message_that_nobody_wrote(books):
    books.rows("registrations", "outbox").pop()


@pytest.mark.parametrize(
    ("falsify", "rule"),
    [
        (forget_row, "existence"),
        (forget_message, "history"),
        (forget_message, "lost"),
        (oversell_by_message, "oversold"),
        (oversell_by_row, "oversold"),
        (same_version_twice, "history"),
        (against_the_order, "order"),
        (another_answer, "existence"),
        (forgotten_cancellation, "existence"),
        (forgotten_party, "existence"),
        (forgotten_capacity, "existence"),
        (forgotten_acceptance, "existence"),
        (lost_text, "text"),
        (text_answered_twice, "text"),
        (text_not_answered, "text"),
        (nobody_wrote, "told"),
        (wrote_twice, "twice"),
        (wrote_what_is_no_news, "twice"),
        (never_sent, "told"),
        (taken_by_nobody, "told"),
        (sent_without_the_ledger, "ledger"),
        (sent_more_often_than_tried, "ledger"),
        (sms_again_too_soon, "twice"),
        (sms_again_after_its_receipt, "twice"),
        (sent_to_somebody_else, "told"),
        (not_told_of_the_move, "told"),
        (told_twice_of_the_move, "twice"),
        (programme_is_behind, "projection"),
        (event_is_behind, "projection"),
        (contact_is_behind, "projection"),
        (member_is_unknown, "projection"),
        (something_is_parked, "left-over"),
        (something_is_unsent, "left-over"),
        (something_is_unheard, "left-over"),
        (a_dead_letter, "dead-letter"),
        (a_message_that_nobody_wrote, "lost"),
    ],
)
def test_each_falsehood_is_found(falsify, rule):
    """Books with one thing wrong have a finding of its kind."""
    small = balanced()
    falsify(small.books)
    assert rule in rules(small.books)


def test_an_offer_that_ran_out_before_it_could_be_sent_is_explained():
    """What was of no use any more when the provider could be reached again is not missed."""
    small = balanced()
    row = delivery(small.books, "offer")
    row.update(state="expired", expires_at=1.0, ended_at=2.0)
    small.books.accepted = [one for one in small.books.accepted if one["key"] != row["idempotency_key"]]
    assert check(small.books) == []


def test_a_log_that_was_written_again_may_say_everything_twice():
    """Where a message first stands counts: the window follows again, from its beginning."""
    small = balanced()
    log = small.books.topics[REGISTRATIONS]
    log += log[:]
    assert check(small.books) == []
    log.insert(0, log[-1])
    assert rules(small.books) == {"order"}


def test_a_lowered_capacity_is_no_overselling():
    """Who had a place keeps it; nobody comes in while there are more people than places."""
    small = balanced()
    small.event(4, 1, "EventChanged")
    small.decide(9, "CapacityChanged", (1, 3, 0))
    small.books.rows("registrations", "places")[0]["excess"] = 2
    assert check(small.books) == []
    small.decide(10, "RegistrationConfirmed", (1, 4, 0), **party(TOO_LATE + "2", 1))
    assert "oversold" in rules(small.books)


def test_the_log_of_a_broker_that_forgets_is_not_asked_for_everything():
    """The embedded broker keeps what fits into its memory."""
    small = balanced()
    small.books.topics["teilhabe.sms-received.v1"].append(Logged(0, 99, "x", {"message_id": "x"}))
    assert "lost" in rules(small.books)
    assert "lost" not in rules(small.books, complete_log=False)


def test_who_texts_and_is_offered_a_place_at_once_has_one_answer():
    """A smaller party may fit at once: the offer is news beside the answer."""
    small = balanced()
    assert BY_SMS in {m["registration_id"] for m in small.books.log("registrations") if m["causation_id"] == "text"}
    extra = record_of(small.books, 4).message | {"type": "PlaceOffered", "message_id": "offer", "aggregate_version": 9}
    small.books.topics[REGISTRATIONS].append(Logged(0, 99, EVENT, extra))
    assert "text" not in rules(small.books)
