"""Log-in with OpenID Connect: the redirect to the provider, and the callback.

Errors reach the login page as a code, never as text of the provider.
"""

from __future__ import annotations

import logging
import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from itsdangerous import BadSignature
from starlette.responses import RedirectResponse

from kubedoor.errors import Conflict, Forbidden, IdentityError, KubeDoorError, NotFound, Unauthorized
from kubedoor.identity.audit import Editor
from kubedoor.identity.oidc import LOGIN_TIMEOUT_SECONDS, OidcClient

from ..schemas.base import may_fail
from ..schemas.identity import LoginWays
from ..security.access import HomeServicesIn
from ..security.addresses import client_address
from ..services import Services
from .session import set_cookie

log = logging.getLogger(f"kubedoor.{__name__}")

router = APIRouter(prefix="/session", tags=["session"])
COOKIE = "kubedoor_oidc"
COOKIE_PATH = "/api/v1/session/oidc"
# A path of this site only: an open redirect would let a foreign link choose the target.
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_PROBLEMS = {Unauthorized: "expired", Forbidden: "no_role", Conflict: "name_taken", IdentityError: "failed"}


@router.get("/ways", operation_id="list_login_ways")
def list_login_ways(services: HomeServicesIn) -> LoginWays:
    """The available ways to log in. Public, because the login page needs it."""
    return LoginWays(password=True, oidc=services.oidc is not None, oidc_name=services.settings.oidc_name)


@router.get(
    "/oidc", operation_id="start_oidc_login", status_code=303, response_class=RedirectResponse, responses=may_fail(404)
)
def start_oidc_login(
    request: Request, services: HomeServicesIn, page: Annotated[str, Query(alias="next", max_length=1000)] = ""
) -> RedirectResponse:
    """Redirect to the provider; `next` is the page to show after the log-in."""
    try:
        address, pending = _provider(services).start()
    except IdentityError as error:
        return _back_to_login(error, page)
    response = RedirectResponse(address, status_code=303)
    response.set_cookie(
        COOKIE,
        str(services.authenticator.signer("oidc").dumps({**pending, "page": page})),
        max_age=LOGIN_TIMEOUT_SECONDS,
        path=COOKIE_PATH,
        httponly=True,
        # Lax: the callback is a navigation from the site of the provider.
        samesite="lax",
        secure=services.settings.public_url.startswith("https:"),
    )
    return response


@router.get(
    "/oidc/callback",
    operation_id="finish_oidc_login",
    status_code=303,
    response_class=RedirectResponse,
    responses=may_fail(404),
)
def finish_oidc_login(
    request: Request,
    services: HomeServicesIn,
    code: Annotated[str, Query(max_length=4096)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> RedirectResponse:
    """The callback of the provider: opens a session, or redirects to the login page with `error` in the query."""
    provider, page = _provider(services), ""
    try:
        pending = services.authenticator.signer("oidc").loads(request.cookies.get(COOKIE, ""))
        page = str(pending.get("page", ""))
        if error or not code:
            raise Unauthorized("the provider did not let the person in")
        identity = provider.finish(code=code, state=state, pending=pending)
        editor = Editor(identity.username, "oidc", client_address(request, services.settings))
        _, cookie = services.authenticator.open_session(services.users.provision(identity, editor))
    except (BadSignature, Unauthorized):
        return _back_to_login(Unauthorized("this log-in was not started here, or has ended"), page)
    except (Forbidden, Conflict, IdentityError) as refusal:
        return _back_to_login(refusal, page)
    response = RedirectResponse(page if _OWN_PATH.fullmatch(page) else "/", status_code=303)
    set_cookie(request, response, services, cookie)
    response.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="lax")
    return response


def _provider(services: Services) -> OidcClient:
    if services.oidc is None:
        raise NotFound("OpenID Connect is not set up here: KUBEDOOR_OIDC_ISSUER")
    return services.oidc


def _back_to_login(problem: KubeDoorError, page: str) -> RedirectResponse:
    # A code, never foreign text: the page has its own sentences.
    log.warning("OpenID Connect: %s", problem.message)
    query = urlencode({"error": f"oidc_{_PROBLEMS[type(problem)]}", **({"next": page} if page else {})})
    return RedirectResponse(f"/login?{query}", status_code=303)
