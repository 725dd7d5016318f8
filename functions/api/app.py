"""Builds the FastAPI application: routes, error responses in one shape, security headers, body limits, the web UI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

import kubedoor
from kubedoor.errors import BadRequest, InvalidInput, KubeDoorError, NotFound, TooLarge
from kubedoor.identity.oidc import MAX_CONCURRENT_REQUESTS
from kubedoor.identity.passwords import MAX_CONCURRENT_HASHES
from kubedoor.runtime.http import error_response
from kubedoor.sentences import sentence

from .clusters import Clusters
from .not_found import MethodNotAllowed, add_not_found
from .openapi import DocumentedFastAPI
from .routes import (
    acceptances,
    actions,
    clusters,
    collect,
    control,
    import_export,
    notifications,
    oidc,
    overview,
    records,
    schedules,
    session,
    tokens,
    users,
    workload_history,
    workloads,
)
from .security.access import LoginIn, authorize
from .security.body_limit import BodyLimit, RefusedBody
from .security.headers import BrowserHeaders
from .security.login_queue import LoginQueue, ThrottledAddresses
from .static_pages import add_pages

PREFIX = "/api/v1"


def create_app(open_clusters: Callable[[], Clusters]) -> FastAPI:
    """`open_clusters` is called per request, not here, so that the OpenAPI document can be made without a store."""
    app = DocumentedFastAPI(
        title="KubeDoor",
        version=kubedoor.__version__,
        description="Kubernetes right-sizing that is enforced, not just recommended.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.open_clusters = open_clusters
    app.state.passwords_queue = LoginQueue(MAX_CONCURRENT_HASHES)
    app.state.oidc_queue = LoginQueue(MAX_CONCURRENT_REQUESTS)
    api = APIRouter(prefix=PREFIX, dependencies=[Depends(authorize)])
    for module in (
        session,
        oidc,
        users,
        tokens,
        overview,
        clusters,
        workloads,
        workload_history,
        acceptances,
        collect,
        control,
        import_export,
        records,
        actions,
        schedules,
        notifications,
    ):
        api.include_router(module.router)

    @api.get("/openapi.json", operation_id="get_openapi", tags=["overview"])
    def get_openapi(login: LoginIn) -> dict[str, Any]:
        return app.openapi()

    app.include_router(api)
    add_not_found(app, PREFIX)
    add_pages(app)
    app.add_exception_handler(KubeDoorError, _error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _error)
    # Added first, so innermost: the others also wrap its errors while a body is read.
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(ThrottledAddresses)
    app.add_middleware(BrowserHeaders)
    return app


def _error(_request: Request, error: Exception) -> JSONResponse:
    return error_response(error)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RefusedBody):
        return error_response(error.error)
    status = getattr(error, "status_code", 500)
    if status == 405:
        # Raised by the static pages; below the prefix of the API, not_found.py answers.
        answer = error_response(
            MethodNotAllowed(sentence("requests.method", method=request.method, path=request.url.path))
        )
        answer.headers["Allow"] = (getattr(error, "headers", None) or {}).get("Allow", "GET, HEAD")
        return answer
    if status == 413:
        return error_response(TooLarge(getattr(error, "detail", None) or sentence("requests.body_too_large")))
    if status == 404:
        return error_response(NotFound(sentence("requests.nothing_there", path=request.url.path)))
    return error_response(BadRequest(str(getattr(error, "detail", "bad request"))))


def _validation_error(_request: Request, error: Exception) -> JSONResponse:
    """The first validation error as the message, with the field as the client wrote it; all errors in the details."""
    if not isinstance(error, RequestValidationError):
        return error_response(error)
    problems = [{"field": _field(problem["loc"]), "message": problem["msg"]} for problem in error.errors()]
    first = problems[0]
    if any(problem["type"] == "json_invalid" for problem in error.errors()):
        return error_response(BadRequest(sentence("requests.not_json", error=first["message"])))
    message = sentence("requests.field", field=first["field"], problem=first["message"])
    return error_response(InvalidInput(message, field=first["field"], problems=problems))


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location[1:]) or str(location[0])
