"""Schemathesis against each service's OpenAPI: no 500, and no answer that the document does not tell of.

`TEILHABE_CASES=5000` asks for so many cases a service; without it, for as many as fit into half a minute. The seed is
printed (`pytest -rP` shows it), and `TEILHABE_SEED` repeats a run.
"""

import asyncio
import json
import os
import re
import secrets
import sys
from pathlib import Path

import pytest

from tests.badinput.http.forms import routes_of
from tests.support.notifications import serving

ROOT = Path(__file__).parents[3]
CASES = int(os.environ.get("TEILHABE_CASES", "80"))
SEED = os.environ.get("TEILHABE_SEED") or str(secrets.randbelow(2**31))
API = {"events": "/api", "registrations": "/registrations/api", "notifications": "/notifications/api"}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
    "use_after_free",
    "ensure_resource_availability",
)
GENERATED = re.compile(r"(\d+) generated")
LONGEST_SECONDS = 1500


async def schemathesis(target, base: str, folder: Path, *more: str, cases: int = CASES) -> tuple[int, str]:
    """Run it in a process of its own with everything that exists; its exit code and what it says."""
    document = json.loads((await target.browser().get(f"{API[target.name]}/openapi.json")).text)
    operations = sum(len(methods) for methods in document["paths"].values())
    command = ["run", f"{base}{API[target.name]}/openapi.json", "--no-color", "--continue-on-failure"]
    command += ["--checks", ",".join(CHECKS), "--seed", SEED, "-n", str(cases * 5 // operations // 4 + 1), *more]
    # A quarter more: operations without a body run out of cases.
    cookie = "; ".join(f"{name}={value}" for name, value in target.cookies.items())
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.badinput.http.hooks",
        "BADINPUT_IDS": " ".join(target.ids),
        "BADINPUT_TOKENS": " ".join(target.tokens),
    }
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *(command + (["-H", f"Cookie: {cookie}"] if cookie else [])),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.timeout(LONGEST_SECONDS)
async def test_no_generated_request_gets_a_500_or_an_answer_that_is_not_documented(target, free_port, tmp_path):
    """Status codes, types, bodies and headers are those of the document, whatever is sent, alone and in sequences."""
    sys.stdout.write(f"{target.name}: {CASES} cases, TEILHABE_SEED={SEED}\n")
    async with serving(target.app, free_port()) as base:
        code, said = await schemathesis(target, base, tmp_path)
    sys.stdout.write(said[said.find("Test cases:") :])
    assert code == 0, said
    found = GENERATED.search(said)
    assert found
    assert int(found[1]) >= CASES


async def test_an_answer_that_is_not_documented_is_found(notifications, free_port, tmp_path):
    """The control: with one status taken out of the document the same run fails, and says which."""
    document = notifications.app.openapi()
    answers = document["paths"]["/notifications/api/events/{event_id}/deliveries"]["get"]["responses"]
    taken = answers.pop("404")
    async with serving(notifications.app, free_port()) as base:
        code, said = await schemathesis(notifications, base, tmp_path, cases=30)
    answers["404"] = taken
    assert code == 1
    assert "Undocumented status code" in said


def test_every_route_of_an_api_is_in_its_document(target):
    """What the document does not name would not be tried."""
    known = target.app.openapi()["paths"]
    documents = {f"{API[target.name]}/{name}" for name in ("docs", "openapi.json", "messages", "asyncapi.json")}
    for path, methods in routes_of(target.app):
        if "api" in path.split("/") and path not in documents:
            assert {method.lower() for method in methods} <= set(known[path]), path
