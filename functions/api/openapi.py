"""Completes the OpenAPI document of FastAPI with the authentication and the error responses of every operation.

Errors that follow from a general rule (authentication, bodies, parameters, path ids) are added here; a route declares
only its own with `may_fail`. tests/contract/api/test_openapi.py checks the running API against the document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from .schemas.base import ErrorAnswer
from .security.cookies import SESSION
from .security.role_table import ANYBODY, OWN_TOKEN, SESSION_ONLY, required_role_of

Described = dict[str, Any]
SCHEMES: Described = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION,
        "description": "From POST /api/v1/session; behind TLS its name begins with `__Host-`.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "From POST /api/v1/tokens."},
    "own_token": {"type": "http", "scheme": "bearer", "description": "Of one schedule, for its own CronJob."},
}
MEANINGS = {
    400: "The body cannot be read at all.",
    401: "Log in first.",
    403: "Not for this role; or the change comes from another site's page.",
    404: "There is no such thing.",
    413: "The body is too large.",
    429: "Too many large bodies, or log-ins, at once: try again after `Retry-After`.",
    422: "Readable, but something in it is wrong; `details.field` says where.",
    503: "ClickHouse or the API server is away.",
}
CLUSTER = "cluster"
"""The parameter of every route of one cluster; an unknown cluster is a 404."""
_REF = "#/components/schemas/{model}"


class DocumentedFastAPI(FastAPI):
    """FastAPI with the complete_document document."""

    def openapi(self) -> Described:
        if self.openapi_schema is None:
            self.openapi_schema = complete_document(super().openapi())
        return self.openapi_schema


def complete_document(document: Described) -> Described:
    """Adds security schemes and error responses to `document` in place. Idempotent."""
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    error = ErrorAnswer.model_json_schema(ref_template=_REF)
    schemas |= error.pop("$defs") | {ErrorAnswer.__name__: error}
    document["components"]["securitySchemes"] = SCHEMES
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"] = _logins(operation["operationId"])
            answers = operation["responses"]
            answers.pop("422", None)
            answers |= {
                str(status): _error(status) for status in _by_rule(path, operation) if str(status) not in answers
            }
            operation["responses"] = dict(sorted(answers.items()))
    return document


def _logins(operation: str) -> list[dict[str, list[str]]]:
    if operation in OWN_TOKEN:
        return [{"own_token": []}]
    if required_role_of(operation) is ANYBODY:
        return []
    return [{"session": []}] if operation in SESSION_ONLY else [{"session": []}, {"token": []}]


def _by_rule(path: str, operation: Described) -> Iterator[int]:
    yield from (403, 503)
    if operation["security"]:
        yield 401
    if "requestBody" in operation:
        yield from (400, 413, 422, 429)
    if operation.get("parameters"):
        yield 422
    if "{" in path or any(one["name"] == CLUSTER for one in operation.get("parameters", ())):
        yield 404


def _error(status: int) -> Described:
    reference = {"$ref": _REF.format(model=ErrorAnswer.__name__)}
    return {"description": MEANINGS[status], "content": {"application/json": {"schema": reference}}}
