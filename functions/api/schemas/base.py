"""Types that the request and response models share.

The web UI's types are generated from these models: a renamed class is a change of the API document.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kubedoor.identity.passwords import MAX_PASSWORD_CHARACTERS
from kubedoor.sentences import SAID, as_sentence
from kubedoor.weak_secrets import MIN_PASSWORD_CHARACTERS

Mode = Literal["enforce", "observe", "off"]
RoleName = Literal["viewer", "operator", "admin"]
Millicores = int | None
Bytes = int | None
# The minimum is only documented here: the library refuses shorter passwords with a readable message.
NewPassword = Annotated[
    str, Field(max_length=MAX_PASSWORD_CHARACTERS, json_schema_extra={"minLength": MIN_PASSWORD_CHARACTERS})
]
Quantity = Annotated[
    str,
    Field(max_length=64, json_schema_extra={"format": "kubernetes-quantity", "examples": ["250m", "512Mi"]}),
]
# DNS names (RFC 1123): a label, and a subdomain as names of Deployments may be.
CONTAINER_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Id = Annotated[str, Path(min_length=1, max_length=64)]
Name = Annotated[str, Path(min_length=1, max_length=253)]


class Strict(BaseModel):
    """A request body: unknown fields are errors, and types are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, body: Any) -> Any:
        """Accepts 3.0 for 3: JSON and the OpenAPI document do not distinguish them."""
        if not isinstance(body, dict):
            return body
        return {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in body.items()
        }


class SaidAnswer(BaseModel):
    """A sentence for translations. Codes keep their meaning; `text` is the sentence in English."""

    code: str = Field(
        description="Empty: the text is not KubeDoor's own, or from a record that is older than its code."
    )
    parameters: dict[str, str | int | float | SaidAnswer]
    text: str


class Speaking(BaseModel):
    """An answer with sentences. A field `<name>_said` is made from the sentence, or the sentences, in `<name>`."""

    @model_validator(mode="before")
    @classmethod
    def _with_codes(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        of = {name: fields.get(name.removesuffix(SAID)) for name in cls.model_fields if name.endswith(SAID)}
        return {**{name: _said(value) for name, value in of.items()}, **fields}


def _said(value: Any) -> Any:
    if value is None:
        return None
    return as_sentence(value).as_json() if isinstance(value, str) else [as_sentence(one).as_json() for one in value]


class ErrorBody(BaseModel):
    code: str
    message: str
    message_said: SaidAnswer
    details: dict[str, Any]


class ErrorAnswer(BaseModel):
    error: ErrorBody


def may_fail(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """A route's own errors for its `responses`; openapi.py adds those that follow from general rules."""
    return {status: {"model": ErrorAnswer} for status in statuses}
