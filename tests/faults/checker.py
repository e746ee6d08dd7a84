"""Balances the books of a trial. Shares no code with the services: it knows the rules from the documents alone.

Rules, by the name of their findings:
- existence: what was answered with success is there, and its history agrees with the answers.
- oversold: places taken never grew above the capacity, replayed message by message.
- history: the versions of an aggregate are without gap and repetition, and the counts are what the history adds up to.
- order: the log has the messages of a key in their order.
- told, twice, ledger: see `telling`.
- text: each text of a resident has exactly one answer.
- projection: copies equal their source.
- left-over, dead-letter, lost: nothing is parked, unsent, unheard, set aside, or missing from the log.
"""

from tests.faults.answers import check_answers, check_texts
from tests.faults.books import Books
from tests.faults.copies import check_leftovers, check_log, check_projections
from tests.faults.finding import Finding
from tests.faults.history import check_history, replay_all
from tests.faults.telling import check_reschedules, check_telling


def check(books: Books, *, complete_log: bool = True) -> list[Finding]:
    """Every finding. The log is complete where the broker keeps all that it was told; the embedded one does not."""
    histories = replay_all(books)
    return [
        *check_history(books, histories),
        *check_answers(books, histories),
        *check_texts(books),
        *check_telling(books),
        *check_reschedules(books, histories),
        *check_projections(books),
        *check_leftovers(books),
        *(check_log(books) if complete_log else ()),
    ]
