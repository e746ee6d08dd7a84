"""A request has one end: what a proxy in front could read otherwise is refused (request smuggling)."""

import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVER = """
from shared.runtime.serve import serve

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    print(scope["path"], flush=True)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

serve(app, host="127.0.0.1", port=PORT, stop_limit=1)
"""
INNER = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = {
    "both lengths": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, turned": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\nZ\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 36\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, 36\r\n\r\n",
    "a signed length": b"Content-Length: +0\r\n\r\n",
    "an unknown encoding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "chunked, but not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two encodings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "a folded header": b"Content-Length: 0\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n",
    "a NUL": b"Content-Length: 0\r\nX: a\x00b\r\n\r\n",
    "a chunk below nothing": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a line feed in a chunk's size": b"Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n0\r\n\r\n",
}


@pytest.fixture(scope="module")
def server():
    """The server of our processes with an application that writes down each path; and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = SERVER.replace("PORT", str(port))
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield port, process
    process.kill()
    process.wait(5)
    process.stdout.close()


def _answer(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        connection.settimeout(5)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("what", HALF)
def test_a_request_has_one_end(server, what):
    """A request whose end can be read in two ways is refused, and the connection closed: nothing rides on it."""
    answer = _answer(server[0], b"POST /outer HTTP/1.1\r\nHost: x\r\n" + HALF[what] + INNER)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_whole_request_is_answered(server):
    """The same server answers two proper requests on one connection: the test above refuses the half ones alone."""
    port, process = server
    last = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = _answer(port, b"POST /outer HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + last)
    assert answer.count(b"HTTP/1.1 200") == 2
    process.kill()
    seen = Counter(process.stdout.read().split())
    process.stdout.close()
    assert (seen["/last"], seen["/smuggled"]) == (1, 0)
