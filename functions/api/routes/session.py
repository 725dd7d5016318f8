"""Sessions: log in, log out, the current session, the own password."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response

import kubedoor
from kubedoor.identity.authentication import Login

from ..clusters import Clusters
from ..schemas.base import may_fail
from ..schemas.identity import ClusterEntry, LoginBody, PasswordBody, SessionAnswer
from ..security.access import ClustersIn, EditorIn, HomeServicesIn, LoginIn
from ..security.addresses import client_address, is_loopback
from ..security.cookies import SESSION, delete_cookie, set_cookie
from ..security.login_queue import passwords_queue, refuse_throttled
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
            ClusterEntry.model_validate({"name": one.cluster, "is_sample": one.uses_sample, "no_access": one.no_access})
            for one in clusters.settings.every_cluster
        ],
        version=kubedoor.__version__,
    )


def set_session_cookie(request: Request, response: Response, services: Services, cookie: str) -> None:
    seconds = services.settings.session_hours * 3600
    set_cookie(request, response, services.settings, SESSION, cookie, seconds=seconds)


@router.post("", operation_id="log_in", responses=may_fail(401, 429))
async def log_in(
    body: LoginBody, request: Request, response: Response, services: HomeServicesIn, clusters: ClustersIn
) -> SessionAnswer:
    """After many failed log-ins of an account or from an address: 429 with Retry-After."""
    authenticator, address = services.authenticator, client_address(request, services.settings)
    await refuse_throttled(authenticator, body.username, address)
    work = partial(authenticator.log_in, body.username, body.password, address=address, is_local=is_loopback(request))
    login, cookie = await passwords_queue(request).run(address, work)
    set_session_cookie(request, response, services, cookie)
    return _answer(request, clusters, login)


@router.get("", operation_id="who_am_i")
async def who_am_i(request: Request, clusters: ClustersIn, login: LoginIn) -> SessionAnswer:
    return _answer(request, clusters, login)


@router.delete("", operation_id="log_out", status_code=204)
def log_out(request: Request, response: Response, services: HomeServicesIn, login: LoginIn, editor: EditorIn) -> None:
    """End this session: its cookie is worth nothing any more, wherever else it may be."""
    services.authenticator.log_out(login, editor)
    delete_cookie(request, response, services.settings, SESSION)


@router.post("/log-out-everywhere", operation_id="log_out_everywhere", status_code=204, responses=may_fail(409))
def log_out_everywhere(
    request: Request, response: Response, services: HomeServicesIn, login: LoginIn, editor: EditorIn
) -> None:
    """End all sessions of the current user, on every device."""
    services.authenticator.log_out_everywhere(login.user, editor)
    delete_cookie(request, response, services.settings, SESSION)


@router.put("/password", operation_id="change_password", responses=may_fail(409, 429))
async def change_password(
    body: PasswordBody,
    request: Request,
    response: Response,
    services: HomeServicesIn,
    clusters: ClustersIn,
    login: LoginIn,
    editor: EditorIn,
) -> SessionAnswer:
    authenticator = services.authenticator
    await refuse_throttled(authenticator, login.user.username, editor.address)
    work = partial(authenticator.change_password, login, body.old_password, body.new_password, editor)
    changed, cookie = await passwords_queue(request).run(editor.address, work)
    set_session_cookie(request, response, services, cookie)
    return _answer(request, clusters, changed)
