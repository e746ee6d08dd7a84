"""Who brings notifications to people, for the trials: a Twilio-compatible HTTP server and an SMTP server on 127.0.0.1.

Both remember each notification that they took, and can be late, fail, or take one and drop the answer. Receipts of
SMS are delivered as a provider does: again and again until somebody takes them.
"""

import asyncio
import hmac
import random
import re
import time
from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from uuid import uuid4

import aiohttp
from aiohttp import web
from aiosmtpd.smtp import SMTP

from deploy.kafka.kafka import free_port

ACCOUNT, TOKEN = "AC0", "faults"
_HOST = "127.0.0.1"
_KEY = re.compile(rb"^Message-ID:\s*<([0-9a-f-]{36})@", re.IGNORECASE | re.MULTILINE)
_RECEIPT_PATIENCE = 120.0


class Mood(StrEnum):
    """How the providers answer."""

    WELL = "well"
    LATE = "late"
    ERROR = "error"
    DROP = "drop"


@dataclass
class Acceptance:
    """A notification that a provider took. Times are those of `time.time()`."""

    key: str
    channel: str
    to: str
    text: str
    at: float
    answered: bool = False
    receipt_at: float | None = None


class Provider:
    """Phone network and mail server in one."""

    def __init__(self, timeout: float) -> None:
        """`timeout` is after how many seconds the services no longer wait for an answer."""
        self.mood = Mood.WELL
        self.accepted: list[Acceptance] = []
        self.sms_port, self.mail_port = free_port(), free_port()
        self._timeout = timeout
        self._waiting: dict[str, asyncio.Queue[str]] = defaultdict(asyncio.Queue)
        self._receipts: set[asyncio.Task] = set()

    @property
    def settings(self) -> dict[str, str]:
        """What the services have to be told."""
        return {
            "TEILHABE_SMS_PROVIDER": "twilio",
            "TEILHABE_TWILIO_URL": f"http://{_HOST}:{self.sms_port}",
            "TEILHABE_TWILIO_ACCOUNT": ACCOUNT,
            "TEILHABE_TWILIO_TOKEN": TOKEN,
            "TEILHABE_MAIL_PROVIDER": "smtp",
            "TEILHABE_SMTP_HOST": _HOST,
            "TEILHABE_SMTP_PORT": str(self.mail_port),
            "TEILHABE_SMTP_SECURITY": "none",
            "TEILHABE_PROVIDER_TIMEOUT": f"PT{self._timeout:g}S",
        }

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post(f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json", self._take_sms)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, self.sms_port).start()
        loop = asyncio.get_running_loop()
        self._mail = await loop.create_server(lambda: SMTP(self, enable_SMTPUTF8=True), _HOST, self.mail_port)
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))

    async def stop(self) -> None:
        for task in self._receipts:
            task.cancel()
        await asyncio.gather(*self._receipts, return_exceptions=True)
        self._mail.close()
        await self._runner.cleanup()
        await self._http.close()

    @property
    def open_receipts(self) -> int:
        """Receipts that nobody has taken yet."""
        return len(self._receipts)

    async def next_for(self, address: str, patience: float) -> str | None:
        """The next text that reaches the address; None if nothing comes."""
        try:
            return await asyncio.wait_for(self._waiting[address].get(), patience)
        except TimeoutError:
            return None

    async def _take_sms(self, request: web.Request) -> web.Response:
        mood, form = self.mood, await request.post()
        if mood is Mood.ERROR:
            return web.json_response({"code": 20500}, status=500)
        taken = self._take(request.headers["Idempotency-Key"], "sms", str(form["To"]), str(form["Body"]))
        self._in_background(self._deliver_receipt(str(form["StatusCallback"]), taken))
        if mood is Mood.DROP:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        await self._tarry(mood)
        taken.answered = True
        return web.json_response({"sid": f"SM{taken.key}"}, status=201)

    async def handle_DATA(self, server, _session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """A mail came in."""
        mood = self.mood
        if mood is Mood.ERROR:
            return "454 not now"
        found = _KEY.search(envelope.original_content)
        assert found
        taken = self._take(found[1].decode(), "email", envelope.rcpt_tos[0], "")
        if mood is Mood.DROP:
            server.transport.abort()
            return "451 gone"
        await self._tarry(mood)
        taken.answered = True
        return "250 OK"

    def _take(self, key: str, channel: str, to: str, text: str) -> Acceptance:
        taken = Acceptance(key, channel, to, text, time.time())
        self.accepted.append(taken)
        self._waiting[to].put_nowait(text)
        return taken

    async def _tarry(self, mood: Mood) -> None:
        if mood is Mood.LATE:
            await asyncio.sleep(random.uniform(0.3, 1.6) * self._timeout)

    def _in_background(self, work) -> None:
        task = asyncio.create_task(work)
        self._receipts.add(task)
        task.add_done_callback(self._receipts.discard)

    async def _deliver_receipt(self, url: str, taken: Acceptance) -> None:
        await asyncio.sleep(random.uniform(0.1, 0.6))
        form = {"MessageSid": f"SM{taken.key}", "MessageStatus": "delivered", "To": taken.to}
        deadline = time.monotonic() + _RECEIPT_PATIENCE
        while time.monotonic() < deadline:
            if await self.call_webhook(url, form):
                taken.receipt_at = time.time()
                return
            await asyncio.sleep(0.5)

    async def call_webhook(self, url: str, form: dict[str, str]) -> bool:
        """Post a signed form; says whether it was taken."""
        try:
            headers = {"x-twilio-signature": signature(url, form)}
            async with self._http.post(url, data=form, headers=headers) as answer:
                return answer.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def text(self, notifications_url: str, number: str, words: str, patience: float) -> str | None:
        """Somebody texts: the webhook is called until it is taken. Returns the text's id, None if it never was."""
        sid = f"IN{uuid4().hex}"
        form = {"MessageSid": sid, "From": number, "To": "+493023125000", "Body": words}
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if await self.call_webhook(f"{notifications_url}/notifications/twilio/inbound", form):
                return sid
            await asyncio.sleep(random.uniform(0.2, 0.8))
        return None


def signature(url: str, form: dict[str, str]) -> str:
    """As Twilio signs a webhook: HMAC-SHA1 over the address and the sorted fields."""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(form.items()))
    return b64encode(hmac.digest(TOKEN.encode(), signed.encode(), "sha1")).decode()
