"""The FastAPI application behind the function: routes, the one error shape, the OpenAPI document."""

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
from kubedoor.runtime.http import error_response

from .clusters import Clusters
from .not_found import MethodNotAllowed, add_dead_ends
from .openapi import Documented
from .routes import (
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
    workloads,
)
from .security.access import LoginIn, authorized
from .security.body_limit import BodyLimit, RefusedBody
from .static_pages import add_pages

PREFIX = "/api/v1"
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; font-src 'self'; img-src 'self' data:;"
    " style-src 'self' 'unsafe-inline'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_app(services: Callable[[], Clusters]) -> FastAPI:
    """`services` is called by the first request that needs them, so that the document can be made without a store."""
    app = Documented(
        title="KubeDoor",
        version=kubedoor.__version__,
        description="Kubernetes right-sizing that is enforced, not just recommended.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    api = APIRouter(prefix=PREFIX, dependencies=[Depends(authorized)])
    for module in (
        session,
        oidc,
        users,
        tokens,
        overview,
        clusters,
        workloads,
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
    add_dead_ends(app, PREFIX)
    add_pages(app)
    app.add_exception_handler(KubeDoorError, _known_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _known_error)
    # Innermost: the others wrap what is raised while a body is read.
    app.add_middleware(BodyLimit)
    app.middleware("http")(_add_headers)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    return app


async def _add_headers(request: Request, call_next: Callable[[Request], Any]) -> Any:
    response = await call_next(request)
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _known_error(_request: Request, error: Exception) -> JSONResponse:
    return error_response(error)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RefusedBody):
        return error_response(error.error)
    status = getattr(error, "status_code", 500)
    if status == 405:
        # Of a page: below the API's prefix nothing comes here.
        answer = error_response(MethodNotAllowed(f"{request.method} is not served at {request.url.path}"))
        answer.headers["Allow"] = (getattr(error, "headers", None) or {}).get("Allow", "GET, HEAD")
        return answer
    if status == 413:
        return error_response(TooLarge(str(getattr(error, "detail", "the body is too large"))))
    if status == 404:
        return error_response(NotFound(f"there is nothing at {request.url.path}"))
    return error_response(BadRequest(str(getattr(error, "detail", "bad request"))))


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """The first thing wrong, with its field as the client wrote it; the rest in the details."""
    if not isinstance(error, RequestValidationError):
        return error_response(error)
    problems = [{"field": _field(problem["loc"]), "message": problem["msg"]} for problem in error.errors()]
    first = problems[0]
    if any(problem["type"] == "json_invalid" for problem in error.errors()):
        return error_response(BadRequest(f"the body is not JSON: {first['message']}"))
    return error_response(
        InvalidInput(f"{first['field']}: {first['message']}", field=first["field"], problems=problems)
    )


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location[1:]) or str(location[0])
