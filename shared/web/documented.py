"""What an OpenAPI document says of an operation's failures."""

from typing import Any

from pydantic import BaseModel, Field


class ProblemBody(BaseModel):
    """An error as RFC 9457 describes it; `detail` is in the language of `Accept-Language`.

    Some have more members, such as `largest_party`, `changes` or `state`.
    """

    type: str = Field(examples=["urn:teilhabe:problem:party-too-large"])
    title: str = Field(examples=["This page does not exist"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["The address is wrong, or the page is no longer there."])
    instance: str | None = Field(None, description="the number of the request, as our logs have it")
    errors: list[dict[str, str]] = Field(default=[], description="each value that does not fit: where, and why")


def answers(**described: str) -> dict[int | str, dict[str, Any]]:
    """The error answers of an operation, by `s404`, for its document."""
    return {
        int(status[1:]): {
            "description": text,
            "content": {"application/problem+json": {"schema": ProblemBody.model_json_schema()}},
        }
        for status, text in described.items()
    }
