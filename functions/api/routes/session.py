"""Sessions: log in, log out, the current session, the own password."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from kubedoor.identity.authentication import Login

from ..clusters import Clusters
from ..schemas.base import may_fail
from ..schemas.identity import ClusterEntry, LoginBody, PasswordBody, SessionAnswer
from ..security.access import COOKIE, ClustersIn, EditorIn, HomeServicesIn, LoginIn
from ..security.addresses import client_address, is_loopback
from ..services import Services

router = APIRouter(prefix="/session", tags=["session"])


def _answer(request: Request, clusters: Clusters, login: Login) -> SessionAnswer:
    home = clusters.settings.home
    return SessionAnswer(
        username=login.user.username,
        role=login.user.role,
        via=login.via,
        source=login.user.source,
        expires_at=login.expires_at,
        must_change_password=login.user.must_change_password,
        may_skip_change=is_loopback(request),
        cluster=home.cluster,
        is_sample=home.uses_sample,
        clusters=[
            ClusterEntry(name=one.cluster, is_sample=one.uses_sample, no_access=one.no_access)
            for one in clusters.settings.every_cluster
        ],
    )


def set_cookie(request: Request, response: Response, services: Services, cookie: str) -> None:
    """Set the session cookie: SameSite=Strict, HttpOnly, and Secure behind HTTPS except on loopback."""
    is_https = (
        request.url.scheme == "https"
        or request.headers.get("x-forwarded-proto") == "https"
        or services.settings.public_url.startswith("https:")
    )
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=services.settings.session_hours * 3600,
        httponly=True,
        samesite="strict",
        secure=is_https and not is_loopback(request),
        path="/",
    )


def _delete_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


@router.post("", operation_id="log_in", responses=may_fail(401, 429))
def log_in(
    body: LoginBody, request: Request, response: Response, services: HomeServicesIn, clusters: ClustersIn
) -> SessionAnswer:
    """After many failed log-ins of an account or from an address: 429 with Retry-After."""
    address = client_address(request, services.settings)
    login, cookie = services.authenticator.log_in(body.username, body.password, address=address)
    set_cookie(request, response, services, cookie)
    return _answer(request, clusters, login)


@router.get("", operation_id="who_am_i")
def who_am_i(request: Request, clusters: ClustersIn, login: LoginIn) -> SessionAnswer:
    return _answer(request, clusters, login)


@router.delete("", operation_id="log_out", status_code=204)
def log_out(response: Response, login: LoginIn) -> None:
    _delete_cookie(response)


@router.post("/log-out-everywhere", operation_id="log_out_everywhere", status_code=204, responses=may_fail(409))
def log_out_everywhere(response: Response, services: HomeServicesIn, login: LoginIn, editor: EditorIn) -> None:
    """End all sessions of the current user, on every device."""
    services.authenticator.log_out_everywhere(login.user, editor)
    _delete_cookie(response)


@router.put("/password", operation_id="change_password", responses=may_fail(409, 429))
def change_password(
    body: PasswordBody,
    request: Request,
    response: Response,
    services: HomeServicesIn,
    clusters: ClustersIn,
    login: LoginIn,
    editor: EditorIn,
) -> SessionAnswer:
    changed, cookie = services.authenticator.change_password(login, body.old_password, body.new_password, editor)
    set_cookie(request, response, services, cookie)
    return _answer(request, clusters, changed)
