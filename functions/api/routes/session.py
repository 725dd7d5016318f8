"""Log in, log out, who am I."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from kubedoor.identity.sessions import Login

from ..schemas.base import may_fail
from ..schemas.identity import ClusterEntry, LoginBody, PasswordBody, SessionAnswer
from ..security.access import COOKIE, CommonIn, EditorIn, LoginIn, client_address, is_loopback
from ..services import Services

router = APIRouter(prefix="/session", tags=["session"])


def _answer(request: Request, found: Services, login: Login) -> SessionAnswer:
    return SessionAnswer(
        username=login.user.username,
        role=login.user.role,
        via=login.via,
        source=login.user.source,
        expires_at=login.expires_at,
        must_change_password=login.user.must_change_password,
        may_skip_change=is_loopback(request),
        cluster=found.settings.cluster,
        is_sample=found.settings.uses_sample,
        clusters=[
            ClusterEntry(name=one.cluster, is_sample=one.uses_sample, no_access=one.no_access)
            for one in found.settings.every_cluster
        ],
    )


def set_cookie(request: Request, response: Response, found: Services, cookie: str) -> None:
    """The session cookie: for our own pages only, out of reach of their scripts."""
    is_https = (
        request.url.scheme == "https"
        or request.headers.get("x-forwarded-proto") == "https"
        or found.settings.public_url.startswith("https:")
    )
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=found.settings.session_hours * 3600,
        httponly=True,
        samesite="strict",
        secure=is_https and not is_loopback(request),
        path="/",
    )


def _delete_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


@router.post("", operation_id="log_in", responses=may_fail(401, 429))
def log_in(body: LoginBody, request: Request, response: Response, found: CommonIn) -> SessionAnswer:
    """After many failures of an account or from an address: 429, and Retry-After says when to come back."""
    address = client_address(request, found.settings.trusted_proxies)
    login, cookie = found.people.log_in(body.username, body.password, address=address)
    set_cookie(request, response, found, cookie)
    return _answer(request, found, login)


@router.get("", operation_id="who_am_i")
def who_am_i(request: Request, found: CommonIn, login: LoginIn) -> SessionAnswer:
    return _answer(request, found, login)


@router.delete("", operation_id="log_out", status_code=204)
def log_out(response: Response, login: LoginIn) -> None:
    _delete_cookie(response)


@router.post("/log-out-everywhere", operation_id="log_out_everywhere", status_code=204, responses=may_fail(409))
def log_out_everywhere(response: Response, found: CommonIn, login: LoginIn, editor: EditorIn) -> None:
    """Ends every session of one's own, on every device."""
    found.people.log_out_everywhere(login.user, editor)
    _delete_cookie(response)


@router.put("/password", operation_id="change_password", responses=may_fail(409, 429))
def change_password(
    body: PasswordBody, request: Request, response: Response, found: CommonIn, login: LoginIn, editor: EditorIn
) -> SessionAnswer:
    changed, cookie = found.people.change_password(login, body.old_password, body.new_password, editor)
    set_cookie(request, response, found, cookie)
    return _answer(request, found, changed)
