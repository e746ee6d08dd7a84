"""The load figures: what is made of them, and the generator that asks for them."""

import asyncio
import json

import pytest

from benchmarks import chart
from benchmarks.__main__ import _chosen
from benchmarks.figures import FIGURES, table, write
from benchmarks.generator import Load, Plan

RUN = {
    "cores": 2,
    "processor": "x86_64",
    "system": "Linux",
    "python": "3.11",
    "seconds": 400,
    "framework_per_s": 6500.0,
    "generator_cpu": 0.2,
    "locked_row_per_s": 900.0,
    "growth_small_us": 400.0,
    "growth_large_us": 410.0,
}


def test_an_aim_is_met_at_its_very_value_and_missed_beside_it():
    """A figure on the aim meets it; one on the wrong side of it misses it; without an aim there is no verdict."""
    rate, wait = FIGURES["hot_event.decided_per_s"], FIGURES["hot_event.p99_ms"]
    assert [rate.verdict(value) for value in (2999, 3000)] == ["missed", "met"]
    assert [wait.verdict(value) for value in (100, 101)] == ["met", "missed"]
    assert FIGURES["spread.decided_per_s"].verdict(1) == ""


def test_the_table_shows_what_was_measured_and_nothing_else():
    """One line for each figure that there is, with its verdict; what is kept beside the figures is no line."""
    lines = table({"relay.messages_per_s": 20_500.0, "run.framework_per_s": 6500.0}).splitlines()
    assert len(lines) == 2
    assert lines[1].split() == ["relay.messages_per_s", "20,500", "messages/s", "≥", "20,000", "met"]


def test_the_page_is_filled_between_its_marks_from_the_kept_figures(tmp_path):
    """All names of a whole run stand in the table; what stands around the marks stays, also the second time."""
    file = tmp_path / "build" / "bench.json"
    write(dict.fromkeys(FIGURES, 1.0) | {"run.noise": 1.0}, RUN, file)
    kept = json.loads(file.read_text())
    assert set(kept) == {*FIGURES, "run"}
    page = f"before\n{chart.BEGIN}\nold\n{chart.END}\nafter\n"
    figures = {name: kept[name] for name in FIGURES}
    once = chart.filled(page, figures, kept["run"])
    assert all(f"`{name}`" in once for name in FIGURES)
    assert "old" not in once
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert chart.filled(once, figures, kept["run"]) == once
    with pytest.raises(ValueError, match="needs the marks"):
        chart.filled("no marks", figures, kept["run"])


def test_a_bar_points_right_for_what_is_better_than_its_aim():
    """More is better for a rate, less for a time."""
    assert chart.goodness("hot_event.decided_per_s", 6000) == 2
    assert chart.goodness("hot_event.p99_ms", 50) == 2
    assert "<svg" in chart.picture(dict.fromkeys(FIGURES, 10.0))


def test_parts_are_chosen_by_their_own_names_or_by_those_of_figures():
    """`relay` is measured with `consume`; an unknown name is refused."""
    assert _chosen("relay,hot_event") == ["hot_event", "messaging"]
    assert len(_chosen("")) == 7
    with pytest.raises(SystemExit, match="there is no nonsense"):
        _chosen("nonsense")


async def answering(answers: list[bytes], seen: list[bytes]):
    """A server that gives the answers in turn, in pieces."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            seen.append(head + await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r")[0])))
            answer = answers[len(seen) - 1]
            writer.write(answer[:30])
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(answer[30:])
            if len(seen) == len(answers):
                break
        writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", 0)


async def test_the_generator_sends_each_request_as_another_person_and_counts_wrong_answers():
    """Every request is answered before the next on its line goes out; a status that was not wanted is counted."""
    right = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nyes!"
    wrong = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno"
    seen: list[bytes] = []
    server = await answering([right, wrong, right], seen)
    port = server.sockets[0].getsockname()[1]
    outcome = await Load(Plan([f"{port}/a", f"{port}/b"], 3, '{"n":"{n}"}', connections=1, keyed=True)).run()
    server.close()
    assert (len(outcome.waits), outcome.wrong) == (3, 1)
    assert outcome.example.startswith("HTTP/1.1 503")
    assert [request.split(b" ")[1] for request in seen] == [b"/a", b"/b", b"/a"]
    assert [request[-15:] for request in seen] == [b'{"n":"%07d"}' % number for number in range(3)]
    assert all(b"Idempotency-Key: " in request for request in seen)


async def test_in_an_open_loop_a_request_that_waits_for_a_line_is_late_from_its_due_time():
    """Two requests that are due at once on one line: the second one's wait holds the first one's answer."""
    answer = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nyes!"
    seen: list[bytes] = []
    server = await answering([answer, answer], seen)
    port = server.sockets[0].getsockname()[1]
    plan = Plan([f"{port}/a"], 2, '{"n":"{n}"}', connections=1, rate=1e6, remember=True)
    outcome = await Load(plan).run()
    server.close()
    assert outcome.waits[1] >= outcome.waits[0] + 0.009
    assert outcome.answered_at[1] > outcome.answered_at[0]
