"""What the framework costs without Teilhabe: a route with the same body that validates and answers, and nothing else.

`python -m benchmarks.baseline PORT` serves it as `shared.runtime.serve` serves an api, in one process.
"""

import sys
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import FastAPI, Header

from services.registrations.registrations.api import DecisionBody
from services.registrations.registrations.wishes import RegistrationRequest
from shared.runtime.serve import serve

app = FastAPI(openapi_url=None)


@app.get("/readyz")
async def ready() -> None:
    """Whether it serves."""


@app.post("/registrations/api/events/{event_id}/registrations", status_code=201)
async def register(
    event_id: UUID,  # noqa: ARG001 - validated as in the real route
    body: RegistrationRequest,
    idempotency_key: Annotated[UUID | None, Header()] = None,  # noqa: ARG001 - the same
) -> DecisionBody:
    """Answer as if the party was admitted."""
    link = f"http://127.0.0.1/r/{uuid4().hex}"
    return DecisionBody(result="confirmed", party_size=body.party_size, link=link)


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[1]), stop_limit=2)
