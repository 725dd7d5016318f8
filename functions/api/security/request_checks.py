"""The checks of the checkup that need the request: trusted proxies, and the first password of remote admins."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request

from kubedoor.config.topics.identity import IdentitySettings
from kubedoor.identity.authentication import COMMAND_LINE, Login
from kubedoor.model.checks import Check
from kubedoor.roles import Role
from kubedoor.sentences import sentence

from ..services import Services
from .addresses import forwarded_of, is_loopback, route_of


def checks(request: Request, services: Services, login: Login) -> Iterator[Check]:
    # The API is the same for every cluster: the checks are shown once, for the home cluster.
    if not services.settings.is_home:
        return
    yield from addresses(request, services.settings)
    # On loopback the first password may stay; only admins can change this, so only they are told.
    if login.user.role == Role.ADMIN and login.via != COMMAND_LINE and not is_loopback(request):
        yield from _first_password(services)


def addresses(request: Request, settings: IdentitySettings) -> Iterator[Check]:
    """Of a request that came by proxies: whether the address of the client is known, and cannot be made up."""
    forwarded = forwarded_of(request)
    if not forwarded:
        return
    route, hops = route_of(request, settings), settings.trusted_hops
    if not route.proxies:
        yield Check(
            sentence("checkup.addresses"),
            False,
            sentence("checkup.untrusted_proxy", address=route.address),
            sentence("checkup.set_trusted_hops"),
        )
    elif len(forwarded) < hops:
        yield Check(
            sentence("checkup.addresses"),
            False,
            sentence("checkup.too_many_hops", proxies=len(forwarded), hops=hops),
            sentence("checkup.set_hops", hops=len(forwarded)),
        )
    else:
        detail = sentence("checkup.come_from", address=route.address, proxies=", ".join(route.proxies))
        yield Check(sentence("checkup.addresses"), True, detail)


def _first_password(services: Services) -> Iterator[Check]:
    name = services.settings.admin_username
    is_unchanged = any(user.username == name and user.must_change_password for user in services.users.all())
    if is_unchanged:
        yield Check(
            sentence("checkup.first_password"),
            False,
            sentence("checkup.first_password_unchanged", name=name),
            sentence("checkup.change_first_password", name=name),
        )
