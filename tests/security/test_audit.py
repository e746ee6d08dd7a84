"""The audit of dependencies: what is known fails it, and what could not be asked about is never taken for good."""

import importlib.util
import json
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("audit", Path(__file__).parents[2] / "scripts" / "audit.py")
audit = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(audit)

GOOD = {"name": "fastapi", "version": "0.165", "vulns": []}
BAD = {"name": "jinja2", "version": "2.0", "vulns": [{"id": "PYSEC-2019-217"}]}
SKIPPED = {"name": "pyjwt", "skip_reason": "Dependency not found on PyPI and could not be audited: pyjwt (2.0)"}
NODE_GOOD = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 3}}}
NODE_BAD = {"vulnerabilities": {"htmx.org": {"severity": "high"}}, "metadata": {"dependencies": {"total": 3}}}


def ends(node, *python, warn=False):
    findings = audit.of_node(json.dumps(node) if node else "")
    findings.add(audit.of_python(json.dumps({"dependencies": list(python)}), "runtime"))
    return audit.verdict(findings, warn=warn)


@pytest.mark.parametrize("warn", [True, False])
def test_a_known_vulnerability_fails_the_audit(warn, capsys):
    """In either lock file, whether or not the registry is allowed to be silent on others."""
    assert ends(NODE_GOOD, GOOD, BAD, SKIPPED, warn=warn) == audit.FOUND
    assert ends(NODE_BAD, GOOD, warn=warn) == audit.FOUND
    assert "runtime: jinja2 2.0: PYSEC-2019-217" in capsys.readouterr().out


@pytest.mark.parametrize(("node", "python"), [(NODE_GOOD, [GOOD, SKIPPED]), (None, [GOOD]), (NODE_GOOD, [])])
def test_what_could_not_be_asked_is_said(node, python, capsys):
    """A registry without advisories, a tool that is not there: the audit says so and does not end well."""
    assert ends(node, *python) == audit.NOT_ASKED
    assert "NOT AUDITED" in capsys.readouterr().out
    assert ends(node, *python, warn=True) == 0
    assert "NOT AUDITED" in capsys.readouterr().out


def test_an_audit_without_findings_ends_well(capsys):
    """All packages were asked about and none is known to be vulnerable."""
    assert ends(NODE_GOOD, GOOD) == 0
    assert capsys.readouterr().out == "4 packages audited, 0 not\n"


def test_a_tool_that_is_missing_counts_as_silent():
    """Without npm or pip-audit nothing is audited."""
    assert audit.run(["there-is-no-such-program"]) == ""
