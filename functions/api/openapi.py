"""The OpenAPI document, made honest: who is let in, and every status that a route can answer.

FastAPI knows of a route's parameters and answers. What follows from our own rules is added here by rule, so that a new
route names only what is its own (`may_fail`); tests/contract/test_openapi.py holds the running API to all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from .schemas.base import ErrorAnswer
from .security.access import COOKIE
from .security.role_table import ANYBODY, OWN_TOKEN, SESSION_ONLY, needed_for

Described = dict[str, Any]
SCHEMES: Described = {
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "From POST /api/v1/session."},
    "token": {"type": "http", "scheme": "bearer", "description": "From POST /api/v1/tokens."},
    "own_token": {"type": "http", "scheme": "bearer", "description": "Of one schedule, for its own CronJob."},
}
MEANINGS = {
    400: "The body cannot be read at all.",
    401: "Log in first.",
    403: "Not for this role; or the change comes from another site's page.",
    404: "There is no such thing.",
    413: "The body is too large.",
    422: "Readable, but something in it is wrong; `details.field` says where.",
    503: "ClickHouse or the API server is away.",
}
CLUSTER = "cluster"
"""The parameter of every route that is about one cluster, which may be none."""
_REF = "#/components/schemas/{model}"


class Documented(FastAPI):
    """FastAPI whose document says what the role table and the one error shape add to it."""

    def openapi(self) -> Described:
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def completed(document: Described) -> Described:
    """`document` itself, with logins and errors in it."""
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
    if needed_for(operation) is ANYBODY:
        return []
    return [{"session": []}] if operation in SESSION_ONLY else [{"session": []}, {"token": []}]


def _by_rule(path: str, operation: Described) -> Iterator[int]:
    yield from (403, 503)
    if operation["security"]:
        yield 401
    if "requestBody" in operation:
        yield from (400, 413, 422)
    if operation.get("parameters"):
        yield 422
    if "{" in path or any(one["name"] == CLUSTER for one in operation.get("parameters", ())):
        yield 404


def _error(status: int) -> Described:
    reference = {"$ref": _REF.format(model=ErrorAnswer.__name__)}
    return {"description": MEANINGS[status], "content": {"application/json": {"schema": reference}}}
