"""Log in, log out, who am I."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from kubedoor.people import Login

from .schemas import LoginBody, PasswordBody, SessionAnswer
from .security import COOKIE, ServicesIn, SessionIn, is_loopback, refuse_foreign_origin
from .services import Services

router = APIRouter(prefix="/session", tags=["session"])


def _answer(request: Request, found: Services, login: Login) -> SessionAnswer:
    return SessionAnswer(
        username=login.user.username,
        role=login.user.role,
        expires_at=login.expires_at,
        must_change_password=login.user.must_change_password,
        may_skip_change=is_loopback(request),
        cluster=found.settings.cluster,
        is_sample=found.settings.uses_sample,
    )


def _set_cookie(request: Request, response: Response, found: Services, cookie: str) -> None:
    is_https = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=found.settings.session_hours * 3600,
        httponly=True,
        samesite="strict",
        secure=is_https,
        path="/",
    )


@router.post("", operation_id="log_in")
async def log_in(body: LoginBody, request: Request, response: Response, found: ServicesIn) -> SessionAnswer:
    refuse_foreign_origin(request)
    # Hashing is meant to be slow: not on the event loop.
    login, cookie = await run_in_threadpool(found.people.log_in, body.username, body.password)
    _set_cookie(request, response, found, cookie)
    return _answer(request, found, login)


@router.get("", operation_id="who_am_i")
def who_am_i(request: Request, found: ServicesIn, login: SessionIn) -> SessionAnswer:
    return _answer(request, found, login)


@router.delete("", operation_id="log_out", status_code=204)
def log_out(response: Response, login: SessionIn) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


@router.put("/password", operation_id="change_password")
def change_password(
    body: PasswordBody, request: Request, response: Response, found: ServicesIn, login: SessionIn
) -> SessionAnswer:
    changed, cookie = found.people.change_password(login.user, body.old_password, body.new_password)
    _set_cookie(request, response, found, cookie)
    return _answer(request, found, changed)
