"""The checks of the checkup that need the request: trusted proxies, and the first password of remote admins."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request

from kubedoor.identity.authentication import COMMAND_LINE, Login
from kubedoor.model.checks import Check
from kubedoor.roles import Role

from ..services import Services
from .addresses import forwarded_of, is_loopback, route_of


def checks(request: Request, services: Services, login: Login) -> Iterator[Check]:
    # The API is the same for every cluster: the checks are shown once, for the home cluster.
    if not services.settings.is_home:
        return
    yield from _address(request, services)
    # On loopback the first password may stay; only admins can change this, so only they are told.
    if login.user.role == Role.ADMIN and login.via != COMMAND_LINE and not is_loopback(request):
        yield from _first_password(services)


def _address(request: Request, services: Services) -> Iterator[Check]:
    forwarded = forwarded_of(request)
    if not forwarded:
        return
    route, hops = route_of(request, services.settings), services.settings.trusted_hops
    if not route.proxies:
        yield Check(
            "client addresses",
            False,
            f"you come by the proxy {route.address}, which is not trusted: all who come by it count as one address, and"
            " fifty failed log-ins of anybody keep everybody out for a quarter of an hour",
            "set KUBEDOOR_TRUSTED_HOPS (api.trustedHops) to the number of proxies in front",
        )
    elif len(forwarded) < hops:
        yield Check(
            "client addresses",
            False,
            f"you come by {len(forwarded)} proxies, and KUBEDOOR_TRUSTED_HOPS is {hops}: everybody can make up an address",
            f"set KUBEDOOR_TRUSTED_HOPS (api.trustedHops) to {len(forwarded)}",
        )
    else:
        yield Check("client addresses", True, f"you come from {route.address}, by {', '.join(route.proxies)}")


def _first_password(services: Services) -> Iterator[Check]:
    name = services.settings.admin_username
    is_unchanged = any(user.username == name and user.must_change_password for user in services.users.all())
    if is_unchanged:
        yield Check(
            "first password",
            False,
            f"{name} has never changed the first password",
            f"log in as {name} and change it; or make another admin with a local password, and delete {name}",
        )
