"""Tickets: the same digits everywhere, read in any form in which somebody holds them out."""

from uuid import UUID, uuid4

import pytest

from shared.tickets import code_of, png, qr_code, read_ticket, svg, ticket_of, ticket_url

ID = UUID("0199f0a2-6f3e-7c55-9c1e-0d5b3c6a7f21")


def test_a_ticket_is_twelve_digits_and_stays_the_same():
    """Mails that were sent and pictures that were printed are good for ever."""
    assert ticket_of(ID) == ticket_of(UUID(str(ID))) == "383286274921"
    assert all(len(ticket_of(uuid4())) == 12 and ticket_of(uuid4()).isascii() for _ in range(200))


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("482913", "482913"),
        (" 482 913 ", "482913"),
        ("482-913", "482913"),
        ("٤٨٢٩١٣", "482913"),
        ("۴۸۲ ۹۱۳", "482913"),
        ("482913551204", "482913551204"),
        ("48291", None),
        ("4829135", None),
        ("Ada 482913", None),
        ("", None),
        ("Ada", None),
        ("²²²²²²", "222222"),
    ],
)
def test_what_people_type_is_read(text, digits):
    """Six digits or twelve, in any script, with or without a gap; all else is a name."""
    shown = read_ticket(text)
    assert (shown.digits if shown else None) == digits


@pytest.mark.parametrize("address", ["https://teilhabe.example", "http://127.0.0.1:8720/"])
def test_a_qr_code_says_the_event_and_the_ticket(address):
    """What the code holds is read back, whatever the installation's own address was when it was printed."""
    shown = read_ticket(ticket_url(address, "GARTEN", ticket_of(ID)))
    assert shown == (ticket_of(ID), "GARTEN")
    assert read_ticket("https://elsewhere.example/r/abc") is None


def test_the_code_is_the_beginning_of_the_ticket():
    """Two groups of three, as they are read out."""
    assert code_of("482913551204") == "482 913"


def test_pictures_are_small_and_carry_no_style():
    """The QR code stays coarse enough for a scratched phone, and the page's policy allows its picture."""
    code = qr_code(ticket_url("https://teilhabe.example.org", "NACHBARN", ticket_of(ID)))
    assert code.version <= 5
    assert b"style" not in svg(code)
    assert b'fill="#fff"' in svg(code)
    assert png(code).startswith(b"\x89PNG")
    assert len(png(code)) < 1000
