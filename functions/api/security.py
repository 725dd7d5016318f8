"""Who is asking: the session cookie, and what must be done before anything else works."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from kubedoor.errors import Forbidden
from kubedoor.people import Login
from kubedoor.workloads import Editor

from .services import Services

COOKIE = "kubedoor_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def services(request: Request) -> Services:
    found: Services = request.app.state.services()
    return found


def is_loopback(request: Request) -> bool:
    """Somebody at this very machine; what a proxy has passed on is not."""
    host = request.client.host if request.client else ""
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_foreign_origin(request: Request) -> None:
    """A browser names the page that sends a change; only our own may. Clients without an Origin are no browsers."""
    origin = request.headers.get("origin")
    if request.method in SAFE_METHODS or origin is None:
        return
    if urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("this change comes from another site's page")


def session(request: Request, found: Annotated[Services, Depends(services)]) -> Login:
    """The login of the request. Raises Unauthorized."""
    refuse_foreign_origin(request)
    return found.people.session(request.cookies.get(COOKIE, ""))


def logged_in(request: Request, login: Annotated[Login, Depends(session)]) -> Login:
    """The login, once the first password has been changed (on loopback that is advised only)."""
    if login.user.must_change_password and not is_loopback(request):
        raise Forbidden(
            "change the first password before anything else: PUT /api/v1/session/password", must_change_password=True
        )
    return login


def editor(request: Request, login: Annotated[Login, Depends(logged_in)]) -> Editor:
    return Editor(login.user.username, "session", request.client.host if request.client else "")


ServicesIn = Annotated[Services, Depends(services)]
SessionIn = Annotated[Login, Depends(session)]
LoginIn = Annotated[Login, Depends(logged_in)]
EditorIn = Annotated[Editor, Depends(editor)]
