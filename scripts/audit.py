#!/usr/bin/env python3
"""Asks the registries whether a package that we lock has a known vulnerability.

Ends with 1 where there is one, and with 3 where a package could not be asked about: an audit that did not happen is
never taken for one that found nothing. `--unreachable=warn` says so and ends with 0, for machines whose registry
serves no advisories.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = ("runtime", "embedded", "dev", "uv")
FOUND, NOT_ASKED = 1, 3
_SECONDS = 600


@dataclass
class Findings:
    """What an audit said: known vulnerabilities, and what could not be asked about."""

    known: list[str] = field(default_factory=list)
    not_asked: list[str] = field(default_factory=list)
    asked: int = 0

    def add(self, other: "Findings") -> None:
        """Take over what another audit said."""
        self.known += other.known
        self.not_asked += other.not_asked
        self.asked += other.asked


def of_python(report: str, lock: str) -> Findings:
    """What pip-audit's JSON says. It ends well for packages that it could not look up: those are counted here."""
    dependencies = _read(report).get("dependencies")
    if not dependencies:
        return Findings(not_asked=[f"{lock}: pip-audit gave no answer"])
    findings = Findings()
    for package in dependencies:
        name = f"{package['name']} {package.get('version', '')}".strip()
        if "skip_reason" in package:
            findings.not_asked.append(f"{lock}: {name}")
        else:
            findings.asked += 1
            findings.known += [f"{lock}: {name}: {known['id']}" for known in package["vulns"]]
    return findings


def of_node(report: str) -> Findings:
    """What `npm audit --json` says; a registry without advisories answers with an error."""
    answer = _read(report)
    if "vulnerabilities" not in answer:
        return Findings(not_asked=["package-lock.json: npm gave no answer"])
    known = [f"npm: {name}: {found['severity']}" for name, found in answer["vulnerabilities"].items()]
    return Findings(known, asked=answer["metadata"]["dependencies"]["total"])


def _read(report: str) -> dict[str, Any]:
    try:
        answer = json.loads(report)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def run(command: list[str]) -> str:
    """What a program prints, however it ends; nothing if it is not there or takes ten minutes."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_SECONDS)  # noqa: S603 - our own two commands
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def audit() -> Findings:
    """Ask about all that is locked."""
    findings = of_node(run(["npm", "audit", "--audit=true", "--package-lock-only", "--json"]))
    options = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    for lock in LOCKS:
        command = [sys.executable, "-m", "pip_audit", *options, "--requirement", f"requirements/{lock}.txt"]
        findings.add(of_python(run(command), lock))
    return findings


def verdict(findings: Findings, *, warn: bool) -> int:
    """Print what was found; returns how the program ends."""
    _say("Known vulnerability", findings.known)
    _say("NOT AUDITED, the registry did not answer", findings.not_asked)
    sys.stdout.write(f"{findings.asked} packages audited, {len(findings.not_asked)} not\n")
    if findings.known:
        return FOUND
    return NOT_ASKED if findings.not_asked and not warn else 0


def _say(what: str, lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{what}: {line}\n" for line in lines)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unreachable", choices=("fail", "warn"), default="fail")
    return verdict(audit(), warn=parser.parse_args().unreachable == "warn")


if __name__ == "__main__":
    sys.exit(main())
