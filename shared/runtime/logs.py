"""Structured logs: one JSON object a line, without anything personal."""

import json
import logging
import sys
from typing import Any

import structlog
from structlog.typing import Processor

_encoder = json.JSONEncoder(ensure_ascii=False, default=repr)


def _as_json(event: Any, **_: Any) -> str:
    return _encoder.encode(event)


def configure_logs(service: str, process: str, level: str) -> None:
    """Send everything, libraries included, to standard output as JSON."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer(serializer=_as_json)
    # Past the logging of the standard library, which costs more than the rest of a request's edge.
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("aiokafka", "faststream", "uvicorn.error", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # SQLAlchemy's errors carry the statement's parameters, and uvicorn's access log carries paths with tokens.
    logging.getLogger("uvicorn.access").disabled = True
    structlog.contextvars.bind_contextvars(service=service, process=process)
