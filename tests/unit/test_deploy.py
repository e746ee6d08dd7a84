"""What can be said of deploy/ without a Docker engine."""

import json
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import yaml

from shared.runtime.keys import new_keys, new_passwords
from tests.support.composition import services

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE_TEXT = (DEPLOY / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
OPENID_TEXT = (DEPLOY / "compose.openid.yaml").read_text()
CADDYFILE = (DEPLOY / "proxy" / "Caddyfile").read_text()
PROCESSES = [
    f"{name}-{process}" for name in ("events", "registrations", "notifications") for process in ("api", "worker")
]
SAME_EVERYWHERE = {"/healthz", "/readyz", "/metrics", "/assets"}
VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?])[^}]*)?\}")


def matchers():
    """The path patterns of each named matcher of the Caddyfile."""
    return {name: words.split() for name, words in re.findall(r"^\s*@(\w+) path (.+)$", CADDYFILE, re.MULTILINE)}


def upstreams():
    """What each `handle` block does with a request; the one without a name takes what is left."""
    blocks = re.findall(r"handle (?:@(\w+) )?\{\s*(\w+) ([\w:-]+)\s*\}", CADDYFILE)
    return {name: (directive, target) for name, directive, target in blocks}


def routed(path):
    """Where the proxy sends a path."""
    for name, patterns in matchers().items():
        if any(fnmatchcase(path, pattern) for pattern in patterns):
            return upstreams()[name]
    return upstreams()[""]


def filled(path):
    """A path of a route as a browser would ask for it."""
    return re.sub(r"\{[^}]*\}", "x", path)


@pytest.mark.parametrize("name", ["events", "registrations", "notifications"])
def test_the_proxy_brings_each_path_to_its_service(name):
    """Every route of an api, whatever stands for its parameters, gets to that api."""
    service = next(service for service in services() if service.name == name)
    own = service.paths - SAME_EVERYWHERE
    wrong = {path for path in own if routed(filled(path)) != ("reverse_proxy", f"{name}-api:8000")}
    assert own
    assert not wrong


def test_no_two_services_claim_one_path():
    """Behind one origin, a path that two services serve would reach only one of them."""
    seen = [path for service in services() for path in service.paths - SAME_EVERYWHERE]
    assert sorted(seen) == sorted(set(seen))


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_the_proxy_keeps_what_is_for_operators_inside(path):
    """Health and figures are not for the public."""
    assert routed(path) == ("respond", "404")


def test_the_caddyfile_is_one_that_caddy_takes():
    """Caddy itself reads the file, where there is one."""
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("needs caddy")
    command = [caddy, "validate", "--adapter", "caddyfile", "--config", DEPLOY / "proxy" / "Caddyfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def known_variables(name):
    """The environment variables that a service reads."""
    settings = next(service.settings for service in services() if service.name == name)
    return {str(field.validation_alias or f"TEILHABE_{key.upper()}") for key, field in settings.model_fields.items()}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_is_told_what_it_knows(process):
    """Each variable of a container is a setting of its service, and each setting without a default is given."""
    service = next(service for service in services() if service.name == process.split("-")[0])
    given = set(COMPOSE["services"][process]["environment"])
    required = {
        str(field.validation_alias or f"TEILHABE_{key.upper()}")
        for key, field in service.settings.model_fields.items()
        if field.is_required()
    }
    assert not given - known_variables(service.name)
    assert not required - given


def test_the_identity_provider_is_there_for_who_asks_for_it():
    """The file beside compose.yaml gives the events api its settings and a way out; without it there is neither."""
    [(name, container)] = yaml.safe_load(OPENID_TEXT)["services"].items()
    assert name == "events-api"
    assert set(container["environment"]) <= known_variables("events")
    assert {variable for variable, _ in VARIABLE.findall(OPENID_TEXT)} == set(container["environment"])
    assert set(container["networks"]) == {"inner", "outer"}
    assert COMPOSE["services"][name]["networks"] == ["inner"]
    assert "OPENID" not in COMPOSE_TEXT


def test_the_sign_in_key_is_given_to_events_alone():
    """Whoever holds the private key can sign in as anybody: no process of another service has it."""
    holders = {name for name in PROCESSES if "TEILHABE_TOKEN_PRIVATE_KEY" in COMPOSE["services"][name]["environment"]}
    assert holders == {"events-api", "events-worker"}


def test_a_service_reaches_its_own_database_alone():
    """No process is given the address of another service's database."""
    for process in PROCESSES:
        databases = {name for name in COMPOSE["services"][process]["environment"] if "_DATABASE_" in name}
        assert databases == {f"TEILHABE_DATABASE_{process.split('-')[0].upper()}"}


def test_nothing_secret_has_a_default():
    """Compose stops at a secret that is unset; only a mail server that asks for no password goes without one."""
    secret = re.compile(r"KEY|PASSWORD|TOKEN|ACCOUNT")
    lenient = {name for name, operator in VARIABLE.findall(COMPOSE_TEXT) if secret.search(name) and operator == ":-"}
    strict = {name for name, operator in VARIABLE.findall(COMPOSE_TEXT) if operator == ":?"}
    assert lenient == {"TEILHABE_SMTP_PASSWORD"}
    assert set(new_keys("k1")) | set(new_passwords()) <= strict


def test_the_example_names_each_variable_and_no_value():
    """deploy/.env.example lists exactly what compose.yaml asks for, all empty."""
    lines = [line for line in (DEPLOY / ".env.example").read_text().splitlines() if line and not line.startswith("#")]
    assert all(line.endswith("=") for line in lines)
    assert {line.rstrip("=") for line in lines} == {name for name, _ in VARIABLE.findall(COMPOSE_TEXT)}


def test_only_the_proxy_is_published_and_on_this_machine():
    """No database, broker or service has a port outside, and the proxy's is this machine's alone by default."""
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert set(published) == {"proxy"}
    assert all(port.startswith("${BIND:-127.0.0.1}:") for port in published["proxy"])


def test_each_service_has_an_api_and_a_worker_with_a_health_check():
    """Six processes run from one image, each asked for its readiness on the port that it serves."""
    for name in PROCESSES:
        container = COMPOSE["services"][name]
        assert container["command"][:4] == ["teilhabe", "run", *name.split("-")]
        assert "http://127.0.0.1:8000/readyz" in container["healthcheck"]["test"][-1]
        assert container["command"][-2:] == ["--port", "8000"]
        assert container["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}


def test_what_compose_refers_to_is_there():
    """Every network and volume is declared, every mounted file exists, every condition can come true."""
    for service in COMPOSE["services"].values():
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"]
        for other, wait in service.get("depends_on", {}).items():
            healthy = wait["condition"] == "service_healthy"
            assert not healthy or "test" in COMPOSE["services"][other]["healthcheck"]


def test_kafka_is_the_one_that_the_tests_use():
    """The image's version is the version of deploy/kafka/pom.xml."""
    pom = (DEPLOY / "kafka" / "pom.xml").read_text()
    tested = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>([\d.]+)</version>", pom)[1]
    assert COMPOSE["services"]["kafka"]["image"] == f"apache/kafka:{tested}"
    assert COMPOSE["services"]["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def compose_config(environment):
    """`docker compose config`, or a skip where the plugin is missing."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("needs docker with its compose plugin")
    command = [docker, "compose", "-f", DEPLOY / "compose.yaml", "--env-file", "/dev/null", "config", "--format=json"]
    path = {"PATH": str(Path(docker).parent)}
    return subprocess.run(command, capture_output=True, text=True, env=path | environment, check=False)


def test_compose_reads_the_file():
    """With every variable set, Compose finds nothing wrong and hands the keys on as they are."""
    values = {name: "x" for name, operator in VARIABLE.findall(COMPOSE_TEXT) if operator == ":?"} | new_keys("k1")
    done = compose_config(values)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["services"]["events-api"]["environment"]
    assert told["TEILHABE_TOKEN_PRIVATE_KEY"] == values["TEILHABE_TOKEN_PRIVATE_KEY"]


def test_compose_names_what_is_unset():
    """Without settings, Compose stops and names the variable and where to learn of it."""
    done = compose_config({})
    assert done.returncode != 0
    assert ".env.example" in done.stderr or "teilhabe secrets" in done.stderr


def test_the_image_is_given_every_file_that_its_build_names():
    """What the Dockerfile copies and the build reads is let in by Dockerfile.dockerignore, and is there."""
    let_in = {
        line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    for name in let_in:
        assert (ROOT / name).exists(), name
    needed = {"requirements", "services", "shared", "pyproject.toml", "package-lock.json", "deploy/topics.toml"}
    assert needed <= let_in


def test_the_image_runs_as_nobody_in_particular():
    """The last stage names a user id that is not root's, and brings no key."""
    last = (DEPLOY / "Dockerfile").read_text().split("\nFROM ")[-1]
    assert int(re.search(r"^USER (\d+)$", last, re.MULTILINE)[1]) > 0
    assert "KEY" not in last


def test_the_python_of_the_image_is_one_that_the_project_supports():
    """Both stages use one version, and the path in the build is that version's."""
    text = (DEPLOY / "Dockerfile").read_text()
    versions = set(re.findall(r"python:?(3\.\d+)", text))
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert len(versions) == 1
    assert [int(part) for part in versions.pop().split(".")] >= [int(part) for part in oldest.split(".")]
