"""Run an ASGI application until a signal, within a time limit."""

import gc
import socket
from typing import Any

import uvicorn


def serve(app: Any, *, host: str, port: int, stop_limit: float, listener: socket.socket | None = None) -> None:
    """Block until SIGTERM or SIGINT; open requests get `stop_limit` seconds to end.

    `listener` is an open socket that several processes share. Answers that have no end of their own ask the
    application's `state.is_stopping`.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(stop_limit),
        timeout_keep_alive=30,
    )
    # The half million objects of the imports live for ever; walking them at each collection takes 100 ms and more.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    server = uvicorn.Server(config)
    if hasattr(app, "state"):
        app.state.is_stopping = lambda: server.should_exit
    server.run(sockets=[listener] if listener else None)
