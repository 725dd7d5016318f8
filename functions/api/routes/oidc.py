"""Log in at the OpenID Connect provider: go there, come back."""

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
from kubedoor.identity.oidc import LOGIN_SECONDS, Oidc

from ..schemas.base import may_fail
from ..schemas.identity import LoginWays
from ..security.access import CommonIn, client_address
from ..services import Services
from .session import set_cookie

log = logging.getLogger(f"kubedoor.{__name__}")

router = APIRouter(prefix="/session", tags=["session"])
COOKIE = "kubedoor_oidc"
COOKIE_PATH = "/api/v1/session/oidc"
# A path of this very site: somebody else may have made the link.
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_PROBLEMS = {Unauthorized: "expired", Forbidden: "no_role", Conflict: "name_taken", IdentityError: "failed"}


@router.get("/ways", operation_id="list_login_ways")
def list_login_ways(found: CommonIn) -> LoginWays:
    """How one can log in here; open to everybody, since the login page asks."""
    return LoginWays(password=True, oidc=found.oidc is not None, oidc_name=found.settings.oidc_name)


@router.get(
    "/oidc", operation_id="start_oidc_login", status_code=303, response_class=RedirectResponse, responses=may_fail(404)
)
def start_oidc_login(
    request: Request, found: CommonIn, page: Annotated[str, Query(alias="next", max_length=1000)] = ""
) -> RedirectResponse:
    """Sends the browser to the provider; `next` is the page to be shown once it has come back."""
    try:
        address, kept = _provider(found).start()
    except IdentityError as error:
        return _back_to_login(error, page)
    answer = RedirectResponse(address, status_code=303)
    answer.set_cookie(
        COOKIE,
        str(found.people.signer("oidc").dumps({**kept, "page": page})),
        max_age=LOGIN_SECONDS,
        path=COOKIE_PATH,
        httponly=True,
        # Lax, because the way back is a navigation that the provider's page starts.
        samesite="lax",
        secure=found.settings.public_url.startswith("https:"),
    )
    return answer


@router.get(
    "/oidc/callback",
    operation_id="finish_oidc_login",
    status_code=303,
    response_class=RedirectResponse,
    responses=may_fail(404),
)
def finish_oidc_login(
    request: Request,
    found: CommonIn,
    code: Annotated[str, Query(max_length=4096)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> RedirectResponse:
    """Where the provider sends the browser back to: a session, or the login page with `error` in its address."""
    provider, page = _provider(found), ""
    try:
        kept = found.people.signer("oidc").loads(request.cookies.get(COOKIE, ""))
        page = str(kept.get("page", ""))
        if error or not code:
            raise Unauthorized("the provider did not let the person in")
        identity = provider.finish(code=code, state=state, kept=kept)
        editor = Editor(identity.username, "oidc", client_address(request, found.settings.trusted_proxies))
        _, cookie = found.people.open_session(found.users.admit(identity, editor))
    except (BadSignature, Unauthorized):
        return _back_to_login(Unauthorized("this log-in was not started here, or has ended"), page)
    except (Forbidden, Conflict, IdentityError) as refused:
        return _back_to_login(refused, page)
    answer = RedirectResponse(page if _OWN_PATH.fullmatch(page) else "/", status_code=303)
    set_cookie(request, answer, found, cookie)
    answer.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="lax")
    return answer


def _provider(found: Services) -> Oidc:
    if found.oidc is None:
        raise NotFound("OpenID Connect is not set up here: KUBEDOOR_OIDC_ISSUER")
    return found.oidc


def _back_to_login(problem: KubeDoorError, page: str) -> RedirectResponse:
    # A code, and never words of somebody else's: the page has words of its own.
    log.warning("OpenID Connect: %s", problem.message)
    query = urlencode({"error": f"oidc_{_PROBLEMS[type(problem)]}", **({"next": page} if page else {})})
    return RedirectResponse(f"/login?{query}", status_code=303)
