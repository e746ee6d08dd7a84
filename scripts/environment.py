#!/usr/bin/env python3
"""Makes `.venv` hold exactly what a lock file names, and the project itself.

`python3 scripts/environment.py embedded` is enough to run Teilhabe, `dev` is enough to test it. It uses nothing but
Python: `uv` is taken from the machine, or installed into `.venv-tools`. It is quick when nothing changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".venv-tools"
STAMP = VENV / ".teilhabe"
_NOT_OURS = {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"}


class EnvironmentProblemError(Exception):
    """The environment cannot be made; the text says what to do."""


def main() -> int:
    """Entry point; the argument is `embedded` or `dev`."""
    try:
        prepare(sys.argv[1])
    except EnvironmentProblemError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


def prepare(wanted: str) -> None:
    """Bring `.venv` up to date unless it is; an environment that tests once stays one.

    Raises:
        EnvironmentProblemError: a tool is missing or failed.
    """
    has, _, digest = read_stamp().partition(" ")
    tests = has == "dev" or (VENV / "bin" / "pytest").exists()
    kind = "dev" if tests else wanted
    if has == kind and digest == fingerprint(kind) and python().exists():
        return
    say(f"Installing what requirements/{kind}.txt names into .venv")
    install(kind)
    STAMP.write_text(f"{kind} {fingerprint(kind)}")


def install(kind: str) -> None:
    """Fill `.venv`, which is made anew if its Python is gone."""
    uv = find_uv()
    if not python().exists():
        run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV)
    target = ("--quiet", "--python", python())
    run(uv, "pip", "sync", *target, "--compile-bytecode", "--require-hashes", ROOT / "requirements" / f"{kind}.txt")
    run(uv, "pip", "install", *target, "--no-build-isolation", "--no-deps", "--editable", ROOT)


def python() -> Path:
    """The environment's own Python."""
    return VENV / "bin" / "python"


def fingerprint(kind: str) -> str:
    """A digest of all that decides what is installed."""
    files = (ROOT / "requirements" / f"{kind}.txt", ROOT / "pyproject.toml")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files) + str(VENV).encode()).hexdigest()


def read_stamp() -> str:
    """Kind and digest of what is installed."""
    return STAMP.read_text() if STAMP.is_file() else ""


def find_uv() -> Path:
    """The `uv` of this machine, else our own, which pip installs.

    Raises:
        EnvironmentProblemError: Python has no venv module.
    """
    machines = shutil.which("uv")
    if machines:
        return Path(machines)
    ours = TOOLS / "bin" / "uv"
    if not ours.exists():
        say("Installing uv into .venv-tools")
        make_tools()
    return ours


def make_tools() -> None:
    """Install the `uv` that requirements/uv.txt names."""
    try:
        venv.create(TOOLS, with_pip=True, clear=True, symlinks=True)
        (TOOLS / ".gitignore").write_text("*\n")
    except (ImportError, subprocess.CalledProcessError):
        shutil.rmtree(TOOLS, ignore_errors=True)
        raise EnvironmentProblemError(
            "Python lacks its venv module: install it (Debian: apt-get install python3-venv), or install uv"
        ) from None
    locked = ROOT / "requirements" / "uv.txt"
    run(TOOLS / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", locked)


def run(*command: str | Path) -> None:
    """Run a program, without what belongs to an environment that happens to be active.

    Raises:
        EnvironmentProblemError: it failed; what it said is on the terminal.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    done = subprocess.run(command, env=environment, cwd=ROOT, check=False)  # noqa: S603 - our own words only
    if done.returncode:
        raise EnvironmentProblemError(f"{Path(command[0]).name} failed with status {done.returncode}")


def say(line: str) -> None:
    """Show progress."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
