"""`make up` as a whole, on PostgreSQL and the broker that it brings: it starts, survives, stops, and keeps."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import asyncpg
import psutil
import pytest

from shared.embedded import leftovers
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.readiness import failing_checks
from shared.embedded.surroundings import HOST, Surroundings

ROOT = Path(__file__).parents[2]
CHILDREN = [f"{service}-{process}" for service in Surroundings(ROOT).services for process in ("api", "worker")]
PARTS = [*CHILDREN, leftovers.POSTGRES, "broker"]
STOP_WITHIN = 20


class LocalStack:
    """The stack of one state folder, spoken to as a person does: by commands."""

    def __init__(self, where):
        self.where = where
        self.run_folder = where.state / "run"

    def command(self, *words):
        """Run `teilhabe …` to its end."""
        return subprocess.run(
            self._line(*words), capture_output=True, text=True, cwd=ROOT, env=surroundings(), timeout=90, check=False
        )

    def foreground(self):
        """`teilhabe up` that holds its terminal."""
        line = self._line("up", "--port", str(self.where.port))
        return subprocess.Popen(line, cwd=ROOT, env=surroundings(), stdout=subprocess.PIPE, text=True)

    def _line(self, *words):
        return [sys.executable, "-m", "shared.cli", *words, "--state-folder", str(self.where.state)]

    def up(self):
        """Start in the background; returns what it printed."""
        done = self.command("up", "--background", "--port", str(self.where.port))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def processes(self):
        """Every process of the stack by name, PostgreSQL's own children left out."""
        return dict(leftovers.running(self.run_folder))

    def kill(self, name):
        """`kill -9`; returns the process id that is gone."""
        process = leftovers.find(self.run_folder, name)
        process.send_signal(signal.SIGKILL)
        return process.pid

    def is_ready(self):
        """Whether every part runs and every service's process can work."""
        ports = [self.where.port_of(*name.split("-")) for name in CHILDREN]
        return len(self.processes()) == len(PARTS) + 1 and all(failing_checks(port) == [] for port in ports)

    def get(self, path):
        """Status and body of a page of events."""
        connection = HTTPConnection(HOST, self.where.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def sql(self, statement):
        """Ask the database of events."""

        async def fetch():
            url = EmbeddedPostgres(self.where.state / "postgresql").libpq_url("events")
            connection = await asyncpg.connect(url)
            try:
                return await connection.fetch(statement)
            finally:
                await connection.close()

        return asyncio.run(fetch())


def surroundings():
    """The environment without settings of the test run, which would name other servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TEILHABE_")}


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} took more than {seconds} s"
        time.sleep(0.1)


def free_base():
    """A first port whose whole range is free."""
    for base in range(21_000, 30_000, 100):
        where = Surroundings(ROOT, base)
        ports = [where.port_of(*name.split("-")) for name in CHILDREN] + [where.broker_port]
        try:
            for port in ports:
                with socket.socket() as probe:
                    probe.bind((HOST, port))
        except OSError:
            continue
        return base
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Running when the first test gets it, and ended after the last one, whatever a test left."""
    stack = LocalStack(Surroundings(tmp_path_factory.mktemp("stack") / "state", free_base()))
    stack.said = stack.up()
    yield stack
    stack.command("down")


def test_a_first_start_serves_the_programme_and_says_where(stack):
    """When `up` returns, every process is ready, the programme answers, and its address was printed."""
    assert stack.is_ready()
    assert stack.get("/events")[0] == 200
    assert f"{stack.where.url_of('events')}/events" in stack.said


def test_keys_are_made_for_this_machine_alone(stack):
    """Only the owner can read the keys, and another state folder would have others."""
    file = stack.where.state / "keys.env"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "TEILHABE_TOKEN_PRIVATE_KEY" in file.read_text()


def test_a_second_start_says_that_it_runs_already(stack):
    """One line names the commands that help, and the running stack goes on."""
    before = {name: process.pid for name, process in stack.processes().items()}
    done = stack.command("up", "--background", "--port", str(stack.where.port))
    assert done.returncode == 1
    assert "make down" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert {name: process.pid for name, process in stack.processes().items()} == before


def test_a_busy_port_is_one_clear_line(stack, tmp_path):
    """Another stack on the same ports names the port and the setting that chooses others, and leaves nothing."""
    other = LocalStack(Surroundings(tmp_path / "other", stack.where.port))
    done = other.command("up", "--background", "--port", str(stack.where.port))
    assert done.returncode == 1
    assert str(stack.where.port) in done.stderr
    assert "TEILHABE_PORT" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not other.processes()


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_part_comes_back(stack, name):
    """After `kill -9` of any one part, it runs again under another process id and everything becomes ready."""
    pid = stack.kill(name)
    wait_until(lambda: stack.processes().get(name, psutil.Process()).pid not in {pid, os.getpid()}, 15, "the restart")
    wait_until(stack.is_ready, 30, "becoming ready")
    assert stack.get("/events")[0] == 200


def test_a_killed_supervisor_leaves_a_folder_that_starts_again(stack):
    """After `kill -9` of the supervisor the services end by themselves, and the next start has what was there."""
    stack.sql("CREATE TABLE kept (what text)")
    stack.sql("INSERT INTO kept VALUES ('from before')")
    services = {name: process for name, process in stack.processes().items() if name in CHILDREN}
    stack.kill(leftovers.SUPERVISOR)
    wait_until(lambda: not any(name in stack.processes() for name in services), 12, "the end of the services")
    stack.up()
    assert stack.is_ready()
    assert [row["what"] for row in stack.sql("SELECT what FROM kept")] == ["from before"]


def test_a_stop_is_quick_and_leaves_no_process(stack):
    """`down` returns within 20 s, nothing of the stack runs then, and PostgreSQL was shut down, not killed."""
    family = [process for part in stack.processes().values() for process in (part, *part.children(recursive=True))]
    begun = time.monotonic()
    done = stack.command("down")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun < STOP_WITHIN
    assert [process for process in family if process.is_running()] == []
    assert not (stack.where.state / "postgresql" / "data" / "postmaster.pid").exists()


def test_the_next_start_has_everything_and_ctrl_c_stops_it(stack):
    """A start in the foreground has what was stored before the stop; SIGINT ends all of it with status 0 in 20 s."""
    with stack.foreground() as supervisor:
        wait_until(stack.is_ready, 40, "becoming ready")
        assert [row["what"] for row in stack.sql("SELECT what FROM kept")] == ["from before"]
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(STOP_WITHIN) == 0
        said = supervisor.stdout.read()
    assert "stopped" in said
    assert "loading demo data" not in said
    assert not stack.processes()
