"""Who is asking, and may they: session cookie or API token, the role table, foreign pages, client addresses."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from pydantic import Field

from kubedoor.errors import Forbidden, NotFound, Unauthorized
from kubedoor.identity.audit import Editor
from kubedoor.identity.sessions import COMMAND_LINE, LOCAL_LOGIN, TOKEN, Login
from kubedoor.roles import includes

from ..clusters import Clusters
from ..services import Services
from .role_table import ANYBODY, BEFORE_PASSWORD_CHANGE, SESSION_ONLY, needed_for

# Of no kind, so that it is a part of the path where a route has it there.
ClusterName = Annotated[str, Field(max_length=253, description="Which cluster; empty: the home cluster.")]
COOKIE = "kubedoor_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED = ("x-forwarded-for", "forwarded")


def common(request: Request) -> Services:
    """What is common to all clusters: people, notifications, settings."""
    clusters: Clusters = request.app.state.services()
    return clusters.home


def client_address(request: Request, trusted: tuple[str, ...]) -> str:
    """Where the request comes from; empty when nobody knows.

    X-Forwarded-For is believed as far as trusted proxies wrote it: its last entry that is no such proxy. Anybody can
    write the entries before that.
    """
    host = request.client.host if request.client else ""
    networks = [ipaddress.ip_network(network) for network in trusted]
    # A proxy may add a line of its own below the one that came in.
    lines = ",".join(request.headers.getlist("x-forwarded-for"))
    chain = [_without_port(part.strip()) for part in lines.split(",") if part.strip()]
    address = host
    while chain and _is_within(address, networks):
        address = chain.pop()
    return address[:64]


def _without_port(entry: str) -> str:
    """Some proxies write `203.0.113.5:50123` or `[2001:db8::1]:50123`, and each connection would be an address of its own."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _is_within(address: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        return any(ipaddress.ip_address(address) in network for network in networks)
    except ValueError:
        return False


def is_loopback(request: Request) -> bool:
    """Somebody at this very machine; what a proxy has passed on is not."""
    host = request.client.host if request.client else ""
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_foreign_page(request: Request, *, public_url: str) -> None:
    """A change that another site's page sends in somebody's name is refused. Raises Forbidden.

    Browsers say where a request comes from, in Sec-Fetch-Site and, for every change, in Origin; a client that says
    neither is no browser and holds no cookie it did not ask for. The algorithm is that of Go's CrossOriginProtection.
    """
    if is_loopback(request) and not _is_own_name(request.headers.get("host", ""), public_url):
        raise Forbidden("this name is not known to lead here: open localhost, or set KUBEDOOR_PUBLIC_URL")
    if request.method in SAFE_METHODS:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if public_url and origin == public_url:
        return
    # A page without an origin says `null`, which has no host and so is never ours.
    own = request.headers.get("host") or None
    is_foreign = site not in ("same-origin", "none") if site else origin is not None and urlsplit(origin).netloc != own
    if is_foreign:
        raise Forbidden("this change comes from another site's page")


def _is_own_name(host: str, public_url: str) -> bool:
    """On loopback: an address, or a name that no stranger's DNS could lead here (a rebinding needs a public name)."""
    name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    if "." not in name or name.endswith(".localhost") or name == urlsplit(public_url).hostname:
        return True
    return name.replace(".", "").isdigit()


def known(request: Request, found: Services) -> Login:
    """Who sends the request, whatever they may do. Raises Unauthorized, or Forbidden for another site's page."""
    if isinstance(local := request.scope.get(LOCAL_LOGIN), Login):
        return local
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        # A page of another site cannot make a browser send this header, so there is nothing to refuse.
        return found.people.token(token.strip())
    refuse_foreign_page(request, public_url=found.settings.public_url)
    return found.people.session(request.cookies.get(COOKIE, ""))


def authorized(request: Request, found: Annotated[Services, Depends(common)]) -> Login | None:
    """The login of the request, checked against the role table; None for a route that is open to everybody.

    Every route has this dependency, whether it asks for the login or not. Raises Unauthorized or Forbidden.
    """
    operation = request.scope["route"].operation_id
    needed = needed_for(operation)
    if needed is ANYBODY:
        refuse_foreign_page(request, public_url=found.settings.public_url)
        return None
    login = known(request, found)
    if login.via in (TOKEN, COMMAND_LINE) and operation in SESSION_ONLY:
        raise Forbidden("this is for people who have logged in, not for API tokens or the command line")
    if login.user.must_change_password and operation not in BEFORE_PASSWORD_CHANGE and not is_loopback(request):
        raise Forbidden(
            "change the first password before anything else: PUT /api/v1/session/password", must_change_password=True
        )
    if not includes(login.user.role, needed):
        raise Forbidden(f"this needs the role {needed}, and {login.user.username} is {login.user.role}", role=needed)
    return login


def logged_in(login: Annotated[Login | None, Depends(authorized)]) -> Login:
    """The login of a route that asks for one."""
    if login is None:
        raise Unauthorized("log in first")
    return login


def editor(
    request: Request, found: Annotated[Services, Depends(common)], login: Annotated[Login, Depends(logged_in)]
) -> Editor:
    return Editor(login.user.username, login.via, client_address(request, found.settings.trusted_proxies))


def services(
    request: Request, login: Annotated[Login | None, Depends(authorized)], cluster: ClusterName = ""
) -> Services:
    """The one place that decides which cluster a request is about: that in its path, else in its query, else home.

    Raises NotFound that names the clusters there are, but not to somebody who has not logged in.
    """
    clusters: Clusters = request.app.state.services()
    try:
        return clusters.of(cluster) if cluster else clusters.home
    except NotFound:
        if login is None:
            raise NotFound("there is no such cluster here") from None
        raise


def every_cluster(request: Request) -> Clusters:
    found: Clusters = request.app.state.services()
    return found


CommonIn = Annotated[Services, Depends(common)]
ClustersIn = Annotated[Clusters, Depends(every_cluster)]
ServicesIn = Annotated[Services, Depends(services)]
LoginIn = Annotated[Login, Depends(logged_in)]
SessionIn = LoginIn
EditorIn = Annotated[Editor, Depends(editor)]
