"""What only a request can tell of how people come here; the checkup's last lines."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request

from kubedoor.identity.sessions import COMMAND_LINE, Login
from kubedoor.model.checks import Check
from kubedoor.roles import Role

from ..services import Services
from .access import client_address, is_loopback


def checks(request: Request, found: Services, login: Login) -> Iterator[Check]:
    """Of the home cluster only: all clusters are looked at by the same way in."""
    if not found.settings.is_home:
        return
    yield from _address(request, found)
    # On this machine the first password may stay; and whom it does not concern is not told.
    if login.user.role == Role.ADMIN and login.via != COMMAND_LINE and not is_loopback(request):
        yield from _first_password(found)


def _address(request: Request, found: Services) -> Iterator[Check]:
    if "x-forwarded-for" not in request.headers:
        return
    peer = request.client.host if request.client else ""
    address = client_address(request, found.settings.trusted_proxies)
    if address != peer:
        yield Check("client addresses", True, f"you come from {address}")
        return
    yield Check(
        "client addresses",
        False,
        f"you come by the proxy {peer}, which is not trusted: all who come by it count as one address, and fifty failed"
        " log-ins of anybody keep everybody out for a quarter of an hour",
        "set KUBEDOOR_TRUSTED_PROXIES (api.trustedProxies) to the networks of all proxies in front",
    )


def _first_password(found: Services) -> Iterator[Check]:
    name = found.settings.admin_username
    is_default = any(one.username == name and one.must_change_password for one in found.users.all())
    if is_default:
        yield Check(
            "first password",
            False,
            f"{name} has never changed the first password",
            f"log in as {name} and change it; or make another admin with a local password, and delete {name}",
        )
