"""The failure that commands and routes raise to answer with."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException


class Problem(HTTPException):
    """A request that cannot be carried out (RFC 9457).

    Args:
        status: the HTTP status.
        slug: what programs tell the problem by, `capacity-reached`; without one it is just its status.
        title, explanation: sentences in the reader's language; the status has its own where they are empty.
        headers: such as `Retry-After`.
        extra: further members for programs.
    """

    def __init__(
        self,
        status: int,
        slug: str = "",
        title: str = "",
        explanation: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(status, detail=slug or str(status), headers=headers)
        self.slug = slug
        self.title = title
        self.explanation = explanation
        self.extra = extra

    def members(self, title: str, explanation: str, reference: str) -> dict[str, Any]:
        """The members of the JSON document; `reference` is the request's id."""
        kind = f"urn:teilhabe:problem:{self.slug}" if self.slug else "about:blank"
        document = {"type": kind, "title": title, "status": self.status_code, "detail": explanation}
        return self.extra | document | ({"instance": f"urn:uuid:{reference}"} if reference else {})
