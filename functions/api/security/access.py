"""Authentication and authorization of API requests: sessions, API tokens, roles, cross-site requests.

An unsafe request of a foreign page is refused; a route that is not in the role table requires an admin.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from kubedoor.errors import Forbidden, NotFound, Unauthorized
from kubedoor.identity.audit import Editor
from kubedoor.identity.authentication import COMMAND_LINE, LOCAL_LOGIN, TOKEN, Login
from kubedoor.roles import Role, includes
from kubedoor.sentences import sentence

from ..clusters import Clusters
from ..services import Services
from .addresses import client_address, is_loopback
from .cookies import SESSION, cookie_of
from .role_table import ANYBODY, BEFORE_PASSWORD_CHANGE, SESSION_ONLY, required_role_of

# Neither Path nor Query: FastAPI then takes it from the path of a route that has it there, else from the query.
ClusterName = Annotated[str, Field(max_length=253, description="Which cluster; empty: the home cluster.")]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# What follows is asynchronous wherever it waits for nothing: FastAPI calls everything else in a thread of its pool.


async def home_services(request: Request) -> Services:
    """The services of the home cluster; users, tokens, notifications and settings are common to all clusters."""
    return _clusters(request).home


def _clusters(request: Request) -> Clusters:
    clusters: Clusters = request.app.state.open_clusters()
    return clusters


def refuse_foreign_page(request: Request, *, public_url: str) -> None:
    """Protects against cross-site request forgery and, on loopback, DNS rebinding. Raises Forbidden.

    Browsers send Sec-Fetch-Site and, with every unsafe method, Origin. A client that sends neither is no browser, so no
    foreign page can use its cookie. The algorithm is that of Go's http.CrossOriginProtection.
    """
    if is_loopback(request) and not _is_own_host(request.headers.get("host", ""), public_url):
        raise Forbidden(sentence("people.unknown_host"))
    if request.method in SAFE_METHODS:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if public_url and origin == public_url:
        return
    # The opaque origin `null` has no host and never equals ours.
    own = request.headers.get("host") or None
    is_foreign = site not in ("same-origin", "none") if site else origin is not None and urlsplit(origin).netloc != own
    if is_foreign:
        raise Forbidden(sentence("people.other_site"))


def _is_own_host(host: str, public_url: str) -> bool:
    """Whether a Host on loopback is an IP address, a name without dots, *.localhost or the host of `public_url`.

    DNS rebinding needs a public name, which has dots.
    """
    name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    if "." not in name or name.endswith(".localhost") or name == urlsplit(public_url).hostname:
        return True
    return name.replace(".", "").isdigit()


def authenticate(request: Request, services: Services) -> Login:
    """The login of the request, without a check of its role. Raises Unauthorized, or Forbidden for a foreign page."""
    if isinstance(local := request.scope.get(LOCAL_LOGIN), Login):
        return local
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        # No CSRF check: a foreign page cannot make a browser send this header.
        return services.authenticator.token(token.strip())
    refuse_foreign_page(request, public_url=services.settings.public_url)
    return services.authenticator.session(cookie_of(request, SESSION, services.settings))


async def authorize(request: Request, services: Annotated[Services, Depends(home_services)]) -> Login | None:
    """The login of the request, checked against the role table; None for a public route.

    Every route has this dependency, also one that does not use the login. Raises Unauthorized or Forbidden.
    """
    if required_role_of(request.scope["route"].operation_id) is ANYBODY:
        refuse_foreign_page(request, public_url=services.settings.public_url)
        return None
    return await run_in_threadpool(login_of, request, services)


def login_of(request: Request, services: Services) -> Login:
    """Of a route that is not public, checked against the role table. Raises Unauthorized or Forbidden."""
    operation = request.scope["route"].operation_id
    required_role = required_role_of(operation) or Role.ADMIN
    login = authenticate(request, services)
    if login.via in (TOKEN, COMMAND_LINE) and operation in SESSION_ONLY:
        raise Forbidden(sentence("people.for_people"))
    if login.user.must_change_password and operation not in BEFORE_PASSWORD_CHANGE and not is_loopback(request):
        raise Forbidden(sentence("people.change_first_password"), must_change_password=True)
    if not includes(login.user.role, required_role):
        who, role = login.user.username, login.user.role
        raise Forbidden(sentence("people.needs_role", needed=required_role, who=who, role=role), role=required_role)
    return login


async def require_login(login: Annotated[Login | None, Depends(authorize)]) -> Login:
    if login is None:
        raise Unauthorized(sentence("people.log_in_first"))
    return login


async def request_editor(
    request: Request,
    services: Annotated[Services, Depends(home_services)],
    login: Annotated[Login, Depends(require_login)],
) -> Editor:
    """Who is recorded in the audit log for the changes of this request."""
    return Editor(login.user.username, login.via, client_address(request, services.settings))


async def cluster_services(
    request: Request, login: Annotated[Login | None, Depends(authorize)], cluster: ClusterName = ""
) -> Services:
    """The services of the cluster in the path, else in the query, else of the home cluster.

    Raises NotFound for an unknown cluster. It lists the known ones only for authenticated clients.
    """
    clusters = _clusters(request)
    try:
        # The first request for a cluster builds its services.
        return await run_in_threadpool(clusters.of, cluster) if cluster else clusters.home
    except NotFound:
        if login is None:
            raise NotFound(sentence("people.unknown_cluster")) from None
        raise


async def all_clusters(request: Request) -> Clusters:
    return _clusters(request)


HomeServicesIn = Annotated[Services, Depends(home_services)]
ClustersIn = Annotated[Clusters, Depends(all_clusters)]
ServicesIn = Annotated[Services, Depends(cluster_services)]
LoginIn = Annotated[Login, Depends(require_login)]
EditorIn = Annotated[Editor, Depends(request_editor)]
