"""The envelope that every message wears. Changes are additive: see tests/contracts."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError
from uuid6 import uuid7

from shared.contracts.context import current_cause

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[a-z]{2,8})?$")]
LocalizedText = dict[LanguageCode, str]


class Part(BaseModel):
    """A part of a message. Unknown fields are a newer publisher's and are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Part):
    """A fact in the past tense, or a request, about one aggregate.

    `aggregate_version` grows by at least one with every change of the aggregate, so that a
    projection can tell an older message from a newer one.
    """

    topic: ClassVar[str]

    message_id: UUID = Field(default_factory=uuid7)
    type: str
    occurred_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    aggregate_id: UUID
    aggregate_version: int = Field(ge=0)
    correlation_id: UUID = Field(default_factory=lambda: current_cause().correlation_id)
    causation_id: UUID | None = Field(default_factory=lambda: current_cause().causation_id)

    @model_validator(mode="after")
    def _says_which(self, info: ValidationInfo) -> Self:
        """What comes as JSON names itself: with an id of our making a redelivery would be another message."""
        if info.mode == "json" and not self.model_fields_set >= _SAID:
            raise PydanticCustomError("unnamed_message", "a message says its id and its type")
        return self


_SAID = {"message_id", "type"}
