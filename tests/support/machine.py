"""What this machine offers the tests: a broker, a database and a browser, each chosen in a fixed order."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from deploy.kafka.kafka import why_not_here

NO_KAFKA = "needs Apache Kafka: a Docker engine, or Java 17 and Maven, or TEILHABE_KAFKA"
NO_CHROMIUM = "needs Chromium: install it, or name it in TEILHABE_CHROMIUM"


class Source(StrEnum):
    """Where a part of the run comes from; the texts are what the run prints."""

    NAMED = "the one that the environment names"
    DOCKER = "a Docker container"
    LOCAL = "Apache Kafka of deploy/kafka"
    EMBEDDED = "embedded"


@dataclass
class Machine:
    """The choices of one run; `broker` becomes `EMBEDDED` when Apache Kafka turns out not to start."""

    broker: Source
    database: Source
    chromium: str | None
    kafka_failure: str = ""

    @property
    def has_real_kafka(self) -> bool:
        """Guarantees can be shown; the embedded broker lacks what they need."""
        return self.broker is not Source.EMBEDDED

    @property
    def lacks(self) -> list[str]:
        """What a run that must use real parts would miss."""
        kafka = [] if self.has_real_kafka else [NO_KAFKA]
        return kafka + ([] if self.chromium else [NO_CHROMIUM])


def look() -> Machine:
    """Choose without starting anything."""
    docker = docker_engine_answers()
    return Machine(broker=_broker(docker=docker), database=_database(docker=docker), chromium=_chromium())


def must_be_real() -> bool:
    """CI asks for Apache Kafka and a browser, and fails rather than skip."""
    return bool(os.environ.get("CI")) and os.environ.get("TEILHABE_REQUIRE_REAL") == "1"


def docker_engine_answers() -> bool:
    """In a process of its own, since the client leaves a socket open when nobody answers."""
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
        return False
    probe = "import docker; docker.from_env(timeout=3).ping()"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False)
    return done.returncode == 0


def _broker(*, docker: bool) -> Source:
    if os.environ.get("TEILHABE_KAFKA"):
        return Source.NAMED
    if docker:
        return Source.DOCKER
    return Source.EMBEDDED if why_not_here() else Source.LOCAL


def _database(*, docker: bool) -> Source:
    if os.environ.get("TEILHABE_TEST_DATABASE"):
        return Source.NAMED
    return Source.DOCKER if docker else Source.EMBEDDED


def _chromium() -> str | None:
    named = os.environ.get("TEILHABE_CHROMIUM")
    names = [named] if named else ["/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if (path := shutil.which(name))), None)
