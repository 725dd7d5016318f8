"""Log-in with OpenID Connect: the redirect to the provider, and the callback.

Errors reach the login page as a code, never as text of the provider.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from itsdangerous import BadSignature
from starlette.responses import RedirectResponse

from kubedoor.errors import (
    Conflict,
    Forbidden,
    IdentityError,
    KubeDoorError,
    NotFound,
    TooManyRequests,
    Unauthorized,
)
from kubedoor.identity.audit import Editor
from kubedoor.identity.authentication import OIDC_LOGIN, UNKNOWN_NAME
from kubedoor.identity.oidc import LOGIN_TIMEOUT_SECONDS, OidcClient
from kubedoor.sentences import sentence

from ..schemas.base import may_fail
from ..schemas.identity import LoginWays
from ..security.access import HomeServicesIn
from ..security.addresses import client_address
from ..security.cookies import OIDC, cookie_of, delete_cookie, set_cookie
from ..security.login_queue import oidc_queue
from ..services import Services
from .session import set_session_cookie

log = logging.getLogger(f"kubedoor.{__name__}")

router = APIRouter(prefix="/session", tags=["session"])
# A path of this site only: an open redirect would let a foreign link choose the target.
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_PROBLEMS = {
    Unauthorized: "expired",
    Forbidden: "no_role",
    Conflict: "name_taken",
    IdentityError: "failed",
    TooManyRequests: "failed",
}


@router.get("/ways", operation_id="list_login_ways")
async def list_login_ways(services: HomeServicesIn) -> LoginWays:
    """The available ways to log in. Public, because the login page needs it."""
    return LoginWays(password=True, oidc=services.oidc is not None, oidc_name=services.settings.oidc_name)


@router.get(
    "/oidc", operation_id="start_oidc_login", status_code=303, response_class=RedirectResponse, responses=may_fail(404)
)
async def start_oidc_login(
    request: Request, services: HomeServicesIn, page: Annotated[str, Query(alias="next", max_length=1000)] = ""
) -> RedirectResponse:
    """Redirect to the provider; `next` is the page to show after the log-in."""
    provider, client = _provider(services), client_address(request, services.settings)
    try:
        address, pending = await oidc_queue(request).run(client, provider.start)
    except (IdentityError, TooManyRequests) as error:
        return _back_to_login(error, page)
    response = RedirectResponse(address, status_code=303)
    # Lax: the callback is a navigation from the site of the provider.
    set_cookie(
        request,
        response,
        services.settings,
        OIDC,
        str(services.authenticator.signer("oidc").dumps({**pending, "page": page})),
        seconds=LOGIN_TIMEOUT_SECONDS,
        same_site="lax",
    )
    return response


@router.get(
    "/oidc/callback",
    operation_id="finish_oidc_login",
    status_code=303,
    response_class=RedirectResponse,
    responses=may_fail(404),
)
async def finish_oidc_login(
    request: Request,
    services: HomeServicesIn,
    code: Annotated[str, Query(max_length=4096)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> RedirectResponse:
    """The callback of the provider: opens a session, or redirects to the login page with `error` in the query."""
    page, client = "", client_address(request, services.settings)
    try:
        pending = services.authenticator.signer("oidc").loads(cookie_of(request, OIDC, services.settings))
        page = str(pending.get("page", ""))
        if error or not code:
            raise Unauthorized(sentence("people.not_let_in"))
        work = partial(_finish, services, client, code=code, state=state, pending=pending)
        cookie = await oidc_queue(request).run(client, work)
    except (BadSignature, Unauthorized):
        return _back_to_login(Unauthorized(sentence("people.not_started_or_ended")), page)
    except (Forbidden, Conflict, IdentityError, TooManyRequests) as refusal:
        return _back_to_login(refusal, page)
    response = RedirectResponse(page if _OWN_PATH.fullmatch(page) else "/", status_code=303)
    set_session_cookie(request, response, services, cookie)
    delete_cookie(request, response, services.settings, OIDC, same_site="lax")
    return response


def _finish(services: Services, client: str, *, code: str, state: str, pending: Mapping[str, Any]) -> str:
    """The cookie of a new session. Raises as `OidcClient.finish` does; Conflict if the name is somebody else's."""
    authenticator, name = services.authenticator, UNKNOWN_NAME
    try:
        identity = _provider(services).finish(code=code, state=state, pending=pending)
        name = identity.username
        editor = Editor(name, OIDC_LOGIN, client)
        return authenticator.open_session(services.users.provision(identity, editor), editor)[1]
    except (Forbidden, Conflict) as refusal:
        authenticator.record_refusal(str(refusal.details.get("username", name)), OIDC_LOGIN, client, refusal)
        raise


def _provider(services: Services) -> OidcClient:
    if services.oidc is None:
        raise NotFound(sentence("people.no_oidc"))
    return services.oidc


def _back_to_login(problem: KubeDoorError, page: str) -> RedirectResponse:
    # A code, never foreign text: the page has its own sentences.
    log.warning("OpenID Connect: %s", problem.message)
    query = urlencode({"error": f"oidc_{_PROBLEMS[type(problem)]}", **({"next": page} if page else {})})
    return RedirectResponse(f"/login?{query}", status_code=303)
