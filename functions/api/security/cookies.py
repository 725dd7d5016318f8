"""Cookies of log-ins: behind TLS with the prefix `__Host-`, so that no other host of the domain can set or read them.

A browser takes a `__Host-` cookie only over TLS, from the host itself and for all its paths. Without TLS, as on loopback,
the same cookies have plain names; behind TLS these are not accepted, since a neighbour could have planted them.
"""

from __future__ import annotations

from typing import Literal

from fastapi import Request, Response

from kubedoor.config.settings import Settings

from .addresses import is_loopback

SESSION = "kubedoor_session"
OIDC = "kubedoor_oidc"
_PREFIX = "__Host-"


def is_https(request: Request, settings: Settings) -> bool:
    """Whether the browser uses TLS: as a proxy says, or as KUBEDOOR_PUBLIC_URL says for all but this machine."""
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    is_tls = "https" in (request.scope["scheme"], forwarded) or settings.public_url.startswith("https:")
    return is_tls and not is_loopback(request)


def cookie_of(request: Request, name: str, settings: Settings) -> str:
    """The value of the cookie that `set_cookie` has set; empty without one."""
    return request.cookies.get(_named(name, is_secure=is_https(request, settings)), "")


def set_cookie(
    request: Request,
    response: Response,
    settings: Settings,
    name: str,
    value: str,
    *,
    seconds: int,
    same_site: Literal["lax", "strict"] = "strict",
) -> None:
    """HttpOnly, for the whole site, and behind TLS Secure."""
    is_secure = is_https(request, settings)
    response.set_cookie(
        _named(name, is_secure=is_secure),
        value,
        max_age=seconds,
        httponly=True,
        samesite=same_site,
        secure=is_secure,
        path="/",
    )


def delete_cookie(
    request: Request,
    response: Response,
    settings: Settings,
    name: str,
    *,
    same_site: Literal["lax", "strict"] = "strict",
) -> None:
    is_secure = is_https(request, settings)
    response.delete_cookie(
        _named(name, is_secure=is_secure), path="/", httponly=True, samesite=same_site, secure=is_secure
    )


def _named(name: str, *, is_secure: bool) -> str:
    return _PREFIX + name if is_secure else name
