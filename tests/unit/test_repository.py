"""What holds for the whole repository, whoever adds to it."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared.database.migrations import configuration
from shared.messaging.topics import declared_topics
from shared.runtime.processes import installed_services
from tests.support.composition import services

ROOT = Path(__file__).parents[2]
SERVICES = ("events", "registrations", "notifications")
MOST_LINES = 350
MOST_LINES_OF_A_FUNCTION = 50
GENERATED = re.compile(
    r"^(LICENSE|package-lock\.json|requirements/\w+\.txt|shared/i18n/(messages\.pot|catalogues/.*\.po))$"
)
NOUN_FILES = {"model.py", "commands.py", "queries.py", "api.py", "pages.py", "consumers.py"}
OTHER_WORDS = {
    *("models.py", "service.py", "services.py", "repository.py", "schemas.py", "views.py", "routes.py", "routers.py"),
    *("endpoints.py", "handlers.py", "tasks.py", "utils.py", "helpers.py", "common.py", "misc.py"),
}
HOSTS = ("pypi", "pythonhosted", "npmjs", "yarnpkg", "repo1.maven", "repo.maven", "deb.debian")
MACHINE_PATHS = ("work", "root", "home", "Users")


def tracked():
    """Every file that git has or would take, as a path inside the repository."""
    command = ["/usr/bin/env", "git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def texts(pattern=r""):
    """Name and text of the files that match and that people write."""
    for name in tracked():
        if re.search(pattern, name) and not GENERATED.match(name):
            try:
                yield name, (ROOT / name).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def functions(pattern):
    """File and syntax tree of every function."""
    for name, text in texts(pattern):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, node


def test_each_service_is_installed():
    """The three services are entry points, so that `teilhabe` finds them."""
    assert set(installed_services()) == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_one_migration_head(service):
    """Two heads would be two histories of one database."""
    assert len(ScriptDirectory.from_config(configuration(service)).get_heads()) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_nouns_use_the_same_file_names(service):
    """A noun's folder has at least one of the fixed names and no synonym of them; more modules are named by verbs."""
    folder = ROOT / "services" / service
    assert {"main.py", "settings.py", "metadata.py", "cli.py"} <= {path.name for path in folder.glob("*.py")}
    for noun in {path.parent for path in folder.glob("*/model.py")}:
        names = {path.name for path in noun.glob("*.py")}
        assert names & NOUN_FILES, noun
        assert not names & OTHER_WORDS, noun


def test_every_topic_that_is_read_is_declared_and_the_reverse():
    """Each consumer's topic and group stand in deploy/topics.toml, and each group there has a consumer."""
    consumed = {(topic, service.name) for service in services() for topic in service.topics}
    assert consumed == {(topic.name, group) for topic in declared_topics() for group in topic.groups}


def test_no_module_is_longer_than_it_should_be():
    """A module or template is split by verb before it has more than 350 lines; tests, styles and data may be longer."""
    kinds = r"^(?!tests/).*(\.(py|html|js|sh|yaml)$|(^|/)(Makefile|Dockerfile|Caddyfile)$)|^\.ci/run$"
    lengths = {name: text.count("\n") for name, text in texts(kinds)}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_function_is_longer_than_a_screen():
    """Outside of tests and migrations, no function has more than 50 lines."""
    ours = r"^(services|shared|scripts|deploy)/(?!.*/migrations/).*\.py$"
    lengths = {(name, node.name): node.end_lineno - node.lineno + 1 for name, node in functions(ours)}
    assert lengths
    assert {where: length for where, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION} == {}


def test_every_test_says_what_it_shows():
    """Each test has a docstring, which is a sentence."""
    tests = [(name, node) for name, node in functions(r"^tests/.*/test_\w+\.py$") if node.name.startswith("test_")]
    silent = [
        f"{name}: {node.name}" for name, node in tests if not (ast.get_docstring(node) or "").rstrip().endswith(".")
    ]
    assert tests
    assert silent == []


def test_no_file_names_a_machine_or_a_registry():
    """Lock files and configuration work behind any mirror, and nothing points into somebody's own folders."""
    host = re.compile("|".join(rf"\b{re.escape(host)}[\w.-]*\.(?:org|com)\b" for host in HOSTS))
    path = re.compile(rf"(?<![\w./:}}-])/(?:{'|'.join(MACHINE_PATHS)})/[\w.]")
    found = []
    for name in tracked():
        text = (ROOT / name).read_bytes().decode("utf-8", errors="ignore")
        found += [f"{name}: {match[0]}" for pattern in (host, path) for match in pattern.finditer(text)]
    assert found == []


def test_lock_files_pin_and_hash_everything():
    """Each requirement of each lock file has a version and a hash, and no file names an index."""
    for name in ("runtime", "embedded", "dev", "uv"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        entries = re.findall(r"^([A-Za-z0-9][^\s;]*)(?:.*?)(?=^[A-Za-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
        assert entries
        assert all("==" in entry for entry in entries)
        assert text.count("==") <= text.count("--hash=sha256:")
        assert "://" not in text


def test_images_and_wheels_ask_for_what_the_lock_file_has():
    """What the project declares as its dependencies is in requirements/runtime.txt."""
    lines = (ROOT / "requirements" / "runtime.in").read_text().splitlines()
    wanted = {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in lines if line and line[0] != "#"}
    locked = {line.split("==")[0] for line in (ROOT / "requirements" / "runtime.txt").read_text().splitlines()}
    assert wanted <= locked


def test_make_lists_every_command():
    """`make` alone shows one line for each target that is meant for people."""
    makefile = (ROOT / "Makefile").read_text()
    shown = subprocess.run(
        ["/usr/bin/env", "make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) - {"environment", "dev-environment"}
    assert {line.split()[1] for line in shown.splitlines()} == targets


def test_the_licence_is_the_one_that_the_project_names():
    """LICENSE holds the text of the licence in pyproject.toml, with its last article and its appendix."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "LICENSE").read_text()
    assert project["license"] == "EUPL-1.2"
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2")
    assert "15.Applicable Law" in text
    assert "‘Compatible Licences’ according to Article 5 EUPL" in text


def test_the_walk_through_the_architecture_names_files_that_exist():
    """ARCHITECTURE.md leads one registration through the code in at most fifteen steps, past real files."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    walk = text.partition("## One registration")[2].partition("## ")[0]
    steps = re.findall(r"(?m)^\d+\. ", walk)
    named = re.findall(r"`([\w/]+\.py)`", walk)
    bases = ("", "services/registrations", "services/notifications", "shared")
    assert 10 <= len(steps) <= 15
    assert len(named) > 20
    assert not [name for name in named if not any((ROOT / base / name).exists() for base in bases)]
